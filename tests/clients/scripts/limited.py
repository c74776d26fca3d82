"""In front of a gateway that lets through few requests: the client waits as it is told and goes on.

Answers of the gateway are noted as they come. `RateLimit-Reset` counts only where `Retry-After` is
missing, so for one client of each kind the latter is taken out of what it receives.
"""

import asyncio
import io
import os
from collections.abc import Awaitable, Callable
from typing import Any

from tests.clients.scripts.driven import (
    MACHINE,
    Driven,
    failure,
    firecrest,
    new_client,
    report,
    watch,
)

NAMES = ("Retry-After", "RateLimit-Reset", "RateLimit-Limit", "RateLimit-Remaining")


class Ear:
    """Hears every answer that a client gets."""

    def __init__(self, client: Driven, deaf_to: str = "") -> None:
        self.answers: list[tuple[int, dict[str, str]]] = []
        self._deaf_to = deaf_to
        session = client.target._session
        if type(client.target).__name__ == "AsyncFirecrest":
            session.event_hooks = {"response": [self._hear_later]}
        else:
            session.hooks["response"].append(self._hear)

    async def _hear_later(self, answer: Any) -> None:
        self._hear(answer)

    def _hear(self, answer: Any, **_: Any) -> None:
        if self._deaf_to in answer.headers:
            del answer.headers[self._deaf_to]
        told = {name: answer.headers[name] for name in NAMES if name in answer.headers}
        self.answers.append((answer.status_code, told))


async def used_up(client: Driven, ear: Ear) -> None:
    """Ask until one more request would be too many; a client that retries nothing finds out."""
    client.target.num_retries_rate_limit = 0
    while not ear.answers or ear.answers[-1][0] != 429:
        await failure(client.service("compute"))


async def waiting(
    client: Driven, ear: Ear, retries: int | None, call: Callable[[], Awaitable[Any]]
) -> tuple[Any, list[int], dict[str, str]]:
    """A call that is refused at first: its result, all statuses, what the refusal told."""
    while True:
        await used_up(client, ear)
        ear.answers.clear()
        client.target.num_retries_rate_limit = retries
        answer = await call()
        # The period may have ended just before: then nothing was refused.
        if ear.answers[0][0] == 429:
            return answer, [status for status, _ in ear.answers], ear.answers[0][1]


async def limited(kind: str, deaf_to: str) -> dict[str, Any]:
    client = new_client(kind, firecrest.TokenCommandAuth("echo $TOKEN"))
    ear = Ear(client, deaf_to)
    await used_up(client, ear)
    refused = await failure(client.service("compute"))
    service, patient, told = await waiting(client, ear, 1, lambda: client.service("compute"))
    home = f"/home/{await client.whoami()}"
    # None: for as long as it takes. The file is sent from its beginning again.
    _, uploaded, _ = await waiting(
        client,
        ear,
        None,
        lambda: client.simple_upload(MACHINE, io.BytesIO(b"whole"), home, f"limited-{kind}"),
    )
    memory = io.BytesIO()
    await client.simple_download(MACHINE, f"{home}/limited-{kind}", memory)
    if kind == "AsyncFirecrest":
        await client.close_session()
    return {
        "refused": refused,
        "service": service["service"],
        "statuses": patient,
        "told": told,
        "uploaded": uploaded,
        "content": memory.getvalue().decode(),
    }


async def main() -> dict[str, Any]:
    seen = {}
    for kind in ("Firecrest", "AsyncFirecrest"):
        seen[kind] = await limited(kind, "")
        if os.environ["RETRY_AFTER"] == "seconds":
            seen[f"{kind}, RateLimit-Reset"] = await limited(kind, "Retry-After")
    return seen


if __name__ == "__main__":
    watch()
    report(asyncio.run(main()))

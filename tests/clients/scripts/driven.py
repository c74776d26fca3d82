"""The official client, with every call written down: which method made which requests.

Both clients have the same methods. `Driven` lets one text drive either: whatever is called or read
is awaited, a blocking method runs in a thread meanwhile.
"""

import asyncio
import inspect
import json
import os
import secrets
import sys
from collections.abc import Awaitable, Callable, Iterable
from contextvars import ContextVar
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

# By name: for a type checker the repository's own folder `firecrest` stands before the package.
firecrest: Any = import_module("firecrest")
requests: Any = import_module("requests")
httpx: Any = import_module("httpx")

MACHINE = os.environ["MACHINE"]
URL = os.environ["FIRECREST_URL"]
ENDED = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT")

_method: ContextVar[str] = ContextVar("method", default="")
_made: dict[str, set[tuple[str, str]]] = {}


def begin(name: str) -> None:
    """From here on, in this context, requests are made by the method `name`."""
    _method.set(name)
    _made.setdefault(name, set())


def _note(verb: str, url: str) -> None:
    if url.startswith(URL) and _method.get():
        _made[_method.get()].add((verb, urlsplit(url).path))


def watch() -> None:
    """Write down every request to FirecREST of both HTTP libraries."""
    blocking, asynchronous = requests.Session.send, httpx.AsyncClient.send

    def send(session: Any, request: Any, **arguments: Any) -> Any:
        _note(request.method, request.url)
        return blocking(session, request, **arguments)

    async def send_async(session: Any, request: Any, **arguments: Any) -> Any:
        _note(request.method, str(request.url))
        return await asynchronous(session, request, **arguments)

    requests.Session.send, httpx.AsyncClient.send = send, send_async


def made() -> dict[str, list[tuple[str, str]]]:
    """Method -> the requests it made, verb and path; empty for one that makes none."""
    return {name: sorted(calls) for name, calls in sorted(_made.items())}


def merge(calls: dict[str, list[tuple[str, str]]]) -> None:
    """Add what another process made."""
    for name, requests_made in calls.items():
        _made.setdefault(name, set()).update(requests_made)


class Driven:
    """An object of the client's, blocking or not; its methods and properties are awaited alike."""

    def __init__(self, target: Any) -> None:
        self.target = target

    def __getattr__(self, name: str) -> Any:
        if isinstance(inspect.getattr_static(type(self.target), name, None), property):
            return self._use(name, lambda: getattr(self.target, name))

        def call(*positional: Any, **named: Any) -> Awaitable[Any]:
            return self._use(name, lambda: getattr(self.target, name)(*positional, **named))

        return call

    async def _use(self, name: str, work: Callable[[], Any]) -> Any:
        begin(f"{type(self.target).__name__}.{name}")

        def worked() -> Any:
            answer = work()
            return list(answer) if inspect.isgenerator(answer) else answer

        answer = await asyncio.to_thread(worked)
        return wrapped(await answer if inspect.isawaitable(answer) else answer)


def wrapped(answer: Any) -> Any:
    """Objects of the client's own classes are driven too."""
    if isinstance(answer, list):
        return [wrapped(one) for one in answer]
    known = type(answer).__module__.startswith(firecrest.__name__)
    return Driven(answer) if known else answer


def credentials(secret: str = "") -> Any:
    """What every client here presents."""
    return firecrest.ClientCredentialsAuth(
        os.environ["CLIENT_ID"], secret or os.environ["CLIENT_SECRET"], os.environ["TOKEN_URL"]
    )


def new_client(kind: str, authorization: Any = None) -> Driven:
    """`kind` is the name of a class: `Firecrest` or `AsyncFirecrest`."""
    client = getattr(firecrest.v1, kind)(
        firecrest_url=URL, authorization=authorization or credentials()
    )
    if kind == "AsyncFirecrest":
        # A public setting: the default leaves a second between two calls to one service.
        client.time_between_calls = dict.fromkeys(client.time_between_calls, 0.02)
    return Driven(client)


async def failure(call: Awaitable[Any]) -> dict[str, Any] | None:
    """How a call failed: class of the exception, text, status and error headers; None if not."""
    try:
        await call
    except Exception as error:
        seen: dict[str, Any] = {"class": type(error).__name__, "text": str(error)}
        answers = getattr(error, "responses", None)
        if answers:
            seen |= {"status": answers[-1].status_code, "headers": error_headers(answers[-1])}
        return seen
    return None


def error_headers(answer: Any) -> list[str]:
    """Names of the error headers exactly as they came; httpx's mapping would lower-case them."""
    raw = getattr(answer.headers, "raw", None)
    names = answer.headers if raw is None else [name.decode() for name, _ in raw]
    return sorted(name for name in names if name.startswith("X-") and name != "X-Request-Id")


async def until(probe: Callable[[], Awaitable[Any]]) -> Any:
    """Ask until the answer is true; the answer. Who started this process limits the time."""
    while True:
        if answer := await probe():
            return answer
        await asyncio.sleep(0.2)


async def ended(client: Driven, jobs: Iterable[int]) -> list[dict[str, Any]]:
    """Accounting of these jobs once all have ended; a fresh record lacks its name for a while."""
    wanted = list(jobs)

    async def rows() -> list[dict[str, Any]]:
        found = await client.poll(MACHINE, wanted)
        over = [row for row in found if row["state"].startswith(ENDED) and row["partition"]]
        return over if len(over) == len(wanted) else []

    complete: list[dict[str, Any]] = await until(rows)
    return complete


def fresh(name: str) -> str:
    """A directory on the cluster that no earlier run has used; it is not made."""
    user = new_client("Firecrest").target.whoami()
    return f"/home/{user}/{name}-{secrets.token_hex(4)}"


def directory(name: str) -> Path:
    """A local directory for one part of a run."""
    path = Path(name).resolve()
    path.mkdir()
    return path


def report(seen: Any) -> None:
    """Print what was seen, and which method made which requests."""
    json.dump({"seen": seen, "made": made()}, sys.stdout)

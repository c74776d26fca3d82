"""Every method of one of the two clients (`KIND`), scene by scene and all scenes at once."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tests.clients.scripts.cluster_scenes import cluster, jobs, jobs_in_pages
from tests.clients.scripts.driven import (
    MACHINE,
    Driven,
    directory,
    fresh,
    new_client,
    report,
    watch,
)
from tests.clients.scripts.file_scenes import archives, contents, files, status
from tests.clients.scripts.refusal_scenes import refusals
from tests.clients.scripts.session_scenes import merged, sessions
from tests.clients.scripts.transfer_scenes import downloads, internal, uploads

Scene = Callable[[Driven, str, Path], Awaitable[Any]]
SCENES: tuple[Scene, ...] = (
    *(archives, cluster, contents, downloads, files, internal),
    *(jobs, jobs_in_pages, refusals, sessions, status, uploads),
)
OF_THE_ASYNCHRONOUS: tuple[Scene, ...] = (merged,)


async def play(kind: str, scene: Scene) -> Any:
    """A scene has a client, a directory on the cluster and a local one for itself."""
    name = scene.__name__
    client = new_client(kind)
    remote = fresh(f"{kind}-{name}")
    try:
        await client.mkdir(MACHINE, remote, p=True)
        return await scene(client, remote, directory(name))
    finally:
        if kind == "AsyncFirecrest":
            await client.close_session()


async def main() -> dict[str, Any]:
    kind = os.environ["KIND"]
    scenes = SCENES + (OF_THE_ASYNCHRONOUS if kind == "AsyncFirecrest" else ())
    seen = await asyncio.gather(*(play(kind, scene) for scene in scenes))
    return dict(zip([scene.__name__ for scene in scenes], seen, strict=True))


if __name__ == "__main__":
    watch()
    report(asyncio.run(main()))

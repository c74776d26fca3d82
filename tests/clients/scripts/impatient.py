"""Calls that run out of time: the class of the failure, and the client's own way round it.

The gateway here gives a tool two seconds and a transfer none. The person's `tar` is slow on the
login node, as far as they asked for it; in a job it is the ordinary one.
"""

import asyncio
import io
import os
from pathlib import Path
from typing import Any

from tests.clients.scripts.driven import (
    MACHINE,
    Driven,
    failure,
    fresh,
    new_client,
    report,
    until,
    watch,
)

SLOW = """#!/bin/sh
case "$*" in *slow*) [ "$SLURM_JOB_ID" ] || sleep 20 ;; esac
exec /usr/bin/tar "$@"
"""


async def prepared(client: Driven, home: str) -> str:
    """`~/.bashrc`, read by every remote command, lets the slow tool be found first."""
    remote = fresh("impatient")
    await client.mkdir(MACHINE, f"{remote}/slow", p=True)
    await client.simple_upload(MACHINE, io.BytesIO(SLOW.encode()), remote, "tar")
    await client.chmod(MACHINE, f"{remote}/tar", "755")
    memory = io.BytesIO()
    await client.simple_download(MACHINE, f"{home}/.bashrc", memory)
    changed = memory.getvalue() + f"PATH={remote}:$PATH\n".encode()
    await client.simple_upload(MACHINE, io.BytesIO(changed), home, ".bashrc")
    await client.simple_upload(MACHINE, io.BytesIO(b"packed"), f"{remote}/slow", "file")
    return remote


async def restored(client: Driven, home: str) -> None:
    memory = io.BytesIO()
    await client.simple_download(MACHINE, f"{home}/.bashrc", memory)
    lines = memory.getvalue().decode().splitlines(keepends=True)
    kept = "".join(line for line in lines if "/impatient" not in line)
    await client.simple_upload(MACHINE, io.BytesIO(kept.encode()), home, ".bashrc")


async def archives(client: Driven, remote: str) -> dict[str, Any]:
    """Refused when the caller wants that, else done by a job."""
    kind = type(client.target).__name__
    archive = f"{remote}/{kind}-slow.tar.gz"
    target = await client.mkdir(MACHINE, f"{remote}/{kind}-out")
    seen: dict[str, Any] = {
        "compress": await failure(client.compress(MACHINE, f"{remote}/slow", archive)),
        "compressed": await failure(
            client.compress(
                MACHINE, f"{remote}/slow", archive, dereference=True, fail_on_timeout=False
            )
        ),
        "extract": await failure(client.extract(MACHINE, archive, target)),
        "extracted": await failure(client.extract(MACHINE, archive, target, fail_on_timeout=False)),
    }
    entries = await client.list_files(MACHINE, target, recursive=True)
    seen["entries"] = [entry["name"] for entry in entries]
    return seen


def local_file(name: str) -> str:
    path = Path(name).resolve()
    path.write_bytes(os.urandom(1024))
    return str(path)


async def transfers(client: Driven, remote: str) -> dict[str, Any]:
    """States 115 and 118."""
    kind = type(client.target).__name__
    source = local_file(kind)
    download = await client.external_download(MACHINE, f"{remote}/slow/file")
    upload = await client.external_upload(MACHINE, source, remote)
    await upload.finish_upload()

    return {
        "118": await until(lambda: failure(download.status)),
        "115": await until(lambda: failure(upload.status)),
    }


async def main() -> dict[str, Any]:
    clients = [new_client(kind) for kind in ("Firecrest", "AsyncFirecrest")]
    home = f"/home/{await clients[0].whoami()}"
    remote = await prepared(clients[0], home)
    try:
        packed = await asyncio.gather(*(archives(client, remote) for client in clients))
        moved = await asyncio.gather(*(transfers(client, remote) for client in clients))
    finally:
        await restored(clients[0], home)
        await clients[1].close_session()
    kinds = [type(client.target).__name__ for client in clients]
    return {
        kind: {"archives": one, "transfers": other}
        for kind, one, other in zip(kinds, packed, moved, strict=True)
    }


if __name__ == "__main__":
    watch()
    report(asyncio.run(main()))

"""What the clients do without the server's help, and what only one of them can."""

import asyncio
from pathlib import Path
from typing import Any

from tests.clients.scripts.driven import MACHINE, Driven, failure, firecrest, new_client

SCRIPT = "#!/bin/bash\n#SBATCH --job-name=merged-{}\nsleep 300\n"
GATED = {
    "1.14.0": ("filesystems", "groups"),
    "1.15.0": (
        *("compress", "extract", "nodes", "partitions", "reservations"),
        *("submit_compress_job", "submit_extract_job"),
    ),
}


def gated_calls(client: Driven) -> dict[str, Any]:
    """Calls that are refused for an old server, by name."""
    paths = (MACHINE, "/tmp/source", "/tmp/target.tar.gz")
    return {
        "filesystems": client.filesystems,
        "groups": lambda: client.groups(MACHINE),
        "nodes": lambda: client.nodes(MACHINE),
        "partitions": lambda: client.partitions(MACHINE),
        "reservations": lambda: client.reservations(MACHINE),
        "compress": lambda: client.compress(*paths),
        "extract": lambda: client.extract(*paths),
        "submit_compress_job": lambda: client.submit_compress_job(*paths),
        "submit_extract_job": lambda: client.submit_extract_job(*paths),
        "list_files recursive": lambda: client.list_files(MACHINE, "/tmp", recursive=True),
    }


async def refused_by_version(client: Driven) -> list[str]:
    """Names of the calls that the client does not even try."""
    refused = []
    for name, call in gated_calls(client).items():
        seen = await failure(call())
        if seen and seen["class"] == "NotImplementedOnAPIversion":
            refused.append(name)
    return refused


async def sessions(client: Driven, remote: str, local: Path) -> dict[str, Any]:
    kind = type(client.target).__name__
    seen: dict[str, Any] = {"log": await client.log(10, "a line")}
    old = new_client(kind)
    seen["set"] = await old.set_api_version("1.14.0")
    seen["refused"] = await refused_by_version(old)
    newer = new_client(kind)
    await newer.set_api_version("1.16.0")
    nodes = await newer.nodes(MACHINE)
    seen["not refused"] = [node["NodeName"] for node in nodes]
    told = new_client(kind, firecrest.TokenCommandAuth("printf %s " + _token(client)))
    seen["by command"] = [system["system"] for system in await told.all_systems()]
    silent = new_client(kind, firecrest.TokenCommandAuth("false"))
    seen["failing command"] = await failure(silent.all_systems())
    if kind == "AsyncFirecrest":
        seen["closed"] = [await old.is_session_closed]
        await old.close_session()
        seen["closed"].append(await old.is_session_closed)
        seen["when closed"] = await failure(old.all_systems())
        await old.create_new_session()
        await old.create_new_session()
        seen["closed"].append(await old.is_session_closed)
        seen["when new"] = [system["system"] for system in await old.all_systems()]
        for one in (old, newer, told, silent):
            await one.close_session()
    return seen


def _token(client: Driven) -> str:
    token: str = client.target._authorization.get_access_token()
    return token


async def merged(client: Driven, remote: str, local: Path) -> dict[str, Any]:
    """The asynchronous client asks for the tasks and jobs of several callers with one request."""
    client.target.merge_get_requests = True
    jobs = await asyncio.gather(
        *(client.submit(MACHINE, script_str=SCRIPT.format(n)) for n in range(3))
    )
    ids = [job["jobid"] for job in jobs]
    try:
        listed = await asyncio.gather(*(client.poll_active(MACHINE, [one]) for one in ids))
        rows = await asyncio.gather(*(client.poll(MACHINE, [one]) for one in ids))
    finally:
        cancelled = [await client.cancel(MACHINE, one) for one in ids]
    return {
        "ids": ids,
        "names": sorted({job["name"] for jobs in listed for job in jobs}),
        "found": [
            str(one) in {job["jobid"] for job in jobs}
            for one, jobs in zip(ids, listed, strict=True)
        ],
        "accounted": sorted({row["jobid"] for answer in rows for row in answer}),
        "cancelled": cancelled,
    }

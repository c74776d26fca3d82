"""In front of a gateway that is version 1.13.0 of the API, and that has a system nobody reaches.

Such a server does not tell its version: the client then takes it for 1.15.0.
"""

import asyncio
import io
from typing import Any

from tests.clients.scripts.driven import MACHINE, Driven, failure, new_client, report, watch
from tests.clients.scripts.session_scenes import refused_by_version


async def visited(client: Driven) -> dict[str, Any]:
    kind = type(client.target).__name__
    remote = f"/home/{await client.whoami()}"
    seen: dict[str, Any] = {"refused": await refused_by_version(client)}
    await client.simple_upload(MACHINE, io.BytesIO(b"old"), remote, f"old-{kind}")
    seen["unreachable"] = {
        "list_files": await failure(client.list_files("gone", "/tmp")),
        "submit": await failure(client.submit("gone", script_str="#!/bin/sh\n")),
        "external_download": await failure(client.external_download("gone", "/tmp/x")),
        "all_reservations": await failure(client.all_reservations("gone")),
    }
    await client.set_api_version("1.16.0")
    seen["told too much"] = await failure(client.nodes(MACHINE))
    await client.set_api_version("1.13.0")
    download = await client.external_download(MACHINE, f"{remote}/old-{kind}")
    seen["link"] = await download.object_storage_link
    await download.finish_download(f"back-{kind}")
    return seen


async def main() -> dict[str, Any]:
    seen = {}
    for kind in ("Firecrest", "AsyncFirecrest"):
        client = new_client(kind)
        try:
            seen[kind] = await visited(client)
        finally:
            if kind == "AsyncFirecrest":
                await client.close_session()
    return seen


if __name__ == "__main__":
    watch()
    report(asyncio.run(main()))

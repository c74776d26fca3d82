"""In front of a gateway that says it is version 1.13.0, and that has a system nobody reaches."""

import asyncio
import io
from typing import Any

from tests.clients.scripts.driven import MACHINE, failure, new_client, report, watch
from tests.clients.scripts.session_scenes import refused_by_version


async def main() -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for kind in ("Firecrest", "AsyncFirecrest"):
        client = new_client(kind)
        remote = f"/home/{await client.whoami()}"
        told: dict[str, Any] = {"refused": await refused_by_version(client)}
        await client.simple_upload(MACHINE, io.BytesIO(b"old"), remote, f"old-{kind}")
        download = await client.external_download(MACHINE, f"{remote}/old-{kind}")
        told["link"] = await download.object_storage_link
        await download.finish_download(f"back-{kind}")
        told["unreachable"] = {
            "list_files": await failure(client.list_files("gone", "/tmp")),
            "submit": await failure(client.submit("gone", script_str="#!/bin/sh\n")),
            "external_download": await failure(client.external_download("gone", "/tmp/x")),
            "all_reservations": await failure(client.all_reservations("gone")),
        }
        # What the server says is believed only until somebody says it better.
        await client.set_api_version("1.16.0")
        told["nodes"] = [node["NodeName"] for node in await client.nodes(MACHINE, ["cluster"])]
        seen[kind] = told
        if kind == "AsyncFirecrest":
            await client.close_session()
    return seen


if __name__ == "__main__":
    watch()
    report(asyncio.run(main()))

"""The floor of many users at once: their SSH connections with SFTP in a process of their own.

Reads one JSON object from standard input (`port`, `ca_key`, `known_hosts`, `users`), prints one:
`seconds` until all have logged in and listed their home, `bytes` that the connections take.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from f7t.delegation import CertificateAuthority
from tests.bench.clients import Door
from tests.bench.processes import memory

_AT_ONCE = 16


async def logins(wanted: dict[str, Any]) -> dict[str, float]:
    """Seconds and bytes of these logins; the first user's comes before both are taken."""
    authority = CertificateAuthority.from_file(Path(wanted["ca_key"]))
    door = Door(wanted["port"], authority, wanted["known_hosts"])
    places = asyncio.Semaphore(_AT_ONCE)
    async with AsyncExitStack() as stack:

        async def login(user: str) -> None:
            async with places:
                ssh = await stack.enter_async_context(await door.connect(user))
                sftp = await stack.enter_async_context(ssh.start_sftp_client())
                await sftp.listdir(f"/home/{user}")

        await login(wanted["users"][0])
        before = memory([os.getpid()]).proportional
        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for user in wanted["users"]:
                group.create_task(login(user))
        seconds = time.perf_counter() - began
        return {"seconds": seconds, "bytes": memory([os.getpid()]).proportional - before}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(logins(json.load(sys.stdin)))))

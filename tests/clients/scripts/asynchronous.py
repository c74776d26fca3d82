"""The same with the asynchronous client, several things at once; what it answered, as JSON."""

import asyncio
import io
import json
import os
from importlib import import_module
from pathlib import Path
from typing import Any

# By name: for a type checker the repository's own folder `firecrest` stands before the package.
firecrest: Any = import_module("firecrest")

MACHINE = os.environ["MACHINE"]
LARGE = Path("async large.dat")
BACK = Path("async.back")
SCRIPT = "#!/bin/bash\n#SBATCH --job-name=async-{}\necho {}\n"


async def main() -> dict[str, Any]:
    client = firecrest.v1.AsyncFirecrest(
        firecrest_url=os.environ["FIRECREST_URL"],
        authorization=firecrest.ClientCredentialsAuth(
            os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"], os.environ["TOKEN_URL"]
        ),
    )
    # A public setting of the client: its default leaves a second between calls to one service.
    client.time_between_calls = dict.fromkeys(client.time_between_calls, 0.05)
    client.merge_get_requests = True
    try:
        return await everything(client)
    finally:
        await client.close_session()


async def everything(client: Any) -> dict[str, Any]:
    home = f"/home/{await client.whoami()}"
    seen: dict[str, Any] = {"systems": await client.all_systems()}
    await client.simple_upload(MACHINE, io.BytesIO(b"async"), home, "async.dat")
    names = [entry["name"] for entry in await client.list_files(MACHINE, home)]
    seen["listed"] = "async.dat" in names
    memory = io.BytesIO()
    await client.simple_download(MACHINE, f"{home}/async.dat", memory)
    seen["content"] = memory.getvalue().decode()

    jobs = await asyncio.gather(
        *(client.submit(MACHINE, script_str=SCRIPT.format(n, n)) for n in range(3))
    )
    ids = [job["jobid"] for job in jobs]
    while True:
        polled = await asyncio.gather(*(client.poll(MACHINE, [one]) for one in ids))
        # A fresh record lacks its partition and name for a while.
        rows = [row for answer in polled for row in answer]
        over = [row for row in rows if row["state"] == "COMPLETED" and row["partition"]]
        if len(over) == len(ids):
            break
    seen["names"] = sorted(row["name"] for row in over)
    sleeper = await client.submit(MACHINE, script_str="#!/bin/bash\nsleep 300\n")
    seen["active"] = [
        job["jobid"] == str(sleeper["jobid"])
        for job in await client.poll_active(MACHINE, [sleeper["jobid"]])
    ]
    seen["cancelled"] = str(sleeper["jobid"]) in await client.cancel(MACHINE, sleeper["jobid"])

    upload = await client.external_upload(MACHINE, str(LARGE), home)
    await upload.finish_upload()
    while await upload.in_progress:
        pass  # the client itself waits between two looks
    seen["upload"] = await upload.status
    download = await client.external_download(MACHINE, f"{home}/{LARGE}")
    await download.finish_download(BACK)
    await download.invalidate_object_storage_link()
    return seen


LARGE.write_bytes(os.urandom(1024) * 6144)
result = asyncio.run(main())
result["round_trip"] = BACK.read_bytes() == LARGE.read_bytes()
print(json.dumps(result))

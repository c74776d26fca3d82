"""Transfers with either client: jobs inside the centre, and the staging area."""

import io
import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from tests.clients.scripts.driven import MACHINE, Driven, ended, failure, until

LARGE = 6 * 1024 * 1024
"""More than a blocking call may carry."""


async def internal(client: Driven, remote: str, local: Path) -> dict[str, Any]:
    """One job of every kind; `rm` waits for all the others to have ended."""
    for name in ("copied", "moved", "synced", "packed", "removed"):
        await client.mkdir(MACHINE, f"{remote}/{name}")
        await client.simple_upload(MACHINE, io.BytesIO(name.encode()), f"{remote}/{name}", "file")
    await client.symlink(MACHINE, f"{remote}/packed/file", f"{remote}/packed/link")
    await client.compress(MACHINE, f"{remote}/packed", f"{remote}/given.tar.gz")
    await client.mkdir(MACHINE, f"{remote}/extracted")
    limits = {"job_name": "client-transfer", "time": "00:05:00", "account": "test"}
    submitted = {
        "cp": await client.submit_copy_job(
            MACHINE, f"{remote}/copied", f"{remote}/copied.new", **limits
        ),
        "mv": await client.submit_move_job(MACHINE, f"{remote}/moved", f"{remote}/moved.new"),
        "rsync": await client.submit_rsync_job(
            MACHINE, f"{remote}/synced/", f"{remote}/synced.new", time="5"
        ),
        "compress": await client.submit_compress_job(
            MACHINE, f"{remote}/packed", f"{remote}/packed.tar.gz", dereference=True, time="0-1"
        ),
        "extract": await client.submit_extract_job(
            MACHINE, f"{remote}/given.tar.gz", f"{remote}/extracted", extension=".tgz"
        ),
    }
    after = str(submitted["compress"]["jobid"])
    submitted["rm"] = await client.submit_delete_job(
        MACHINE, f"{remote}/removed", job_name="last", stage_out_job_id=after
    )
    rows = await ended(client, [job["jobid"] for job in submitted.values()])
    entries = await client.list_files(MACHINE, remote, recursive=True)
    return {
        "remote": remote,
        "submitted": submitted,
        "rows": rows,
        "entries": {entry["name"]: entry["type"] for entry in entries},
        "noise": [await client.head(MACHINE, job["job_file_err"]) for job in submitted.values()],
    }


async def settled(transfer: Driven) -> str:
    """The final state of an upload."""

    async def over() -> bool:
        return not await transfer.in_progress

    await until(over)
    state: str = await transfer.status
    return state


async def uploads(client: Driven, remote: str, local: Path) -> dict[str, Any]:
    """To a directory, and to a file of another name (blanks in both)."""
    content = os.urandom(LARGE)
    source = local / "large file.dat"
    source.write_bytes(content)
    to_directory = await client.external_upload(MACHINE, str(source), remote)
    to_file = await client.external_upload(MACHINE, str(source), f"{remote}/other name.dat")
    form = await to_directory.object_storage_data
    seen: dict[str, Any] = {
        "remote": remote,
        "task_id": await to_directory.task_id,
        "same client": (await to_directory.client).target is client.target,
        "before": [await to_directory.status, await to_directory.in_progress],
        "offered": await to_directory.data,
        "form": form,
    }
    for transfer in (to_directory, to_file):
        await transfer.finish_upload()
    seen["states"] = [await settled(to_directory), await settled(to_file)]
    seen["data"] = [await to_directory.data, await to_file.data]
    entries = await client.list_files(MACHINE, remote)
    seen["sizes"] = {entry["name"]: entry["size"] for entry in entries}
    sums = [
        await client.checksum(MACHINE, f"{remote}/{name}")
        for name in ("large file.dat", "other name.dat")
    ]
    seen["equal"] = sums[0] == sums[1]
    abandoned = await client.external_upload(MACHINE, str(local / "absent"), remote)
    seen["no local file"] = await failure(abandoned.finish_upload())
    return seen


def fetched(link: str) -> int:
    """Status of a plain GET."""
    try:
        with urllib.request.urlopen(link) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


async def downloads(client: Driven, remote: str, local: Path) -> dict[str, Any]:
    """To a path as text, to a `Path`, to an open file; then the link is withdrawn."""
    content = os.urandom(LARGE // 2)
    await client.simple_upload(MACHINE, io.BytesIO(content), remote, "source file.dat")
    source = f"{remote}/source file.dat"
    early = {
        name: await getattr(await client.external_download(MACHINE, source), name)
        for name in ("status", "in_progress", "data", "object_storage_data")
    }
    at_once = await client.external_download(MACHINE, source)
    await at_once.finish_download(local / "at once")
    download = await client.external_download(MACHINE, source)
    link = await download.object_storage_link
    seen: dict[str, Any] = {
        "remote": remote,
        "early": early,
        "task_id": await download.task_id,
        "same client": (await download.client).target is client.target,
        "state": [await download.status, await download.in_progress],
        "data": await download.data,
        "object_storage_data": await download.object_storage_data,
        "link": link,
    }
    await download.finish_download(str(local / "text"))
    await download.finish_download(local / "path")
    with (local / "file").open("wb") as file:
        await download.finish_download(file)
    back = [(local / name).read_bytes() for name in ("at once", "text", "path", "file")]
    seen["round trips"] = [one == content for one in back]
    seen["fetched"] = fetched(link)
    seen["invalidate"] = await download.invalidate_object_storage_link()
    seen["again"] = await download.invalidate_object_storage_link()
    seen["fetched after"] = fetched(link)
    return seen

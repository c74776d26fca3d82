"""The calls of aiida-firecrest, on the blocking client as it makes them; what came back."""

import hashlib
import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.clients.scripts.driven import MACHINE, error_headers, fresh, new_client

client: Any = new_client("Firecrest").target
home = fresh("aiida")
SUBMIT = """#!/bin/bash
#SBATCH --job-name=aiida-1
#SBATCH --output=_scheduler-stdout.txt
#SBATCH --error=_scheduler-stderr.txt
#SBATCH --time=00:20:00
touch "it's" 'dou"ble' 'back\\slash' $'new\\nline'
echo out
echo error >&2
sleep 300
"""


def refused(call: Callable[[], Any]) -> dict[str, Any]:
    """Class, text and raw header names of what a call fails with; empty if it does not."""
    try:
        call()
    except Exception as error:
        answer = getattr(error, "responses", [None])[-1]
        headers = [] if answer is None else error_headers(answer)
        return {"class": type(error).__name__, "text": str(error), "headers": headers}
    return {}


def files() -> dict[str, Any]:
    client.mkdir(MACHINE, f"{home}/run", p=True)
    names = ["plain", "two words", "$HOME", "*?[a]", "wörter", "~", "#", "%20"]
    for name in names:
        client.simple_upload(MACHINE, io.BytesIO(name.encode()), f"{home}/run", name)
    client.symlink(MACHINE, f"{home}/run/plain", f"{home}/run/link")
    client.copy(MACHINE, f"{home}/run", f"{home}/copy")
    client.mv(MACHINE, f"{home}/copy/plain", f"{home}/copy/renamed")
    client.chmod(MACHINE, f"{home}/copy/renamed", "755")
    client.compress(MACHINE, f"{home}/copy", f"{home}/copy.tar.gz", dereference=True)
    client.mkdir(MACHINE, f"{home}/unpacked")
    client.extract(MACHINE, f"{home}/copy.tar.gz", f"{home}/unpacked")
    Path("local").write_bytes(b"x")
    client.simple_upload(MACHINE, Path("local"), f"{home}/run", "put")
    client.simple_download(MACHINE, f"{home}/run/two words", Path("back"))
    listed = {one["name"]: one for one in client.list_files(MACHINE, f"{home}/run")}
    return {
        "uploaded": [*names, "put"],
        "listed": listed,
        "copied": {one["name"]: one for one in client.list_files(MACHINE, f"{home}/copy")},
        "recursive": [
            one["name"] for one in client.list_files(MACHINE, f"{home}/unpacked", recursive=True)
        ],
        "stat": client.stat(MACHINE, f"{home}/run/two words"),
        "stat directory": client.stat(MACHINE, f"{home}/run"),
        "stat link": client.stat(MACHINE, f"{home}/run/link", dereference=True),
        "back": Path("back").read_text(),
        "checksum": client.checksum(MACHINE, f"{home}/run/plain"),
        "sha256": hashlib.sha256(b"plain").hexdigest(),
        "whoami": client.whoami(MACHINE),
        "mkdir existing": refused(lambda: client.mkdir(MACHINE, f"{home}/run", p=False)),
        "mkdir -p existing": client.mkdir(MACHINE, f"{home}/run", p=True),
        "stat absent": refused(lambda: client.stat(MACHINE, f"{home}/absent")),
        "ls absent": refused(lambda: client.list_files(MACHINE, f"{home}/absent")),
        "ls denied": refused(lambda: client.list_files(MACHINE, "/home/test1")),
        "chmod bad": refused(lambda: client.chmod(MACHINE, f"{home}/run/plain", "999")),
        "download directory": refused(
            lambda: client.simple_download(MACHINE, f"{home}/run", Path("never"))
        ),
        "rm": client.simple_delete(MACHINE, f"{home}/copy"),
        "rm absent": refused(lambda: client.simple_delete(MACHINE, f"{home}/copy")),
    }


def until(probe: Callable[[], Any]) -> Any:
    while not (answer := probe()):
        pass  # each question takes the client its time
    return answer


def jobs() -> dict[str, Any]:
    """Submit by path, each job in a directory of its own; page through the queue, cancel."""
    submitted = []
    for directory in (f"{home}/job{n}" for n in range(4)):
        client.mkdir(MACHINE, directory)
        client.simple_upload(MACHINE, io.BytesIO(SUBMIT.encode()), directory, "_aiidasubmit.sh")
        script = f"{directory}/_aiidasubmit.sh"
        submitted.append(client.submit(MACHINE, script_remote_path=script))
    ids = [str(job["jobid"]) for job in submitted]

    def running() -> dict[str, Any] | None:
        [job] = client.poll_active(MACHINE, ids[:1])
        said = job["job_data_out"] and job["job_data_err"]
        return job if job["state"] == "RUNNING" and said else None

    seen: dict[str, Any] = {"submitted": submitted, "job": until(running)}
    seen["odd names"] = [one["name"] for one in client.list_files(MACHINE, f"{home}/job0")]
    pages: list[list[str]] = []
    # Its loop ends with a page that is not full: with four jobs the third is an empty one.
    while not pages or len(pages[-1]) == 2:
        page = client.poll_active(MACHINE, ids, page_size=2, page_number=len(pages))
        pages.append([job["jobid"] for job in page])
    seen["pages"] = pages
    seen["cancelled"] = [client.cancel(MACHINE, one) for one in ids]
    seen["gone"] = refused(lambda: client.poll_active(MACHINE, ["99999999"]))
    seen["no script"] = refused(
        lambda: client.submit(MACHINE, script_remote_path=f"{home}/run/absent.sh")
    )
    return seen


def transfers() -> dict[str, Any]:
    Path("large").write_bytes(os.urandom(6 * 1024 * 1024))
    upload = client.external_upload(MACHINE, str(Path("large").resolve()), f"{home}/run")
    upload.finish_upload()
    until(lambda: not upload.in_progress)
    download = client.external_download(MACHINE, f"{home}/run/large")
    download.finish_download(Path("large.back"))
    tasks = client._tasks()
    return {
        "command": upload.object_storage_data["command"],
        "state": upload.status,
        "same": Path("large").read_bytes() == Path("large.back").read_bytes(),
        "tasks": {one: tasks[one]["status"] for one in (upload.task_id, download.task_id)},
    }


if __name__ == "__main__":
    seen = {"home": home, "files": files(), "jobs": jobs(), "transfers": transfers()}
    seen["parameters"] = client.parameters()
    json.dump(seen, sys.stdout)

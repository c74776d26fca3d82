"""The requests of FirecREST's own tests, on the files that they expect (platform.md §2.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import pytest
import requests

from tests.support.live import SERVICE_ACCOUNT, Live

HOME = f"/home/{SERVICE_ACCOUNT}"
SCRIPT = "/srv/f7t/test_sbatch.sh"
FORBIDDEN = "/srv/f7t/test_sbatch_forbidden.sh"
NAME_LINE = "#SBATCH --job-name=testsbatch\n"
SETTLED = frozenset({"111", "114", "117", "118", "200", "302", "400"})


@dataclass(frozen=True)
class Row:
    """A request, and what its answer must be.

    Attributes:
        output: what `output`, `out` or the whole body must be, or a test of it.
        task: state in which the task of this request must settle.
        own_root: needs a file that exists only where the machine has a root of its own.
    """

    name: str
    method: str
    path: str
    status: int
    data: Mapping[str, str] = field(default_factory=dict)
    header: str = ""
    output: Any = None
    task: str = ""
    own_root: bool = False


def get(name: str, path: str, status: int = 200, /, **rest: Any) -> Row:
    return Row(name, "GET", path, status, **rest)


def post(name: str, path: str, status: int = 201, /, **rest: Any) -> Row:
    return Row(name, "POST", path, status, **rest)


def at(path: str, **more: str) -> dict[str, str]:
    return {"targetPath": path, **more}


READING = (
    get(
        "head bytes",
        "/utilities/head",
        data=at(SCRIPT, bytes="12"),
        output="#!/bin/bash\n",
    ),
    get("head lines", "/utilities/head", data=at(SCRIPT, lines="1"), output="#!/bin/bash\n"),
    get("head grep", "/utilities/head", data=at(SCRIPT, grep="job"), output=NAME_LINE),
    get(
        "head grep nothing",
        "/utilities/head",
        404,
        data=at(SCRIPT, grep="nothing of it"),
        header="X-Not-Found",
    ),
    get("tail bytes", "/utilities/tail", data=at(SCRIPT, bytes="10"), output="sleep 60s\n"),
    get("tail lines", "/utilities/tail", data=at(SCRIPT, lines="1"), output="sleep 60s\n"),
    get("tail grep", "/utilities/tail", data=at(SCRIPT, grep="job"), output=NAME_LINE),
    get(
        "view",
        "/utilities/view",
        data=at(SCRIPT),
        output=lambda text: text.startswith("#!/bin/bash\n") and text.endswith("sleep 60s\n"),
    ),
    get("view binary", "/utilities/view", 400, data=at("/bin/wc"), header="X-Error"),
    get(
        "view forbidden",
        "/utilities/view",
        400,
        data=at(FORBIDDEN),
        header="X-Permission-Denied",
    ),
    get("checksum", "/utilities/checksum", data=at(SCRIPT), output=lambda text: len(text) == 64),
    get(
        "checksum directory",
        "/utilities/checksum",
        400,
        data=at("/srv/f7t"),
        header="X-A-Directory",
    ),
    get(
        "checksum empty directory",
        "/utilities/checksum",
        400,
        data=at("/etc/binfmt.d/"),
        header="X-A-Directory",
        own_root=True,
    ),
    get("ls empty", "/utilities/ls", data=at("/etc/binfmt.d/"), output=[], own_root=True),
    get("ls hosts", "/utilities/ls", data=at("/etc/hosts"), output=lambda found: len(found) == 1),
    get("stat messages", "/utilities/stat", data=at("/var/log/messages"), own_root=True),
    get(
        "file messages",
        "/utilities/file",
        400,
        data=at("/var/log/messages"),
        header="X-Permission-Denied",
        own_root=True,
    ),
    get("file relative", "/utilities/file", data=at(".bashrc"), output="ASCII text"),
    get("stat relative", "/utilities/stat", data=at(".bashrc")),
    get("download relative", "/utilities/download", data={"sourcePath": ".bashrc"}),
    get("whoami", "/utilities/whoami", output=SERVICE_ACCOUNT),
)
CHANGING = (
    post(
        "compress",
        "/utilities/compress",
        data=at(f"{HOME}/upstream.tar.gz", sourcePath="/srv/f7t/test_sbatch.sh"),
    ),
    post(
        "extract, told by type",
        "/utilities/extract",
        data=at(HOME, sourcePath="/srv/f7t/test_zip.tar.gz", type="tar.gz"),
    ),
    post("copy for rm", "/utilities/copy", data=at(HOME, sourcePath="/srv/f7t/test_sbatch_rm.sh")),
    post("copy for mv", "/utilities/copy", data=at(HOME, sourcePath="/srv/f7t/test_sbatch_mv.sh")),
    post(
        "internal rm",
        "/storage/xfer-internal/rm",
        data=at(f"{HOME}/test_sbatch_rm.sh"),
        task="200",
    ),
    post(
        "internal mv",
        "/storage/xfer-internal/mv",
        data=at(f"{HOME}/moved.sh", sourcePath=f"{HOME}/test_sbatch_mv.sh"),
        task="200",
    ),
    post(
        "internal extract",
        "/storage/xfer-internal/extract",
        data=at(HOME, sourcePath="/srv/f7t/test_zip.tar.gz", type="tar.gz"),
        task="200",
    ),
    post(
        "internal cp in strange time",
        "/storage/xfer-internal/cp",
        400,
        data=at(HOME, sourcePath=SCRIPT, time="1-2-3"),
    ),
)
JOBS = (
    post("submit by path", "/compute/jobs/path", data=at(SCRIPT), task="200"),
    post(
        "submit forbidden",
        "/compute/jobs/path",
        400,
        data=at(FORBIDDEN),
        header="X-Permission-Denied",
    ),
    get("job id below zero", "/compute/jobs/-1", 400),
    get("job id of zeros", "/compute/jobs/000", task="400"),
    Row("cancel several", "DELETE", "/compute/jobs/99999997,99999998", 200, task="400"),
    get(
        "partitions, filter misspelt",
        "/compute/partitions",
        data={"partition": "xfer"},
        task="200",
    ),
)
STORAGE = (
    post(
        "upload to a directory",
        "/storage/xfer-external/upload",
        data=at(HOME, sourcePath="local.dat"),
        task="111",
    ),
    post(
        "upload to a name",
        "/storage/xfer-external/upload",
        data=at(f"{HOME}/name.dat", sourcePath="local.dat"),
        task="111",
    ),
    post(
        "upload below nothing",
        "/storage/xfer-external/upload",
        400,
        data=at(f"{HOME}/missing/name.dat", sourcePath="local.dat"),
        header="X-Invalid-Path",
    ),
    post(
        "upload to the root",
        "/storage/xfer-external/upload",
        400,
        data=at("/name.dat", sourcePath="local.dat"),
        header="X-Permission-Denied",
    ),
    post(
        "download",
        "/storage/xfer-external/download",
        data={"sourcePath": "/ssh_command_wrapper.sh"},
        task="117",
        own_root=True,
    ),
)
REST = (
    get(
        "unknown service",
        "/status/services/nowhere",
        404,
        output={"description": "Service does not exists", "status_code": 404},
    ),
    get(
        "unknown task", "/tasks/IDONTEXIST", 404, output={"error": "Task IDONTEXIST does not exist"}
    ),
    get("tasks with a slash", "/tasks/", data={"tasks": "IDONTEXIST"}, output={"tasks": {}}),
    get("tasks of nonsense", "/tasks", 400, data={"tasks": "a;b"}),
    get("list of all tasks", "/tasks/taskslist", 404),
    get("certificator", "/certificator", 400, output={"message": "Invalid"}),
    get("reservations", "/reservations", output=lambda body: isinstance(body["success"], list)),
)


def expected(row: Row, answer: requests.Response) -> bool:
    """Whether the body is what the row says."""
    body = answer.json()
    value = body.get("output", body)
    return bool(row.output(value) if callable(row.output) else row.output == value)


@pytest.mark.parametrize(
    "row", [*READING, *CHANGING, *JOBS, *STORAGE, *REST], ids=lambda row: row.name
)
def test_requests(live: Live, row: Row) -> None:
    if row.own_root and live.way == "nss-wrapper":
        pytest.skip("without a root file system of its own the machine has no such file")
    sent: dict[str, Any] = {"params" if row.method == "GET" else "data": dict(row.data)}
    answer = live.call(row.method, row.path, user=SERVICE_ACCOUNT, **sent)
    assert answer.status_code == row.status, answer.text
    errors = [name for name in answer.headers if name.startswith("X-") and name != "X-Request-Id"]
    assert errors == ([row.header] if row.header else [])
    if row.output is not None:
        assert expected(row, answer), answer.text
    if row.task:
        task = live.settled(answer, user=SERVICE_ACCOUNT, states=SETTLED)
        assert task["status"] == row.task, task
        _withdraw(live, task)


def _withdraw(live: Live, task: dict[str, Any]) -> None:
    """Nothing of it goes on: forms are withdrawn, jobs cancelled."""
    if task["status"] in {"111", "117"}:
        headers = {"X-Task-Id": task["task_id"]}
        path = "/storage/xfer-external/invalidate"
        assert live.post(path, user=SERVICE_ACCOUNT, headers=headers).status_code == 201
    job = task["data"].get("jobid") if isinstance(task["data"], dict) else None
    if job is not None and task["data"]["job_file"] == SCRIPT:
        live.settled(
            live.delete(f"/compute/jobs/{job}", user=SERVICE_ACCOUNT), user=SERVICE_ACCOUNT
        )


def test_content_of_the_script(live: Live) -> None:
    """Directives of the job that several tests submit."""
    text, checksum = (
        live.get(path, user=SERVICE_ACCOUNT, params=at(SCRIPT)).json()["output"]
        for path in ("/utilities/view", "/utilities/checksum")
    )
    assert checksum == sha256(text.encode()).hexdigest()
    lines = text.splitlines(keepends=True)
    assert [line for line in lines if "job" in line] == [NAME_LINE]
    assert NAME_LINE in lines[:10]
    assert NAME_LINE in lines[-10:]
    for directive in ("ntasks=1", "tasks-per-node=1", "output=testsbatch.output"):
        assert f"#SBATCH --{directive}\n" in lines


def test_file_systems(live: Live) -> None:
    """HOME is there; PROJECT is announced and is not."""
    out = live.get("/status/filesystems", user=SERVICE_ACCOUNT, machine=None).json()["out"]
    codes = {one["name"]: one["status_code"] for one in out["cluster"]}
    assert codes == {"HOME": 200, "SCRATCH": 200, "PROJECT": 400}


def test_the_list_of_tasks_needs_a_token(live: Live) -> None:
    answer = requests.get(f"{live.url}/tasks/taskslist", timeout=10)
    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})

"""The client's command line: every command, and the ways it can be told what it needs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.clients.runs import COMMANDS
from tests.support.live import SERVICE_ACCOUNT, Live

RUNS = COMMANDS
LINES = [f"line {n}\n" for n in range(1, 13)]
UID = 10010


@pytest.fixture
def seen(told: Callable[[str], Any]) -> dict[str, Any]:
    everything: dict[str, Any] = told("firecrest")["seen"]
    return everything


@pytest.fixture
def typed(seen: dict[str, Any]) -> Callable[[str], str]:
    """What a command that must succeed printed."""

    def printed(name: str) -> str:
        answer = seen["typed"][name]
        assert answer["status"] in (0, None), answer["printed"]
        text: str = answer["printed"]
        return text

    return printed


@pytest.fixture
def parsed(typed: Callable[[str], str]) -> Callable[[str], Any]:
    """The same of one that prints JSON."""
    return lambda name: json.loads(typed(name))


FAILED = {
    "old": "Operation failed",
    "head_both": "cannot specify both 'bytes' and 'lines'",
    "tail_both": "cannot specify both 'bytes' and 'lines'",
    "download_nowhere": "is required",
    "ls_absent": "Operation failed: a Firecrest client error has occurred",
    "ls_denied": "Operation failed: a Firecrest client error has occurred",
    "other_system": "Operation failed: a Firecrest client error has occurred",
    "bad_secret": "Operation failed: could not fetch token",
    "cancel_unknown": "Operation failed: a Firecrest client error has occurred",
    "submit_bad_environment": "VAR=VALUE",
}


@pytest.mark.parametrize("name", FAILED)
def test_failures(seen: dict[str, Any], name: str) -> None:
    answer = seen["typed"][name]
    assert answer["status"] in {1, 2}, answer["printed"]
    assert FAILED[name] in answer["printed"]


def test_nothing_else_failed(seen: dict[str, Any]) -> None:
    failed = {name for name, answer in seen["typed"].items() if answer["status"] not in (0, None)}
    assert failed == set(FAILED)


def test_status(parsed: Callable[[str], Any], typed: Callable[[str], str]) -> None:
    assert {one["service"] for one in parsed("services")} >= {"compute", "storage", "tasks"}
    assert parsed("service")[0]["status"] == "available"
    assert "Status of FirecREST services" in typed("services_table")
    assert [one["system"] for one in parsed("systems")] == ["cluster"]
    assert parsed("system")[0]["status"] == "available"
    assert "System ready" in typed("systems_table")
    general = {one["name"]: one["value"] for one in parsed("parameters")["general"]}
    assert general["FIRECREST_VERSION"] == "1.16.6"
    assert "UTILITIES_MAX_FILE_SIZE" in typed("parameters_table")
    assert "/scratch" in {one["path"] for one in parsed("filesystems")["cluster"]}
    assert "/scratch" in typed("filesystem")


def test_who_one_is(typed: Callable[[str], str], seen: dict[str, Any]) -> None:
    assert typed("whoami").strip() == SERVICE_ACCOUNT
    assert typed("id").startswith(f"uid={UID}({SERVICE_ACCOUNT}) gid={UID}({SERVICE_ACCOUNT})")
    assert "10100(hpc)" in typed("id")
    version, whoami = seen["installed"]
    assert (version["status"], whoami["status"]) == (0, 0), seen["installed"]
    assert "FirecREST CLI Version: 3.8.1" in version["printed"]
    assert whoami["printed"].strip() == SERVICE_ACCOUNT


def test_ways_to_be_told(typed: Callable[[str], str], live: Live) -> None:
    """A file that names the system; more words; none of them is the secret."""
    assert "f7t" in typed("configured")
    assert "Making GET request to /status/systems" in typed("verbose")
    assert "GET request to /status/systems took" in typed("debug")
    assert live.secrets["client_secret"] not in typed("debug")


def test_the_cluster(
    parsed: Callable[[str], Any], typed: Callable[[str], str], node_names: set[str]
) -> None:
    assert {one["NodeName"] for one in parsed("nodes")} == node_names
    assert "f7t" in typed("node")
    assert [one["PartitionName"] for one in parsed("partitions")] == ["xfer"]
    assert "part01" in typed("partitions_table")
    assert isinstance(parsed("reservations"), list)
    assert "Information about reservations" in typed("reservations_table")
    assert parsed("reservation") == []


def test_files(
    parsed: Callable[[str], Any], typed: Callable[[str], str], seen: dict[str, Any]
) -> None:
    listed = {one["name"]: one for one in parsed("ls")}
    assert {"lines.txt", "link", "tree", "a"} <= set(listed)
    assert listed["link"]["link_target"] == f"{seen['remote']}/lines.txt"
    assert (listed["lines.txt"]["permissions"], listed["lines.txt"]["group"]) == (
        "rw-r-----",
        "hpc",
    )
    assert {"tree/copy.txt", "tree/moved name.txt"} <= {
        one["name"] for one in parsed("ls_recursive")
    }
    assert "lines.txt" in typed("ls_table")
    size = len("".join(LINES))
    assert (parsed("stat_followed")["size"], parsed("stat")["size"] == size) == (size, False)
    assert str(size) in typed("stat_table")
    assert typed("file").strip() == "ASCII text"
    assert typed("checksum").strip() == hashlib.sha256("".join(LINES).encode()).hexdigest()
    extracted = {one["name"] for one in parsed("extracted")}
    assert {"a/tree/copy.txt", "a/b/tree/copy.txt", "lines.txt"} <= extracted
    assert "link" not in extracted
    assert "Operation cancelled" in typed("rm_asked")


def test_parts_of_files(typed: Callable[[str], str]) -> None:
    assert typed("head") == "line 1\nline 2\n\n"
    assert typed("head_rest") == "line 1\n\n"
    assert typed("head_bytes") == "line 1\n"
    assert typed("tail") == "line 12\n\n"
    assert typed("tail_rest") == "line 12\n\n"
    assert typed("tail_bytes") == "12\n\n"


def test_jobs(parsed: Callable[[str], Any], typed: Callable[[str], str]) -> None:
    submitted = [parsed(name) for name in ("submit", "submit_remote")]
    ids = sorted(str(job["jobid"]) for job in submitted)
    assert sorted(job["jobid"] for job in parsed("poll_active")) == ids
    for name in ("poll_active_table", "poll_table"):
        assert all(one in typed(name) for one in ids)
    rows = {row["jobid"]: row for row in parsed("poll")}
    assert all(rows[one]["state"].startswith("CANCELLED") for one in ids)
    short = parsed("submit_environment")
    assert rows[str(short["jobid"])]["state"] == "COMPLETED"
    assert typed("output") == "a=b\n\n"


def test_tasks(parsed: Callable[[str], Any], typed: Callable[[str], str]) -> None:
    task_id = parsed("submit_environment")["firecrest_taskid"]
    assert parsed("tasks")[task_id]["status"] == "200"
    assert set(parsed("task")) == {task_id}
    for name in ("tasks_table", "tasks_paged"):
        assert "Task information: 1 result" in typed(name)


def test_transfers(
    parsed: Callable[[str], Any], typed: Callable[[str], str], seen: dict[str, Any]
) -> None:
    assert "It is safe to" not in typed("download_external")
    assert "Download the file from:\nhttp://" in typed("download_external")
    assert '"x-amz-signature"' in typed("upload_external")
    rows = {row["jobid"]: row for row in parsed("poll")}
    templates = {name: parsed(name) for name in seen["typed"] if name.startswith("template_")}
    assert len(templates) == 6
    for name, job in templates.items():
        assert job["system"] == "cluster"
        assert rows[str(job["jobid"])]["state"] == "COMPLETED", name
    assert rows[str(templates["template_cp"]["jobid"])]["name"] == "typed-transfer"
    found = {one["name"] for one in parsed("transferred")}
    assert {"cp.txt", "mv.txt", "rsync.txt", "a.tar.gz", "x/tree/copy.txt"} <= found
    assert {"tree/moved name.txt", "b"}.isdisjoint(found)

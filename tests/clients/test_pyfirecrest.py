"""The official clients, unchanged, with client credentials: they must not notice a difference.

Every method of both, what it answers. What they make of failures is in `test_refusals.py`.
"""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.clients.runs import CLIENTS, KINDS, SURFACE
from tests.support.live import SERVICE_ACCOUNT, Live

RUNS = {**CLIENTS, **SURFACE}
HOME = f"/home/{SERVICE_ACCOUNT}"
LINES = [f"line {n}\n" for n in range(1, 13)]
UID = 10010

Seen = dict[str, Any]


@pytest.fixture(params=KINDS)
def seen(request: pytest.FixtureRequest, told: Callable[[str], Any]) -> Seen:
    """What one of the two clients saw, by scene."""
    scenes: Seen = told(request.param)["seen"]
    return scenes


def named(entries: list[Seen]) -> dict[str, Seen]:
    return {entry["name"]: entry for entry in entries}


def test_it_is_the_pinned_client(told: Callable[[str], Any]) -> None:
    pins = (Path(__file__).parent / "requirements.in").read_text().split()
    assert pins == [f"pyfirecrest=={told('surface')['version']}"]


def test_status(seen: Seen) -> None:
    status = seen["status"]
    ready = {"system": "cluster", "status": "available", "description": "System ready"}
    assert status["systems"] == [ready]
    assert status["system"] == ready | {"description": "Filesystem /project is not available"}
    services = {one["service"]: one["status"] for one in status["services"]}
    assert services == dict.fromkeys(
        ("certificator", "utilities", "compute", "tasks", "storage", "reservations"), "available"
    )
    assert (status["service"]["status"], status["service"]["status_code"]) == ("available", 200)
    assert status["filesystem"] == status["filesystems"]
    shown = {one["path"]: one["status"] for one in status["filesystems"]["cluster"]}
    assert shown == {"/home": "available", "/scratch": "available", "/project": "not available"}


def test_parameters(seen: Seen) -> None:
    parameters = seen["status"]["parameters"]
    values = {one["name"]: one["value"] for group in parameters.values() for one in group}
    assert values["FIRECREST_VERSION"] == "1.16.6"
    assert values["WORKLOAD_MANAGER"] == "Slurm"
    assert (values["UTILITIES_MAX_FILE_SIZE"], values["UTILITIES_TIMEOUT"]) == ("5", "5")


def test_changes_of_files(seen: Seen) -> None:
    files = seen["files"]
    remote = files["remote"]
    assert files["answers"] == {
        "mkdir": f"{remote}/one",
        "mkdir -p": f"{remote}/two/deep/er",
        "mkdir -p again": f"{remote}/two/deep/er",
        "mv": f"{remote}/one/moved.dat",
        "copy": f"{remote}/copied",
        "symlink": f"{remote}/one",
        "chmod": None,
        "chown": None,
    }
    [moved] = files["moved"]
    assert (moved["name"], moved["size"]) == ("moved.dat", "256")
    assert (moved["permissions"], moved["group"], moved["user"]) == (
        "rw-r-----",
        "hpc",
        SERVICE_ACCOUNT,
    )
    assert files["copied"]["size"] == "256"
    assert files["delete"] is None
    assert set(named(files["rest"])) == {"in memory.dat", "one", "copied", "link"}


def test_listings_of_files(seen: Seen) -> None:
    files = seen["files"]
    plain, hidden = named(files["plain"]), named(files["hidden"])
    assert set(plain) == {"in memory.dat", "one", "two", "copied", "link"}
    assert set(hidden) - set(plain) == {".hidden"}
    assert {name: one["type"] for name, one in plain.items()} == {
        "in memory.dat": "-",
        "one": "d",
        "two": "d",
        "copied": "d",
        "link": "l",
    }
    assert plain["link"]["link_target"] == f"{files['remote']}/one"
    assert {"one/moved.dat", "two/deep/er", "copied/moved.dat"} <= set(named(files["recursive"]))


def test_stat(seen: Seen) -> None:
    files = seen["files"]
    assert stat.S_ISLNK(files["link"]["mode"])
    assert stat.S_ISDIR(files["behind"]["mode"])
    assert files["behind"] == files["directory"]
    assert (files["behind"]["uid"], files["behind"]["gid"]) == (UID, UID)


def test_contents_of_files(seen: Seen) -> None:
    contents = seen["contents"]
    assert contents["round trips"] == [True, True, True]
    assert contents["checksum"]
    assert contents["file_type"] == "ASCII text"
    assert contents["file_type of a directory"] == "directory"
    text = "".join(LINES)
    assert contents["view"] == text
    assert contents["head"] == "".join(LINES[:10])
    assert contents["head lines"] == "line 1\nline 2\n"
    assert contents["head bytes"] == "line 1"
    assert contents["head lines, rest"] == "line 1\n"
    assert contents["head bytes, rest"] == text[:-90]
    assert contents["tail"] == "".join(LINES[2:])
    assert contents["tail lines"] == "line 12\n"
    assert contents["tail bytes"] == "12\n"
    assert contents["tail lines, rest"] == "line 12\n"
    assert contents["tail bytes, rest"] == text[89:]


def test_identity(seen: Seen) -> None:
    contents = seen["contents"]
    assert contents["whoami"] == [SERVICE_ACCOUNT, SERVICE_ACCOUNT]
    own, hpc = {"name": SERVICE_ACCOUNT, "id": str(UID)}, {"name": "hpc", "id": "10100"}
    assert (contents["groups"]["user"], contents["groups"]["group"]) == (own, own)
    assert sorted(one["name"] for one in contents["groups"]["groups"]) == ["hpc", SERVICE_ACCOUNT]
    assert hpc in contents["groups"]["groups"]


def test_archives(seen: Seen) -> None:
    archives = seen["archives"]
    remote = archives["remote"]
    assert archives["packed"] == f"{remote}/tree.tar.gz"
    tree = {"tree": "d", "tree/sub": "d", "tree/sub/a file": "-", "tree/link": "l"}
    assert archives["auto: entries"] == archives["fallback: entries"] == tree
    assert archives["told: entries"] == {**tree, "tree/link": "-"}
    assert archives["auto"] == f"{remote}/auto"


def test_submissions(seen: Seen) -> None:
    jobs = seen["jobs"]
    submitted = jobs["submitted"]
    for job in submitted.values():
        assert isinstance(job["jobid"], int)
        assert job["result"] == "Job submitted"
        assert (job["job_data_out"], job["job_data_err"]) == ("", "")
    text = submitted["text"]
    directory = f"{HOME}/firecrest/{text['firecrest_taskid']}"
    assert text["job_file"] == f"{directory}/script.batch"
    assert text["job_file_out"] == f"{directory}/slurm-{text['jobid']}.out"
    assert submitted["local"]["job_file"].endswith("/job.sh")
    for name in ("remote", "old remote"):
        assert submitted[name]["job_file"] == f"{jobs['remote']}/job.sh"
    assert (jobs["output"], jobs["output of the remote"]) == ("a b,c\n", "x\n")
    assert jobs["two scripts"]["class"] == "ValueError"


def test_accounting(seen: Seen) -> None:
    jobs = seen["jobs"]
    ids = sorted(str(job["jobid"]) for job in jobs["submitted"].values())
    assert sorted(row["jobid"] for row in jobs["rows"]) == ids
    ended = {(row["name"], row["state"], row["exit_code"]) for row in jobs["rows"]}
    assert ended == {("client", "COMPLETED", "0:0")}
    assert sorted(row["jobid"] for row in jobs["poll by text"]) == ids
    assert [row["jobid"] for row in jobs["page"]] == [row["jobid"] for row in jobs["poll by text"]][
        2:4
    ]
    assert [sorted(rows) for rows in jobs["periods"]] == [ids] * 3
    assert jobs["long ago"] == []


def test_active_jobs_and_cancelling(seen: Seen) -> None:
    jobs = seen["jobs_in_pages"]
    ids = [str(one) for one in jobs["sleepers"]]
    assert [(job["jobid"], job["state"]) for job in jobs["active"]] == [
        (ids[0], "RUNNING"),
        (ids[1], "PENDING"),
    ]
    assert {job["name"] for job in jobs["active"]} == {"sleeper"}
    assert jobs["pages"] == [ids[:1], ids[1:], []]
    assert jobs["beyond"]["class"] == "FirecrestException"
    assert "pageNumber (9) is greater than total pages (1)" in jobs["beyond"]["text"]
    assert set(ids) <= set(jobs["everything"])
    assert jobs["cancel"] == [f"scancel: Terminating job {one}" for one in ids]
    assert jobs["states"] == [f"CANCELLED by {UID}"] * 2


def test_merged_requests(told: Callable[[str], Any]) -> None:
    """Only the asynchronous client asks for several callers at once."""
    merged = told("AsyncFirecrest")["seen"]["merged"]
    assert merged["names"] == ["merged-0", "merged-1", "merged-2"]
    assert merged["found"] == [True, True, True]
    assert set(map(str, merged["ids"])) == set(merged["accounted"])


def test_nodes_and_partitions(seen: Seen, node_names: set[str]) -> None:
    cluster = seen["cluster"]
    nodes = {node["NodeName"]: node for node in cluster["nodes"]}
    assert set(nodes) == node_names
    assert nodes["cluster"]["ActiveFeatures"] == ["f7t"]
    assert {"part01", "part02"} <= set(nodes["cluster"]["Partitions"])
    assert isinstance(nodes["cluster"]["State"], list)
    assert [node["NodeName"] for node in cluster["node"]] == ["cluster"]
    partitions = {one["PartitionName"]: one for one in cluster["partitions"]}
    assert set(partitions) == {"part01", "part02", "xfer"}
    assert [one["Default"] for one in partitions.values()].count("YES") == 1
    assert partitions["part01"]["Default"] == "YES"
    assert cluster["partition"] == [partitions["xfer"]]
    assert all(isinstance(value, str) for value in partitions["xfer"].values())
    assert cluster["unknown partition"] == []


def test_reservations(seen: Seen) -> None:
    cluster = seen["cluster"]
    name, times = cluster["name"], cluster["times"]
    assert cluster["create"] is None
    [one] = cluster["reservation"]
    assert (one["ReservationName"], one["StartTime"], one["EndTime"]) == (name, *times[:2])
    assert one["Features"] == ["f7t"]
    assert cluster["reservations"] == [one]
    assert cluster["unknown reservation"] == []
    [created] = cluster["created"]
    assert (created["reservationname"], created["nodecnt"], created["accounts"]) == (
        name,
        "1",
        "test",
    )
    [updated] = cluster["updated"]
    assert (updated["nodecnt"], updated["starttime"], updated["endtime"]) == (
        "2",
        times[0],
        times[2],
    )
    assert cluster["delete"] is None
    assert cluster["deleted"] == []


def test_internal_transfers(seen: Seen) -> None:
    internal = seen["internal"]
    for name, job in internal["submitted"].items():
        assert isinstance(job["jobid"], int), name
        assert (job["system"], job["result"]) == ("cluster", "Job submitted")
        directory = f"{HOME}/firecrest/"
        assert job["job_file"].startswith(directory)
        assert job["job_file"].endswith("/sbatch-job.sh")
        assert job["job_file_out"].endswith(f"/job-{job['jobid']}.out")
        assert job["job_file_err"].endswith(f"/job-{job['jobid']}.err")
    assert internal["noise"] == [""] * 6
    names = {str(job["jobid"]): name for name, job in internal["submitted"].items()}
    rows = {names[row["jobid"]]: row for row in internal["rows"]}
    assert {row["state"] for row in rows.values()} == {"COMPLETED"}
    assert {row["partition"] for row in rows.values()} == {"xfer"}
    assert {name: row["name"] for name, row in rows.items()} == {
        "cp": "client-transfer",
        "mv": "mv-job",
        "rsync": "rsync-job",
        "compress": "compress-job",
        "extract": "extract-job",
        "rm": "last",
    }


def test_what_internal_transfers_made(seen: Seen) -> None:
    assert seen["internal"]["entries"] == {
        "copied": "d",
        "copied/file": "-",
        "copied.new": "d",
        "copied.new/file": "-",
        "moved.new": "d",
        "moved.new/file": "-",
        "synced": "d",
        "synced/file": "-",
        "synced.new": "d",
        "synced.new/file": "-",
        "packed": "d",
        "packed/file": "-",
        "packed/link": "l",
        "packed.tar.gz": "-",
        "given.tar.gz": "-",
        "extracted": "d",
        "extracted/packed": "d",
        "extracted/packed/file": "-",
        "extracted/packed/link": "l",
    }


FORM = {
    "key",
    "policy",
    *("x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature"),
}


def test_external_uploads(seen: Seen) -> None:
    """`finish_upload` of the blocking client runs the printed command without a shell."""
    uploads = seen["uploads"]
    remote = uploads["remote"]
    assert uploads["same client"]
    assert uploads["before"] == ["111", True]
    assert uploads["offered"]["hash_id"] == uploads["task_id"]
    form = uploads["form"]
    assert form["command"].startswith("curl ")
    assert set(form["parameters"]) == {
        "method",
        "url",
        "data",
        "files",
        "json",
        "params",
        "headers",
    }
    assert set(form["parameters"]["data"]) == FORM
    assert FORM | {"url", "method"} <= set(form)
    assert not {"cert", "action", "download_url"} & set(form)
    assert uploads["states"] == ["114", "114"]
    assert [data["target"] for data in uploads["data"]] == [
        f"{remote}/large file.dat",
        f"{remote}/other name.dat",
    ]
    assert uploads["sizes"] == dict.fromkeys(("large file.dat", "other name.dat"), str(6 << 20))
    assert uploads["equal"]
    assert "Failed to finish upload" in uploads["no local file"]["text"]


def test_external_downloads(seen: Seen) -> None:
    downloads = seen["downloads"]
    assert downloads["same client"]
    assert downloads["state"] == ["117", False]
    expected = {
        "url": downloads["link"],
        "source": f"{downloads['remote']}/source file.dat",
        "system_name": "cluster",
    }
    assert downloads["data"] == downloads["object_storage_data"] == expected
    assert f"/{SERVICE_ACCOUNT}/{downloads['task_id']}/" in downloads["link"]
    assert downloads["early"]["status"] in {"100", "116", "117"}
    assert downloads["early"]["in_progress"] in {True, False}
    assert set(downloads["early"]["object_storage_data"]) == set(expected)
    assert downloads["round trips"] == [True] * 4
    assert (downloads["fetched"], downloads["fetched after"]) == (200, 404)
    assert (downloads["invalidate"], downloads["again"]) == (None, None)


def test_sessions(seen: Seen) -> None:
    sessions = seen["sessions"]
    assert (sessions["log"], sessions["set"]) == (None, None)
    assert sessions["by command"] == ["cluster"]
    assert sessions["failing command"]["class"] == "RuntimeError"


def test_the_asynchronous_session(told: Callable[[str], Any]) -> None:
    sessions = told("AsyncFirecrest")["seen"]["sessions"]
    assert sessions["closed"] == [False, True, False]
    assert sessions["when closed"]["class"] == "RuntimeError"
    assert sessions["when new"] == ["cluster"]


def test_requests_of_the_clients_are_in_the_log(seen: Seen, live: Live) -> None:
    """It was this gateway that they spoke to, and no secret is in what it wrote."""
    log = live.log("gateway")
    assert SERVICE_ACCOUNT in log
    assert live.secrets["client_secret"] not in log

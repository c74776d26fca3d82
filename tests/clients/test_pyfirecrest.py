"""The official client, unchanged, with client credentials: it must not notice a difference."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.live import SERVICE_ACCOUNT, Live

Script = Callable[..., Any]
HOME = f"/home/{SERVICE_ACCOUNT}"


@pytest.fixture(scope="module")
def blocking(run_script: Script, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the blocking client saw."""
    seen: dict[str, Any] = run_script("blocking", tmp_path_factory.mktemp("blocking"))
    return seen


@pytest.fixture(scope="module")
def errors(run_script: Script, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """What each call failed with."""
    seen: dict[str, list[Any]] = run_script("errors", tmp_path_factory.mktemp("errors"))
    return seen


def test_it_is_the_pinned_client(blocking: dict[str, Any]) -> None:
    pins = (Path(__file__).parent / "requirements.in").read_text().split()
    assert pins == [f"pyfirecrest=={blocking['version']}"]


def test_identity(blocking: dict[str, Any]) -> None:
    assert blocking["whoami"] == SERVICE_ACCOUNT


def test_status(blocking: dict[str, Any]) -> None:
    ready = {"system": "cluster", "status": "available", "description": "System ready"}
    assert blocking["systems"] == [ready]
    assert blocking["system"] == ready | {"description": "Filesystem /project is not available"}
    assert "compute" in {one["service"] for one in blocking["services"]}
    assert blocking["service"]["status"] == "available"
    general = {one["name"]: one["value"] for one in blocking["parameters"]["general"]}
    assert general["FIRECREST_VERSION"] == "1.16.6"


def test_files(blocking: dict[str, Any]) -> None:
    found = {entry["name"]: entry for entry in blocking["list_files"]}
    assert found["local.dat"]["size"] == "256"
    assert found["local.dat"]["user"] == SERVICE_ACCOUNT
    assert "in memory.dat" in found
    assert ".bashrc" in blocking["hidden"]
    assert blocking["round_trip"]
    assert blocking["in_memory"] == "from memory"


def test_submissions(blocking: dict[str, Any]) -> None:
    submitted = blocking["submitted"]
    for job in submitted.values():
        assert isinstance(job["jobid"], int)
        assert job["result"] == "Job submitted"
    text = submitted["text"]
    assert text["job_file"] == f"{HOME}/firecrest/{text['firecrest_taskid']}/script.batch"
    assert submitted["remote"]["job_file"] == f"{HOME}/job.sh"
    assert blocking["output"] == "a b,c\n"


def test_polling(blocking: dict[str, Any]) -> None:
    ids = sorted(str(job["jobid"]) for job in blocking["submitted"].values())
    assert sorted(row["jobid"] for row in blocking["poll"]) == ids
    assert {(row["name"], row["state"]) for row in blocking["poll"]} == {("client", "COMPLETED")}


def test_active_jobs_and_cancelling(blocking: dict[str, Any]) -> None:
    [job] = blocking["poll_active"]
    assert (job["jobid"], job["name"]) == (str(blocking["sleeper"]), "sleeper")
    assert blocking["active_page"] == 1
    assert f"Terminating job {blocking['sleeper']}" in blocking["cancel"]
    assert str(blocking["sleeper"]) not in blocking["active_after_cancel"]


def test_external_transfers(blocking: dict[str, Any]) -> None:
    """`finish_upload` runs the printed command without a shell and needs exit code 0."""
    assert blocking["upload_command"].startswith("curl ")
    assert blocking["upload_status"] == "114"
    assert blocking["upload_data"]["target"] == f"{HOME}/large file.dat"
    assert blocking["download_status"] == "117"
    assert blocking["external_round_trip"]
    assert blocking["link_after_invalidation"] == 404


def test_asynchronous_client(run_script: Script, tmp_path: Path) -> None:
    seen = run_script("asynchronous", tmp_path)
    assert seen == {
        "systems": [{"system": "cluster", "status": "available", "description": "System ready"}],
        "listed": True,
        "content": "async",
        "names": ["async-0", "async-1", "async-2"],
        "active": [True],
        "cancelled": True,
        "upload": "114",
        "round_trip": True,
    }


HEADER = "HeaderException"
FAILED = "FirecrestException"
EXPECTED: dict[str, tuple[str, int, list[str], str]] = {
    "missing path": (HEADER, 400, ["X-Invalid-Path"], f"{HOME}/absent is an invalid path"),
    "denied path": (HEADER, 400, ["X-Permission-Denied"], "machine or path"),
    "missing download": (HEADER, 400, ["X-Not-Found"], "sourcePath not found"),
    "missing upload directory": (HEADER, 400, ["X-Invalid-Path"], "path is an invalid path"),
    "unknown machine": (HEADER, 400, ["X-Machine-Does-Not-Exist"], "Machine does not exist"),
    "unknown machine of a job": (
        HEADER,
        400,
        ["X-Machine-Does-Not-Exist", "X-Machine-Does-Not-Exists"],
        "Machine does not exist",
    ),
    "missing script": (HEADER, 400, ["X-Invalid-Path"], f"{HOME}/absent is an invalid path."),
    "no batch script": (FAILED, 200, [], "does not look like a batch script"),
    "bad job id": (FAILED, 400, [], "abc is not a valid job ID"),
    "unknown job": (FAILED, 200, [], "Invalid job id"),
    "unknown job to cancel": (FAILED, 200, [], "Invalid job id"),
    "bad time": (FAILED, 400, [], "'starttime' is not a valid time"),
    "missing external source": (HEADER, 400, ["X-Invalid-Path"], "is an invalid path."),
    "denied external target": (HEADER, 400, ["X-Permission-Denied"], "machine or path"),
    "unknown system": ("NotFound", 404, [], "System does not exists."),
    "unknown service": ("NotFound", 404, [], "Service does not exists"),
    "bad token": ("UnauthorizedException", 401, [], "Bad token"),
    "bad secret": ("ClientsCredentialsException", 401, [], "credentials"),
}


OF_THE_ISSUER = {"bad secret"}
"""Answered by the identity provider, whose own headers are not the contract's."""


@pytest.mark.parametrize("call", EXPECTED)
def test_errors(errors: dict[str, list[Any]], call: str) -> None:
    """Classes and texts that clients tell failures apart by (contract §5)."""
    kind, status, headers, text = EXPECTED[call]
    assert errors[call], "it did not fail"
    seen_kind, seen_status, seen_headers, seen_text = errors[call]
    if call in OF_THE_ISSUER:
        seen_headers = []
    assert (seen_kind, seen_status, sorted(seen_headers)) == (kind, status, headers)
    assert text in seen_text


def test_nothing_else_was_tried(errors: dict[str, list[Any]]) -> None:
    assert errors.keys() == EXPECTED.keys()


def test_requests_of_the_client_are_in_the_log(blocking: dict[str, Any], live: Live) -> None:
    """It was this gateway that the client spoke to, and no secret is in what it wrote."""
    log = live.log("gateway")
    assert SERVICE_ACCOUNT in log
    assert live.secrets["client_secret"] not in log

"""C0, C1: submissions that are refused, by the service or by the scheduler."""

from __future__ import annotations

import pytest

from f7t_conformance.api import Api, Unexpected
from f7t_conformance.belongings import Belongings
from f7t_conformance.binding import requirement
from f7t_conformance.jobs import outcome

_UPLOAD = "/compute/jobs/upload"
_MIB = 1024 * 1024


@requirement("F7T-JOB-019")
def test_scheduler_refuses_the_partition(api: Api, belongings: Belongings) -> None:
    belongings.spend_job()
    script = b"#!/bin/bash\n#SBATCH --partition=f7t-conformance-none\ntrue\n"
    answer = api.call("POST", _UPLOAD, files={"file": ("job.sh", script)})
    said = outcome(api, answer, "400")
    if "partition" not in str(said).lower():
        raise Unexpected("the scheduler's words on the partition", repr(said))


@requirement("F7T-JOB-020")
def test_scheduler_refuses_what_is_no_script(api: Api, belongings: Belongings) -> None:
    belongings.spend_job()
    answer = api.call("POST", _UPLOAD, files={"file": ("job.sh", b"no script\n")})
    said = outcome(api, answer, "400")
    if "script" not in str(said):
        raise Unexpected("the scheduler's words on the script", repr(said))


@requirement("F7T-JOB-021")
def test_file_is_missing(api: Api) -> None:
    api.post(_UPLOAD, env="{}").expect(
        400, description="Failed to submit job file", error="No batch file part"
    )


@requirement("F7T-JOB-022")
def test_file_has_no_name(api: Api) -> None:
    body = (
        b'--cut\r\nContent-Disposition: form-data; name="file"; filename=""\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n#!/bin/sh\n\r\n--cut--\r\n"
    )
    kind = {"Content-Type": "multipart/form-data; boundary=cut"}
    api.call("POST", _UPLOAD, data=body, headers=kind).expect(
        400, description="Failed to submit job file", error="No batch file selected"
    )


@requirement("F7T-JOB-023")
def test_file_is_empty(api: Api) -> None:
    api.call("POST", _UPLOAD, files={"file": ("job.sh", b"")}).expect(
        400, description="Failed to submit job file", error="Batch file is empty"
    )


@pytest.mark.parametrize(
    ("account", "verdict"),
    [
        pytest.param("", "is empty", marks=requirement("F7T-JOB-024")),
        pytest.param("a;b", "has invalid char", marks=requirement("F7T-JOB-025")),
    ],
)
def test_account_is_wrong(api: Api, belongings: Belongings, account: str, verdict: str) -> None:
    files = {"file": ("job.sh", belongings.script("true"))}
    answer = api.call("POST", _UPLOAD, form={"account": account}, files=files)
    answer.expect(400, description="Invalid account", error=f"'account' {verdict}")


@requirement("F7T-JOB-026")
def test_variables_are_no_json(api: Api, belongings: Belongings) -> None:
    files = {"file": ("job.sh", belongings.script("true"))}
    answer = api.call("POST", _UPLOAD, form={"env": "{no"}, files=files)
    error = "Invalid JSON in 'env' variable ({no)"
    answer.expect(400, description="Failed to submit job", error=error)


@requirement("F7T-JOB-027")
def test_body_is_too_large(api: Api) -> None:
    out = api.get("/status/parameters").expect(200).json["out"]
    known = {one["name"]: str(one["value"]) for group in out.values() for one in group}
    text = known.get("UTILITIES_MAX_FILE_SIZE", "")
    if not text.isdecimal():
        raise Unexpected("a number of megabytes as UTILITIES_MAX_FILE_SIZE", text)
    limit = int(text)
    script = b"#!/bin/bash\n" + b"#" * (limit * _MIB) + b"\n"
    answer = api.call("POST", _UPLOAD, files={"file": ("job.sh", script)})
    error = f"Failed to upload batch script. The file is over {limit} MB"
    answer.expect(413, description=error)

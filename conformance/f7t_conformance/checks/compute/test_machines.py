"""Pre-checks of compute.md: the machine that a call names."""

from __future__ import annotations

import pytest

from f7t_conformance.api import Api
from f7t_conformance.binding import requirement

_UNKNOWN = {"X-Machine-Name": "f7t-conformance-none"}


@requirement("F7T-JOB-121")
def test_machine_is_missing(api: Api) -> None:
    answer = api.call("GET", "/compute/jobs", headers={"X-Machine-Name": None})
    answer.expect(400, description="No machine name given")


@requirement("F7T-JOB-122")
def test_machine_is_missing_at_a_submission_by_path(api: Api) -> None:
    form = {"targetPath": "/tmp/f7t-conformance-none"}
    answer = api.call("POST", "/compute/jobs/path", form=form, headers={"X-Machine-Name": None})
    answer.expect(400, description="Failed to submit job", error="No machine name given")


@pytest.mark.parametrize(
    ("method", "path", "description"),
    [
        pytest.param(
            "GET",
            "/compute/jobs",
            "Failed to retrieve jobs information",
            marks=requirement("F7T-JOB-123"),
        ),
        pytest.param(
            "GET",
            "/compute/jobs/1",
            "Failed to retrieve job information",
            marks=requirement("F7T-JOB-124"),
        ),
        pytest.param(
            "DELETE",
            "/compute/jobs/1",
            "Failed to delete job",
            marks=requirement("F7T-JOB-125"),
        ),
        pytest.param(
            "GET",
            "/compute/acct",
            "Failed to retrieve account information",
            marks=requirement("F7T-JOB-126"),
        ),
    ],
)
def test_machine_is_unknown(api: Api, method: str, path: str, description: str) -> None:
    answer = api.call(method, path, headers=_UNKNOWN)
    answer.expect(
        400,
        header="X-Machine-Does-Not-Exists",
        value="Machine does not exists",
        description=description,
        error="Machine does not exists",
    )


@requirement("F7T-JOB-127")
def test_unknown_machine_is_told_in_the_singular_too(api: Api) -> None:
    answer = api.call("GET", "/compute/jobs", headers=_UNKNOWN)
    answer.expect(400, header="X-Machine-Does-Not-Exist", value="Machine does not exist")

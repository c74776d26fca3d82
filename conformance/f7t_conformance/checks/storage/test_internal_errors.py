"""X4 to X9: transfers that are refused before a job is made."""

from __future__ import annotations

import pytest

from f7t_conformance.api import Api, Unexpected
from f7t_conformance.binding import requirement

PATHS = {"sourcePath": "f7t-conformance-a.tar", "targetPath": "f7t-conformance-b"}
OPERATIONS = ("cp", "mv", "rsync", "rm", "compress", "extract")
VERDICTS = ((None, "not specified"), ("", "is empty"), ("a;b", "has invalid char"))


def path_of(operation: str) -> str:
    return f"/storage/xfer-internal/{operation}"


@requirement("F7T-XFER-113")
def test_targets_are_validated(api: Api) -> None:
    for operation in OPERATIONS:
        for value, verdict in VERDICTS:
            api.post(path_of(operation), **{**PATHS, "targetPath": value}).expect(
                400,
                description=f"Error on {operation} operation",
                error=f"'targetPath' {verdict}",
            )


@requirement("F7T-XFER-114")
def test_sources_are_validated(api: Api) -> None:
    for operation in OPERATIONS:
        for value, verdict in VERDICTS:
            if operation != "rm":
                api.post(path_of(operation), **{**PATHS, "sourcePath": value}).expect(
                    400,
                    description=f"Error on {operation} operation",
                    error=f"'sourcePath' {verdict}",
                )


@pytest.mark.parametrize(
    ("name", "wrong", "description", "error"),
    [
        pytest.param(
            "jobName",
            "a;b",
            "Invalid jobName",
            "'jobName' has invalid char",
            marks=requirement("F7T-XFER-115"),
        ),
        pytest.param(
            "stageOutJobId",
            "1;2",
            "Invalid stageOutJobId",
            "'stageOutJobId' has invalid char",
            marks=requirement("F7T-XFER-116"),
        ),
        pytest.param(
            "account",
            "",
            "Invalid account",
            "'account' is empty",
            marks=requirement("F7T-XFER-117"),
        ),
    ],
)
def test_options_are_validated(
    api: Api, name: str, wrong: str, description: str, error: str
) -> None:
    for operation in OPERATIONS:
        answer = api.post(path_of(operation), **{**PATHS, name: wrong})
        answer.expect(400, description=description, error=error)


@requirement("F7T-XFER-118")
def test_other_times_are_refused(api: Api) -> None:
    for wrong in ("soon", "1:2:3:4", "-5", "1-", "1d", "1-2:3:4:5"):
        api.post(path_of("cp"), **PATHS, time=wrong).expect(400, error="Not supported time format")


@requirement("F7T-XFER-119")
def test_a_machine_is_named(api: Api) -> None:
    for operation in OPERATIONS:
        answer = api.call("POST", path_of(operation), form=PATHS, headers={"X-Machine-Name": None})
        answer.expect(400, description="No machine name given")


@requirement("F7T-XFER-120")
def test_an_unknown_machine_is_refused(api: Api) -> None:
    for operation in OPERATIONS:
        answer = api.call(
            "POST",
            path_of(operation),
            form=PATHS,
            headers={"X-Machine-Name": "f7t-no-such-system"},
        )
        answer.expect(
            400,
            header="X-Machine-Does-Not-Exists",
            value="Machine does not exists",
            error="Machine does not exists",
        )


@requirement("F7T-XFER-121")
def test_unknown_archives_are_refused(api: Api) -> None:
    form = {**PATHS, "sourcePath": "f7t-conformance.odd"}
    answer = api.post(path_of("extract"), **form)
    answer.expect(400, description="Error on extract operation")
    if answer.json.get("error") != "Unsupported file format in f7t-conformance.odd.":
        raise Unexpected("Unsupported file format in f7t-conformance.odd.", answer.excerpt)

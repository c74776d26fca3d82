"""`/compute` with bad input: the contract's error, no task, no job (D23, D24)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import quote

import pytest

from tests.firecrest.services.cases import (
    DENIED,
    FORBIDDEN,
    HOME,
    Case,
    all_cases,
    check,
    forbidden,
    machines,
    methods,
    name_of,
    unknown_paths,
    unpublished,
    validated,
)
from tests.firecrest.services.wire import (
    Matching,
    Part,
    Request,
    form,
    get,
    in_chunks,
    multipart,
    raw_multipart,
)
from tests.support.live import Live

pytestmark = pytest.mark.usefixtures("untouched")

SCRIPT = b"#!/bin/sh\ntouch ~/executed\n"
SUBMITS = ("/compute/jobs", "/compute/jobs/upload")
BY_PATH = "/compute/jobs/path"
FAILED = "Failed to submit job file"
LIMIT = 5 * 1024 * 1024
TEXT = Matching(".")
JOBS = "Failed to retrieve jobs information"
JOB = "Failed to retrieve job information"
ACCT = "Failed to retrieve account information"


def submit(path: str, *more: Part, name: str = "job.sh", content: bytes = SCRIPT) -> Request:
    return multipart("POST", path, Part("file", content, name), *more)


def by_path(path: str = f"{HOME}/job.sh", **fields: str) -> Request:
    return form("POST", BY_PATH, targetPath=path, **fields)


BAD_ENVIRONMENTS = (
    "",
    "{",
    "A=B",
    "null",
    "[]",
    '"text"',
    "1",
    '{"A": null}',
    '{"A": ["b"]}',
    '{"A": {"b": "c"}}',
    '{"A B": "c"}',
    '{"": "c"}',
    '{"1A": "c"}',
    '{"A=B": "c"}',
    '{"A;touch ~/executed": "c"}',
    '{"$(touch ~/executed)": "c"}',
    '{"A": "\\u0000"}',
    '{"A": "\\ud800"}',
    "[" * 5000,
    "日本",
)


def _submissions(path: str) -> Iterator[Case]:
    def refused(error: str) -> dict[str, str]:
        return {"description": FAILED, "error": error}

    account = Part("account", b"test")
    no_file = refused("No batch file part")
    yield Case(f"{path}: no file", multipart("POST", path, account), 400, no_file)
    yield Case(f"{path}: file as text", multipart("POST", path, Part("file", SCRIPT)), 400, no_file)
    yield Case(f"{path}: URL-encoded", form("POST", path, file="#!/bin/sh"), 400, no_file)
    json_body = Request("POST", path, body=b'{"file": "#!/bin/sh"}')
    as_json = json_body.with_header("Content-Type", "application/json")
    yield Case(f"{path}: JSON", as_json, 400, no_file)
    yield Case(f"{path}: no body", Request("POST", path), 400, no_file)
    yield Case(
        f"{path}: empty file", submit(path, content=b""), 400, refused("Batch file is empty")
    )
    nameless = submit(path, name="")
    yield Case(f"{path}: no file name", nameless, 400, refused("No batch file selected"))
    empty = {"description": "Invalid account", "error": "'account' is empty"}
    yield Case(f"{path}: empty account", submit(path, Part("account", b"")), 400, empty)
    invalid = {"description": "Invalid account", "error": "'account' has invalid char"}
    # Line breaks at the end of a part belong to the form, the rest to the value.
    for character in FORBIDDEN:
        request = submit(path, Part("account", f"a{character}b".encode()))
        yield Case(f"{path}: account with {character!r}", request, 400, invalid)
    for text in BAD_ENVIRONMENTS:
        body = {
            "description": "Failed to submit job",
            "error": f"Invalid JSON in 'env' variable ({text})",
        }
        request = submit(path, Part("env", text.encode()))
        yield Case(f"{path}: env {text[:40]!r}", request, 400, body)
    broken = {"description": "The request body cannot be parsed", "error": TEXT}
    yield Case(f"{path}: malformed", raw_multipart("POST", path, b"nonsense"), 400, broken)
    large = {"description": "Failed to upload batch script. The file is over 5 MB"}
    huge = submit(path, content=b"#" * LIMIT)
    yield Case(f"{path}: oversized", huge, 413, large)
    yield Case(f"{path}: oversized in chunks", in_chunks(huge), 413, large)
    expecting = huge.with_header("Expect", "100-continue")
    yield Case(f"{path}: oversized, expecting", expecting, 413, large)


def _submissions_by_path() -> Iterator[Case]:
    plain = {"description": "Failed to submit job"}
    no_machine = {**plain, "error": "No machine name given"}
    for value in (None, ""):
        request = by_path().with_header("X-Machine-Name", value)
        yield Case(f"path: machine {value!r}", request, 400, no_machine)

    def remote(name: str, path: str, headers: dict[str, str]) -> Case:
        return Case(f"path: {name}", by_path(path), 400, plain, headers)

    absent = f"{HOME}/absent"
    yield remote("missing", absent, {"X-Invalid-Path": f"{absent} is an invalid path."})
    odd = f"{HOME}/日本"
    yield remote("non-Latin", odd, {"X-Invalid-Path": f"{HOME}/\\u65e5\\u672c is an invalid path."})
    yield remote("directory", HOME, {"X-A-Directory": f"{HOME} is a directory"})
    yield remote("denied", "/home/test1/test_file.txt", DENIED)
    yield remote("forbidden script", "/srv/f7t/test_sbatch_forbidden.sh", DENIED)
    yield remote("long name", f"/{'x' * 256}", {"X-Error": "File name too long"})
    for text in BAD_ENVIRONMENTS:
        body = {**plain, "error": "Invalid JSON environment provided"}
        yield Case(f"path: env {text[:40]!r}", by_path(env=text), 400, body)
    body = {"description": "Invalid account", "error": "'account' is empty"}
    yield Case("path: empty account", by_path(account=""), 400, body)
    large = {"description": "Failed to upload batch script. The file is over 5 MB"}
    yield Case("path: oversized", by_path("x" * (LIMIT + 1)), 413, large)


NO_JOB_IDS = (
    "abc",
    "-1",
    "1.0",
    "0x1",
    "1 2",
    "1_",
    "_1",
    "1_[]",
    "1_[1-]",
    "1+",
    "--me",
    "--user=test1",
    "-u test1",
    "٣",
    "日本",
    "1_[1-2]x",
    "*",
    "%",
)


def _queue() -> Iterator[Case]:
    def jobs(text: str) -> Request:
        return get("/compute/jobs", jobs=text)

    empty = {"description": JOBS, "error": "'jobs' is empty"}
    yield Case("jobs: empty", jobs(""), 400, empty)
    invalid = {"description": JOBS, "error": "'jobs' has invalid char"}
    yield from forbidden("jobs:", jobs, invalid)
    yield Case("jobs: 1;2", jobs("1;2"), 400, invalid)
    wrong = {"description": JOB, "error": "Jobs list wrong format"}
    for text in (",", "1,,2", "1,", ",1"):
        yield Case(f"jobs: {text}", jobs(text), 400, wrong)
    for text in NO_JOB_IDS:
        body = {"description": JOB, "error": f"{text} is not a valid job ID"}
        yield Case(f"jobs: {text}", jobs(text), 400, body)
        yield Case(f"jobs: 1,{text}", jobs(f"1,{text}"), 400, body)
        yield Case(f"job: {text}", get(f"/compute/jobs/{quote(text)}"), 400, body)
    invalid = {"description": JOB, "error": "'jobid' has invalid char"}
    for character in FORBIDDEN:
        request = get(f"/compute/jobs/1{quote(character)}2")
        yield Case(f"job: with {character!r}", request, 400, invalid)


def _cancel() -> Iterator[Case]:
    body = {"description": "Failed to delete job", "error": "'jobid' has invalid char"}
    for character in FORBIDDEN:
        request = Request("DELETE", f"/compute/jobs/1{quote(character)}2")
        yield Case(f"cancel: with {character!r}", request, 400, body)


def _accounting() -> Iterator[Case]:
    def acct(**parameters: str) -> Request:
        return get("/compute/acct", **parameters)

    empty = {"description": ACCT, "error": "'jobs' is empty"}
    yield Case("acct: empty jobs", acct(jobs=""), 400, empty)
    invalid = {"description": ACCT, "error": "'jobs' has invalid char"}
    yield from forbidden("acct: jobs", lambda text: acct(jobs=text), invalid)
    for name in ("starttime", "endtime"):
        for text in ("now", "yesterday", "2026-13-01", "2026-02-30", "25:00", "1", "日本", "-1"):
            body = {"description": ACCT, "error": Matching(f"'{name}' .*YYYY-MM-DD")}
            yield Case(f"acct: {name} {text}", acct(**{name: text}), 400, body)
        verdict = {"description": ACCT, "error": f"'{name}' is empty"}
        yield Case(f"acct: empty {name}", acct(**{name: ""}), 400, verdict)
        verdict = {"description": ACCT, "error": f"'{name}' has invalid char"}
        yield Case(f"acct: {name} with ;", acct(**{name: "2026-01-01;id"}), 400, verdict)


ALL = "GET POST DELETE"
CASES = all_cases(
    *(machines(p, submit(p), description=FAILED, both=True) for p in SUBMITS),
    *(_submissions(path) for path in SUBMITS),
    (
        case
        for case in machines("path", by_path(), description="Failed to submit job", both=True)
        if case.headers
    ),
    validated(
        "path",
        "targetPath",
        by_path,
        form("POST", BY_PATH, account="test"),
        description="Failed to submit job",
    ),
    _submissions_by_path(),
    machines("jobs", get("/compute/jobs"), description=JOBS, both=True),
    machines("job", get("/compute/jobs/1"), description=JOB, both=True),
    machines(
        "cancel",
        Request("DELETE", "/compute/jobs/1"),
        description="Failed to delete job",
        both=True,
    ),
    machines("acct", get("/compute/acct"), description=ACCT, both=True),
    _queue(),
    _cancel(),
    _accounting(),
    methods("/compute/jobs", "GET POST", ALL),
    methods("/compute/jobs/1", "GET DELETE", ALL),
    methods("/compute/acct", "GET", ALL),
    unknown_paths("/compute/nope", "/compute/", "/compute/jobs/", "/compute/jobs/1/2"),
    unpublished("/compute", "/computex"),
)


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_refused(live: Live, case: Case) -> None:
    check(live, case)


def test_oversized_body_where_none_belongs(live: Live) -> None:
    large = replace(submit("/compute/jobs", content=b"#" * LIMIT), method="GET")
    body = {"description": "Failed to upload batch script. The file is over 5 MB"}
    check(live, Case("GET with a body", large, 413, body))

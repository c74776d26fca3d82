"""`/storage` with bad input: the contract's error, no task, no file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.firecrest.services.cases import (
    DENIED,
    HOME,
    Case,
    all_cases,
    check,
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
    in_chunks,
    multipart,
    raw_multipart,
)
from tests.support.live import Live

pytestmark = pytest.mark.usefixtures("untouched")

UPLOAD = "/storage/xfer-external/upload"
DOWNLOAD = "/storage/xfer-external/download"
INVALIDATE = "/storage/xfer-external/invalidate"
FAILED_UP = "Failed to upload file"
FAILED_DOWN = "Failed to download file"
LIMIT = 5 * 1024 * 1024
TEXT = Matching(".")


def upload(target: str = HOME, source: str = "evil") -> Request:
    return form("POST", UPLOAD, targetPath=target, sourcePath=source)


def download(source: str = f"{HOME}/canary") -> Request:
    return form("POST", DOWNLOAD, sourcePath=source)


def invalidate(task_id: str | None) -> Request:
    return Request("POST", INVALIDATE).with_header("X-Task-Id", task_id)


def _targets() -> Iterator[Case]:
    body = {"description": FAILED_UP, "error": "'targetPath' directory not allowed"}

    def case(name: str, path: str, headers: dict[str, str]) -> Case:
        return Case(f"upload to {name}", upload(path), 400, body, headers)

    def missing(path: str) -> dict[str, str]:
        return {"X-Invalid-Path": f"{path} is an invalid path."}

    yield case("missing/name", f"{HOME}/missing/name", missing(f"{HOME}/missing"))
    yield case("missing/", f"{HOME}/missing/", missing(f"{HOME}/missing/"))
    yield case("日本/name", f"{HOME}/日本/name", missing(f"{HOME}/\\u65e5\\u672c"))
    yield case("/name", "/name", DENIED)
    yield case("somebody else's home", "/home/test1", DENIED)
    yield case("traversal", f"{HOME}/../test1/x", DENIED)
    below = f"{HOME}/test_file.txt"
    yield case("below a file", f"{below}/x", {"X-Not-A-Directory": f"{below} is not a directory"})
    yield case("a long path", "/x" * 2048, {"X-Error": "File name too long"})
    for source in ("/", "..", ".", "a/..", "///"):
        refused = {"description": FAILED_UP, "error": Matching("'sourcePath' ")}
        yield Case(f"upload of {source}", upload(source=source), 400, refused)


def _sources() -> Iterator[Case]:
    body = {"description": "sourcePath error"}

    def case(name: str, path: str, headers: dict[str, str]) -> Case:
        return Case(f"download of {name}", download(path), 400, body, headers)

    absent = f"{HOME}/absent"
    yield case("a missing file", absent, {"X-Invalid-Path": f"{absent} is an invalid path."})
    yield case(
        "日本", f"{HOME}/日本", {"X-Invalid-Path": f"{HOME}/\\u65e5\\u672c is an invalid path."}
    )
    yield case("a directory", HOME, {"X-A-Directory": f"{HOME} is a directory"})
    yield case("somebody else's file", "/home/test1/test_file.txt", DENIED)
    yield case("traversal", f"{HOME}/../test1/test_file.txt", DENIED)
    yield case("a device", "/dev/zero", {"X-Error": "Not a regular file"})


def _forms() -> Iterator[Case]:
    no_target = {"description": FAILED_UP, "error": "'targetPath' not specified"}
    no_source = {"description": FAILED_DOWN, "error": "'sourcePath' not specified"}
    json_body = Request("POST", UPLOAD, body=b'{"targetPath": "/home/test2", "sourcePath": "x"}')
    as_json = json_body.with_header("Content-Type", "application/json")
    yield Case("upload: JSON", as_json, 400, no_target)
    yield Case("upload: no body", Request("POST", UPLOAD), 400, no_target)
    in_query = Request("POST", f"{UPLOAD}?targetPath={HOME}&sourcePath=x")
    yield Case("upload: parameters in the query", in_query, 400, no_target)
    as_file = multipart("POST", UPLOAD, Part("targetPath", HOME.encode(), "a"))
    yield Case("upload: text as file", as_file, 400, no_target)
    yield Case("download: no body", Request("POST", DOWNLOAD), 400, no_source)
    broken = {"description": "The request body cannot be parsed", "error": TEXT}
    yield Case("upload: malformed", raw_multipart("POST", UPLOAD, b"nonsense"), 400, broken)
    large = {"description": f"The request body is over {LIMIT} bytes"}
    huge = upload("x" * (LIMIT + 1))
    yield Case("upload: oversized", huge, 413, large)
    # No single text field may be over 1 MiB, and that is seen before all of it has come.
    yield Case("upload: oversized in chunks", in_chunks(huge), 400, broken)
    yield Case(
        "upload: oversized, expecting", huge.with_header("Expect", "100-continue"), 413, large
    )


def _invalidations() -> Iterator[Case]:
    missing = {"error": "Header X-Task-Id missing"}
    yield Case("invalidate: no id", invalidate(None), 400, missing)
    yield Case("invalidate: empty id", invalidate(""), 400, missing)
    odd = {"error": "Header X-Task-Id is not alphanumeric"}
    for text in ("a b", "../x", "a;b", "a-b", "*", "é", "a,b", "$(id)"):
        yield Case(f"invalidate: {text}", invalidate(text), 400, odd)
    unknown = {"error": "Invalid X-Task-Id"}
    for text in ("IDONTEXIST", "0" * 32, "x" * 5000):
        yield Case(f"invalidate: {text[:20]}", invalidate(text), 400, unknown)


def _machines(name: str, request: Request) -> Iterator[Case]:
    """A missing machine is the first one here (D11)."""
    cases = machines(name, request, description="Failed operation", both=True)
    return (case for case in cases if case.headers)


CASES = all_cases(
    _machines("upload", upload()),
    _machines("download", download()),
    validated(
        "upload",
        "targetPath",
        upload,
        form("POST", UPLOAD, sourcePath="x"),
        description=FAILED_UP,
    ),
    validated(
        "upload",
        "sourcePath",
        lambda text: upload(source=text),
        form("POST", UPLOAD, targetPath=HOME),
        description=FAILED_UP,
    ),
    validated(
        "download",
        "sourcePath",
        download,
        form("POST", DOWNLOAD, targetPath=HOME),
        description=FAILED_DOWN,
    ),
    _targets(),
    _sources(),
    _forms(),
    _invalidations(),
    methods(UPLOAD, "POST", "GET POST"),
    methods(DOWNLOAD, "POST", "GET POST"),
    methods(INVALIDATE, "POST", "GET POST"),
    unknown_paths("/storage/nope", "/storage/", "/storage/xfer-external", f"{UPLOAD}/"),
    unpublished("/storage", "/storagex"),
)


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_refused(live: Live, case: Case) -> None:
    check(live, case)


def test_foreign_and_other_tasks_are_no_transfers(live: Live) -> None:
    refused = {"error": "Invalid X-Task-Id"}
    foreign = live.post(DOWNLOAD, user="test1", data={"sourcePath": "/home/test1/test_file.txt"})
    live.settled(foreign, user="test1")
    listing = live.get("/compute/jobs", user="test1")
    for user, created in (("test2", foreign), ("test1", listing)):
        task_id = created.json()["task_id"]
        check(live, Case("no own transfer", invalidate(task_id), 400, refused, user=user))
    url = live.task(foreign.json()["task_id"])["data"]
    assert isinstance(url, str)

"""`/utilities` with bad input: the contract's error, and nothing is written or executed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.firecrest.services.cases import (
    DENIED,
    DENIED_PATH,
    FORBIDDEN,
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
    BOUNDARY,
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

LS = "Error listing contents of path"
UPLOAD = "/utilities/upload"
LIMIT = 5 * 1024 * 1024
LONG_NAME = "x" * 256
LONG_PATH = "/x" * 2048
TEXT = Matching(".")


def listing(path: str | bytes) -> Request:
    return get("/utilities/ls", targetPath=path)


def download(path: str | bytes) -> Request:
    return get("/utilities/download", sourcePath=path)


def upload(
    directory: str = HOME, name: str = "evil", content: bytes = b"x", *more: Part
) -> Request:
    parts = (Part("targetPath", directory.encode()), Part("file", content, name), *more)
    return multipart("POST", UPLOAD, *parts)


def _ls(name: str, path: str | bytes, headers: dict[str, str]) -> Case:
    return Case(f"ls {name}", listing(path), 400, {"description": LS, "error": TEXT}, headers)


def _listings() -> Iterator[Case]:
    def missing(path: str) -> dict[str, str]:
        return {"X-Invalid-Path": f"{path} is an invalid path"}

    yield _ls("missing", f"{HOME}/absent", missing(f"{HOME}/absent"))
    yield _ls("blanks", f"{HOME}/a  b ", missing(f"{HOME}/a  b "))
    yield _ls("dollar", f"{HOME}/$HOME", missing(f"{HOME}/$HOME"))
    yield _ls("glob", f"{HOME}/*", missing(f"{HOME}/*"))
    yield _ls("tilde", "~", missing("~"))
    yield _ls("latin 1", f"{HOME}/é", missing(f"{HOME}/é"))
    yield _ls("non-Latin", f"{HOME}/日本", missing(f"{HOME}/\\u65e5\\u672c"))
    yield _ls("emoji", f"{HOME}/\U0001f600", missing(f"{HOME}/\\U0001f600"))
    yield _ls("no UTF-8", f"{HOME}/".encode() + b"\xff", missing(f"{HOME}/\\ufffd"))
    yield _ls("relative", "absent/x", missing("absent/x"))
    yield _ls("delete character", f"{HOME}/\x7f", missing(f"{HOME}/"))
    yield _ls("option", "--help", missing("--help"))
    yield _ls("somebody else's", "/home/test1", DENIED)
    yield _ls("traversal", f"{HOME}/../test1/x", DENIED)
    yield _ls(
        "through a file",
        f"{HOME}/test_file.txt/x",
        {"X-Not-A-Directory": f"{HOME}/test_file.txt/x is not a directory"},
    )
    yield _ls("long name", f"{HOME}/{LONG_NAME}", {"X-Error": "File name too long"})
    yield _ls("long path", LONG_PATH, {"X-Error": "File name too long"})
    body = {"description": "Error on ls operation", "error": "'targetPath' not specified"}
    yield Case(
        "ls: form instead of query", form("GET", "/utilities/ls", targetPath=HOME), 400, body
    )
    wrong_case = get("/utilities/ls", targetpath=HOME)
    yield Case("ls: parameter in another case", wrong_case, 400, body)


def _download(name: str, path: str, op: str, headers: dict[str, str]) -> Case:
    body = {"description": f"Error on {op} operation", "error": TEXT}
    return Case(f"download {name}", download(path), 400, body, headers)


def _downloads() -> Iterator[Case]:
    absent = {"X-Not-Found": "sourcePath not found"}
    yield _download("missing", f"{HOME}/absent", "fsize", absent)
    yield _download("non-Latin", f"{HOME}/日本", "fsize", absent)
    yield _download("traversal", f"{HOME}/../../../absent", "fsize", absent)
    yield _download("directory", HOME, "base64", {"X-A-Directory": f"{HOME} is a directory"})
    yield _download("denied", "/home/test1/test_file.txt", "base64", DENIED_PATH)
    yield _download(
        "through a file",
        f"{HOME}/canary/x",
        "base64",
        {"X-Not-A-Directory": f"{HOME}/canary/x is not a directory"},
    )
    yield _download("device", "/dev/zero", "base64", {"X-Error": "Not a regular file"})
    yield _download("long name", f"/{LONG_NAME}", "base64", {"X-Error": "File name too long"})


def _refused(error: str) -> dict[str, str]:
    return {"description": "Failed to upload file", "error": error}


def _upload_names() -> Iterator[Case]:
    names = ("../evil", "a/b", "/etc/evil", "..", ".", "a/", *(f"a{c}b" for c in "<>|;'&()`"))
    for name in (*names, '$(id)"', 'a"b', "a\\b"):
        body = _refused("Filename has invalid char")
        yield Case(f"upload: file name {name!r}", upload(name=name), 400, body)
    control = (c for c in FORBIDDEN if c < " " and c not in "\r\n\0")
    for character in control:
        case = upload(name=f"a{character}b")
        yield Case(
            f"upload: file name with {character!r}",
            case,
            400,
            _refused("Filename has invalid char"),
        )


def _upload_forms() -> Iterator[Case]:
    no_target = {"description": "Error on upload operation", "error": "'targetPath' not specified"}
    target, content = Part("targetPath", HOME.encode()), Part("file", b"x", "evil")
    nothing = _refused("No file in query")
    yield Case("upload: no file", multipart("POST", UPLOAD, target), 400, nothing)
    as_text = multipart("POST", UPLOAD, target, Part("file", b"x"))
    yield Case("upload: file as text", as_text, 400, nothing)
    other = multipart("POST", UPLOAD, target, Part("File", b"x", "evil"))
    yield Case("upload: file under another name", other, 400, nothing)
    as_file = multipart("POST", UPLOAD, Part("targetPath", HOME.encode(), "t"), content)
    yield Case("upload: text as file", as_file, 400, no_target)
    in_query = multipart("POST", f"{UPLOAD}?targetPath={HOME}", content)
    yield Case("upload: parameter in the query", in_query, 400, no_target)
    urlencoded = form("POST", UPLOAD, targetPath=HOME, file="x")
    yield Case("upload: URL-encoded", urlencoded, 400, nothing)
    json_body = Request("POST", UPLOAD, body=b'{"targetPath": "/home/test2", "file": "x"}')
    yield Case(
        "upload: JSON", json_body.with_header("Content-Type", "application/json"), 400, no_target
    )
    yield Case("upload: no content type", json_body, 400, no_target)
    yield Case("upload: no body", Request("POST", UPLOAD), 400, no_target)
    yield Case("upload: no parts", multipart("POST", UPLOAD), 400, no_target)


def _malformed() -> Iterator[Case]:
    body = {"description": "The request body cannot be parsed", "error": TEXT}
    good = upload().body
    assert isinstance(good, bytes)
    broken = {
        "other boundary": good.replace(b"--f7t", b"--f8t"),
        "no disposition": f"--{BOUNDARY}\r\n\r\nx\r\n--{BOUNDARY}--\r\n".encode(),
        "nameless part": good.replace(b'name="targetPath"', b"x"),
        "header without colon": good.replace(b"Content-Disposition:", b"Content-Disposition"),
        "line break in a file name": good.replace(b'"evil"', b'"ev\r\nil"'),
    }
    for name, text in broken.items():
        yield Case(f"upload: {name}", raw_multipart("POST", UPLOAD, text), 400, body)
    request = Request("POST", UPLOAD, body=good)
    missing = request.with_header("Content-Type", "multipart/form-data")
    yield Case("upload: no boundary", missing, 400, body)


def _upload_targets() -> Iterator[Case]:
    body = {"description": "Error on upload operation", "error": TEXT}
    missing = {"X-Invalid-Path": "path is an invalid path"}
    no_directory = {"X-Not-A-Directory": "targetPath is not a directory"}

    def case(name: str, directory: str, headers: dict[str, str], file: str = "evil") -> Case:
        return Case(f"upload to {name}", upload(directory, file), 400, body, headers)

    yield case("a missing directory", f"{HOME}/absent", missing)
    yield case("a non-Latin directory", f"{HOME}/日本", missing)
    yield case("$HOME", "$HOME", missing)
    yield case("a file", f"{HOME}/test_file.txt", no_directory)
    yield case("below a file", f"{HOME}/test_file.txt/x", no_directory)
    yield case("somebody else's home", "/home/test1", DENIED_PATH)
    yield case("traversal", f"{HOME}/../test1", DENIED_PATH)
    yield case("the root", "/", DENIED_PATH)
    yield case("a long path", LONG_PATH, {"X-Error": "File name too long"})
    yield case("a long name", HOME, {"X-Error": "File name too long"}, LONG_NAME)
    yield case(
        "a directory's name",
        HOME,
        {"X-A-Directory": f"{HOME}/test_directory is a directory"},
        "test_directory",
    )


def _oversized() -> Iterator[Case]:
    body = {"description": f"Failed to upload file. The file is over {LIMIT} bytes"}
    large = upload(content=b"x" * LIMIT)
    yield Case("upload: oversized", large, 413, body)
    yield Case("upload: oversized in chunks", in_chunks(large), 413, body)
    # Nobody reads a body that was announced and refused.
    expecting = large.with_header("Expect", "100-continue")
    yield Case("upload: oversized, expecting", expecting, 413, body)
    to_ls = replace(large, target="/utilities/nope")
    yield Case("oversized to nowhere", to_ls, 413, body)
    text = form("POST", UPLOAD, targetPath="x" * (LIMIT + 1))
    yield Case("upload: oversized text", text, 413, body)


CASES = all_cases(
    machines("ls", listing(HOME), description="Error on ls operation"),
    machines("upload", upload(), description="Error on upload operation"),
    machines("download", download(HOME), description="Error on fsize operation"),
    validated(
        "ls", "targetPath", listing, get("/utilities/ls"), description="Error on ls operation"
    ),
    validated(
        "upload",
        "targetPath",
        upload,
        multipart("POST", UPLOAD, Part("file", b"x", "evil")),
        description="Error on upload operation",
    ),
    validated(
        "download",
        "sourcePath",
        download,
        get("/utilities/download"),
        description="Error on fsize operation",
    ),
    _listings(),
    _downloads(),
    _upload_names(),
    _upload_forms(),
    _malformed(),
    _upload_targets(),
    _oversized(),
    methods("/utilities/ls", "GET", "GET POST PUT DELETE"),
    methods("/utilities/upload", "POST", "GET POST PUT DELETE"),
    methods("/utilities/download", "GET", "GET POST PUT DELETE"),
    unknown_paths("/utilities/nope", "/utilities/", "/utilities/ls/", "/utilities/ls/x"),
    unpublished("/utilities", "/utilitiesx"),
)


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_refused(live: Live, case: Case) -> None:
    check(live, case)

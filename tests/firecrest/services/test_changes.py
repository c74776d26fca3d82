"""`/utilities` that change files: what they do, and each documented error (utilities.md)."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Mapping

import pytest

from f7t_testbuild.model import SYSTEM
from tests.firecrest.services.places import content, entries, names, run
from tests.firecrest.services.wire import Answer, Matching, form, send
from tests.support.live import Live, until

MAKE = r"""
printf content > file
mkdir -p dir/sub empty closed
printf inside > dir/sub/inside
ln -s sub/inside dir/link
ln -s nowhere dangling
printf x > closed/x
chmod 0 closed
printf 'no archive' > broken.tgz
cp broken.tgz broken.zip
tar -cf a.tar dir
gzip -k a.tar
cp a.tar.gz a.tgz
bzip2 -k a.tar
zip -q -y -r a.zip dir
printf alone > alone
gzip alone
mkdir slow
truncate -s 4T slow/endless
"""
MODE = {"X-Invalid-Mode": "mode is an invalid mode"}
OWNER = {"X-Invalid-Owner": "owner is an invalid user"}
GROUP = {"X-Invalid-Group": "group is an invalid group"}
GONE = {"X-Invalid-Path": "path is an invalid path."}
DENIED = {"X-Permission-Denied": "User does not have permissions to access path"}
INVALID = {"X-Invalid-Path": "path is an invalid path"}
NO_SOURCE = {"X-Not-Found": "sourcePath not found"}
NO_TARGET = {"X-Invalid-Path": "sourcePath and/or targetPath are invalid paths"}
NO_DIRECTORY = {"X-Not-A-Directory": "targetPath is not a directory"}
EXISTS = {"X-Exists": "targetPath already exists"}
OPERATIONS = {
    "mkdir": ("POST", 201),
    "rename": ("PUT", 200),
    "copy": ("POST", 201),
    "symlink": ("POST", 201),
    "rm": ("DELETE", 204),
    "chmod": ("PUT", 200),
    "chown": ("PUT", 200),
    "compress": ("POST", 201),
    "extract": ("POST", 201),
}
_numbers = itertools.count()


@pytest.fixture(scope="module")
def origin(live: Live) -> str:
    """A directory of test1 with one of everything."""
    return run(live, MAKE)


@pytest.fixture
def place(live: Live, origin: str) -> str:
    """An empty directory of test1."""
    path = f"{origin}/place{next(_numbers)}"
    done(live, "mkdir", targetPath=path)
    return path


def ask(live: Live, operation: str, **fields: str) -> Answer:
    method, _ = OPERATIONS[operation]
    return send(live, form(method, f"/utilities/{operation}", **fields), user="test1")


def done(live: Live, operation: str, **fields: str) -> str:
    """Ask, and check the answer of success; its output."""
    answer = ask(live, operation, **fields)
    status = OPERATIONS[operation][1]
    assert (answer.status, answer.errors) == (status, {}), answer.body
    if status == 204:
        assert answer.body == b""
        return ""
    what = "file or directory" if operation in {"chmod", "chown"} else "file"
    body = answer.json()
    assert body == {"description": f"Success to {operation} {what}.", "output": body["output"]}
    output: str = body["output"]
    if what == "file":
        assert output == ""
    return output


def mode(live: Live, path: str) -> str:
    directory, _, name = path.rpartition("/")
    found = {entry["name"]: entry for entry in entries(live, directory, showhidden="1")}
    return found[name]["type"] + found[name]["permissions"]


def test_mkdir(live: Live, place: str) -> None:
    done(live, "mkdir", targetPath=f"{place}/new")
    assert mode(live, f"{place}/new") == "drwxr-xr-x"
    for value in ("", "false", "x"):
        done(live, "mkdir", targetPath=f"{place}/new/a/b/c", p=value)
    assert names(live, f"{place}/new/a/b") == ["c"]


def test_rename(live: Live, place: str, origin: str) -> None:
    for name in ("one", "two"):
        done(live, "copy", sourcePath=f"{origin}/file", targetPath=f"{place}/{name}")
    done(live, "rename", sourcePath=f"{place}/one", targetPath=f"{place}/two")
    assert names(live, place) == ["two"]
    done(live, "mkdir", targetPath=f"{place}/sub")
    done(live, "rename", sourcePath=f"{place}/two", targetPath=f"{place}/sub")
    assert content(live, f"{place}/sub/two") == b"content"
    done(live, "rename", sourcePath=f"{place}/sub", targetPath=f"{place}/-rf $HOME *")
    assert names(live, place) == ["-rf $HOME *"]


def test_copy(live: Live, place: str, origin: str) -> None:
    done(live, "copy", sourcePath=f"{origin}/dir", targetPath=f"{place}/copied")
    assert names(live, f"{place}/copied") == ["link", "sub"]
    [link] = entries(live, f"{place}/copied/link")
    assert link["link_target"] == "sub/inside"
    done(live, "copy", sourcePath=f"{origin}/file", targetPath=f"{place}/copied/sub/inside")
    assert content(live, f"{place}/copied/sub/inside") == b"content"


def test_symlink(live: Live, place: str) -> None:
    done(live, "symlink", targetPath="/no/such thing", linkPath=f"{place}/link")
    [link] = entries(live, f"{place}/link")
    assert (link["type"], link["link_target"]) == ("l", "/no/such thing")


def test_rm(live: Live, place: str, origin: str) -> None:
    done(live, "copy", sourcePath=f"{origin}/dir", targetPath=f"{place}/dir")
    done(live, "rm", targetPath=f"{place}/dir/link")
    assert names(live, f"{place}/dir/sub") == ["inside"]
    done(live, "rm", targetPath=f"{place}/dir")
    assert names(live, place) == []


def test_rm_answers_without_any_body(live: Live, place: str, origin: str) -> None:
    """Byte for byte: an HTTP client would not even look for a body of 204."""
    done(live, "copy", sourcePath=f"{origin}/file", targetPath=f"{place}/file")
    body = f"targetPath={place}/file".encode()
    head = (
        "DELETE /utilities/rm HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        f"Authorization: Bearer {live.token()}\r\nX-Machine-Name: {SYSTEM}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", live.testbuild.gateway_port), 30) as wire:
        wire.sendall(head.encode() + body)
        answer = b"".join(iter(lambda: wire.recv(65536), b""))
    headers, end, rest = answer.partition(b"\r\n\r\n")
    assert headers.startswith(b"HTTP/1.1 204 ")
    assert (end, rest) == (b"\r\n\r\n", b"")


@pytest.mark.parametrize(
    ("wanted", "old", "new"),
    [
        ("0640", "changed from 0644 (rw-r--r--)", "to 0640 (rw-r-----)"),
        ("u+x", "changed from 0644 (rw-r--r--)", "to 0744 (rwxr--r--)"),
        ("644", "retained", "as 0644 (rw-r--r--)"),
    ],
)
def test_chmod(live: Live, place: str, origin: str, wanted: str, old: str, new: str) -> None:
    path = f"{place}/file"
    done(live, "copy", sourcePath=f"{origin}/file", targetPath=path)
    output = done(live, "chmod", targetPath=path, mode=wanted)
    assert output == f"mode of '{path}' {old} {new}"
    assert mode(live, path)[1:] in output


def test_chown(live: Live, place: str, origin: str) -> None:
    path = f"{place}/file"
    done(live, "copy", sourcePath=f"{origin}/file", targetPath=path)
    output = done(live, "chown", targetPath=path, owner="test1", group="hpc")
    assert output == f"changed ownership of '{path}' from test1:test1 to test1:hpc"
    [entry] = entries(live, path)
    assert (entry["user"], entry["group"]) == ("test1", "hpc")
    assert "retained" in done(live, "chown", targetPath=path, owner="test1", group="")
    assert "test1" in done(live, "chown", targetPath=path, owner="", group="test1")
    [entry] = entries(live, path)
    assert entry["group"] == "test1"


def test_compress(live: Live, place: str, origin: str) -> None:
    done(live, "compress", sourcePath=f"{origin}/dir", targetPath=f"{place}/a.tar.gz")
    assert mode(live, f"{place}/a.tar.gz") == "-rw-r--r--"
    done(live, "extract", sourcePath=f"{place}/a.tar.gz", targetPath=place)
    assert names(live, place) == ["a.tar.gz", "dir"]
    [link] = entries(live, f"{place}/dir/link")
    assert link["type"] == "l"
    source = {"sourcePath": f"{origin}/dir", "targetPath": f"{place}/b.tgz"}
    done(live, "compress", **source, dereference="true")
    done(live, "extract", sourcePath=f"{place}/b.tgz", targetPath=place)
    [link] = entries(live, f"{place}/dir/link")
    assert (link["type"], content(live, f"{place}/dir/link")) == ("-", b"inside")


@pytest.mark.parametrize(
    ("archive", "fields"),
    [
        ("a.zip", {}),
        ("a.zip", {"extension": ".zip"}),
        ("a.tar", {"extension": "auto"}),
        ("a.tar", {"type": "tar"}),
        ("a.tgz", {"extension": ".tgz", "type": ".zip"}),
        ("a.tar.gz", {"extension": "tar.gz"}),
        ("a.tar.gz", {"extension": ".GZ"}),
        ("a.tar.gz", {"extension": "", "type": ".tar.gz"}),
        ("a.tar.bz2", {"extension": ".bz2"}),
        ("a.tar.bz2", {"extension": "auto"}),
    ],
)
def test_extract(
    live: Live, place: str, origin: str, archive: str, fields: Mapping[str, str]
) -> None:
    for _ in range(2):
        done(live, "extract", sourcePath=f"{origin}/{archive}", targetPath=place, **fields)
        assert content(live, f"{place}/dir/sub/inside") == b"inside"
        upload = {"file": ("inside", b"something else")}
        live.post("/utilities/upload", data={"targetPath": f"{place}/dir/sub"}, files=upload)


def test_extract_of_one_file(live: Live, place: str, origin: str) -> None:
    done(live, "extract", sourcePath=f"{origin}/alone.gz", targetPath=place)
    assert content(live, f"{place}/alone") == b"alone"


Fields = dict[str, str]
F = "{o}/file"
ERRORS: list[tuple[str, Fields, str, dict[str, str]]] = [
    ("mkdir", {"targetPath": F}, "File exists", EXISTS),
    ("mkdir", {"targetPath": F, "p": ""}, "File exists", EXISTS),
    ("mkdir", {"targetPath": "{o}/dir"}, "File exists", EXISTS),
    ("mkdir", {"targetPath": "{o}/absent/x"}, "No such file", NO_TARGET),
    ("mkdir", {"targetPath": "{o}/closed/x"}, "Permission denied", DENIED),
    ("mkdir", {"targetPath": "/home/test2/x", "p": ""}, "Permission denied", DENIED),
    ("mkdir", {"targetPath": "{o}/file/x"}, "Not a directory", NO_DIRECTORY),
    ("symlink", {"targetPath": "x", "linkPath": "{o}/dangling"}, "File exists", EXISTS),
    ("symlink", {"targetPath": "x", "linkPath": "{o}/dir"}, "File exists", EXISTS),
    ("symlink", {"targetPath": "x", "linkPath": "{o}/absent/x"}, "No such file", NO_TARGET),
    ("symlink", {"targetPath": "x", "linkPath": "/home/test2/x"}, "Permission denied", DENIED),
    ("rm", {"targetPath": "{o}/absent"}, "No such file", GONE),
    ("rm", {"targetPath": "{o}/closed/x"}, "Permission denied", DENIED),
    ("rm", {"targetPath": "/home/test2"}, "Permission denied", DENIED),
    ("rm", {"targetPath": "{o}/file/x"}, "Not a directory", NO_DIRECTORY),
    ("chmod", {"targetPath": "{o}/absent", "mode": "640"}, "No such file", INVALID),
    ("chmod", {"targetPath": "/etc/passwd", "mode": "640"}, "not permitted", DENIED),
    ("chmod", {"targetPath": "{o}/closed/x", "mode": "640"}, "Permission denied", DENIED),
    ("chmod", {"targetPath": F, "mode": "999"}, "invalid mode", MODE),
    ("chmod", {"targetPath": F, "mode": "wrong"}, "invalid mode", MODE),
    ("chown", {"targetPath": "{o}/absent", "owner": "test1"}, "No such file", INVALID),
    ("chown", {"targetPath": F, "owner": "test2"}, "not permitted", DENIED),
    ("chown", {"targetPath": F, "owner": "nobody-here"}, "invalid user", OWNER),
    ("chown", {"targetPath": F, "owner": "nobody-here", "group": "hpc"}, "invalid user", OWNER),
    ("chown", {"targetPath": F, "group": "none-here"}, "invalid group", GROUP),
    ("chown", {"targetPath": F, "owner": "test1", "group": "none-here"}, "invalid group", GROUP),
    ("compress", {"sourcePath": "{o}/absent", "targetPath": "{o}/x.tgz"}, "No such file", INVALID),
    (
        "compress",
        {"sourcePath": "{o}/dir", "targetPath": "{o}/absent/x.tgz"},
        "No such file",
        INVALID,
    ),
    (
        "compress",
        {"sourcePath": "{o}/dir", "targetPath": "{o}/file/x.tgz"},
        "Not a directory",
        NO_DIRECTORY,
    ),
    (
        "compress",
        {"sourcePath": "{o}/closed", "targetPath": "{o}/x.tgz"},
        "Permission denied",
        DENIED,
    ),
    (
        "compress",
        {"sourcePath": "{o}/dir", "targetPath": "/etc/x.tgz"},
        "Permission denied",
        DENIED,
    ),
    ("extract", {"sourcePath": "{o}/absent.zip", "targetPath": "{o}"}, "No such file", INVALID),
    ("extract", {"sourcePath": "{o}/a.zip", "targetPath": "{o}/absent"}, "No such file", INVALID),
    ("extract", {"sourcePath": "{o}/a.zip", "targetPath": F}, "Not a directory", NO_DIRECTORY),
    ("extract", {"sourcePath": "{o}/a.tar", "targetPath": "/etc"}, "Permission denied", DENIED),
    ("extract", {"sourcePath": "{o}/a.zip", "targetPath": "/etc"}, "Permission denied", DENIED),
]
for _operation in ("rename", "copy"):
    ERRORS += [
        (
            _operation,
            {"sourcePath": "{o}/absent", "targetPath": "{o}/x"},
            "No such file",
            NO_SOURCE,
        ),
        (_operation, {"sourcePath": F, "targetPath": "{o}/absent/x"}, "No such file", NO_TARGET),
        (
            _operation,
            {"sourcePath": "{o}/closed/x", "targetPath": "{o}/x"},
            "Permission denied",
            DENIED,
        ),
        (_operation, {"sourcePath": F, "targetPath": "/etc/x"}, "Permission denied", DENIED),
        (
            _operation,
            {"sourcePath": "{o}/file/x", "targetPath": "{o}/x"},
            "Not a directory",
            NO_DIRECTORY,
        ),
        (_operation, {"sourcePath": "{o}/dir", "targetPath": F}, "directory", NO_DIRECTORY),
    ]


@pytest.mark.parametrize(("operation", "fields", "words", "headers"), ERRORS)
def test_refused(
    live: Live, origin: str, operation: str, fields: Fields, words: str, headers: dict[str, str]
) -> None:
    answer = ask(live, operation, **{k: v.format(o=origin) for k, v in fields.items()})
    assert (answer.status, answer.json(), answer.errors) == (
        400,
        {"description": f"Error on {operation} operation", "error": Matching(words)},
        headers,
    )


UNCLASSIFIED: list[tuple[str, Fields, str]] = [
    ("rm", {"targetPath": "."}, "refusing to remove"),
    ("rm", {"targetPath": ".."}, "refusing to remove"),
    ("rm", {"targetPath": "/"}, "dangerous"),
    ("rename", {"sourcePath": "{o}/dir", "targetPath": "{o}/dir/sub"}, "subdirectory of itself"),
    ("copy", {"sourcePath": F, "targetPath": F}, "same file"),
    ("mkdir", {"targetPath": "{o}/" + "x" * 256}, "File name too long"),
    ("copy", {"sourcePath": F, "targetPath": "/x" * 2048}, "File name too long"),
    ("extract", {"sourcePath": "{o}/broken.tgz", "targetPath": "{o}/empty"}, "not in gzip format"),
    ("extract", {"sourcePath": "{o}/broken.zip", "targetPath": "{o}/empty"}, "zipfile"),
]


@pytest.mark.parametrize(("operation", "fields", "words"), UNCLASSIFIED)
def test_refused_in_the_words_of_the_tool(
    live: Live, origin: str, operation: str, fields: Fields, words: str
) -> None:
    answer = ask(live, operation, **{k: v.format(o=origin) for k, v in fields.items()})
    body = {"description": f"Error on {operation} operation", "error": Matching(words)}
    assert (answer.status, answer.json()) == (400, body)
    [(name, value)] = answer.errors.items()
    assert (name, words in value) == ("X-Error", True)


def test_compress_over_the_time_limit(live: Live, place: str, origin: str) -> None:
    """pyfirecrest compares the text to submit a job instead."""
    answer = ask(live, "compress", sourcePath=f"{origin}/slow", targetPath=f"{place}/a.tgz")
    text = "Command has finished with timeout signal"
    assert (answer.status, answer.json(), answer.errors) == (
        400,
        {"description": "Error on compress operation", "error": text},
        {"X-Timeout": text},
    )

    def nothing_left() -> bool | None:
        return names(live, place, showhidden="1") == [] or None

    until(nothing_left, what="the end of tar")

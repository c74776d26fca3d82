"""`/utilities` that only look: ls in all forms, file, stat, checksum, view, head, tail, whoami."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from tests.firecrest.services.places import content, names, run
from tests.support.live import SERVICE_ACCOUNT, Live

LIMIT = 5 * 1024 * 1024
OVER = f"Command output exceeded buffer limit ({LIMIT})"
MAKE = r"""
mkdir -p tree/b/deep tree/a tree/.hidden closed
touch tree/b/2 tree/b/1 tree/b/deep/x tree/a/y tree/.hidden/in tree/top
ln -s ../.. tree/a/up
ln -s b tree/link
ln -s absent tree/dangling
printf 'tree\n' > 'tree/a/new
line'
touch $'tree/a/\xff'
seq 1 200000 > numbers
seq 1 20 > twenty
printf 'one\ntwo' > unfinished
printf 'a $(id) line\nan é line\n' > words
printf '\xff\xfe binary\n' > binary
cat numbers numbers numbers numbers numbers > over
: > empty
head -c 5242880 /dev/zero | tr '\0' x > limit
mkfifo pipe
ln -s twenty to-file
ln -s tree to-directory
printf secret > unreadable; chmod 0 unreadable
touch closed/x; chmod 0 closed
touch -d '2001-02-03 04:05:06' twenty
"""


@pytest.fixture(scope="module")
def place(live: Live) -> str:
    """A directory of test1."""
    return run(live, MAKE)


def answer(live: Live, operation: str, **parameters: str) -> Any:
    """Body of a success."""
    found = live.get(f"/utilities/{operation}", params=parameters)
    assert found.status_code == 200, found.text[:1000]
    return found.json()


def refused(
    live: Live, operation: str, parameters: dict[str, str], status: int = 400
) -> tuple[dict[str, Any], dict[str, str]]:
    """Body and error headers of a failure."""
    found = live.get(f"/utilities/{operation}", params=parameters)
    assert found.status_code == status, found.text[:1000]
    headers = {
        name: value
        for name, value in found.headers.items()
        if name.startswith("X-") and name != "X-Request-Id"
    }
    return found.json(), headers


TREE = [
    *("a", "b", "dangling", "link", "top"),
    *("a/new\nline", "a/up", "a/y", "a/\\xff"),
    *("b/1", "b/2", "b/deep"),
    "b/deep/x",
]


def test_recursive(live: Live, place: str) -> None:
    assert names(live, f"{place}/tree", recursive="True") == TREE
    hidden = names(live, f"{place}/tree", recursive="1", showhidden="1")
    assert set(hidden) == {*TREE, ".hidden", ".hidden/in"}
    found = answer(live, "ls", targetPath=f"{place}/tree", recursive="true")["output"]
    up = next(entry for entry in found if entry["name"] == "a/up")
    assert (up["type"], up["link_target"]) == ("l", "../..")
    assert names(live, place, recursive="true").count("closed") == 1
    assert names(live, f"{place}/tree", recursive="false") == TREE[:5]


def test_followed_links(live: Live, place: str) -> None:
    found = answer(live, "ls", targetPath=f"{place}/tree", followLinks="true")["output"]
    types = {entry["name"]: (entry["type"], entry["link_target"]) for entry in found}
    assert types == {
        "a": ("d", ""),
        "b": ("d", ""),
        "dangling": ("l", ""),
        "link": ("d", ""),
        "top": ("-", ""),
    }
    assert names(live, f"{place}/to-directory", followLinks="true") == TREE[:5]
    below = names(live, f"{place}/tree", recursive="true", followLinks="true")
    assert {"link/deep/x", "a/up/twenty"} <= set(below)
    assert not [name for name in below if name.startswith("a/up/tree/")]


def test_without_order(live: Live, place: str) -> None:
    found = names(live, f"{place}/tree", unsorted="true")
    assert sorted(found, key=str.encode) == TREE[:5]


def test_names_only(live: Live, place: str) -> None:
    def output(**options: str) -> list[str]:
        found = answer(live, "ls", targetPath=f"{place}/tree", notListing="true", **options)
        assert {key: value for key, value in found.items() if key != "output"} == {
            "descr": "List of contents of path",
            "description": "List of contents",
        }
        listed: list[str] = found["output"]
        return listed

    assert output() == TREE[:5]
    assert output(recursive="true") == TREE
    assert output(showhidden="true") == [".hidden", *TREE[:5]]
    assert set(output(unsorted="true", numericUid="true")) == {".", "..", ".hidden", *TREE[:5]}
    assert output(pageSize="2", pageNumber="2") == ["dangling", "link"]
    single = answer(live, "ls", targetPath=f"{place}/twenty", notListing="1")
    assert single["output"] == [f"{place}/twenty"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("twenty", "ASCII text"),
        ("tree", "directory"),
        ("closed", "directory"),
        ("empty", "empty"),
        ("pipe", "fifo (named pipe)"),
        ("to-file", "symbolic link to twenty"),
    ],
)
def test_file(live: Live, place: str, name: str, kind: str) -> None:
    found = answer(live, "file", targetPath=f"{place}/{name}")
    assert found == {"description": "Success to file file.", "output": kind}


def test_stat(live: Live, place: str) -> None:
    found = answer(live, "stat", targetPath=f"{place}/twenty")
    assert found["description"] == "Success to stat file."
    output = found["output"]
    assert set(output) == {
        *("mode", "ino", "dev", "nlink", "uid", "gid", "size", "atime", "mtime", "ctime")
    }
    assert all(type(value) is int for value in output.values())
    owner = int(answer(live, "whoami", groups="true")["output"]["user"]["id"])
    some = ("mode", "nlink", "uid", "size", "mtime")
    assert [output[key] for key in some] == [0o100644, 1, owner, 51, 981173106]
    assert answer(live, "stat", sourcePath=f"{place}/twenty")["output"] == output
    assert answer(live, "stat", targetPath=f"{place}/to-file", dereference="true")["output"] == (
        output
    )
    link = answer(live, "stat", targetPath=f"{place}/to-file")["output"]
    assert (link["mode"], link["size"]) == (0o120777, len("twenty"))
    assert answer(live, "stat", targetPath=f"{place}/unreadable")["output"]["mode"] == 0o100000
    assert answer(live, "stat", targetPath=f"{place}/tree")["output"]["mode"] == 0o040755


@pytest.mark.parametrize("name", ["empty", "twenty", "numbers", "limit", "to-file", "binary"])
def test_checksum(live: Live, place: str, name: str) -> None:
    expected = hashlib.sha256(content(live, f"{place}/{name}")).hexdigest()
    found = answer(live, "checksum", targetPath=f"{place}/{name}")
    assert found == {"description": "Success to checksum file.", "output": expected}


def test_view(live: Live, place: str) -> None:
    found = answer(live, "view", targetPath=f"{place}/numbers")
    text = "".join(f"{number}\n" for number in range(1, 200_001))
    assert found == {"description": "Success to head file.", "output": text}
    assert answer(live, "view", sourcePath=f"{place}/unfinished")["output"] == "one\ntwo"
    assert answer(live, "view", targetPath=f"{place}/empty")["output"] == ""
    assert len(answer(live, "view", targetPath=f"{place}/limit")["output"]) == LIMIT
    assert answer(live, "view", targetPath="/proc/version")["output"].startswith("Linux")


def lines(first: int, last: int) -> str:
    return "".join(f"{number}\n" for number in range(first, last + 1))


@pytest.mark.parametrize(
    ("operation", "parameters", "expected"),
    [
        ("head", {}, lines(1, 10)),
        ("head", {"skip_ending": "False"}, lines(1, 10)),
        ("head", {"skip_ending": "True"}, lines(1, 10)),
        # What the asynchronous client sends if its caller names no number, and one.
        ("head", {"bytes": "", "lines": "", "skip_ending": "false"}, lines(1, 10)),
        ("tail", {"bytes": "", "lines": "2", "skip_beginning": "false"}, lines(19, 20)),
        ("head", {"lines": "3"}, lines(1, 3)),
        ("head", {"lines": "0"}, ""),
        ("head", {"lines": "1K"}, lines(1, 20)),
        ("head", {"lines": "K"}, lines(1, 20)),
        ("head", {"lines": "-18"}, lines(1, 2)),
        ("head", {"lines": "+2"}, lines(1, 2)),
        ("head", {"lines": "18", "skip_ending": "True"}, lines(1, 2)),
        ("head", {"bytes": "5"}, "1\n2\n3"),
        ("head", {"bytes": "1kB"}, lines(1, 20)),
        ("head", {"bytes": "3", "skip_ending": "yes"}, lines(1, 19)),
        ("head", {"grep": "1"}, "1\n10\n"),
        ("head", {"lines": "20", "grep": "0"}, "10\n20\n"),
        ("head", {"grep": ""}, lines(1, 10)),
        ("tail", {}, lines(11, 20)),
        ("tail", {"skip_beginning": "False"}, lines(11, 20)),
        ("tail", {"skip_beginning": "True"}, lines(10, 20)),
        ("tail", {"lines": "2"}, lines(19, 20)),
        ("tail", {"lines": "-2"}, lines(19, 20)),
        ("tail", {"lines": "+19"}, lines(19, 20)),
        ("tail", {"lines": "19", "skip_beginning": "1"}, lines(19, 20)),
        ("tail", {"lines": "0", "skip_beginning": "1"}, lines(1, 20)),
        ("tail", {"bytes": "4"}, "\n20\n"),
        ("tail", {"bytes": "49", "skip_beginning": "1"}, "20\n"),
        ("tail", {"bytes": "1MiB"}, lines(1, 20)),
        ("tail", {"grep": "2"}, "12\n20\n"),
    ],
    ids=str,
)
def test_parts(
    live: Live, place: str, operation: str, parameters: dict[str, str], expected: str
) -> None:
    found = answer(live, operation, targetPath=f"{place}/twenty", **parameters)
    assert found == {"description": f"Success to {operation} file.", "output": expected}


@pytest.mark.parametrize("operation", ["head", "tail"])
def test_the_text_to_find_is_no_command(live: Live, place: str, operation: str) -> None:
    path = f"{place}/words"
    found = answer(live, operation, targetPath=path, grep="$(id)")
    assert found["output"] == "a $(id) line\n"
    assert answer(live, operation, targetPath=path, grep="é")["output"] == "an é line\n"
    for text in ("x'; touch evil; '", "absent", "a.*line", "$(touch evil)", "&& touch evil"):
        body, headers = refused(live, operation, {"targetPath": path, "grep": text}, 404)
        assert body == {
            "description": f"Error on {operation} operation with grep",
            "error": "pattern not found",
        }
        assert headers == {"X-Not-Found": "pattern not found"}
    assert "evil" not in names(live, place)


@pytest.mark.parametrize("operation", ["head", "tail"])
@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({"lines": "x"}, "invalid number of lines: 'x'"),
        ({"lines": "1x"}, "invalid number of lines: '1x'"),
        ({"lines": "--1"}, "invalid number of lines: '--1'"),
        ({"lines": "1.5"}, "invalid number of lines: '1.5'"),
        ({"lines": " 1"}, "invalid number of lines: ' 1'"),
        ({"lines": "١"}, "invalid number of lines: '١'"),
        ({"bytes": "0x10"}, "invalid number of bytes: '0x10'"),
        ({"bytes": "1bB"}, "invalid number of bytes: '1bB'"),
        ({"bytes": "-", "skip_ending": "1", "skip_beginning": "1"}, "invalid number of bytes: '-'"),
    ],
    ids=str,
)
def test_bad_numbers(
    live: Live, place: str, operation: str, parameters: dict[str, str], error: str
) -> None:
    body, headers = refused(live, operation, {"targetPath": f"{place}/twenty", **parameters})
    message = f"{operation}: {error}"
    assert body == {"description": f"Error on {operation} operation", "error": message}
    escaped = message.replace("١", "\\u0661")
    assert headers == {"X-Error": escaped}


@pytest.mark.parametrize("operation", ["head", "tail"])
def test_more_than_may_be_shown(live: Live, place: str, operation: str) -> None:
    path = f"{place}/over"
    body, headers = refused(live, operation, {"targetPath": path, "bytes": "5242881"})
    assert body == {"description": f"Error on {operation} operation", "error": OVER}
    assert headers == {"X-Error": OVER}
    assert len(answer(live, operation, targetPath=path, bytes="5MiB")["output"]) == LIMIT
    found = answer(live, operation, targetPath=path, lines="9" * 400, grep="99999")
    assert found["output"] == "99999\n199999\n" * 5


NOT_TEXT = "The content is not valid UTF-8 text"
SPECIAL = "Not a regular file"


@pytest.mark.parametrize(
    ("operation", "name", "description", "error", "headers"),
    [
        ("view", "over", "Failed to view file content", None, "X-Size-Limit"),
        ("view", "binary", "Error on head operation", NOT_TEXT, "X-Error"),
        ("head", "binary", "Error on head operation", NOT_TEXT, "X-Error"),
        ("tail", "binary", "Error on tail operation", NOT_TEXT, "X-Error"),
        ("view", "pipe", "Error on head operation", SPECIAL, "X-Error"),
        ("head", "pipe", "Error on head operation", SPECIAL, "X-Error"),
        ("tail", "pipe", "Error on tail operation", SPECIAL, "X-Error"),
        ("checksum", "pipe", "Error on checksum operation", SPECIAL, "X-Error"),
    ],
)
def test_what_is_not_shown(
    live: Live,
    place: str,
    operation: str,
    name: str,
    description: str,
    error: str | None,
    headers: str,
) -> None:
    body, sent = refused(live, operation, {"targetPath": f"{place}/{name}"})
    assert body == {"description": description, **({"error": error} if error else {})}
    assert sent == {headers: error or "File exceeds size limit"}


@pytest.mark.parametrize("operation", ["file", "view", "head", "tail", "checksum"])
def test_what_one_may_not_read(live: Live, place: str, operation: str) -> None:
    for name in ("unreadable", "closed/x"):
        body, headers = refused(live, operation, {"targetPath": f"{place}/{name}"})
        shown = "head" if operation == "view" else operation
        assert body == {"description": f"Error on {shown} operation", "error": "Permission denied"}
        denied = "User does not have permissions to access path"
        assert headers == {"X-Permission-Denied": denied}


@pytest.mark.parametrize("user", ["test1", SERVICE_ACCOUNT])
def test_whoami(live: Live, user: str) -> None:
    found = live.get("/utilities/whoami", user=user)
    assert (found.status_code, found.json()) == (
        200,
        {"description": "User information", "output": user},
    )
    output = live.get("/utilities/whoami", user=user, params={"groups": "true"}).json()["output"]
    assert set(output) == {"user", "group", "groups"}
    assert output["user"]["name"] == user
    assert output["group"] in output["groups"]
    for one in (output["user"], output["group"], *output["groups"]):
        assert set(one) == {"name", "id"}
        assert one["id"].isdigit()

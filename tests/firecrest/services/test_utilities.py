"""`/utilities`: what the tutorial does not show (utilities.md U1, U10, U11)."""

from __future__ import annotations

import pytest

from tests.firecrest.services.places import content, entries, names, run
from tests.firecrest.services.wire import Part, multipart, send
from tests.support.live import Live

LIMIT = 5 * 1024 * 1024
KEYS = {
    "name",
    "type",
    "link_target",
    "user",
    "group",
    "permissions",
    "last_modified",
    "size",
}
ODD = {
    " leading blank": "blank",
    "$HOME": "dollar",
    "-n": "dash",
    "a  b": "blanks",
    "back\\slash": "backslash",
    'it\'s "quoted"': "quotes",
    "new\nline": "newline",
    "semi;colon&co": "shell",
    "é": "latin",
    "日本": "wide",
}
MAKE = r"""
mkdir empty many odd sticky closed
chmod 1777 sticky
for i in {00..24}; do echo $i > many/f$i; done
cd odd
printf blank > ' leading blank'
printf dollar > '$HOME'
printf dash > ./-n
printf blanks > 'a  b'
printf backslash > 'back\slash'
printf quotes > "it's \"quoted\""
printf newline > $'new\nline'
printf shell > 'semi;colon&co'
printf latin > é
printf wide > 日本
printf binary > $'\xff\xfe'
cd ..
touch zero .hidden
mkdir .hidden-directory
printf x > one
head -c 5242880 /dev/zero > limit
head -c 5242881 /dev/zero > over
ln -s many to-directory
ln -s one to-file
ln -s "a place that is not there" dangling
mkfifo pipe
touch unreadable; chmod 0 unreadable
touch -d '2001-02-03 04:05:06' dated
touch closed/x; chmod 0 closed
"""


@pytest.fixture(scope="module")
def place(live: Live) -> str:
    """A directory of test1 with one of everything."""
    return run(live, MAKE)


def test_entries(live: Live, place: str) -> None:
    found = {entry["name"]: entry for entry in entries(live, place)}
    assert all(set(entry) == KEYS for entry in found.values())
    assert all(isinstance(value, str) for entry in found.values() for value in entry.values())
    shapes = {name: (entry["type"], entry["permissions"]) for name, entry in found.items()}
    expected = {
        "empty": ("d", "rwxr-xr-x"),
        "sticky": ("d", "rwxrwxrwt"),
        "closed": ("d", "---------"),
        "zero": ("-", "rw-r--r--"),
        "pipe": ("p", "rw-r--r--"),
        "to-directory": ("l", "rwxrwxrwx"),
        "unreadable": ("-", "---------"),
    }
    assert {name: shapes[name] for name in expected} == expected
    targets = {name: entry["link_target"] for name, entry in found.items() if entry["link_target"]}
    assert targets == {
        "to-directory": "many",
        "to-file": "one",
        "dangling": "a place that is not there",
    }
    assert found["dated"]["last_modified"] == "2001-02-03T04:05:06"
    sizes = {name: found[name]["size"] for name in ("zero", "one", "limit", "over")}
    assert sizes == {"zero": "0", "one": "1", "limit": "5242880", "over": "5242881"}
    assert {(entry["user"], entry["group"]) for entry in found.values()} == {("test1", "test1")}


def test_order_and_hidden_names(live: Live, place: str) -> None:
    shown = names(live, place)
    assert shown == sorted(shown, key=str.encode)
    assert not [name for name in shown if name.startswith(".")]
    everything = names(live, place, showhidden="true")
    assert set(everything) - set(shown) == {".hidden", ".hidden-directory"}


@pytest.mark.parametrize("value", ["TRUE", "yes", "1"])
def test_spellings_of_true(live: Live, place: str, value: str) -> None:
    assert ".hidden" in names(live, place, showhidden=value)


@pytest.mark.parametrize("value", ["", "false", "0", "on"])
def test_spellings_of_false(live: Live, place: str, value: str) -> None:
    assert ".hidden" not in names(live, place, showhidden=value)


def test_numeric_owners(live: Live, place: str) -> None:
    [entry] = entries(live, f"{place}/one", numericUid="true")
    assert entry["user"] == entry["group"]
    assert entry["user"].isdigit()


def test_owners_of_others(live: Live) -> None:
    [entry] = [one for one in entries(live, "/home") if one["name"] == "test2"]
    assert (entry["user"], entry["group"]) == ("test2", "test2")


def test_empty_directory(live: Live, place: str) -> None:
    answer = live.get("/utilities/ls", params={"targetPath": f"{place}/empty"})
    assert answer.json() == {
        "descr": "List of contents of path",
        "description": "List of contents",
        "output": [],
    }


def test_single_file_is_named_as_given(live: Live, place: str) -> None:
    for path in (f"{place}/one", f"{place}/../{place.rpartition('/')[2]}/one"):
        [entry] = entries(live, path)
        assert (entry["name"], entry["size"]) == (path, "1")


def test_link_to_a_directory(live: Live, place: str) -> None:
    [link] = entries(live, f"{place}/to-directory")
    assert (link["type"], link["link_target"]) == ("l", "many")
    assert len(entries(live, f"{place}/to-directory/")) == 25


def test_dangling_link(live: Live, place: str) -> None:
    [link] = entries(live, f"{place}/dangling")
    assert link["link_target"] == "a place that is not there"


def test_relative_paths_begin_at_home(live: Live, place: str) -> None:
    relative = place.removeprefix("/home/test1/")
    assert len(names(live, f"{relative}/many")) == 25
    assert ".bashrc" in names(live, ".", showhidden="1")


def test_closed_directory(live: Live, place: str) -> None:
    answer = live.get("/utilities/ls", params={"targetPath": f"{place}/closed"})
    assert answer.status_code == 400
    denied = "User does not have permissions to access machine or path"
    assert answer.headers["X-Permission-Denied"] == denied


@pytest.mark.parametrize(
    ("size", "number", "first", "count"),
    [
        ("10", "1", "f00", 10),
        ("10", "3", "f20", 5),
        ("10.0", "2.0", "f10", 10),
        ("25", "1", "f00", 25),
        ("1", "25", "f24", 1),
        ("10", "4", "f00", 25),
        ("10", "0", "f00", 25),
        ("0", "1", "f00", 25),
        ("-1", "1", "f00", 25),
        ("10", "-1", "f00", 25),
        ("10", "x", "f00", 25),
        ("inf", "nan", "f00", 25),
        ("10", "9" * 400, "f00", 25),
        ("9" * 400, "1", "f00", 25),
    ],
)
def test_paging(live: Live, place: str, size: str, number: str, first: str, count: int) -> None:
    found = names(live, f"{place}/many", pageSize=size, pageNumber=number)
    assert (found[0], len(found)) == (first, count)


@pytest.mark.parametrize("only", ["pageSize", "pageNumber"])
def test_paging_needs_both(live: Live, place: str, only: str) -> None:
    assert len(names(live, f"{place}/many", **{only: "2"})) == 25


def test_odd_names(live: Live, place: str) -> None:
    assert names(live, f"{place}/odd") == [
        *sorted(ODD, key=str.encode),
        "\\xff\\xfe",
    ]


READABLE = sorted(name for name in ODD if not set(name) & set("<>|;\"'&\\()`\n"))


@pytest.mark.parametrize("name", READABLE)
def test_odd_names_can_be_fetched(live: Live, place: str, name: str) -> None:
    assert content(live, f"{place}/odd/{name}").decode() == ODD[name]


@pytest.mark.parametrize(
    ("name", "disposition"),
    [
        ("$HOME", "attachment; filename=$HOME"),
        ("a  b", 'attachment; filename="a  b"'),
        ("日本", "attachment; filename*=UTF-8''%E6%97%A5%E6%9C%AC"),
    ],
)
def test_name_of_a_download(live: Live, place: str, name: str, disposition: str) -> None:
    answer = live.get("/utilities/download", params={"sourcePath": f"{place}/odd/{name}"})
    assert answer.headers["Content-Disposition"] == disposition
    assert answer.headers["Content-Type"] == "application/octet-stream"


@pytest.mark.parametrize(("name", "size"), [("zero", 0), ("one", 1), ("limit", LIMIT)])
def test_sizes_of_downloads(live: Live, place: str, name: str, size: int) -> None:
    answer = live.get("/utilities/download", params={"sourcePath": f"{place}/{name}"})
    assert answer.status_code == 200
    assert (len(answer.content), answer.headers["Content-Length"]) == (size, str(size))


def test_download_over_the_limit(live: Live, place: str) -> None:
    answer = live.get("/utilities/download", params={"sourcePath": f"{place}/over"})
    assert answer.status_code == 400
    assert answer.json() == {"description": "Failed to download file"}
    assert answer.headers["X-Size-Limit"] == "File exceeds size limit"


def test_download_through_a_link_and_with_the_other_parameter(live: Live, place: str) -> None:
    assert content(live, f"{place}/to-file") == b"x"
    answer = live.get("/utilities/download", params={"targetPath": f"{place}/one"})
    assert answer.content == b"x"


def test_a_pipe_does_not_hang(live: Live, place: str) -> None:
    answer = live.get("/utilities/download", params={"sourcePath": f"{place}/pipe"})
    assert answer.status_code == 400
    assert answer.headers["X-Error"] == "Not a regular file"
    upload = live.post(
        "/utilities/upload", data={"targetPath": place}, files={"file": ("pipe", b"x")}
    )
    assert upload.status_code == 400


def _upload(live: Live, directory: str, name: str, data: bytes) -> None:
    answer = live.post(
        "/utilities/upload", data={"targetPath": directory}, files={"file": (name, data)}
    )
    assert answer.status_code == 201, answer.text
    assert answer.json() == {"description": "File upload successful", "output": ""}


@pytest.mark.parametrize(
    "data",
    [b"", b"\0", bytes(range(256)) * 16, b"\r\n--boundary--\r\n", b"\xff" * (LIMIT - 1024)],
    ids=["empty", "null", "all bytes", "boundary", "nearly the limit"],
)
def test_uploads_arrive_unchanged(live: Live, place: str, data: bytes) -> None:
    _upload(live, place, "uploaded", data)
    assert content(live, f"{place}/uploaded") == data
    [entry] = entries(live, f"{place}/uploaded")
    assert (entry["user"], entry["permissions"]) == ("test1", "rw-r--r--")


def test_upload_replaces(live: Live, place: str) -> None:
    _upload(live, place, "replaced", b"a longer text")
    _upload(live, place, "replaced", b"short")
    assert content(live, f"{place}/replaced") == b"short"


@pytest.mark.parametrize("name", ["a b", "$HOME", "*", "~", "%0A%2F", "-rf", "日本.txt", ".dot"])
def test_names_are_kept(live: Live, place: str, name: str) -> None:
    parts = (Part("targetPath", f"{place}/empty".encode()), Part("file", name.encode(), name))
    answer = send(live, multipart("POST", "/utilities/upload", *parts), user="test1")
    assert answer.status == 201, answer.body
    assert content(live, f"{place}/empty/{name}") == name.encode()


def test_upload_through_a_link_to_a_directory(live: Live, place: str) -> None:
    _upload(live, f"{place}/to-directory", "via-link", b"x")
    assert content(live, f"{place}/many/via-link") == b"x"

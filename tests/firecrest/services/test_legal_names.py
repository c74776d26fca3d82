"""File names that are legal on Linux work wherever the contract allows their characters (§3.2)."""

from __future__ import annotations

import hashlib
import posixpath
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.firecrest.services.wire import Answer, Part, form, get, multipart, send
from tests.support.live import Live

USER = "test2"
FORBIDDEN = "<>|;\"'&\\()`/" + "".join(map(chr, range(0x20)))
CONTENT = b"first line\nsecond line\n"


def _fits(name: str) -> bool:
    """A file name, with room for an ending (NAME_MAX, limits.h)."""
    return 0 < len(name.encode()) <= 240 and name not in {".", ".."}


NAMES = st.text(
    st.characters(exclude_characters=FORBIDDEN, exclude_categories=["Cs"]), min_size=1, max_size=60
).filter(_fits)


@pytest.fixture(scope="module")
def place(live: Live) -> Iterator[str]:
    """A directory of the user's own, for one example after the other."""
    path = f"/scratch/{USER}/names-{secrets.token_hex(4)}"
    _done(live, 201, form("POST", "/utilities/mkdir", targetPath=path))
    yield path
    _done(live, 204, form("DELETE", "/utilities/rm", targetPath=path))


def _done(live: Live, status: int, request: Any) -> Answer:
    answer = send(live, request, user=USER)
    assert answer.status == status, (request, answer)
    return answer


def _output(live: Live, path: str, **parameters: str) -> Any:
    return _done(live, 200, get(path, **parameters)).json()["output"]


def _listed(live: Live, directory: str) -> list[str]:
    entries = _output(live, "/utilities/ls", targetPath=directory, showhidden="true")
    return sorted(entry["name"] for entry in entries)


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(name=NAMES)
@example(name="-rf")
@example(name="--help")
@example(name="$HOME")
@example(name="*")
@example(name="~")
@example(name="~root")
@example(name="!!")
@example(name="%00%0a")
@example(name="a=b")
@example(name="a:b")
@example(name="{a,b}")
@example(name="[a-z]?")
@example(name=" ")
@example(name=" a ")
@example(name="#")
@example(name="\x7f")
@example(name="\u2028")
@example(name="\ufeff")
@example(name="日本語 é\U0001f600")
@example(name="x" * 240)
@example(name="...")
@example(name="cannot open")
@example(name="No such file or directory")
@example(name="Permission denied: overwrite")
def test_every_operation_takes_the_name_literally(live: Live, place: str, name: str) -> None:
    """Upload, look, copy, move, link, pack, unpack, remove: always this file and no other."""
    base = posixpath.join(place, secrets.token_hex(4))
    _done(live, 201, form("POST", "/utilities/mkdir", targetPath=f"{base}/{name}", p=""))
    within = f"{base}/{name}"
    upload = multipart(
        "POST",
        "/utilities/upload",
        Part("targetPath", within.encode()),
        Part("file", CONTENT, name),
    )
    _done(live, 201, upload)
    path = f"{within}/{name}"
    assert _listed(live, within) == [name]
    _looks(live, path)
    _moves(live, within, name)
    _packs(live, base, within, name)
    _done(live, 204, form("DELETE", "/utilities/rm", targetPath=path))
    assert name not in _listed(live, within)
    _done(live, 204, form("DELETE", "/utilities/rm", targetPath=base))
    assert _listed(live, place) == []


def _looks(live: Live, path: str) -> None:
    assert _output(live, "/utilities/stat", targetPath=path)["size"] == len(CONTENT)
    assert _output(live, "/utilities/file", targetPath=path) == "ASCII text"
    digest = hashlib.sha256(CONTENT).hexdigest()
    assert _output(live, "/utilities/checksum", targetPath=path) == digest
    assert _output(live, "/utilities/view", targetPath=path) == CONTENT.decode()
    assert _output(live, "/utilities/head", targetPath=path, lines="1") == "first line\n"
    assert _output(live, "/utilities/tail", targetPath=path, bytes="5") == "line\n"
    assert _done(live, 200, get("/utilities/download", sourcePath=path)).body == CONTENT
    [entry] = _output(live, "/utilities/ls", targetPath=path)
    assert entry["name"] == path


def _moves(live: Live, within: str, name: str) -> None:
    """Copy, rename and link to names that differ by one character only."""
    path, copied, moved, linked = (f"{within}/{name}{ending}" for ending in ("", "1", "2", "3"))
    _done(live, 201, form("POST", "/utilities/copy", sourcePath=path, targetPath=copied))
    _done(live, 200, form("PUT", "/utilities/rename", sourcePath=copied, targetPath=moved))
    _done(live, 201, form("POST", "/utilities/symlink", targetPath=path, linkPath=linked))
    _done(live, 200, form("PUT", "/utilities/chmod", targetPath=moved, mode="640"))
    entries = {
        entry["name"]: entry
        for entry in _output(live, "/utilities/ls", targetPath=within, showhidden="true")
    }
    assert sorted(entries) == sorted([name, f"{name}2", f"{name}3"])
    assert entries[f"{name}2"]["permissions"] == "rw-r-----"
    assert entries[f"{name}3"]["link_target"] == path


def _packs(live: Live, base: str, within: str, name: str) -> None:
    archive, target = f"{base}/{name}.tar.gz", f"{base}/unpacked"
    _done(live, 201, form("POST", "/utilities/compress", sourcePath=within, targetPath=archive))
    _done(live, 201, form("POST", "/utilities/mkdir", targetPath=target))
    _done(live, 201, form("POST", "/utilities/extract", sourcePath=archive, targetPath=target))
    unpacked = f"{target}/{name}"
    assert sorted(_listed(live, unpacked)) == sorted([name, f"{name}2", f"{name}3"])
    read = get("/utilities/view", targetPath=f"{unpacked}/{name}2")
    assert _done(live, 200, read).json()["output"] == CONTENT.decode()

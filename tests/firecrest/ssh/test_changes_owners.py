"""Permissions and owners on a real login node, and what tools say when they fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from f7t.errors import (
    CommandFailed,
    InvalidGroup,
    InvalidMode,
    InvalidOwner,
    NotADirectory,
    NotFound,
    PermissionDenied,
    RemoteError,
    SourceNotFound,
)
from f7t.ssh.changes import FileChanges
from f7t.ssh.channel import Completed
from f7t.ssh.messages import archiver_failure, tool_failure
from tests.firecrest.ssh.things import (
    kinds,
    tree,
)


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("640", "mode of 'file' changed from 0644 (rw-r--r--) to 0640 (rw-r-----)"),
        ("0644", "mode of 'file' retained as 0644 (rw-r--r--)"),
        ("u+x,g=,o-r", "mode of 'file' changed from 0644 (rw-r--r--) to 0700 (rwx------)"),
        ("4755", "mode of 'file' changed from 0644 (rw-r--r--) to 4755 (rwsr-xr-x)"),
        ("-r", "mode of 'file' changed from 0644 (rw-r--r--) to 0200 (-w-------)"),
        ("a=rX", "mode of 'file' changed from 0644 (rw-r--r--) to 0444 (r--r--r--)"),
    ],
)
async def test_changing_modes(mode: str, said: str, changes: FileChanges, home: Path) -> None:
    kinds(home)
    assert await changes.change_mode("file", mode) == said


@pytest.mark.parametrize(
    ("path", "mode", "error"),
    [
        ("file", "999", InvalidMode),
        ("file", "u+q", InvalidMode),
        ("file", "", InvalidMode),
        ("file", "--reference=secret", InvalidMode),
        ("file", "77777", InvalidMode),
        ("file", "a b", InvalidMode),
        ("absent", "640", NotFound),
        ("absent", "999", InvalidMode),
        ("dangling", "640", NotFound),
        ("file/x", "640", NotADirectory),
        ("closed/x", "640", PermissionDenied),
        ("secret", "640", PermissionDenied),
    ],
)
async def test_modes_that_cannot_be_set(
    path: str, mode: str, error: type[RemoteError], changes: FileChanges, home: Path
) -> None:
    kinds(home)
    before = tree(home)
    with pytest.raises(error) as raised:
        await changes.change_mode(path, mode)
    assert type(raised.value) is error
    assert raised.value.message.startswith("chmod: ")
    assert tree(home) == before


async def test_changing_owners(changes: FileChanges, home: Path) -> None:
    kinds(home)
    for names in ({"owner": "test1"}, {"group": "test1"}, {"owner": "2001", "group": "2001"}):
        assert "retained as" in await changes.change_owner("file", **names)
    with pytest.raises(ValueError, match="neither"):
        await changes.change_owner("file")


@pytest.mark.parametrize(
    ("path", "owner", "group", "error"),
    [
        ("file", "test2", "", PermissionDenied),
        ("file", "", "test2", PermissionDenied),
        ("secret", "test1", "", PermissionDenied),
        ("file", "nobody-here", "", InvalidOwner),
        ("file", "nobody-here", "test1", InvalidOwner),
        ("file", "test1:test2", "", InvalidOwner),
        ("file", "test1:", "", InvalidOwner),
        ("file", "--help", "", InvalidOwner),
        ("file", "", "none-here", InvalidGroup),
        ("file", "test1", "none-here", InvalidGroup),
        ("file", "test1", "a:b", InvalidGroup),
        ("absent", "test1", "", NotFound),
        ("file/x", "test1", "", NotADirectory),
        ("closed/x", "test1", "", PermissionDenied),
    ],
)
async def test_owners_that_cannot_be_set(
    path: str,
    owner: str,
    group: str,
    error: type[RemoteError],
    changes: FileChanges,
    home: Path,
) -> None:
    kinds(home)
    with pytest.raises(error) as raised:
        await changes.change_owner(path, owner=owner, group=group)
    assert type(raised.value) is error
    assert raised.value.message.startswith("chown: ")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("cp: cannot stat 'x: Permission denied': No such file or directory", SourceNotFound),
        ("mv: cannot move 'a' to a subdirectory of itself, 'x: File exists'", CommandFailed),
        ("mv: 'cannot stat' and 'x: No such file or directory' are the same file", CommandFailed),
        ("env: 'cp': No such file or directory", CommandFailed),
        ("env: 'cp': Permission denied", CommandFailed),
        (
            "chown: changing ownership of 'invalid user: x': Operation not permitted",
            PermissionDenied,
        ),
        ("chmod: cannot access 'invalid mode: x': Not a directory", NotADirectory),
        ("chown: invalid spec: 'nobody:'", InvalidOwner),
        ("rm: cannot remove 'a': Read-only file system", CommandFailed),
        ("", CommandFailed),
    ],
)
def test_names_do_not_decide(words: str, error: type[RemoteError]) -> None:
    failure = tool_failure(Completed(1, b"", words.encode()), "path")
    assert type(failure) is error
    assert failure.message == (words or "Command ended with status 1")


def test_what_archivers_say_of_members_is_not_about_the_request() -> None:
    for words in ("tar: a: Cannot open: File exists", "tar: x: Cannot stat: No such file"):
        assert type(archiver_failure(Completed(2, b"", words.encode()), "p")) is CommandFailed

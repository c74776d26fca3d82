"""`FcPath`: paths on the machine that behave like Python's own.

Header names decide which exception a failure becomes, and they are compared with their case (D01).
"""

from __future__ import annotations

import stat
from collections.abc import Callable
from typing import Any

import pytest

from tests.clients.runs import PATHS

RUNS = PATHS
UID = 10010
MODE = stat.S_IFREG | 0o640


@pytest.fixture
def seen(told: Callable[[str], Any]) -> dict[str, Any]:
    parts: dict[str, Any] = told("FcPath")["seen"]
    return parts


def test_naming(seen: dict[str, Any]) -> None:
    home = seen["home"]
    archive = f"{home}/sub/archive.tar.gz"
    assert seen["naming"] == {
        "joinpath": archive,
        "fspath": f"{home}/x",
        "texts": [f"{home}/x", archive, archive],
        "repr": True,
        "pure_path": True,
        "name": ["archive.tar.gz", "archive.tar", ".gz", [".tar", ".gz"]],
        "with_name": f"{home}/sub/other",
        "with_suffix": f"{home}/sub/archive.tar.bz2",
        "parts": ["sub", "archive.tar.gz"],
        "parent": f"{home}/sub",
        "relpath": "sub/archive.tar.gz",
        "is_absolute": True,
        "resolve": f"{home}/b",
        "machine": "cluster",
        "same client": True,
        "cache_enabled": [False, True],
    }


def test_content(seen: dict[str, Any]) -> None:
    content = seen["content"]
    assert (content["exists before"], content["exists after"]) == (False, False)
    assert content["empty"] == ""
    assert content["read"] == ["wörter\n", "wörter\n"]
    assert len(content["checksum"]) == 64
    status = {"st_mode": MODE, "st_size": 6, "st_uid": UID, "st_nlink": 1}
    assert content["stat"] == status
    assert content["stat of the link"] == status
    assert content["lstat is a link's"]
    assert content["link"] == [True, True, False]
    assert (content["is_dir"], content["is_file"]) == ([True, False], [False, True])
    for name in ("is_fifo", "is_socket", "is_block_device", "is_char_device"):
        assert content[name] == [False, False], name
    assert content["null"] == [True, False]
    assert content["iterdir"] == ["a", "file.txt", "link"]
    assert content["recursive"] == ["a", "a/b", "file.txt", "link"]
    assert content["renamed"] == [f"{seen['home']}/tree/moved.txt", True, False, False]


EXPECTED = {
    "read absent": "FileNotFoundError",
    "stat absent": "FileNotFoundError",
    "lstat absent": "FileNotFoundError",
    "checksum absent": "FileNotFoundError",
    "iterdir absent": "FileNotFoundError",
    "unlink absent": "FileNotFoundError",
    "rmtree absent": "FileNotFoundError",
    "rename absent": "FileNotFoundError",
    "write below absent": "FileNotFoundError",
    "mkdir below absent": "FileNotFoundError",
    "read directory": "IsADirectoryError",
    "checksum directory": "IsADirectoryError",
    "unlink directory": "IsADirectoryError",
    "rmtree file": "NotADirectoryError",
    "write below a file": "NotADirectoryError",
    "iterdir denied": "PermissionError",
    "stat denied": "PermissionError",
    "mkdir denied": "PermissionError",
    "chmod denied": "PermissionError",
    "unknown machine": "MachineDoesNotExist",
    "touch existing": "FileExistsError",
    # The client takes neither header for one of errors, so it never comes to translate them.
    "mkdir existing": "FirecrestException",
    "symlink existing": "FirecrestException",
    "chmod bad": "FirecrestException",
}


@pytest.mark.parametrize("call", EXPECTED)
def test_failures(seen: dict[str, Any], call: str) -> None:
    failed = seen["failures"][call]
    assert failed, "it did not fail"
    assert failed["class"] == EXPECTED[call], failed


def test_converted_failures(seen: dict[str, Any]) -> None:
    assert seen["failures"].keys() == EXPECTED.keys() | {"converted"}
    assert seen["failures"]["converted"] == "'own'"

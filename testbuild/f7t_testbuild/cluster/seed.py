"""Users' directories and the files of the machine: put there, and put back by a reset.

Runs as root of the cluster, so that owners come out right in every way. Standard library only.
"""

from __future__ import annotations

import gzip
import io
import os
import shutil
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Entry = Mapping[str, Any]
"""`path`, `mode` (octal text), `type` (`file`, `directory` or `tar.gz`), `content`, `members`."""


@dataclass(frozen=True)
class Seed:
    """What belongs into the file systems of the cluster; travels as JSON."""

    users: Mapping[str, int]
    """User id (and id of the primary group) by name."""
    user_directories: Mapping[str, str]
    """Mode of each user's directory by the file system's path."""
    home: Sequence[Entry]
    files: Sequence[Entry]
    scratch: Sequence[str]
    """Directories for everybody that a reset empties."""


def plant(seed: Seed, root: Path = Path("/")) -> None:
    """Make what is missing; whatever exists stays as it is."""
    for path, mode in seed.user_directories.items():
        for user, uid in seed.users.items():
            directory = _below(root, path) / user
            if not directory.is_dir():
                _make_directory(directory, int(mode, 8), uid)
                if path == "/home":
                    _write_entries(directory, seed.home, uid)
    for entry in seed.files:
        if not os.path.lexists(_below(root, entry["path"])):
            _write_entries(root, [entry], 0)


def replant(seed: Seed, root: Path = Path("/")) -> None:
    """Empty users' and shared directories and fill them anew; the directories themselves stay."""
    for path, mode in seed.user_directories.items():
        for user, uid in seed.users.items():
            directory = _below(root, path) / user
            _make_directory(directory, int(mode, 8), uid)
            _empty(directory)
            if path == "/home":
                _write_entries(directory, seed.home, uid)
    for entry in seed.files:
        target = _below(root, entry["path"])
        if entry.get("type") == "directory" and target.is_dir():
            _empty(target)
    _write_entries(root, seed.files, 0)
    for path in seed.scratch:
        _empty(_below(root, path))


def _below(root: Path, path: str) -> Path:
    return root / path.lstrip("/")


def _empty(directory: Path) -> None:
    """Remove what is in a directory; names that vanish meanwhile are no error.

    `shutil.rmtree` does not follow symbolic links, whatever users put there.
    """
    for child in directory.iterdir():
        if child.is_dir() and not child.is_symlink():
            shutil.rmtree(child, ignore_errors=True)
        else:
            child.unlink(missing_ok=True)


def _make_directory(path: Path, mode: int, uid: int) -> None:
    path.mkdir(parents=True, exist_ok=True)
    os.chown(path, uid, uid)
    path.chmod(mode)


def _write_entries(base: Path, entries: Iterable[Entry], uid: int) -> None:
    for entry in entries:
        target = _below(base, entry["path"])
        mode = int(entry["mode"], 8)
        if entry.get("type") == "directory":
            _make_directory(target, mode, uid)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        target.write_bytes(_content(entry))
        os.chown(target, uid, uid)
        target.chmod(mode)


def _content(entry: Entry) -> bytes:
    if entry.get("type") != "tar.gz":
        return str(entry["content"]).encode()
    buffer = io.BytesIO()
    # tarfile would import gzip only now, when the interpreter's files are out of sight.
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as archive,
    ):
        for member in entry["members"]:
            content = str(member["content"]).encode()
            info = tarfile.TarInfo(member["path"])
            info.size = len(content)
            info.mode = 0o644
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()

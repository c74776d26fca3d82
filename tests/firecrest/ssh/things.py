"""Files on the login node as tests make them, and as they find them afterwards."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

USER = 2001
LONG = "x" * 255


def make(path: Path, content: bytes = b"", *, owner: int = USER, mode: int = 0o644) -> Path:
    path.write_bytes(content)
    path.chmod(mode)
    os.chown(path, owner, owner)
    return path


def directory(path: Path, *, owner: int = USER, mode: int = 0o755) -> Path:
    path.mkdir()
    path.chmod(mode)
    os.chown(path, owner, owner)
    return path


def kinds(home: Path) -> None:
    """One thing of each kind that an operation may stumble over."""
    make(home / "file", b"content")
    make(directory(home / "dir") / "inside", b"deep")
    directory(home / "empty")
    make(home / "secret", owner=0, mode=0o600)
    make(directory(home / "closed", owner=0, mode=0o700) / "file")
    directory(home / "readonly", owner=0)
    make(home / "readonly" / "theirs", owner=0)
    (home / "dangling").symlink_to("nowhere")
    (home / "loop").symlink_to("loop")
    os.mkfifo(home / "pipe")
    os.chown(home / "pipe", USER, USER)


def tree(home: Path) -> dict[str, tuple[int, bytes]]:
    """Everything below: mode, and content or link target."""
    found = {}
    for path in sorted(home.rglob("*")):
        mode = path.lstat().st_mode
        content = b""
        if stat.S_ISLNK(mode):
            content = os.fsencode(path.readlink())
        elif stat.S_ISREG(mode):
            content = path.read_bytes()
        found[str(path.relative_to(home))] = (mode, content)
    return found


def names(path: Path) -> set[str]:
    return {entry.name for entry in path.iterdir()}


def link_text(path: Path) -> str:
    return str(path.readlink())


def file_system(path: Path) -> int:
    return path.stat().st_dev


def archive_of_each_kind(home: Path) -> None:
    subprocess.run(["tar", "-cf", "a.tar", "file", "dir"], cwd=home, check=True)
    for tool in (["gzip", "-k"], ["bzip2", "-k"], ["zip", "-q", "-r", "a.zip"]):
        subprocess.run([*tool, "a.tar"], cwd=home, check=True)

"""Directories of the host that the nss-wrapper way needs: made, recorded, removed again.

Only what is absent is made. What is removed is exactly what the record lists, which is written
before each directory is made, so that a crash in between leaves nothing unlisted.
"""

from __future__ import annotations

import errno
import json
import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from f7t_testbuild.cluster.site import Site
from f7t_testbuild.native.layout import NSS_ROOT, Layout
from f7t_testbuild.native.ways import nss_wrapper_library

SSHD_DIRECTORY = Path("/run/sshd")
"""Compiled into Debian's sshd; an existing one is used and left alone."""


@dataclass(frozen=True)
class Claimed:
    """One directory that this testbuild made; `keep` if it holds users' files."""

    path: Path
    keep: bool


class PathInUse(Exception):
    """A directory that this way needs belongs to somebody else."""


def environment(layout: Layout, site: Site) -> dict[str, str]:
    """Variables that make every program of the cluster see its users, hosts and host name."""
    etc = layout.etc.inside
    return {
        "LD_PRELOAD": str(nss_wrapper_library()),
        "NSS_WRAPPER_PASSWD": str(etc / "passwd"),
        "NSS_WRAPPER_GROUP": str(etc / "group"),
        "NSS_WRAPPER_HOSTS": str(etc / "hosts"),
        "NSS_WRAPPER_HOSTNAME": site.cluster,
        # Newer releases (1.1.16 of Debian 13) leave initgroups(3) undone unless this says that
        # somebody takes its setgroups(2). Here the kernel does; users would lack their groups.
        "UID_WRAPPER": "1",
    }


def claim(layout: Layout, site: Site) -> None:
    """Take the directories for this testbuild, with users' files of the last run.

    Users' directories that are new are made with their owners when the cluster is seeded. Raises
    `PathInUse`.
    """
    mine = {claimed.path for claimed in _recorded(layout)}
    users = _user_directories(site)
    for path in (NSS_ROOT, *users):
        if path.exists() and path not in mine:
            raise PathInUse(
                f"{path} exists already and was not made by this testbuild; the nss-wrapper way "
                "needs it for itself. Only one testbuild at a time can be up in this way"
            )
    for path in (NSS_ROOT, SSHD_DIRECTORY, *_shared_directories(site)):
        if not path.exists():
            _record(layout, Claimed(path, keep=False))
            path.mkdir(mode=0o755)
    for path in users:
        if not path.exists():
            _record(layout, Claimed(path, keep=True))
            if (kept := _kept(layout, path)).is_dir():
                _move(kept, path)


def release(layout: Layout) -> None:
    """Remove what `claim` made; users' files go back into the state directory."""
    for claimed in reversed(_recorded(layout)):
        path = claimed.path
        if claimed.keep:
            _keep(layout, path)
        elif path in (NSS_ROOT, SSHD_DIRECTORY):
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):  # gone, or somebody else put something into it
                path.rmdir()
    _record_file(layout).unlink(missing_ok=True)


def _user_directories(site: Site) -> list[Path]:
    """Directories with users' files, which must be ours alone."""
    owned = [Path(fs.path) / user.name for fs in site.file_systems for user in site.users]
    files = [Path(entry["path"]) for entry in site.files if entry.get("type") == "directory"]
    return [*owned, *files]


def _shared_directories(site: Site) -> list[Path]:
    """Their parents, which may exist already."""
    return list(dict.fromkeys(path.parent for path in _user_directories(site)))


def _record_file(layout: Layout) -> Path:
    return layout.cluster / "claimed.json"


def _recorded(layout: Layout) -> list[Claimed]:
    try:
        entries = json.loads(_record_file(layout).read_text())
    except FileNotFoundError:
        return []
    return [Claimed(Path(path), keep) for path, keep in entries]


def _record(layout: Layout, claimed: Claimed) -> None:
    file = _record_file(layout)
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    entries = [(str(entry.path), entry.keep) for entry in (*_recorded(layout), claimed)]
    file.write_text(json.dumps(entries))


def _kept(layout: Layout, path: Path) -> Path:
    return layout.kept / str(path).lstrip("/")


def _keep(layout: Layout, path: Path) -> None:
    """Move users' files into the state directory."""
    if not path.is_dir():
        return
    kept = _kept(layout, path)
    kept.parent.mkdir(parents=True, exist_ok=True)
    if kept.exists():
        shutil.rmtree(kept)
    _move(path, kept)


def _move(source: Path, target: Path) -> None:
    """Rename, or copy with owners and modes where the two lie on different file systems."""
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        subprocess.run(["cp", "-a", "--", str(source), str(target)], check=True)
        shutil.rmtree(source)

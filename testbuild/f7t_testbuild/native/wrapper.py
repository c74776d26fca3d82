"""Directories of the host that the nss-wrapper way needs: made, recorded, removed again.

Only what is absent is made. What is removed is exactly what the record lists, which is written
before each directory is made, so that a crash in between leaves nothing unlisted.
"""

from __future__ import annotations

import errno
import json
import shutil
import subprocess
from pathlib import Path

from f7t_testbuild.native.layout import NSS_ROOT, Layout
from f7t_testbuild.native.site import Site
from f7t_testbuild.native.ways import nss_wrapper_library

RECORD = "claimed.json"


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
    }


def claim(layout: Layout, site: Site) -> None:
    """Make the directories, with users' files of the last run; raises `PathInUse`.

    `/run/sshd` is shared: an existing one is used and left alone.
    """
    record = layout.cluster / RECORD
    mine: list[str] = json.loads(record.read_text()) if record.exists() else []
    targets = _targets(site)
    for path in targets:
        if path.exists() and str(path) not in mine:
            raise PathInUse(
                f"{path} exists already and was not made by this testbuild; the nss-wrapper way "
                "needs it for itself. Only one testbuild at a time can be up in this way"
            )
    shared = [Path("/run/sshd"), *(Path(item.path) for item in site.file_systems)]
    for path in (*shared, *targets):
        if path.exists():
            continue
        mine.append(str(path))
        record.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        record.write_text(json.dumps(mine))
        _restore(_kept(layout, path), path)


def release(layout: Layout) -> None:
    """Remove what `claim` made; users' files go back into the state directory."""
    record = layout.cluster / RECORD
    if not record.exists():
        return
    for name in reversed(json.loads(record.read_text())):
        path = Path(name)
        if path.is_relative_to(NSS_ROOT) or path == Path("/run/sshd"):
            shutil.rmtree(path, ignore_errors=True)
        elif path.is_dir():
            _keep(path, _kept(layout, path))
    record.unlink()


def _targets(site: Site) -> list[Path]:
    """Directories that must be ours alone."""
    owned = [Path(fs.path) / user.name for fs in site.file_systems for user in site.users]
    files = [Path(entry["path"]) for entry in site.files if entry.get("type") == "directory"]
    return [NSS_ROOT, *owned, *files]


def _kept(layout: Layout, path: Path) -> Path:
    return layout.kept / str(path).lstrip("/")


def _restore(kept: Path, path: Path) -> None:
    """Users' directories come from the last run, or are made with their owner when seeded."""
    if not _is_user_directory(path):
        path.mkdir(mode=0o755)
    elif kept.is_dir():
        _move(kept, path)


def _is_user_directory(path: Path) -> bool:
    return len(path.parts) > 2 and path.parts[1] in ("home", "scratch", "srv")


def _keep(path: Path, kept: Path) -> None:
    if not _is_user_directory(path):
        path.rmdir()
        return
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

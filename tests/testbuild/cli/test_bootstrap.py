"""The bootstrap script: a whole run in a copy of the project, and what it says when it cannot."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

NEEDED = ("cksum", "cat", "tr", "sed", "date", "dirname", "grep", "id", "mkdir", "flock", "mktemp")
"""The programs the script uses before it has Python."""

NO_INDEX = {
    "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
    "PIP_EXTRA_INDEX_URL": "",
    "PIP_FIND_LINKS": "",
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_NO_CACHE_DIR": "1",
    "PIP_RETRIES": "0",
}
"""Points pip at a port of loopback where nothing listens."""


def run(project: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The script of `project` in the caller's environment, changed by `environment`."""
    return subprocess.run(
        ["/bin/sh", str(project / "testbuild" / "bootstrap"), *arguments],
        cwd="/",
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def project(tmp_path: Path, root: Path) -> Path:
    """A copy of the project in a directory whose name has a blank, without an environment."""
    copy = tmp_path / "a project"
    shutil.copytree(
        root,
        copy,
        ignore=shutil.ignore_patterns(".venv", ".git", ".*_cache", "__pycache__", "tests", ".f7t"),
    )
    return copy


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A PATH with the everyday programs and no Python."""
    directory = tmp_path / "bin"
    directory.mkdir()
    for name in NEEDED:
        found = shutil.which(name)
        assert found is not None
        (directory / name).symlink_to(found)
    return directory


def old_python(tools: Path) -> None:
    """An interpreter that says it is too old, in the way the script asks."""
    script = tools / "python3"
    script.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.2" && exit 0\nexit 1\n')
    script.chmod(0o755)


def test_it_is_a_posix_script(root: Path) -> None:
    script = root / "testbuild" / "bootstrap"

    subprocess.run(["dash", "-n", script], check=True)
    assert script.read_text().startswith("#!/bin/sh\n")
    assert os.access(script, os.X_OK)


@pytest.mark.timeout(300)
def test_it_makes_the_environment_once_and_mends_it_when_moved(project: Path) -> None:
    first = run(project)

    assert first.returncode == 0, first.stderr
    for phase in ("creating .venv", "installing the packages of uv.lock (main)", "ready"):
        assert phase in first.stderr
    assert first.stdout == ""
    version = subprocess.run(
        [project / ".venv" / "bin" / "f7t", "--version"], capture_output=True, text=True, check=True
    )
    assert version.stdout.startswith("f7t, version")
    assert not (project / ".venv" / "bin" / "pytest").exists()

    second = run(project)
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")

    with (project / "uv.lock").open("a") as lock:
        lock.write("\n")
    third = run(project)
    assert "installing the packages" in third.stderr
    assert "creating .venv" not in third.stderr

    moved = project.rename(project.with_name("moved"))
    fourth = run(moved, **NO_INDEX)
    assert "creating .venv" in fourth.stderr
    assert fourth.returncode == 1
    assert "error: pip could not install uv" in fourth.stderr
    assert "PIP_INDEX_URL" in fourth.stderr
    assert not (moved / ".venv" / ".f7t-bootstrap").exists()


@pytest.mark.parametrize("has_old_python", [False, True])
def test_without_a_new_enough_python_it_says_what_to_install(
    project: Path, tools: Path, has_old_python: bool
) -> None:
    if has_old_python:
        old_python(tools)

    done = run(project, PATH=str(tools))

    assert done.returncode == 1
    assert "Python 3.11 or newer with its venv module is needed" in done.stderr
    assert ("found only: " in done.stderr) is has_old_python
    assert "Python 3.9.2" in done.stderr or not has_old_python
    assert not (project / ".venv").exists()


@pytest.mark.skipif(not Path("/etc/debian_version").exists(), reason="advice for Debian")
def test_without_root_on_debian_it_prints_the_command(project: Path, tools: Path) -> None:
    (tools / "apt-get").symlink_to("/bin/false")
    (tools / "id").unlink()
    (tools / "id").write_text("#!/bin/sh\necho 1000\n")
    (tools / "id").chmod(0o755)

    done = run(project, PATH=str(tools))

    assert done.returncode == 1
    assert "sudo apt-get install --no-install-recommends python3 python3-venv" in done.stderr


def test_an_unknown_argument_is_refused(root: Path) -> None:
    done = run(root, "--devel")

    assert done.returncode == 1
    assert "usage: testbuild/bootstrap [--dev]" in done.stderr

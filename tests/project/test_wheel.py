"""The distribution holds all that the commands need where there is no checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from f7t_conformance.catalogue import catalogue
from f7t_conformance.model import Profile, Results, Status
from f7t_conformance.reports import read
from f7t_loadtest.model import Run
from f7t_testbuild.distribution import python_module
from f7t_testbuild.judged import suite_environment
from f7t_testbuild.loaded import load_environment
from tests.support.live import Live

_ROOT = Path(__file__).parents[2]
_BIN = Path(sys.executable).parent
_SUITE = _ROOT / "conformance" / "f7t_conformance"


def _run(*argv: str | Path, cwd: Path = _ROOT, **variables: str) -> str:
    """Output of a command that knows nothing of the environment it is run from."""
    environment = {**os.environ, "PATH": "/usr/bin:/bin", **variables}
    environment.pop("VIRTUAL_ENV", None)
    command = [str(word) for word in argv]
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{argv}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    _run(*python_module("hatchling"), "build", "-t", "wheel", "-d", folder)
    (built,) = folder.glob("*.whl")
    return built


def _files(folder: Path, patterns: Sequence[str] = ("*",)) -> set[Path]:
    found = {path for pattern in patterns for path in folder.rglob(pattern) if path.is_file()}
    return {path for path in found if "__pycache__" not in path.parts}


@pytest.mark.timeout(180)
def test_the_wheel_holds_packages_and_data(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    cluster = {path.relative_to(_ROOT) for path in _files(_ROOT / "cluster")}
    beside = (Path("keycloak/realm.json"), Path("loadtest/thresholds.yaml"))
    data = {f"f7t_testbuild/data/{path}" for path in (*cluster, *beside)}
    assert data <= names
    roots = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    ours = ("conformance", "identity", "loadtest", "staging", "testbuild")
    assert roots == {"f7t", *(f"f7t_{name}" for name in ours)}


@pytest.mark.timeout(180)
def test_the_wheel_holds_the_whole_suite(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    own = {str(path.relative_to(_SUITE.parent)) for path in _files(_SUITE)}
    contract = {path.relative_to(_SUITE.parent) for path in _files(_SUITE.parent / "contract")}
    assert own <= names
    assert {f"f7t_conformance/{path}" for path in contract} <= names
    for folder in ("catalogue", "checks", "contract", "reports/templates", "waivers"):
        assert any(name.startswith(f"f7t_conformance/{folder}/") for name in names), folder
    assert "f7t_conformance/checks/pytest.ini" in names


def _installed(wheel: Path, folder: Path, extra: str) -> Path:
    """`bin` of an environment with the wheel, one of its extras, and nothing else."""
    uv, locked = _BIN / "uv", folder / "requirements.txt"
    what = ("--no-dev", "--extra", extra, "--no-emit-project")
    _run(uv, "export", "-q", "--frozen", *what, "-o", locked)
    _run(uv, "venv", "-q", "--python", sys.executable, folder / "venv")
    python = folder / "venv" / "bin" / "python"
    install = (uv, "pip", "install", "-q", "--python", python)
    _run(*install, "--require-hashes", "-r", locked)
    # The extra is named, so that a package that the lock file lacks would be missed here.
    _run(*install, "--no-deps", f"{wheel}[{extra}]")
    return python.parent


@pytest.mark.timeout(300)
@pytest.mark.long
def test_the_suite_works_alone_where_only_the_extra_is_installed(
    wheel: Path, tmp_path: Path, live: Live
) -> None:
    installed = _installed(wheel, tmp_path, "conformance")
    _run(_BIN / "uv", "pip", "check", "--python", installed / "python")
    plugins = _run(installed / "python", "-P", "-m", "pytest", "--help", cwd=tmp_path)
    assert "--f7t-testbuild" in plugins
    command = (installed / "f7t", "conformance", "run", "--profile", "probe", "--report", ".")
    variables = suite_environment(live.testbuild, live.choices)
    _run(*command, "--only", "F7T-STAT", "--workers", "2", cwd=tmp_path, **variables)
    results = read(tmp_path)
    wanted = {one.id for one in catalogue().values() if one.belongs_to(Profile.PROBE)}
    assert {one.id for one in results.requirements} == wanted
    assert {one.area for one in results.requirements if one.id in _passed(results)} == {"STAT"}
    assert "<html" in (tmp_path / "report.html").read_text()


@pytest.mark.timeout(300)
@pytest.mark.long
def test_the_load_test_works_alone_where_only_the_extra_is_installed(
    wheel: Path, tmp_path: Path, live: Live
) -> None:
    installed = _installed(wheel, tmp_path, "loadtest")
    _run(_BIN / "uv", "pip", "check", "--python", installed / "python")
    command = (installed / "f7t-loadtest", "run", "--scenario", "files", "--duration", "1")
    variables = load_environment(live.testbuild, live.choices)
    _run(*command, "--report", "report", cwd=tmp_path, **variables)
    run = Run.model_validate_json((tmp_path / "report" / "results.json").read_text())
    assert run.failures == []
    assert run.stages[0].requests > 0


def _passed(results: Results) -> set[str]:
    return {one.id for one in results.findings if one.status is Status.PASS}

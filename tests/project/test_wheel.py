"""The distribution holds all that the command needs where there is no checkout."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(180)
def test_the_wheel_holds_packages_and_data(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    done = subprocess.run(argv, cwd=_ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())

    cluster = {path.relative_to(_ROOT) for path in (_ROOT / "cluster").rglob("*") if path.is_file()}
    data = {f"f7t_testbuild/data/{path}" for path in (*cluster, Path("keycloak/realm.json"))}
    assert data <= names
    roots = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert roots == {"f7t", "f7t_identity", "f7t_staging", "f7t_testbuild"}

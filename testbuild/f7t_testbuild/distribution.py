"""This distribution itself: its version, its data files, and how its modules are run."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def data_path(relative: str) -> Path:
    """A data file or folder such as `cluster/site.yaml`; raises `FileNotFoundError`."""
    for root in (_PACKAGE / "data", _PACKAGE.parent.parent):
        if (root / relative).exists():
            return root / relative
    raise FileNotFoundError(f"{relative} is part of neither the checkout nor the installation")


def python_module(module: str) -> tuple[str, ...]:
    """Command of this interpreter for a module, without the current directory on its path."""
    return (sys.executable, "-P", "-m", module)


def own_version() -> str:
    """Version of this distribution."""
    try:
        return version("firecrest-testbuild")
    except PackageNotFoundError:
        return "unknown"

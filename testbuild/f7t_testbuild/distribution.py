"""This distribution itself: its version, its data files, and how its modules are run."""

from __future__ import annotations

import os
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def data_path(relative: str) -> Path:
    """A data file such as `cluster/site.yaml`; raises `FileNotFoundError`.

    `$F7T_DATA` names a directory whose files come first: another site or realm than the usual.
    """
    chosen = os.environ.get("F7T_DATA")
    roots = [_PACKAGE / "data", _PACKAGE.parent.parent]
    if chosen:
        roots.insert(0, Path(chosen).resolve())
    for root in roots:
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

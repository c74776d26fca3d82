"""This distribution itself: its version, and how its modules are run."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version


def python_module(module: str) -> tuple[str, ...]:
    """Command of this interpreter for a module, without the current directory on its path."""
    return (sys.executable, "-P", "-m", module)


def own_version() -> str:
    """Version of this distribution."""
    try:
        return version("firecrest-testbuild")
    except PackageNotFoundError:
        return "unknown"

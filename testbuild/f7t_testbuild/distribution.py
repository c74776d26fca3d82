"""Where the data files of the distribution lie, in a checkout and in an installed wheel."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def data_path(relative: str) -> Path:
    """A data file or folder such as `cluster/site.yaml`; raises `FileNotFoundError`."""
    for root in (_PACKAGE / "data", _PACKAGE.parent.parent):
        if (root / relative).exists():
            return root / relative
    raise FileNotFoundError(f"{relative} is part of neither the checkout nor the installation")

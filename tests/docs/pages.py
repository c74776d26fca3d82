"""The fenced blocks of a page of documentation."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> list[str]:
    """The content of all blocks of one language, in order."""
    return [body for name, body in _FENCE.findall(page.read_text()) if name == language]

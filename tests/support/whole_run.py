"""What the coverage page says of failures was answered in this very run."""

from __future__ import annotations

import os
from pathlib import Path

from tests.conformance.tried import SEEN, lines_of

_ROOT = Path(__file__).parents[2]
_SERVICES = _ROOT / "tests" / "firecrest" / "services"


def look_back(failed: frozenset[tuple[str, int, str]], modules: frozenset[str]) -> str:
    """Lines of `seen.txt` that a whole run of the services' tests was not answered.

    With F7T_TEST_NOTE_SEEN such a run writes them anew. Of a part of a run nothing can be said.
    """
    wanted = {str(file.relative_to(_ROOT)) for file in _SERVICES.glob("test_*.py")}
    if not wanted <= modules:
        return ""
    lines = lines_of(failed)
    if os.environ.get("F7T_TEST_NOTE_SEEN"):
        SEEN.write_text("\n".join(lines) + "\n")
    missing = [line for line in SEEN.read_text().splitlines() if line not in lines]
    if not missing:
        return ""
    return "\n".join([f"noted in {SEEN.name}, and not answered in this run:", *missing])

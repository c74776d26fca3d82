"""What the coverage page says of failures was answered in this very run; runs after all others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.conformance.tried import SEEN, lines_of
from tests.support.contract import FAILED

_SERVICES = Path(__file__).parents[1] / "firecrest" / "services"


def test_all_that_the_page_says_was_seen(request: pytest.FixtureRequest) -> None:
    ran = {item.path for item in request.session.items}
    missing = sorted(file.name for file in _SERVICES.glob("test_*.py") if file not in ran)
    if missing or request.config.option.keyword or request.session.testsfailed:
        pytest.skip("only a whole run of tests/firecrest/services without a failure can tell")
    lines = lines_of(FAILED)
    if os.environ.get("F7T_TEST_NOTE_SEEN"):
        SEEN.write_text("\n".join(lines) + "\n")
    assert [line for line in SEEN.read_text().splitlines() if line not in lines] == []

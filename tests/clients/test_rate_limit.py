"""The official client waits as it is told and tries again, in both forms of `Retry-After`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import Script
from tests.firecrest.services.variants import gateway_with
from tests.support.live import Live

CALLS = 4


@pytest.mark.parametrize("form", ["seconds", "http-date"])
def test_it_comes_again_when_told(
    live: Live, run_script: Script, tmp_path: Path, form: str
) -> None:
    def change(settings: dict[str, Any]) -> None:
        settings["rate_limit"] = {"requests": 1, "period": 2, "retry_after": form}

    with gateway_with(live, tmp_path, change) as variant:
        seen = run_script("limited", tmp_path, FIRECREST_URL=variant.url, CALLS=str(CALLS))
    assert seen["answered"] == CALLS
    assert seen["waits"] > 0

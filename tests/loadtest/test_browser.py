"""The report in a real browser: nobody's scripts run, nothing is cut off, the style holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from f7t_loadtest.reports import rendered
from tests.loadtest import made_up
from tests.support.browser import document_of, needs_chromium, widths

pytestmark = needs_chromium


def test_no_script_runs_and_our_style_does(tmp_path: Path) -> None:
    page = rendered(made_up.hostile())["report.html"]
    smuggled = page.replace("</body>", "<script>document.title = 'broken'</script></body>")
    assert "<title>broken</title>" not in document_of(smuggled, tmp_path)
    ask = "document.title = getComputedStyle(document.querySelector('svg .bar')).fill"
    # Without the policy, which lets no question of ours in; that it knows our style is its hash.
    assert "<title>rgb(31, 95, 191)</title>" in document_of(page, tmp_path, then=ask)


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_sticks_out(tmp_path: Path, width: int) -> None:
    wide = "w" * 300
    made = made_up.steps().model_copy(
        update={"target": f"http://{wide}", "warnings": [wide], "leftovers": [wide]}
    )
    made = made.model_copy(
        update={"failures": [one.model_copy(update={"example": wide}) for one in made.failures]}
    )
    seen, needed = widths(rendered(made)["report.html"], tmp_path, width)
    assert seen > width - 20
    assert needed <= seen

"""The report in a real browser: its own scripts run, a server's do not, nothing is cut off."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from f7t_conformance.reports import rendered
from f7t_conformance.reports.comparison import matrix_page
from tests.conformance.suite.made_up import HOSTILE, requirement, results
from tests.support.browser import document_of, needs_chromium, widths

pytestmark = needs_chromium


@pytest.fixture
def shown(tmp_path: Path) -> Callable[..., str]:
    """Opens a page and gives its document as it is then."""

    def show(page: str, *, then: str = "") -> str:
        return document_of(page, tmp_path, then=then)

    return show


def _hidden(document: str) -> int:
    return len(re.findall(r'<details class="finding[^>]* hidden=""', document))


def test_our_script_runs_and_a_servers_does_not(shown: Callable[..., str]) -> None:
    made = results(text=HOSTILE)
    document = shown(rendered(made)["report.html"])
    assert f"<title>Conformance of {made.target}: error</title>" in document
    assert '<output id="shown">90 of 90</output>' in document
    assert '<div id="filters" class="filters">' in document


def test_the_policy_keeps_other_scripts_out(shown: Callable[..., str]) -> None:
    page = rendered(results())["report.html"]
    smuggled = page.replace("</body>", "<script>document.title = 'broken'</script></body>")
    assert "<title>broken</title>" not in shown(smuggled)


@pytest.mark.parametrize(
    ("act", "left"),
    [
        ("document.querySelector('[data-chip=fail]').click()", 9),
        ("document.querySelector('button.count.pass[data-area=ERR]').click()", 5),
        (
            "const one = document.getElementById('area'); one.value = 'JOB';"
            "one.dispatchEvent(new Event('change'))",
            9,
        ),
        (
            "const one = document.getElementById('text'); one.value = 'util-003 MUST';"
            "one.dispatchEvent(new Event('input'))",
            1,
        ),
        (
            "document.querySelector('[data-chip=fail]').click();"
            "document.getElementById('reset').click()",
            90,
        ),
    ],
    ids=["status", "matrix", "area", "text", "reset"],
)
def test_filters(shown: Callable[..., str], act: str, left: int) -> None:
    document = shown(rendered(results())["report.html"], then=act)
    assert f'<output id="shown">{left} of 90</output>' in document
    assert _hidden(document) == 90 - left


def test_the_copy_button_copies_the_line_as_it_is(shown: Callable[..., str]) -> None:
    act = (
        "document.execCommand = () => { document.title = getSelection().toString(); return true };"
        "Object.defineProperty(navigator, 'clipboard',"
        " {value: {writeText: () => { throw new Error('no') }}});"
        "document.querySelectorAll('details').forEach((one) => { one.open = true });"
        "document.querySelector('.copy').click()"
    )
    document = shown(rendered(results(text="a&b"))["report.html"], then=act)
    wanted = 'curl -i -H "Authorization: Bearer $TOKEN" -X GET https://firecrest.example.org'
    assert f"<title>{wanted}" in document
    assert ">copied</button>" in document


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("kind", ["report", "matrix"])
def test_nothing_sticks_out(tmp_path: Path, width: int, kind: str) -> None:
    wide = "w" * 300
    longer = (*results().requirements, requirement("F7T-UTIL-099", wide))
    made = results(text=wide, requirements=longer, leftovers=(wide,))
    page = rendered(made)["report.html"] if kind == "report" else matrix_page([made, results()])
    seen, needed = widths(page, tmp_path, width)
    assert seen > width - 20
    assert needed <= seen

"""The report in a real browser: its own scripts run, a server's do not, nothing is cut off."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from html import escape
from pathlib import Path

import pytest

from f7t_conformance.reports import rendered
from f7t_conformance.reports.comparison import matrix_page
from tests.conformance.suite.made_up import HOSTILE, requirement, results

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="there is no chromium (apt-get install chromium)"
)
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')


@pytest.fixture
def shown(tmp_path: Path) -> Callable[..., str]:
    """Opens a page and gives its document as it is then."""

    def show(page: str, *, then: str = "") -> str:
        """`then` is a script that acts as a reader would; the page's policy must let it in."""
        if then:
            page = POLICY.sub("", page).replace("</body>", f"<script>{then}</script></body>")
        file = tmp_path / "page.html"
        file.write_text(page, "utf-8")
        command = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu"]
        command += ["--disable-background-networking", "--disable-dev-shm-usage", "--no-first-run"]
        command += [f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1400,900"]
        done = subprocess.run(
            [*command, "--dump-dom", file.as_uri()],
            capture_output=True,
            text=True,
            timeout=100,
            check=True,
        )
        return done.stdout

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
def test_nothing_sticks_out(shown: Callable[..., str], width: int, kind: str) -> None:
    wide = "w" * 300
    longer = (*results().requirements, requirement("F7T-UTIL-099", wide))
    made = results(text=wide, requirements=longer, leftovers=(wide,))
    page = rendered(made)["report.html"] if kind == "report" else matrix_page([made, results()])
    measured = _framed(page, width)
    seen, needed = map(int, re.findall(r"<title>(\d+) (\d+)</title>", shown(measured))[0])
    assert seen > width - 20
    assert needed <= seen


def _framed(page: str, width: int) -> str:
    """A document that shows `page` in a frame (a window is never narrower than 500 pixels).

    Its title is the width that the frame's page has and the one that it needs.
    """
    measure = (
        "const inner = document.querySelector('iframe').contentDocument;"
        "inner.querySelectorAll('details').forEach((one) => { one.open = true });"
        "const root = inner.documentElement;"
        "document.title = `${root.clientWidth} ${root.scrollWidth}`"
    )
    frame = f'<iframe width="{width}" height="900" srcdoc="{escape(page)}"></iframe>'
    script = f"<script>addEventListener('load', () => {{ {measure} }})</script>"
    return f"<!doctype html><title></title>{script}{frame}"

"""Pages of ours in a real browser, where there is one."""

from __future__ import annotations

import re
import shutil
import subprocess
from html import escape
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium")
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="there is no chromium (apt-get install chromium)"
)
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')


def document_of(page: str, folder: Path, *, then: str = "") -> str:
    """The page's document as it is once the browser has loaded it.

    `then` is a script that acts as a reader would; the page's policy must let it in.
    """
    if then:
        page = POLICY.sub("", page).replace("</body>", f"<script>{then}</script></body>")
    file = folder / "page.html"
    file.write_text(page, "utf-8")
    command = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu"]
    command += ["--disable-background-networking", "--disable-dev-shm-usage", "--no-first-run"]
    command += [f"--user-data-dir={folder / 'profile'}", "--window-size=1400,900"]
    done = subprocess.run(
        [*command, "--dump-dom", file.as_uri()],
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    return done.stdout


def widths(page: str, folder: Path, width: int) -> tuple[int, int]:
    """Pixels that `page` is given and that it needs, in a frame that is `width` pixels wide.

    In a frame, as a window is never narrower than 500 pixels.
    """
    measure = (
        "const inner = document.querySelector('iframe').contentDocument;"
        "inner.querySelectorAll('details').forEach((one) => { one.open = true });"
        "const root = inner.documentElement;"
        "document.title = `${root.clientWidth} ${root.scrollWidth}`"
    )
    frame = f'<iframe width="{width}" height="900" srcdoc="{escape(page)}"></iframe>'
    script = f"<script>addEventListener('load', () => {{ {measure} }})</script>"
    shown = document_of(f"<!doctype html><title></title>{script}{frame}", folder)
    seen, needed = map(int, re.findall(r"<title>(\d+) (\d+)</title>", shown)[0])
    return seen, needed

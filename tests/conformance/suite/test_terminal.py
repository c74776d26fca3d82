"""What is printed: one live line on a terminal, plain lines in a pipe, readable failures."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from f7t_conformance import cli
from f7t_conformance.catalogue import catalogue
from f7t_conformance.model import Status
from f7t_conformance.reports.terminal import Watching, summarise
from tests.conformance.suite.made_up import HOSTILE, finding, results

FIRST = next(iter(catalogue()))


def _watched(*, terminal: bool) -> str:
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=80)
    with Watching(console) as watching:
        for done in range(1, 101):
            watching(done, 100, finding(FIRST, Status.FAIL if done == 7 else Status.PASS))
    return out.getvalue()


def test_a_pipe_gets_plain_lines() -> None:
    text = _watched(terminal=False)
    assert "\x1b" not in text
    lines = text.splitlines()
    assert lines[0] == f"fail   {FIRST} {catalogue()[FIRST].title}"
    assert lines[1:] == [f"{done} of 100: {done - 1} pass, 1 fail" for done in range(10, 101, 10)]


def test_a_terminal_gets_one_line_that_goes_away() -> None:
    text = _watched(terminal=True)
    assert FIRST in text
    assert "of 100:" not in text
    assert text.rstrip().endswith("\x1b[2K")


def _said(made: object) -> str:
    out = io.StringIO()
    summarise(Console(file=out, width=80), made)  # type: ignore[arg-type]
    return out.getvalue()


def test_a_failure_says_requirement_expected_got_and_a_line_to_repeat_it() -> None:
    text = _said(results(finding("F7T-UTIL-001", Status.FAIL, "x" * 200)))
    assert "F7T-UTIL-001 title" in text
    assert "  requirement: The server MUST keep F7T-UTIL-001" in text
    assert "  expected:    status 400\n" in text
    assert f"  got:         200 {'x' * 200}\n" in text
    assert '  repeat:      curl -i -H "Authorization: Bearer $TOKEN"' in text
    assert text.splitlines()[-1] == "not certified: 1 failed; nothing passed"


def test_a_servers_text_steers_no_terminal() -> None:
    text = _said(results(finding("F7T-UTIL-001", Status.FAIL, f"[bold]{HOSTILE}")))
    assert "\x1b" not in text
    assert "[bold]</script>" in text


def test_waived_skipped_and_left_behind_are_told() -> None:
    kept = [finding(f"F7T-UTIL-00{number}", Status.PASS) for number in (1, 2)]
    kept += [finding("F7T-UTIL-003", Status.WAIVED), finding("F7T-UTIL-004", Status.SKIP)]
    text = _said(results(*kept, leftovers=("job 12",)))
    assert "waived: F7T-UTIL-003 upstream does it otherwise" in text
    assert "skipped 1: no scheduler" in text
    assert "left behind: job 12" in text
    assert text.splitlines()[-1] == "certified for the profile core, with 1 waived"


@pytest.mark.parametrize(
    ("status", "stopped", "code"),
    [
        (Status.PASS, "", 0),
        (Status.WARN, "", 0),
        (Status.WAIVED, "", 0),
        (Status.FAIL, "", 1),
        (Status.ERROR, "", 3),
        (Status.PASS, "budget", 4),
        (Status.FAIL, "budget", 1),
        (Status.PASS, "interrupted", 130),
        (Status.FAIL, "interrupted", 130),
    ],
)
def test_exit_status(status: Status, stopped: str, code: int) -> None:
    made = results(finding("F7T-UTIL-001", status), stopped=stopped, complete=not stopped)
    assert cli._status(made) == code


def test_both_commands_are_the_suite(tmp_path: Path) -> None:
    """Without the extra's packages `f7t` still works and says what to install."""
    (tmp_path / "jinja2.py").write_text("raise ModuleNotFoundError('no jinja2', name='jinja2')\n")
    program = "import sys; from f7t_testbuild.cli import main; main(sys.argv[1:])"
    for folder, argv, code, words in (
        ("", ["conformance", "explain", FIRST], 0, catalogue()[FIRST].requirement),
        (str(tmp_path), ["conformance", "run", "--help"], 1, "firecrest-testbuild[conformance]"),
        (str(tmp_path), ["--help"], 0, "not installed"),
    ):
        done = subprocess.run(
            [sys.executable, "-c", program, *argv],
            env={"PYTHONPATH": folder},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
        assert words in done.stdout + done.stderr

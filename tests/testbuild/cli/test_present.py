"""What a person sees: tables, proof line, progress."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta, timezone
from io import StringIO

import pytest
from rich.console import Console

from f7t_testbuild import model, present, progress
from f7t_testbuild.doctor import Check, Verdict
from f7t_testbuild.model import PartState, PartStatus, RuntimeStatus
from f7t_testbuild.progress import PlainProgress
from f7t_testbuild.proof import Proof, Step

LONG = "unix:/a/very/long/path/" + "x" * 80
STATUS = RuntimeStatus(
    name="default",
    way="namespaces",
    running=True,
    parts=(
        PartStatus(
            "slurmctld",
            "Slurm controller (real)",
            "22.05.8",
            PartState.READY,
            "127.0.0.1:6817",
            "2026-01-02T03:04:05",
        ),
        PartStatus(
            "redis",
            "task store [real]",
            "7.0.15",
            PartState.RESTARTING,
            LONG,
            None,
            restarts=3,
            detail="exit code 1",
        ),
    ),
)


def printed(status: RuntimeStatus) -> str:
    stream = StringIO()
    present.print_parts(status, stream)
    return stream.getvalue()


def test_every_part_is_one_line_with_all_it_has() -> None:
    lines = printed(STATUS).splitlines()

    controller = next(line for line in lines if "slurmctld" in line)
    for word in ("Slurm controller (real)", "22.05.8", "ready", "127.0.0.1:6817", "03:04:05"):
        assert word in controller
    redis = next(line for line in lines if "redis" in line)
    # Square brackets are no markup, and a pipe folds nothing.
    for word in ("task store [real]", LONG, "restarting", "3 restarts, exit code 1"):
        assert word in redis


def test_a_table_in_a_pipe_has_no_trailing_blanks_and_no_escapes() -> None:
    text = printed(STATUS)

    assert "\x1b" not in text
    assert all(line == line.rstrip() for line in text.splitlines())


def test_a_terminal_of_eighty_columns_keeps_every_cell_readable() -> None:
    table = present.parts_table(STATUS, now=datetime(2026, 1, 2, 12, tzinfo=UTC))
    text = StringIO()
    Console(file=text, width=80).print(table)
    controller = next(line for line in text.getvalue().splitlines() if "slurmctld" in line)

    assert len(controller) <= 80
    for word in ("22.05.8", "ready", "127.0.0.1:6817", "03:04:05"):
        assert word in controller


@pytest.mark.parametrize(
    ("stamp", "shown"),
    [
        ("2026-01-02T03:04:05", "04:04:05"),
        ("2026-01-01T23:30:00", "00:30:00"),
        ("2026-01-01T22:30:00", "2026-01-01"),
        (None, "-"),
    ],
)
def test_a_time_is_told_in_the_zone_of_the_reader(stamp: str | None, shown: str) -> None:
    now = datetime(2026, 1, 2, 12, tzinfo=timezone(timedelta(hours=1)))

    assert present.since_when(stamp, now=now) == shown


def test_the_headline_says_the_way_it_took() -> None:
    assert "namespaces" in present.headline(STATUS, model.Testbuild())
    stopped = RuntimeStatus("default", "", running=False, parts=())
    assert present.headline(stopped, model.Testbuild()) == "testbuild 'default' is not running"


def test_the_proof_says_its_seconds() -> None:
    proof = Proof(3.94, 1, 4096, (Step("token", 0.012), Step("job", 1.5)))

    assert present.proof_line(proof) == "proved in 3.9 s: token 0.01 s, job 1.50 s"


def test_the_next_steps_name_the_testbuild() -> None:
    assert "env --name second" in present.next_steps(model.Testbuild("second"))
    assert "--name" not in present.next_steps(model.Testbuild())


def test_each_check_shows_its_mend() -> None:
    stream = StringIO()
    checks = [
        Check("ports", Verdict.BLOCKS, "port 80 is taken", "stop it"),
        Check("x", Verdict.OK, "y"),
    ]

    present.print_table(present.checks_table(checks), stream)

    assert "blocks  ports  port 80 is taken" in stream.getvalue()
    assert "mend: stop it" in stream.getvalue()


def test_plain_progress_is_lines_with_seconds() -> None:
    stream = StringIO()

    with PlainProgress(stream) as said:
        said("starting MariaDB")
        said("starting Slurm")

    first, second = stream.getvalue().splitlines()
    assert first.startswith("[   0.")
    assert first.endswith(" s] starting MariaDB")
    assert second.endswith(" s] starting Slurm")


class Watched(StringIO):
    """A stream that tells when a text was written to it."""

    def __init__(self, awaited: str) -> None:
        super().__init__()
        self._awaited = awaited
        self.written = threading.Event()

    def write(self, text: str) -> int:
        if self._awaited in text:
            self.written.set()
        return super().write(text)


def test_a_long_phase_is_said_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_REMINDER_SECONDS", 0.01)
    stream = Watched("... still at work, last: unpacking")

    with PlainProgress(stream) as said:
        said("unpacking")
        assert stream.written.wait(20)


def test_on_a_terminal_finished_phases_stay_as_lines() -> None:
    script = (
        "import sys\n"
        "from f7t_testbuild.progress import SpinnerProgress, progress_on\n"
        "with progress_on(sys.stderr) as said:\n"
        "    assert isinstance(said, SpinnerProgress)\n"
        "    said('first [bold]')\n"
        "    said('second')\n"
    )
    ours, theirs = pty.openpty()
    with subprocess.Popen([sys.executable, "-c", script], stderr=theirs) as process:
        os.close(theirs)
        text = _all_of(ours)
    os.close(ours)

    assert process.returncode == 0
    assert "✓ first [bold]" in text
    assert "✓ second" in text


def _all_of(terminal: int) -> str:
    chunks = []
    while True:
        try:
            chunk = os.read(terminal, 4096)
        except OSError:
            # Linux answers EIO when the last writer has gone.
            break
        if not chunk:
            break
        chunks.append(chunk)
    return b"".join(chunks).decode()

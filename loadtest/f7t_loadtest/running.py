"""One run seen from outside: starts the process that makes the load, listens, ends it in time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from tempfile import TemporaryFile
from typing import IO

from pydantic import ValidationError

from f7t_conformance.redaction import redacted
from f7t_loadtest.model import Run
from f7t_loadtest.plan import Plan
from f7t_loadtest.said import Said

_TAIL = 2000
_TIDYING_LIMIT = 180


class Broken(Exception):
    """Nothing was measured; the message says why, without secrets."""


class Abandoned(Exception):
    """Interrupted twice: nothing was removed any more; the message says what to look for."""


@dataclass
class _Heard:
    """What the process has said so far."""

    name: str = ""
    broken: str = ""
    result: Run | None = None
    leftovers: list[str] = field(default_factory=list)
    said: Callable[[Said], None] = field(default=lambda said: None)
    over: threading.Event = field(default_factory=threading.Event)

    def listen(self, pipe: IO[str]) -> None:
        """Until the process closes its output."""
        try:
            with pipe:
                for line in pipe:
                    self._note(line)
        finally:
            self.over.set()

    def _note(self, line: str) -> None:
        try:
            said = Said.model_validate_json(line)
        except ValidationError:
            return
        self.name = said.begun or self.name
        self.broken = said.broken or self.broken
        self.result = said.result or self.result
        self.leftovers = said.leftovers or self.leftovers
        self.said(said)


def perform(
    plan: Plan,
    *,
    environment: Mapping[str, str],
    on_said: Callable[[Said], None],
    on_interrupt: Callable[[], None],
) -> Run:
    """Run it, and let everything be removed that it made, also after Ctrl-C.

    Args:
        environment: of the process that makes the load: target and identities.
        on_said: called with whatever it says.
        on_interrupt: called at the first Ctrl-C, SIGTERM or SIGHUP.

    Raises:
        Broken: nothing was measured.
        Abandoned: a second interruption came while things were being removed.
    """
    heard = _Heard(said=on_said)
    with TemporaryFile("w+", encoding="utf-8", errors="replace") as errors, _terminable():
        # A session of its own: the terminal's Ctrl-C reaches this process only.
        process = subprocess.Popen(
            [sys.executable, "-m", "f7t_loadtest.generator"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
            env=dict(environment),
        )
        try:
            _followed(process, plan, heard, on_interrupt)
        except Abandoned:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        finally:
            _reap(process)
        errors.seek(0)
        tail = errors.read()[-_TAIL:].strip()
    if heard.result is not None:
        return heard.result
    if heard.broken:
        left = "".join(f"\ncould not be removed: {one}" for one in heard.leftovers)
        raise Broken(f"{heard.broken}{left}")
    raise Broken(
        f"the process that makes the load ended with status {process.returncode} and no result"
        + (f"; look for what is called {heard.name}…" if heard.name else "")
        + (f"\n{redacted(tail)}" if tail else "")
    )


def _followed(
    process: subprocess.Popen[str],
    plan: Plan,
    heard: _Heard,
    on_interrupt: Callable[[], None],
) -> None:
    """Tell it the plan, and listen to its end."""
    assert process.stdin is not None
    assert process.stdout is not None
    listening = threading.Thread(target=heard.listen, args=(process.stdout,), daemon=True)
    try:
        listening.start()
        with suppress(BrokenPipeError):
            process.stdin.write(plan.model_dump_json() + "\n")
            process.stdin.flush()
        # Not join(): after an interruption it takes the thread for ended (CPython 3.11).
        heard.over.wait()
    except KeyboardInterrupt:
        on_interrupt()
        try:
            process.stdin.close()
            heard.over.wait(_TIDYING_LIMIT)
        except KeyboardInterrupt:
            name = heard.name or "f7t-load-"
            raise Abandoned(
                f"interrupted again: look for jobs and directories called {name}…"
            ) from None


def _reap(process: subprocess.Popen[str]) -> None:
    """It has ended, or it ends now."""
    assert process.stdin is not None
    with suppress(BrokenPipeError):
        process.stdin.close()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM and SIGHUP end the run as Ctrl-C does, even where Ctrl-C was ignored at start."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    signals = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(one, interrupt) for one in signals]
    try:
        yield
    finally:
        for one, handler in zip(signals, before, strict=True):
            signal.signal(one, handler)

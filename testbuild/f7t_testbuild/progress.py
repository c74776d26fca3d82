"""Says what is being done while it is done: a spinner on a terminal, else plain lines."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import TextIO

Progress = Callable[[str], None]
"""Takes one line that says what begins now."""

_REMINDER_SECONDS = 5.0
_WORTH_TELLING_SECONDS = 0.5


class PlainProgress:
    """One line per phase with the seconds since the start, and a reminder while a phase lasts.

    For logs and pipes, where a spinner would leave rubbish.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._started = time.monotonic()
        self._message = ""
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._changed = threading.Event()
        self._thread = threading.Thread(target=self._remind, name="progress", daemon=True)

    def __enter__(self) -> PlainProgress:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._changed.set()
        self._thread.join()

    def __call__(self, message: str) -> None:
        with self._lock:
            self._message = message
            self._write(message)
        self._changed.set()

    def _remind(self) -> None:
        while not self._over.is_set():
            if self._changed.wait(_REMINDER_SECONDS):
                self._changed.clear()
                continue
            with self._lock:
                if self._message:
                    self._write(f"... still at work, last: {self._message}")

    def _write(self, text: str) -> None:
        elapsed = time.monotonic() - self._started
        self._stream.write(f"[{elapsed:6.1f} s] {text}\n")
        self._stream.flush()


class SpinnerProgress:
    """A spinner with the running phase and its seconds; finished phases stay as lines above it."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console
        from rich.progress import Progress as Bar
        from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

        self._console = Console(file=stream)
        self._bar = Bar(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
        )
        self._task = self._bar.add_task("", total=None, start=False)
        self._message = ""
        self._began = time.monotonic()

    def __enter__(self) -> SpinnerProgress:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()
        self._finish("✗" if error is not None else "✓")

    def __call__(self, message: str) -> None:
        self._finish("✓")
        self._message = message
        self._began = time.monotonic()
        self._bar.reset(self._task, description=message, total=None)

    def _finish(self, mark: str) -> None:
        if self._message:
            seconds = time.monotonic() - self._began
            lasted = f"  {seconds:.1f} s" if seconds >= _WORTH_TELLING_SECONDS else ""
            self._console.print(f"{mark} {self._message}{lasted}", markup=False, highlight=False)


def progress_on(stream: TextIO) -> PlainProgress | SpinnerProgress:
    """The way of showing progress that fits `stream`; use it as a context manager."""
    return SpinnerProgress(stream) if stream.isatty() else PlainProgress(stream)

"""N worker processes on one listening socket, forked from a parent that has everything imported.

uvicorn's own workers are spawned: each imports the whole application anew, which costs a second of
processor time for every one of them at every start. A forked worker costs milliseconds.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import time
from collections.abc import Callable
from types import FrameType

_log = logging.getLogger(__name__)
_PR_SET_PDEATHSIG = 1
_PATIENCE = 8.0
"""Seconds that workers may take to finish their requests after SIGTERM."""
_SHORT_LIFE = 1.0
"""A worker that ends sooner is not replaced at once, but after this time."""


class Prefork:
    """Keeps `count` processes running `work` until SIGTERM or SIGINT.

    `ended` is told the process id of every worker that is no more.
    """

    def __init__(
        self, work: Callable[[], None], count: int, *, ended: Callable[[int], None] = lambda _: None
    ) -> None:
        self._work = work
        self._ended = ended
        self._count = count
        self._workers: dict[int, float] = {}
        self._stopping = False

    def run(self) -> None:
        """Returns when all workers have ended after a signal."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        for _ in range(self._count):
            self._start()
        while self._workers:
            self._reap()

    def _start(self) -> None:
        parent = os.getpid()
        pid = os.fork()
        if pid:
            self._workers[pid] = time.monotonic()
            return
        try:
            _die_with(parent)
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            self._work()
        except BaseException:
            _log.exception("worker failed")
            os._exit(1)
        os._exit(0)

    def _reap(self) -> None:
        """Wait for the end of a worker and replace it unless all are to end."""
        try:
            pid, status = os.waitpid(-1, 0)
        except ChildProcessError:
            self._workers.clear()
            return
        started = self._workers.pop(pid, None)
        self._ended(pid)
        if started is None or self._stopping:
            return
        _log.error("worker ended", extra={"fields": {"pid": pid, "status": status}})
        time.sleep(max(0.0, _SHORT_LIFE - (time.monotonic() - started)))
        if not self._stopping:
            self._start()

    def _stop(self, number: int, frame: FrameType | None) -> None:
        """Ask the workers to end; those that do not are killed after a while."""
        if not self._stopping:
            self._stopping = True
            signal.signal(signal.SIGALRM, self._kill)
            signal.setitimer(signal.ITIMER_REAL, _PATIENCE)
        for pid in self._workers:
            os.kill(pid, signal.SIGTERM)

    def _kill(self, number: int, frame: FrameType | None) -> None:
        for pid in self._workers:
            os.kill(pid, signal.SIGKILL)


def _die_with(parent: int) -> None:
    """End this process when its parent ends, even if that is killed (prctl(2))."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(1)

"""Up, down, status and reset of a testbuild with native processes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from f7t_testbuild.cluster.render import MissingFile
from f7t_testbuild.distribution import python_module
from f7t_testbuild.invocation import command_line
from f7t_testbuild.model import (
    Identity,
    PartState,
    PartStatus,
    RuntimeStatus,
    Store,
    Testbuild,
)
from f7t_testbuild.native import remains, wrapper
from f7t_testbuild.native.layout import Layout, PathTooLong
from f7t_testbuild.native.parts import ALL_PARTS
from f7t_testbuild.native.prepare import Prepared, prepare
from f7t_testbuild.native.servers import Servers, confirm_database, obtain_servers
from f7t_testbuild.native.ways import NoWay, Way, WayName, choose_way
from f7t_testbuild.progress import Progress
from f7t_testbuild.real.cache import Unobtainable
from f7t_testbuild.runtime import LogSource, NotProvided, RuntimeFailure, locked
from f7t_testbuild.supervise import control, notify
from f7t_testbuild.supervise.logs import LogFile, tail

START_TIMEOUT = 420.0
"""Seconds without a word of the supervisor; single parts give up earlier."""
STOP_TIMEOUT = 45.0
"""Seconds for an orderly stop before everything is killed."""
RESET_TIMEOUT = 60.0

__all__ = ["NativeRuntime", "Way", "choose_way"]


class NativeRuntime:
    """One testbuild on this machine.

    `parts` selects the outer parts that are started (all by default); `identity` and `store` say
    which servers they are (values of `Identity` and `Store`); users in `deny` may do nothing on the
    system. Only `up` looks at these
    arguments; the other methods act on what runs.
    """

    def __init__(
        self,
        testbuild: Testbuild,
        *,
        nodes: int = 2,
        workers: int = 2,
        gateways: int = 1,
        way: str | None = None,
        parts: frozenset[str] = ALL_PARTS,
        identity: str = Identity.EMBEDDED,
        store: str = Store.EMBEDDED,
        deny: tuple[str, ...] = (),
    ) -> None:
        self._testbuild = testbuild
        self._nodes = nodes
        self._workers = workers
        self._gateways = gateways
        self._requested = way
        self._parts = parts
        self._identity = identity
        self._store = store
        self._deny = deny

    def provide(self, progress: Progress) -> None:
        """Have the real servers in the cache, if they are wanted. Raises `NotProvided`."""
        self._obtain(progress)

    def up(self, progress: Progress) -> bool:
        """Start everything and return when all parts are ready; False if it was up already.

        Raises `RuntimeFailure`; then, as after an interrupt, nothing is left running.
        """
        with locked(self._testbuild):
            if self._answers():
                return False
            servers = self._obtain(progress)
            self._clear_crashed(progress)
            way = self._choose()
            progress(f"cluster: {way.name}, {self._nodes} compute nodes")
            try:
                prepared = self._prepare(way, servers)
                self._start(prepared, progress)
                if servers.keycloak is not None:
                    confirm_database(self._testbuild)
            except BaseException:
                self._end(Layout(self._testbuild.directory, way.name))
                raise
            return True

    def down(self, progress: Progress, *, purge: bool = False) -> bool:
        """Stop everything; with `purge` delete the state too. False if nothing was running."""
        with locked(self._testbuild, purge=purge):
            layout = self._layout
            was_running = self._answers() or remains.recorded(layout.supervisor_file) is not None
            if was_running:
                progress("stopping")
            was_running = self._end(layout) or was_running
            if purge:
                remains.purge(layout)
            return was_running

    def status(self) -> RuntimeStatus:
        """State of every part; no parts when it is not running."""
        layout = self._layout
        try:
            outer = control.ask(layout.control, "status")
        except (control.NotRunning, TimeoutError):
            return RuntimeStatus(self._testbuild.name, layout.way.value, False, ())
        way = WayName(outer["way"])
        layout = Layout(self._testbuild.directory, way)
        parts = [_status(part) for part in outer["parts"]]
        with suppress(control.ControlFailure, TimeoutError):
            inner = control.ask(layout.inner_control.outside, "status")
            parts += [_inside(_status(part), way) for part in inner["parts"]]
        return RuntimeStatus(self._testbuild.name, way.value, True, tuple(parts))

    def restart(self, part: str) -> None:
        """Stop the process of one part, inside or outside the cluster; it is started anew.

        Raises `RuntimeFailure` for an unknown part or when nothing runs.
        """
        layout = self._layout
        try:
            names = {item["name"] for item in control.ask(layout.control, "status")["parts"]}
            path = layout.control if part in names else layout.inner_control.outside
            control.ask(path, "restart", part=part)
        except control.ControlFailure as failure:
            raise RuntimeFailure(f"cannot restart {part}: {failure}", part=part) from failure

    def reset(self, progress: Progress) -> None:
        """Cancel all jobs and put files, tasks and buckets back to the seed.

        Slurm's accounting keeps its history. Raises `RuntimeFailure`.
        """
        from f7t_testbuild.stores import empty_buckets, flush_redis

        layout = self._layout
        running = {part.name for part in self.status().parts}
        if not running:
            raise RuntimeFailure("the testbuild is not up", hint=self._advice("up"))
        failures: list[BaseException] = []

        def guarded(work: Callable[[], object]) -> Callable[[], None]:
            def call() -> None:
                try:
                    work()
                except (OSError, control.ControlFailure, ValueError) as failure:
                    failures.append(failure)

            return call

        jobs = [guarded(lambda: self._reset_cluster(layout, progress))]
        if "redis" in running:
            jobs.append(guarded(lambda: flush_redis(layout.redis_socket)))
        if "staging" in running:
            jobs.append(guarded(lambda: empty_buckets(self._testbuild)))
        threads = [threading.Thread(target=job) for job in jobs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise RuntimeFailure(
                f"reset is incomplete: {failures[0]}",
                hint=self._advice("down") + "; " + self._advice("up"),
            )

    def kill(self, part: str) -> None:
        """SIGKILL to the process of one part; it is started anew."""
        pids = [one.pid for one in self.status().parts if one.name == part]
        if not pids or pids[0] is None:
            raise RuntimeFailure(f"cannot kill {part}: it has no process", part=part)
        os.kill(pids[0], signal.SIGKILL)

    def logs(self) -> Mapping[str, LogSource]:
        """Log of every part by its name, of the cluster's daemons too."""
        return {name: LogFile(path) for name, path in self._log_files().items()}

    def _log_files(self) -> dict[str, Path]:
        layout = self._layout
        found = [*layout.logs.glob("*.log"), *layout.log.outside.glob("*.log")]
        return {path.stem: path for path in sorted(found)}

    def _advice(self, verb: str) -> str:
        """A command that a person can paste as it stands."""
        return command_line(verb, self._testbuild)

    @property
    def _layout(self) -> Layout:
        """The layout of what runs now or crashed; of the namespaces way if there is none."""
        directory = self._testbuild.directory
        file = Layout(directory, WayName.NAMESPACES).supervisor_file
        known = remains.recorded(file)
        return Layout(directory, known.way if known else WayName.NAMESPACES)

    def _answers(self) -> bool:
        try:
            control.ask(self._layout.control, "status")
        except control.NotRunning:
            return False
        return True

    def _choose(self) -> Way:
        try:
            return choose_way(self._requested)
        except NoWay as failure:
            hint = "run as root, or make the way `rootless` possible as it says above"
            raise RuntimeFailure(str(failure), hint=hint, part="cluster") from failure

    def _obtain(self, progress: Progress) -> Servers:
        """The wanted servers, fetched if need be: before anything is started."""
        try:
            identity = Identity(self._identity)
            store = Store(self._store)
        except ValueError:
            raise RuntimeFailure(
                f"there is no identity {self._identity!r} with store {self._store!r}",
                hint=f"identity is one of {', '.join(Identity)}; "
                f"store is one of {', '.join(Store)}",
            ) from None
        try:
            return obtain_servers(identity, store, self._parts, progress)
        except Unobtainable as failure:
            raise NotProvided(
                failure.message, hint=failure.hint, log_tail=failure.log_tail
            ) from failure

    def _prepare(self, way: Way, servers: Servers) -> Prepared:
        try:
            return prepare(
                self._testbuild,
                way.name,
                nodes=self._nodes,
                workers=self._workers,
                gateways=self._gateways,
                parts=self._parts,
                servers=servers,
                deny=self._deny,
            )
        except PathTooLong as failure:
            raise RuntimeFailure(str(failure), hint="set F7T_STATE_ROOT") from failure
        except wrapper.PathInUse as failure:
            hint = "take down the other testbuild, or remove the directory if it is not needed"
            raise RuntimeFailure(str(failure), hint=hint, part="cluster") from failure
        except (MissingFile, FileNotFoundError) as failure:
            raise RuntimeFailure(
                f"not installed: {failure}", hint=self._advice("doctor")
            ) from failure

    def _start(self, prepared: Prepared, progress: Progress) -> None:
        ours, theirs = notify.pair()
        ours.settimeout(START_TIMEOUT)
        log = prepared.layout.logs / "supervisor.log"
        with ours, theirs, log.open("ab") as output:
            process = subprocess.Popen(
                [*python_module("f7t_testbuild.native.outer"), str(prepared.outer_spec)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                env={
                    "PATH": os.environ.get("PATH", os.defpath),
                    "PYTHONUNBUFFERED": "1",
                    notify.VARIABLE: str(theirs.fileno()),
                    remains.MARK: str(self._testbuild.directory),
                },
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
            theirs.close()
            try:
                self._follow(ours, progress)
            except BaseException:
                process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(STOP_TIMEOUT)
                raise
            process.returncode = 0  # it is detached on purpose: no complaint when collected

    def _follow(self, line: socket.socket, progress: Progress) -> None:
        """Pass on what the supervisor tells until it is ready; raises `RuntimeFailure`."""
        while True:
            try:
                message = notify.receive(line)
            except TimeoutError:
                raise RuntimeFailure(f"not ready after {START_TIMEOUT:g} s") from None
            if message is None:
                raise self._failure("supervisor", "the supervisor ended unexpectedly")
            if "ERROR" in message.values:
                raise self._failure(message.values["PART"], message.values["ERROR"])
            if message.values.get("READY") == "1":
                return
            progress(message.values["STATUS"])

    def _failure(self, part: str, detail: str) -> RuntimeFailure:
        """The error with the last log lines of the part, or of the daemon inside the cluster."""
        logs = self._log_files()
        inner = detail.partition(":")[0]
        culprit = inner if part == "cluster" and inner in logs else part
        lines = tail(logs[culprit]) if culprit in logs else ()
        if detail.startswith("port "):
            hint = "end the program that listens there, or choose another --port-base"
        else:
            hint = self._advice(f"logs {culprit}")
        prefix = "" if detail.startswith(f"{culprit}:") else f"{culprit}: "
        return RuntimeFailure(prefix + detail, hint=hint, part=culprit, log_tail=lines)

    def _end(self, layout: Layout) -> bool:
        """Stop in order if possible, kill what is left, remove what was made."""
        known = remains.recorded(layout.supervisor_file)
        if known is not None and known.alive:
            try:
                control.ask(layout.control, "stop")
            except (control.ControlFailure, TimeoutError):
                with suppress(ProcessLookupError):
                    os.kill(known.pid, signal.SIGTERM)
            if not remains.wait_for_end(known.pid, STOP_TIMEOUT):
                os.kill(known.pid, signal.SIGKILL)
        killed = remains.kill_marked(self._testbuild.directory)
        remains.clear_remains(layout)
        return killed

    def _clear_crashed(self, progress: Progress) -> None:
        if remains.recorded(self._layout.supervisor_file) is not None:
            progress("clearing what an unfinished run left")
        self._end(self._layout)

    def _reset_cluster(self, layout: Layout, progress: Progress) -> None:
        answer = control.ask(layout.inner_control.outside, "reset", timeout=RESET_TIMEOUT)
        if answer["cancelled"]:
            progress(f"{answer['cancelled']} jobs cancelled")


def _status(values: dict[str, object]) -> PartStatus:
    return PartStatus(**{**values, "state": PartState(str(values["state"]))})  # type: ignore[arg-type]


def _inside(status: PartStatus, way: WayName) -> PartStatus:
    """Say so where an address means something in the cluster's namespaces only."""
    if way is WayName.NSS_WRAPPER or status.name == "sshd" or status.address == "-":
        return status
    return replace(status, address=f"{status.address} (inside)")

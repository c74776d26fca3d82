"""Up, down, status and reset of a testbuild in containers."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from f7t_testbuild.docker import parts, provision
from f7t_testbuild.docker.execution import executed
from f7t_testbuild.docker.logs import ContainerLog, DaemonLog, daemon_names
from f7t_testbuild.docker.project import Project, require_checkout
from f7t_testbuild.docker.setup import ROOT, SECRETS_FILE
from f7t_testbuild.images import engine
from f7t_testbuild.invocation import command_line
from f7t_testbuild.keys import write_private
from f7t_testbuild.model import PartState, PartStatus, RuntimeStatus
from f7t_testbuild.progress import Progress
from f7t_testbuild.runtime import LogSource, RuntimeFailure, RuntimeName, locked

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

START_TIMEOUT = 420.0
"""Seconds until every container must be healthy; Keycloak's first start on a busy machine takes
minutes."""
STOP_SECONDS = 40
LOOK_SECONDS = 0.2


class DockerRuntime:
    """One testbuild as a Compose project. See `f7t_testbuild.runtime.Runtime`."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._testbuild = project.testbuild
        self._connected: DockerClient | None = None
        self._provided = False

    def provide(self, progress: Progress) -> None:
        version = self._require_engine()
        require_checkout()
        progress(
            f"engine {version}: Slurm {self._project.slurm}, {self._project.nodes} compute "
            f"nodes, identity {self._project.identity}, store {self._project.store}"
        )
        provision.ensure(self._project, progress)
        self._provided = True

    def up(self, progress: Progress) -> bool:
        with locked(self._testbuild):
            if self.status().running:
                return False
            if not self._provided:
                self.provide(progress)
            try:
                progress("starting containers")
                self._project.compose("up", "--detach", "--no-build", progress=progress)
                self._wait_until_healthy(progress)
                self._keep_secrets()
            except BaseException:
                self._stop(progress, purge=False)
                raise
            return True

    def down(self, progress: Progress, *, purge: bool = False) -> bool:
        with locked(self._testbuild, purge=purge):
            self._require_engine()
            had = bool(self._containers())
            if had or purge:
                progress("stopping")
                self._stop(progress, purge=purge)
            if purge and self._testbuild.directory.exists():
                shutil.rmtree(self._testbuild.directory)
            return had

    def status(self) -> RuntimeStatus:
        try:
            containers = self._containers()
        except RuntimeFailure:
            containers = []
        shown = [one for one in containers if parts.service_of(one) != parts.ONE_SHOT]
        if not any(map(parts.is_alive, shown)):
            return self._status(False, ())
        daemons = parts.with_daemons(shown)
        versions = parts.asked_versions(shown)
        found = []
        for container in sorted(shown, key=parts.part_name):
            status = parts.status_of(
                container, self._project.identity, self._project.store, self._project.ports
            )
            found.append(replace(status, version=versions.get(status.name, status.version)))
            found += daemons.get(status.name, [])
        return self._status(True, tuple(found))

    def restart(self, part: str) -> None:
        container = self._container_of(part)
        if container is not None:
            container.restart(timeout=STOP_SECONDS)
            return
        for machine in self._machines():
            for daemon in daemon_names(machine):
                if parts.inner_name(daemon, machine) == part:
                    try:
                        parts.ask_machine(machine, "restart", daemon)
                    except OSError as failure:
                        raise RuntimeFailure(f"cannot restart {part}: {failure}") from failure
                    return
        raise RuntimeFailure(f"cannot restart {part}: there is no such part", part=part)

    def kill(self, part: str) -> None:
        container = self._container_of(part)
        if container is None:
            raise RuntimeFailure(f"cannot kill {part}: no container is called so", part=part)
        # The engine takes its own kill for a person's wish and does not start it again.
        container.kill()
        container.start()

    def reset(self, progress: Progress) -> None:
        from f7t_testbuild.stores import empty_buckets

        if not self.status().running:
            raise RuntimeFailure(
                "the testbuild is not up", hint=command_line("up", self._testbuild)
            )
        work: list[Callable[[], object]] = [
            lambda: self._reset_cluster(progress),
            self._flush_redis,
            lambda: empty_buckets(self._testbuild),
        ]
        with ThreadPoolExecutor(max_workers=len(work)) as pool:
            tasks = [pool.submit(one) for one in work]
        failures = [task.exception() for task in tasks if task.exception() is not None]
        if failures:
            raise RuntimeFailure(
                f"reset is incomplete: {failures[0]}",
                hint=command_line("down", self._testbuild)
                + "; "
                + command_line("up", self._testbuild),
            ) from failures[0]

    def logs(self) -> Mapping[str, LogSource]:
        found: dict[str, LogSource] = {}
        for container in self._containers():
            found[parts.part_name(container)] = ContainerLog(container)
        for machine in self._machines():
            for daemon in daemon_names(machine):
                found[parts.inner_name(daemon, machine)] = DaemonLog(machine, daemon)
        return dict(sorted(found.items()))

    def _status(self, running: bool, found: tuple[PartStatus, ...]) -> RuntimeStatus:
        return RuntimeStatus(
            self._testbuild.name, "containers", running, found, runtime=RuntimeName.DOCKER.value
        )

    def _require_engine(self) -> str:
        try:
            return engine.require_engine()
        except engine.EngineAbsent as absence:
            raise RuntimeFailure(
                f"no Docker engine answers: {absence}",
                hint="start the engine, or use --runtime native",
            ) from absence

    @property
    def _client(self) -> DockerClient:
        if self._connected is None:
            import docker

            try:
                self._connected = docker.from_env()
                self._connected.ping()
            except docker.errors.DockerException as error:
                self._connected = None
                raise RuntimeFailure(
                    f"no Docker engine answers: {error}", hint="start the engine"
                ) from error
        return self._connected

    def _containers(self) -> list[Container]:
        label = f"{parts.PROJECT_LABEL}={self._project.name}"
        found: list[Container] = self._client.containers.list(
            all=True, filters={"label": label}, ignore_removed=True
        )
        return found

    def _machines(self) -> list[Container]:
        return [
            one
            for one in self._containers()
            if parts.service_of(one) in parts.MACHINES and parts.is_alive(one)
        ]

    def _container_of(self, part: str) -> Container | None:
        return next((one for one in self._containers() if parts.part_name(one) == part), None)

    def _wait_until_healthy(self, progress: Progress) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        told: set[str] = set()
        while True:
            states = {
                parts.part_name(one): (parts.state_of(one), one)
                for one in self._containers()
                if parts.service_of(one) != parts.ONE_SHOT
            }
            for name, (state, container) in states.items():
                if state is PartState.FAILED:
                    raise self._failure(name, container, "has failed")
                if state is PartState.READY and name not in told:
                    told.add(name)
                    progress(f"{name} ready")
            if all(state is PartState.READY for state, _ in states.values()):
                return
            if time.monotonic() > deadline:
                name, (_, container) = next(
                    one for one in states.items() if one[1][0] is not PartState.READY
                )
                raise self._failure(name, container, f"is not ready after {START_TIMEOUT:g} s")
            time.sleep(LOOK_SECONDS)

    def _failure(self, name: str, container: Container, what: str) -> RuntimeFailure:
        return RuntimeFailure(
            f"{name} {what}",
            hint=command_line(f"logs {name}", self._testbuild),
            part=name,
            log_tail=tuple(ContainerLog(container).tail(20)),
        )

    def _keep_secrets(self) -> None:
        """A copy for `f7t env` and `f7t token`, which need not ask the engine."""
        (container,) = (
            one for one in self._containers() if parts.service_of(one) == parts.ONE_SHOT
        )
        stream, _ = container.get_archive(str(ROOT / SECRETS_FILE))
        with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as archive:
            member = archive.extractfile(archive.getmembers()[0])
            assert member is not None
            content = member.read()
        json.loads(content)
        write_private(self._testbuild.secrets_file, content)

    def _stop(self, progress: Progress, *, purge: bool) -> None:
        arguments = ["down", "--remove-orphans", "--timeout", str(STOP_SECONDS)]
        self._project.compose(*arguments, *(["--volumes"] if purge else []), progress=progress)

    def _reset_cluster(self, progress: Progress) -> None:
        head = self._container_of("cluster")
        if head is None:
            raise OSError("the head of the cluster is not there")
        answer = parts.ask_machine(head, "reset")
        if answer["cancelled"]:
            progress(f"{answer['cancelled']} jobs cancelled")

    def _flush_redis(self) -> None:
        container = self._container_of("redis")
        if container is None:
            raise OSError("the task store is not there")
        script = 'REDISCLI_AUTH="$(cat "$REDIS_PASSWORD_FILE")" exec redis-cli flushall'
        _, output = executed(container, ["sh", "-c", script], stderr=True)
        if output.strip() != b"OK":
            raise OSError(f"Redis answered FLUSHALL with {output!r}")

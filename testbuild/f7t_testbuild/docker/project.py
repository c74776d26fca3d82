"""The Compose project of one testbuild: its name, its variables, and the compose command."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from f7t_testbuild.images.catalogue import SLURM_BASES
from f7t_testbuild.model import Identity, Store, Testbuild, default_state_root
from f7t_testbuild.progress import Progress
from f7t_testbuild.runtime import RuntimeFailure

CHECKOUT = Path(__file__).resolve().parents[3]
_PASSED_ON = ("PATH", "HOME", "USER", "XDG_RUNTIME_DIR", "KEYCLOAK_IMAGE", "MINIO_IMAGE")


def is_checkout() -> bool:
    """Whether the Dockerfiles are here; an installed package has none."""
    return (CHECKOUT / "docker-compose.yml").is_file()


def require_checkout() -> None:
    """Raises `RuntimeFailure` in an installed package."""
    if not is_checkout():
        raise RuntimeFailure(
            "images are built from a checkout, and this is an installed package",
            hint="clone the project and run make up there, or use --runtime native",
        )


class ComposeAbsent(Exception):
    """There is no Compose of version 2; the message says what was found."""


def compose_command() -> tuple[str, ...]:
    """The command of Compose v2: docker's plugin, or the program of its own. `ComposeAbsent`."""
    found = []
    for command in (("docker", "compose"), ("docker-compose",)):
        if shutil.which(command[0]) is None:
            continue
        asked = subprocess.run(
            [*command, "version", "--short"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        version = asked.stdout.strip().lstrip("v")
        if asked.returncode == 0 and version.partition(".")[0].isdigit():
            if int(version.partition(".")[0]) >= 2:
                return command
            found.append(f"{' '.join(command)} is {version}")
    raise ComposeAbsent("; ".join(found) or "neither docker compose nor docker-compose is there")


def project_name(testbuild: Testbuild) -> str:
    """Unique on the engine: the same name in another state root is another testbuild."""
    root = testbuild.state_root
    if root == default_state_root().absolute():
        return f"f7t-{testbuild.name}"
    digest = hashlib.sha256(str(root).encode()).hexdigest()[:8]
    return f"f7t-{testbuild.name}-{digest}"


@dataclass(frozen=True)
class Project:
    """One testbuild as Compose sees it."""

    testbuild: Testbuild
    nodes: int
    workers: int
    slurm: str
    identity: Identity
    store: Store
    deny: tuple[str, ...] = ()
    gateways: int = 1

    @property
    def name(self) -> str:
        return project_name(self.testbuild)

    @property
    def variables(self) -> dict[str, str]:
        """What docker-compose.yml takes from the environment."""
        testbuild = self.testbuild
        return {
            "COMPOSE_PROJECT_NAME": self.name,
            "SLURM": self.slurm,
            "SLURM_BASE": SLURM_BASES[self.slurm],
            "NODES": str(self.nodes),
            "WORKERS": str(self.workers),
            "IDENTITY": self.identity.value,
            "STORE": self.store.value,
            "DENY": " ".join(self.deny),
            "GATEWAY_PORT": str(testbuild.gateway_port),
            "INTERNAL_PORT": str(testbuild.internal_port),
            "SSH_PORT": str(testbuild.ssh_port),
            "IDENTITY_PORT": str(testbuild.identity_port),
            "STAGING_PORT": str(testbuild.staging_port),
            **(self._scaled if self.gateways > 1 else {}),
        }

    @property
    def ports(self) -> dict[str, int]:
        """Ports on the host's loopback by part, as natively."""
        return self.testbuild.ports_with(self.gateways)

    @property
    def _scaled(self) -> dict[str, str]:
        """With the profile the usual address is the balancer's; each gateway keeps one of its own.

        The service has one public address, whichever gateway answers.
        """
        first, second = map(self.testbuild.gateway_ports, (1, 2))
        return {
            "COMPOSE_PROFILES": "scale",
            "FIRECREST_URL": self.testbuild.gateway_url,
            "BALANCER_PORT": str(self.testbuild.gateway_port),
            "BALANCER_INTERNAL_PORT": str(self.testbuild.internal_port),
            "GATEWAY_PORT": str(first[0]),
            "INTERNAL_PORT": str(first[1]),
            "SECOND_GATEWAY_PORT": str(second[0]),
            "SECOND_INTERNAL_PORT": str(second[1]),
        }

    def environment(self) -> Mapping[str, str]:
        """Of the compose command: nothing of the caller's that the file could take by accident."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if name in _PASSED_ON or name.startswith("DOCKER_")
        }
        return {**kept, **self.variables}

    def compose(self, *arguments: str, progress: Progress) -> None:
        """Run compose, telling what it does; `RuntimeFailure` with its last words."""
        try:
            command = compose_command()
        except ComposeAbsent as absence:
            raise RuntimeFailure(
                f"Docker Compose 2 is needed: {absence}",
                hint="install the compose plugin of your engine, or use --runtime native",
            ) from absence
        said: deque[str] = deque(maxlen=20)
        with subprocess.Popen(
            [*command, "--ansi", "never", "--progress", "plain", *arguments],
            cwd=CHECKOUT,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process:
            try:
                self._follow(process, said, progress)
            except BaseException:
                process.terminate()
                raise
        if process.returncode != 0:
            raise RuntimeFailure(
                f"docker compose {arguments[0]} failed: {said[-1] if said else process.returncode}",
                log_tail=tuple(said),
            )

    def _follow(self, process: subprocess.Popen[str], said: deque[str], progress: Progress) -> None:
        """Keep what compose says, and pass on what it has done with a container."""
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line.rstrip())
            words = line.split()
            if words[:1] == ["Container"] and words[-1] in {"Started", "Healthy", "Stopped"}:
                progress(f"{words[1].removeprefix(self.name + '-')} {words[-1].lower()}")

"""The containers of a testbuild as parts, called as in the native runtime."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from f7t_testbuild.distribution import own_version
from f7t_testbuild.docker.execution import executed
from f7t_testbuild.model import Identity, PartState, PartStatus, Store

if TYPE_CHECKING:
    from docker.models.containers import Container

PROJECT_LABEL = "com.docker.compose.project"
SERVICE_LABEL = "com.docker.compose.service"
NUMBER_LABEL = "com.docker.compose.container-number"
ONE_SHOT = "setup"

PARTS = {
    "taskpersistence": "redis",
    "keycloak": "identity",
    "minio": "staging",
    "firecrest": "gateway",
    "firecrest-2": "gateway-2",
}
"""Service to the name of its part in every runtime; the others keep their own."""

MACHINES = frozenset({"cluster", "compute"})
"""Services whose containers are machines of the cluster, with daemons of their own."""

_WHAT = {
    "redis": "Redis task store with append-only file (real)",
    "delegation": "Certificate authority of the users (the only holder of its key)",
    "gateway": "FirecREST gateway",
    "gateway-2": "FirecREST gateway, the second one",
    "balancer": "HAProxy in front of both gateways (real)",
    "cluster": "Head of the simulated cluster",
}
_IDENTITY = {
    Identity.KEYCLOAK: "Keycloak (real, official image)",
    Identity.KEYCLOAK_FROM_MAVEN: "Keycloak (real, Maven's distribution)",
    Identity.EMBEDDED: "OpenID Connect issuer (embedded, reads the Keycloak realm)",
}
_STORE = {
    Store.MINIO: "MinIO object store of the staging area (real, official image)",
    Store.MINIO_FROM_SOURCE: "MinIO object store of the staging area (real, from source)",
    Store.EMBEDDED: "S3 object store of the staging area (embedded)",
}
_VERSION_COMMANDS = {
    "redis": ("redis-server", "--version"),
    "staging": ("minio", "--version"),
    "balancer": ("haproxy", "-v"),
}
_ALIVE = {"running", "restarting", "paused"}


def service_of(container: Container) -> str:
    return str(container.labels.get(SERVICE_LABEL, ""))


def part_name(container: Container) -> str:
    """Name of the part that a container is; compute nodes are numbered."""
    service = service_of(container)
    if service == "compute":
        return f"compute-{container.labels[NUMBER_LABEL]}"
    return PARTS.get(service, service)


def is_alive(container: Container) -> bool:
    return container.status in _ALIVE


def state_of(container: Container) -> PartState:
    """The state of a container in the words of the supervision."""
    told: dict[str, Any] = container.attrs["State"]
    match told["Status"]:
        case "running":
            health = told.get("Health", {}).get("Status", "healthy")
            return {
                "healthy": PartState.READY,
                "starting": PartState.STARTING,
            }.get(health, PartState.FAILED)
        case "created":
            return PartState.WAITING
        case "restarting":
            return PartState.RESTARTING
        case _:
            return PartState.FAILED if told.get("ExitCode") else PartState.STOPPED


def status_of(
    container: Container, identity: Identity, store: Store, ports: Mapping[str, int]
) -> PartStatus:
    """One container's line of `f7t status`; the version is known to itself only."""
    name = part_name(container)
    told: dict[str, Any] = container.attrs["State"]
    what = {"identity": _IDENTITY[identity], "staging": _STORE[store]}.get(name)
    published = {"cluster": "ssh", "balancer": "gateway"}.get(name, name)
    if name == "gateway" and "gateway-1" in ports:
        published = "gateway-1"
    return PartStatus(
        name=name,
        what=what or _WHAT.get(name, "Compute node of the simulated cluster"),
        version=_label_version(container),
        state=state_of(container),
        address=f"127.0.0.1:{ports[published]}" if published in ports else "-",
        since=str(told["StartedAt"])[:19] if told["Status"] != "created" else None,
        pid=told.get("Pid") or None,
        restarts=int(container.attrs.get("RestartCount", 0)),
        detail=str(told.get("Error") or ""),
    )


def _label_version(container: Container) -> str:
    """The tag of the image, which is the release of what is in it for all but our own."""
    tag = str(container.attrs["Config"]["Image"]).partition("@")[0].rpartition(":")[2]
    return own_version() if tag == "latest" else tag


def ask_machine(container: Container, command: str, *values: str) -> dict[str, Any]:
    """What the supervision in a machine of the cluster answers; `OSError` when it cannot."""
    code, output = executed(container, ["f7t-cluster", "ask", command, *values])
    try:
        answer: dict[str, Any] = json.loads(output)
    except ValueError:
        said = output.decode(errors="replace").strip()
        raise OSError(f"{part_name(container)}: {said}") from None
    if code != 0:
        raise OSError(f"{part_name(container)}: {answer.get('error', answer)}")
    return answer


def inner_name(daemon: str, container: Container) -> str:
    """Daemons of compute nodes that the head has too are told apart by their machine."""
    if service_of(container) == "cluster" or daemon.startswith(("slurmd-", "address-")):
        return daemon
    return f"{daemon}@{part_name(container)}"


def with_daemons(containers: list[Container]) -> dict[str, list[PartStatus]]:
    """The daemons in every machine that answers, by the machine's part name; asked at once."""
    machines = [one for one in containers if service_of(one) in MACHINES and is_alive(one)]

    def ask(container: Container) -> list[PartStatus]:
        try:
            told = ask_machine(container, "status")["parts"]
        except OSError:
            return []
        return [_inner(values, container) for values in told]

    with ThreadPoolExecutor(max_workers=8) as pool:
        answers = list(pool.map(ask, machines))
    return {part_name(one): parts for one, parts in zip(machines, answers, strict=True)}


def _inner(values: Mapping[str, Any], container: Container) -> PartStatus:
    status = PartStatus(**{**values, "state": PartState(str(values["state"]))})
    address = status.address
    if status.name != "sshd" and address != "-":
        address = f"{address} (inside)"
    elif status.name == "sshd":
        address = "-"
    return replace(status, name=inner_name(status.name, container), address=address, pid=None)


def asked_versions(containers: list[Container]) -> dict[str, str]:
    """Versions that only the programs themselves know, by part name."""

    def ask(container: Container) -> tuple[str, str]:
        name = part_name(container)
        code, output = executed(container, _VERSION_COMMANDS[name])
        return name, _version_in(output.decode(errors="replace")) if code == 0 else ""

    wanted = [one for one in containers if part_name(one) in _VERSION_COMMANDS and is_alive(one)]
    with ThreadPoolExecutor(max_workers=4) as pool:
        return {name: version for name, version in pool.map(ask, wanted) if version}


def _version_in(text: str) -> str:
    for word in text.split():
        value = word.removeprefix("v=")
        if value[:1].isdigit() or value.startswith(("RELEASE.", "DEVELOPMENT.")):
            return value
    return ""

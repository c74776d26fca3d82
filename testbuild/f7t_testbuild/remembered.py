"""What `f7t up` was told, kept with the testbuild so that later commands need only its name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from f7t_testbuild.model import DEFAULT_PORT_BASE, Identity, Store, Testbuild
from f7t_testbuild.runtime import RuntimeName

FILE_NAME = "testbuild.json"
NAME = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,30}[a-z0-9])?")
"""Names become directories and parts of Unix socket paths (108 bytes at most): short and plain."""

LOWEST_BASE = 1024
HIGHEST_BASE = 64535
"""The staging area listens at base + 1000, which must stay below 65536."""


class BadRecord(ValueError):
    """The file of a testbuild exists and cannot be understood."""


@dataclass(frozen=True)
class Choices:
    """The numbers `f7t up` was given for one testbuild."""

    port_base: int = DEFAULT_PORT_BASE
    nodes: int = 2
    workers: int = 2
    way: str | None = None
    runtime: str = RuntimeName.NATIVE.value
    """`docker` or `native`."""
    slurm: str | None = None
    """Release of Slurm in containers; natively it is the machine's."""
    identity: str = Identity.EMBEDDED.value
    store: str = Store.EMBEDDED.value
    gateways: int = 1
    """Gateways of `workers` processes each; several stand behind a balancer."""
    deny: tuple[str, ...] = ()
    """Users who may do nothing on the system."""

    def __str__(self) -> str:
        shown = {**asdict(self), "deny": "+".join(self.deny) or None}
        return ", ".join(f"{name} {value}" for name, value in shown.items() if value is not None)


def record_path(state_root: Path, name: str) -> Path:
    return state_root / name / FILE_NAME


def recall(state_root: Path, name: str) -> Choices | None:
    """The choices kept for `name`, or None if it was never started.

    Raises:
        BadRecord: the file is damaged.
    """
    path = record_path(state_root, name)
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        values = json.loads(text)
        defaults = Choices()
        way, slurm = values.get("way"), values.get("slurm")
        return Choices(
            port_base=int(values["port_base"]),
            nodes=int(values["nodes"]),
            workers=int(values["workers"]),
            way=None if way is None else str(way),
            runtime=RuntimeName(values.get("runtime", defaults.runtime)).value,
            slurm=None if slurm is None else str(slurm),
            identity=Identity(values.get("identity", defaults.identity)).value,
            store=Store(values.get("store", defaults.store)).value,
            gateways=int(values.get("gateways", defaults.gateways)),
            deny=tuple(map(str, values.get("deny", defaults.deny))),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadRecord(f"{path} is damaged ({error}); remove it and start again") from error


def remember(testbuild: Testbuild, choices: Choices) -> None:
    """Keep `choices` in the testbuild's own directory (made here, mode 0700, if absent)."""
    testbuild.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = testbuild.directory / FILE_NAME
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(asdict(choices)) + "\n", encoding="utf-8")
    fresh.replace(path)


def known(state_root: Path) -> Iterator[str]:
    """Names of all testbuilds that have state below `state_root`, in order."""
    for path in sorted(state_root.glob(f"*/{FILE_NAME}")):
        yield path.parent.name

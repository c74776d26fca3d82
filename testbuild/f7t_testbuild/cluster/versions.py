"""Which Slurm and OpenSSH are installed, and the rules by version of `cluster/daemons.yaml`."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache

Version = tuple[int, int]


class UnknownVersion(ValueError):
    """A version text without the two numbers of a release."""


def slurm_version(text: str) -> Version:
    """The release (year, month) in the output of `slurmctld -V`, e.g. `slurm-wlm 22.05.8`.

    Raises `UnknownVersion`.
    """
    found = re.search(r"(\d\d)\.(\d\d)", text)
    if not found:
        raise UnknownVersion(f"no Slurm version in {text!r}")
    return int(found[1]), int(found[2])


def ssh_version(text: str) -> Version:
    """The release (major, minor) in the output of `ssh -V`, e.g. `OpenSSH_9.2p1`.

    Raises `UnknownVersion`.
    """
    return _release(text)


def _release(text: str) -> Version:
    found = re.search(r"(\d+)\.(\d+)", text)
    if not found:
        raise UnknownVersion(f"no version in {text!r}")
    return int(found[1]), int(found[2])


def by_version(rules: Sequence[Mapping[str, str]], version: Version) -> str | None:
    """Text of the first rule that holds for `version`; None when none does.

    `from` is inclusive, `until` exclusive.
    """
    for rule in rules:
        above = "from" not in rule or version >= _release(rule["from"])
        below = "until" not in rule or version < _release(rule["until"])
        if above and below:
            return rule["text"]
    return None


_COMMANDS: Mapping[str, tuple[str, ...]] = {
    "slurm": ("slurmctld", "-V"),
    "munge": ("munged", "--version"),
    "mariadb": ("mariadbd", "--version"),
    "ssh": ("ssh", "-V"),
    "haproxy": ("haproxy", "-v"),
    "redis": ("redis-server", "--version"),
}


@cache
def package_version(package: str, path: str) -> str:
    """Version of an installed package of daemons, `unknown` if it does not say.

    Raises `FileNotFoundError` when its program is not on `path`.
    """
    done = subprocess.run(
        _COMMANDS[package],
        env={"PATH": path, "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )
    found = re.search(r"\d+\.\d+(\.\d+)?(p\d+)?", done.stdout + done.stderr)
    return found[0] if found else "unknown"

"""A testbuild lent to somebody's test run: a running one, or one of its own in a new folder."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from f7t_testbuild import present
from f7t_testbuild.children import Ended, run_to_end
from f7t_testbuild.credentials import CredentialFailure, client_of, issue_token, read_realm, user_of
from f7t_testbuild.distribution import data_path, python_module
from f7t_testbuild.model import CLIENT_ID, DEFAULT_PORT_BASE, SYSTEM, Testbuild, default_state_root
from f7t_testbuild.ports import free_base, is_free
from f7t_testbuild.remembered import NAME, BadRecord, known, recall

_LIFETIME = 120.0
"""Seconds for which a token, valid for 300 s, is given out again."""
_LOWEST_BASE, _HIGHEST_BASE = 18_000, 31_700
"""Above the usual testbuilds, below the ports the kernel gives to clients (ip_local_port_range)."""
_REFUSED = "refused"


class NoTestbuild(Exception):
    """There is none and none can be started; the message says why and what helps."""


@dataclass(frozen=True)
class Lent:
    """What a client's tests need of a testbuild.

    Attributes:
        testbuild: its name, ports and directory.
        client_id, client_secret: of a confidential client with a service account.
    """

    testbuild: Testbuild
    client_id: str
    client_secret: str = field(repr=False)
    _tokens: dict[str, tuple[str, float]] = field(default_factory=dict, repr=False)

    @property
    def url(self) -> str:
        return self.testbuild.gateway_url

    @property
    def token_url(self) -> str:
        """The issuer's token endpoint."""
        return self.testbuild.token_url

    @property
    def system(self) -> str:
        return SYSTEM

    @property
    def users(self) -> Mapping[str, str]:
        """Users who can log in, with their passwords."""
        return read_realm(data_path("keycloak/realm.json")).users

    @property
    def environment(self) -> Mapping[str, str]:
        """What `f7t env` prints."""
        return present.client_environment(self.testbuild, self.client_secret)

    def token(self, user: str | None = None) -> str:
        """An access token, valid for at least two minutes; of the service account without a name.

        Raises:
            NoTestbuild: there is no such user, or the issuer does not answer.
        """
        kept, until = self._tokens.get(user or "", ("", 0.0))
        if time.monotonic() < until:
            return kept
        try:
            person = user_of(user) if user else None
            issued = issue_token(self.testbuild, client_of(self.testbuild), person)
        except CredentialFailure as error:
            raise NoTestbuild(_told(error.message, error.hint)) from error
        self._tokens[user or ""] = (issued, time.monotonic() + _LIFETIME)
        return issued


def running(name: str) -> Lent:
    """The running testbuild of that name, below the state root of the environment.

    Raises:
        NoTestbuild: it does not run.
    """
    root = default_state_root().absolute()
    try:
        kept = recall(root, name) if NAME.fullmatch(name) else None
    except BadRecord as error:
        raise NoTestbuild(str(error)) from error
    if kept is None:
        others = ", ".join(known(root)) or "none"
        raise NoTestbuild(_told(f"{name!r} was never started", f"known in {root}: {others}"))
    testbuild = Testbuild(name, kept.port_base, root)
    if is_free(testbuild.gateway_port):
        raise NoTestbuild(_told(f"{name!r} is not running", f"start it: f7t up --name {name}"))
    return _lent(testbuild)


def new_folder() -> Path:
    """A state root for one run; short, since Unix sockets allow 108 bytes of path."""
    return Path(tempfile.mkdtemp(prefix="f7t-"))


def started(folder: Path, *, runtime: str | None, install: bool) -> Lent:
    """The testbuild of a folder of `new_folder`; the first of several processes starts it.

    Args:
        folder: its state root.
        runtime: `native`, `docker` or `auto`; None: as the environment says.
        install: whether missing system packages may be installed.

    Raises:
        NoTestbuild: this machine cannot; every other process is told the same.
    """
    name = _name_in(folder)
    with _alone(folder):
        refused = folder / _REFUSED
        if refused.exists():
            raise NoTestbuild(refused.read_text("utf-8"))
        if recall(folder, name) is None:
            reason = _start(folder, name, runtime=runtime, install=install)
            if reason:
                refused.write_text(reason, "utf-8")
                raise NoTestbuild(reason)
    kept = recall(folder, name)
    assert kept is not None, "up keeps a record of what it started"
    return _lent(Testbuild(name, kept.port_base, folder))


def take_back(folder: Path) -> None:
    """Stop and remove the testbuild of a folder, if one was started, and the folder."""
    name = _name_in(folder)
    if (folder / name).exists():
        ended = _f7t("down", "--purge", folder=folder, name=name)
        if ended.status:
            sys.stderr.write(f"the testbuild in {folder} was not removed:\n{ended.stderr}\n")
            return
    shutil.rmtree(folder, ignore_errors=True)


def _name_in(folder: Path) -> str:
    """Unique on the machine, as containers are known by it."""
    return f"pytest-{folder.name.removeprefix('f7t-').lower().strip('_')}"


def _lent(testbuild: Testbuild) -> Lent:
    try:
        client = client_of(testbuild)
    except CredentialFailure as error:
        raise NoTestbuild(_told(error.message, error.hint)) from error
    return Lent(testbuild, CLIENT_ID, client.secret)


def _start(folder: Path, name: str, *, runtime: str | None, install: bool) -> str:
    """Bring it up; why that failed, empty if it did not."""
    offsets = [port - DEFAULT_PORT_BASE for port in Testbuild().ports.values()]
    # By chance, so that two runs that begin together do not take the same.
    begin = _LOWEST_BASE + 100 * secrets.randbelow(100)
    base = free_base(begin, offsets, _HIGHEST_BASE)
    if base is None:
        return f"no block of ports is free between {begin} and {_HIGHEST_BASE}"
    chosen = ["--port-base", str(base), "--json"]
    chosen += ["--runtime", runtime] if runtime else []
    chosen += [] if install else ["--no-install"]
    ended = _f7t("up", *chosen, folder=folder, name=name)
    return "" if ended.status == 0 else _why(ended)


def _f7t(verb: str, *arguments: str, folder: Path, name: str) -> Ended:
    argv = [*python_module("f7t_testbuild"), verb, "--name", name, "--state-root", str(folder)]
    return run_to_end([*argv, *arguments], environment=os.environ, capture=True)


def _why(ended: Ended) -> str:
    try:
        error = json.loads(ended.stdout)["error"]
    except (ValueError, KeyError, TypeError):
        return ended.stderr.strip() or f"f7t up ended with status {ended.status}"
    tail = [f"  {line}" for line in error["log_tail"]]
    return "\n".join([_told(error["message"], error["hint"]), *tail])


def _told(message: str, hint: str) -> str:
    return f"{message}\n{hint}" if hint else message


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time; the others wait."""
    with (folder / "pytest.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield

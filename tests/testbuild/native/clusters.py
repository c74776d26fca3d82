"""A real cluster in one of the ways, as a test drives it: from outside, by commands and ssh."""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import asyncssh

from f7t_testbuild.model import Testbuild
from tests.support.side_by_side import ports_of_this_process

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[3]
CLUSTER_PARTS = frozenset({"redis", "staging", "cluster"})
DOCKER_CAPABILITIES = (
    "chown,dac_override,fowner,fsetid,kill,setgid,setuid,setpcap,net_bind_service,net_raw,"
    "sys_chroot,mknod,audit_write,setfcap"
)
"""What a container gets by default: no SYS_ADMIN, so no namespaces."""
PLAIN_UID = 61234
SUBORDINATE = 700000


@dataclass(frozen=True)
class Driven:
    """One testbuild, driven through `python -m f7t_testbuild.native` behind a command prefix."""

    testbuild: Testbuild
    way: str
    prefix: tuple[str, ...] = ()
    parts: frozenset[str] = CLUSTER_PARTS

    def command(self, name: str, *arguments: str) -> list[str]:
        """The whole command line."""
        testbuild = self.testbuild
        return [
            *self.prefix,
            *(sys.executable, "-m", "f7t_testbuild.native", name, "--name", testbuild.name),
            *("--port-base", str(testbuild.port_base), "--state-root", str(testbuild.state_root)),
            *("--parts", ",".join(sorted(self.parts)), *arguments),
        ]

    def run(self, name: str, *arguments: str) -> str:
        """Output of one command; fails the test if the command does."""
        done = subprocess.run(
            self.command(name, *arguments),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    async def connect(self, user: str, *, ca: Path | None = None) -> asyncssh.SSHClientConnection:
        """Log in with a certificate as the gateway makes it: minutes long, without extensions."""
        directory = self.testbuild.directory
        authority = asyncssh.read_private_key(str(ca or directory / "ca" / "user_ca"))
        key = asyncssh.generate_private_key("ssh-ed25519")
        now = time.time()
        certificate = authority.generate_user_certificate(
            key,
            "test",
            principals=[user],
            valid_after=now - 60,
            valid_before=now + 300,
            permit_x11_forwarding=False,
            permit_agent_forwarding=False,
            permit_port_forwarding=False,
            permit_pty=False,
            permit_user_rc=False,
        )
        return await asyncssh.connect(
            "127.0.0.1",
            self.testbuild.ssh_port,
            username=user,
            client_keys=[(key, certificate)],
            known_hosts=str(directory / "ssh" / "known_hosts"),
            config=None,
            agent_path=None,
        )

    async def shell(self, command: str, *, user: str = "test1") -> str:
        """Output of one command on the cluster; fails the test if the command does."""
        async with await self.connect(user) as connection:
            done = await connection.run(command, encoding=None)
        output = _text(done.stdout) + _text(done.stderr)
        assert done.exit_status == 0, output
        return output

    async def poll(self, command: str, *, contains: str, seconds: float = 30) -> str:
        """Repeat a command over one connection until its output contains a text."""
        output = ""
        try:
            async with await self.connect("test1") as connection, asyncio.timeout(seconds):
                while contains not in output:
                    output = _text((await connection.run(command, encoding=None)).stdout)
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"no {contains!r} in {seconds} s: {command}: {output}") from None
        return output


def _text(output: object) -> str:
    assert isinstance(output, bytes)
    return output.decode()


_bases = itertools.cycle(ports_of_this_process())


def free_port_base() -> int:
    """A port base whose ports, those of the nss-wrapper way too, are free now.

    Never one that was handed out shortly before, and may not be in use yet.
    """

    def free(port: int) -> bool:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
        return True

    for base in itertools.islice(_bases, len(ports_of_this_process())):
        wanted = [*Testbuild(port_base=base).ports.values(), *range(base + 217, base + 240)]
        if all(map(free, wanted)):
            return base
    raise RuntimeError("no free block of ports")


def docker_like() -> tuple[str, ...]:
    """Prefix for a command that runs with a container's default capabilities."""
    bounding = ",".join(["-all", *(f"+{name}" for name in DOCKER_CAPABILITIES.split(","))])
    return ("setpriv", "--bounding-set", bounding)


def unprivileged(home: Path) -> tuple[str, ...]:
    """Prefix for a command run by a user without privileges, with a subordinate id range.

    The user exists only in a private mount namespace; no file of the host is changed.
    """
    files = {
        "passwd": Path("/etc/passwd").read_text() + f"plain:x:{PLAIN_UID}:{PLAIN_UID}::{home}:\n",
        "group": Path("/etc/group").read_text() + f"plain:x:{PLAIN_UID}:\n",
        "subuid": f"plain:{SUBORDINATE}:65536\n",
        "subgid": f"plain:{SUBORDINATE}:65536\n",
    }
    script = ["set -e"]
    for name, text in files.items():
        (home / name).write_text(text)
        script.append(f"mount -n --bind {home / name} /etc/{name}")
    script += _show([Path(sys.base_prefix), Path(sys.prefix), ROOT], home)
    script.append(
        f'exec setpriv --reuid {PLAIN_UID} --regid {PLAIN_UID} --init-groups env HOME={home} "$@"'
    )
    file = home / "unprivileged.sh"
    file.write_text("\n".join(script) + "\n")
    return ("unshare", "--mount", "sh", str(file))


def _show(paths: Iterable[Path], home: Path) -> list[str]:
    """Shell lines that make trees below closed directories (such as /root) reachable."""
    closed = {path: _closed_ancestor(path) for path in paths}
    hidden = {path: ancestor for path, ancestor in closed.items() if ancestor is not None}
    lines = []
    for number, path in enumerate(hidden):
        lines += [f"mkdir -p {home}/tree{number}", f"mount -n --bind {path} {home}/tree{number}"]
    lines += [f"mount -n -t tmpfs -o mode=755 none {top}" for top in sorted(set(hidden.values()))]
    for number, path in enumerate(hidden):
        lines += [f"mkdir -p {path}", f"mount -n --bind {home}/tree{number} {path}"]
    return lines


def _closed_ancestor(path: Path) -> Path | None:
    for ancestor in [*reversed(path.parents), path]:
        if not ancestor.stat().st_mode & 0o001:
            return ancestor
    return None


def state_root() -> Path:
    """A directory with a short path (unix sockets), reachable for other users."""
    root = Path(tempfile.mkdtemp(prefix="f7t-native-"))
    root.chmod(0o755)
    if os.geteuid() == 0:
        state = root / "state"
        state.mkdir()
        os.chown(root, PLAIN_UID, PLAIN_UID)
        os.chown(state, PLAIN_UID, PLAIN_UID)
    return root


def command_lines(pids: Sequence[int]) -> list[str]:
    """What processes run, for a message."""
    return [Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ") for pid in pids]

"""A real sshd on a loopback port, with users that exist only in its private namespaces."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

from f7t_testbuild.cluster.versions import package_version, ssh_version
from f7t_testbuild.native.ways import SYSTEM_PATH

USERS = {"test1": 2001, "test2": 2002, "chatty": 2003, "locked": 2004, "slow": 2005}

_SSHD = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {etc}/host_key
PidFile none
LogLevel VERBOSE
TrustedUserCAKeys {etc}/user_ca.pub
AuthorizedKeysFile none
AuthenticationMethods publickey
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
PrintMotd no
PrintLastLog no
MaxSessions 10
MaxStartups 10:30:100
Subsystem sftp internal-sftp
SetEnv PATH=/usr/local/bin:/usr/bin:/bin TZ=UTC0
"""

_NAMESPACES = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
_START = """\
set -e
for file in passwd group shadow; do mount --bind "$1/$file" "/etc/$file"; done
mount -t tmpfs tmpfs /run
mkdir -m 0755 /run/sshd
exec /usr/sbin/sshd -D -e -f "$1/sshd_config"
"""


@dataclass
class Sshd:
    """A login node: `name`, `host` and `port` make it a machine of the pool."""

    directory: Path
    ca_key: asyncssh.SSHKey
    name: str = "cluster"
    host: str = "127.0.0.1"
    port: int = 0
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def etc(self) -> Path:
        return self.directory / "etc"

    @property
    def log(self) -> Path:
        return self.directory / "sshd.log"

    @property
    def known_hosts(self) -> Path:
        return self.etc / "known_hosts"

    @property
    def stopped(self) -> bool:
        return self._process is None

    def home(self, user: str) -> Path:
        return self.directory / "home" / user

    def logins(self, user: str = "") -> int:
        """How many logins, of all users or of one, sshd has accepted so far."""
        return self.log.read_text().count(f"Accepted publickey for {user}")

    def prepare(self) -> None:
        self.etc.mkdir()
        host_key = asyncssh.generate_private_key("ssh-ed25519")
        host_key.write_private_key(self.etc / "host_key")
        (self.etc / "host_key").chmod(0o600)
        (self.etc / "user_ca.pub").write_bytes(self.ca_key.export_public_key())
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        public = host_key.export_public_key().decode("ascii")
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {public}")
        config = _SSHD.format(port=self.port, etc=self.etc)
        if ssh_version(package_version("ssh", SYSTEM_PATH)) >= (9, 8):
            # Else the refused logins of some tests would shut out the others'; unknown before.
            config += "PerSourcePenalties no\n"
        (self.etc / "sshd_config").write_text(config)
        passwd = ["root:x:0:0::/root:/bin/sh", "sshd:x:101:65534::/run/sshd:/usr/sbin/nologin"]
        group, shadow = ["root:x:0:"], ["root:*:::::::", "sshd:*:::::::"]
        for user, number in USERS.items():
            home = self.home(user)
            home.mkdir(parents=True)
            home.chmod(0o700)
            os.chown(home, number, number)
            passwd.append(f"{user}:x:{number}:{number}::{home}:/bin/bash")
            group.append(f"{user}:x:{number}:")
            shadow.append(f"{user}:{'!' if user == 'locked' else '*'}:::::::")
        for name, lines in (("passwd", passwd), ("group", group), ("shadow", shadow)):
            (self.etc / name).write_text("\n".join(lines) + "\n")

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*_NAMESPACES, "sh", "-c", _START, "sshd", str(self.etc)],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        deadline = time.monotonic() + 20
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"sshd did not start: {self.log.read_text()}")
            time.sleep(0.01)

    def _answers(self) -> bool:
        with suppress(OSError), socket.create_connection((self.host, self.port), 5) as probe:
            return probe.recv(1) != b""
        return False

    def inside(self, *argv: str) -> None:
        """Run a command as root in the login node's namespaces."""
        assert self._process is not None
        parent = self._process.pid
        child = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()[0]
        subprocess.run(["nsenter", "-t", child, "-m", "-p", *argv], check=True)

    def processes(self, user: str) -> set[str]:
        """Command lines of the user's processes on this login node, but for sshd's own."""
        assert self._process is not None
        here = Path(f"/proc/{self._process.pid}/ns/pid_for_children").stat().st_ino
        found = set()
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(FileNotFoundError, ProcessLookupError):
                # Other runs of the tests have users of the same number.
                if entry.stat().st_uid == USERS[user] and (entry / "ns/pid").stat().st_ino == here:
                    found.add((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        return {line for line in found if line and "sshd" not in line}

    def stop(self) -> None:
        """End sshd and, with its process namespace, every session."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None


def namespaces_work() -> bool:
    tried = subprocess.run([*_NAMESPACES, "true"], check=False, capture_output=True)
    return os.geteuid() == 0 and tried.returncode == 0


Until = Callable[[Callable[[], bool]], Awaitable[None]]
"""Waits for a condition; the fixture `until` is one."""

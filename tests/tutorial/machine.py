"""The cluster seen from its own login node: what no answer of the gateway can embellish."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from f7t_testbuild.model import Testbuild
from tests.support.installation import Authority


@dataclass(frozen=True)
class Machine:
    """ssh with certificates that the test signs itself, with the testbuild's authority."""

    testbuild: Testbuild
    authority: Authority
    keys: Path
    """Empty directory of the test, for key pairs and certificates."""
    _ready: set[str] = field(default_factory=set)

    def run(self, user: str, *argv: str) -> str:
        """Standard output of a command on the login node; its exit code must be 0."""
        if user not in self._ready:
            self._make_certificate(user)
            self._ready.add(user)
        options = {
            "IdentitiesOnly": "yes",
            "UserKnownHostsFile": str(self.authority.known_hosts),
            "BatchMode": "yes",
        }
        command = ["ssh", "-F", "none", "-T", "-q", "-i", str(self.keys / user)]
        command += [word for pair in options.items() for word in ("-o", "=".join(pair))]
        command += ["-p", str(self.testbuild.ssh_port), f"{user}@127.0.0.1", shlex.join(argv)]
        return _output(command)

    def stat(self, path: str, user: str = "test4") -> Mapping[str, str]:
        """`user`, `group`, `mode` (octal) and `size` of a file."""
        words = self.run(user, "stat", "-c", "%U %G %a %s", path).split()
        return dict(zip(("user", "group", "mode", "size"), words, strict=True))

    def sha1(self, path: str, user: str = "test4") -> str:
        return self.run(user, "sha1sum", path).split()[0]

    def _make_certificate(self, user: str) -> None:
        key = str(self.keys / user)
        _output(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key])
        authority = str(self.authority.ca_key)
        signing = ["ssh-keygen", "-q", "-s", authority, "-I", "tutorial test", "-n", user]
        _output([*signing, "-V", "-1m:+1h", f"{key}.pub"])


def _output(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, (command, done.returncode, done.stdout, done.stderr)
    return done.stdout

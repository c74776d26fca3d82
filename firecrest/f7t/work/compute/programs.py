"""Slurm's programs that stay on a machine between two requests of a user."""

from __future__ import annotations

from f7t.slurm import commands, scripts
from f7t.ssh.channel import Completed
from f7t.ssh.programs import RemoteShell
from f7t.ssh.quoting import command_line

SHELL = RemoteShell("shell", scripts.SUBMIT_FUNCTION, commands.ENVIRONMENT)
"""Runs what `commands` gives, `commands.submit_text` among them."""


class _Scontrol:
    """`scontrol` without a command reads commands line by line (scontrol(1)).

    A request is one of them. It is followed by something that is none: what scontrol says of that
    ends the answer, whether the request went well or not.
    """

    name = "scontrol"
    line = command_line(["sh", "-c", "exec scontrol --local -o 2>&1"], commands.ENVIRONMENT)
    opening = b""
    serial = True

    def asked(self, request: bytes, nonce: bytes) -> bytes:
        """One line more."""
        return request + b"\n" + nonce + b"\n"

    def answer(self, nonce: bytes, stdout: bytes, stderr: bytes) -> Completed | None:
        """All on standard output; the exit status is 0 in any case."""
        text, end, _ = stdout.partition(b"invalid keyword: " + nonce)
        # With a line editor it also repeats what it reads.
        return Completed(0, text.removesuffix(nonce + b"\n"), stderr) if end else None


SCONTROL = _Scontrol()

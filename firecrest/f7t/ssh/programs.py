"""Programs on a machine that stay and answer one request after the other, see `conversation`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from f7t.ssh.channel import Completed
from f7t.ssh.quoting import BEGIN, command_line


class Program(Protocol):
    """How one talks to a program over its standard input and output.

    Attributes:
        name: tells one from another.
        line: text of the exec request that starts it, of `quoting.command_line`.
        opening: what it is told first.
        serial: requests can be told together, a line each, so that one program serves a user. It
            keeps its channel for as long as it runs.
    """

    @property
    def name(self) -> str: ...

    @property
    def line(self) -> str: ...

    @property
    def opening(self) -> bytes: ...

    @property
    def serial(self) -> bool: ...

    def asked(self, request: bytes, nonce: bytes) -> bytes:
        """What to send; `nonce` is new with each request and nobody's who writes the answer."""

    def answer(self, nonce: bytes, stdout: bytes, stderr: bytes) -> Completed | None:
        """The answer in what was printed since the request, None while it is incomplete.

        It is only asked for what holds `nonce` on standard output.
        """


class RemoteShell:
    """The user's start-up files are read once, a command costs no login shell.

    A request is one line of shell, a command that ends by itself and reads no input. Its exit
    status stands in a frame behind its output, on both streams.
    """

    serial = False

    def __init__(self, name: str, functions: str, environment: Mapping[str, str]) -> None:
        """A POSIX shell that knows these functions and variables."""
        self.name = name
        self.line = command_line(["sh"], environment)
        self.opening = (functions + _FRAME).encode()

    def asked(self, request: bytes, nonce: bytes) -> bytes:
        """The request in a subshell: it may leave its directory, or exit. A line that is cut off,
        wherever, lacks the last brace and is not begun."""
        return b"{ ( " + request + b"\n) </dev/null; f7t_over " + nonce + b" $?; }\n"

    def answer(self, nonce: bytes, stdout: bytes, stderr: bytes) -> Completed | None:
        """Complete when both streams have their frame."""
        frame = BEGIN + nonce
        out, _, rest = stdout.partition(frame)
        status, end, _ = rest.partition(BEGIN)
        err, over, _ = stderr.partition(frame + BEGIN)
        return Completed(int(status), out, err) if end and over else None


_FRAME = r"""
f7t_over() {
  printf '\036%s %s\036' "$1" "$2"
  printf '\036%s\036' "$1" >&2
}
"""

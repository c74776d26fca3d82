"""The one place where arguments become text for a remote shell, and paths become bytes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence

from f7t.errors import CommandFailed

BEGIN = b"\x1e"
"""Printed on stdout and stderr right before the command: what precedes it is start-up noise."""

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LONGEST_LINE = 120 * 1024
"""Linux gives the login shell's `-c` argument 128 KiB (execve(2), MAX_ARG_STRLEN)."""

_PREAMBLE = r"printf '\036'; printf '\036' >&2; exec env LC_ALL=C"


def command_line(argv: Sequence[str], environment: Mapping[str, str] | None = None) -> str:
    """The text of an SSH exec request that runs `argv` and nothing else.

    sshd hands the text to the user's login shell, which must be a POSIX one. The line first prints
    `BEGIN` on both streams (a shell that reads a chatty start-up file has printed before), then
    replaces the shell by the command, with messages in the C locale.

    Args:
        argv: program and arguments, each of them taken literally.
        environment: additional variables; they win over the session's.

    Raises:
        ValueError: no program, a NUL byte, text that is not encodable as UTF-8, a program name with
            `=` (env would take it for a variable) or a bad variable name.
        CommandFailed: longer than a machine takes; nothing was sent.
    """
    if not argv or not argv[0] or "=" in argv[0] or argv[0].startswith("-"):
        raise ValueError("argv needs a program name")
    variables = []
    for name, value in (environment or {}).items():
        if not _VARIABLE.fullmatch(name):
            raise ValueError(f"{name!r} is no name of an environment variable")
        variables.append(f"{name}={value}")
    words = [*variables, *argv]
    for word in words:
        if "\0" in word:
            raise ValueError("an argument must not hold a NUL byte")
    line = " ".join([_PREAMBLE, *map(shlex.quote, words)])
    if len(line.encode("utf-8")) > _LONGEST_LINE:
        raise CommandFailed("Argument list too long", exit_status=126)
    return line


def shell_command(argv: Sequence[str]) -> str:
    """`argv` as one command in the text of a POSIX shell script, each word taken literally.

    Raises:
        ValueError: no word, or a NUL byte.
    """
    if not argv or any("\0" in word for word in argv):
        raise ValueError("argv needs words without NUL bytes")
    return " ".join(map(shlex.quote, argv))


def without_noise(output: bytes) -> bytes:
    """`output` from where the command itself began (see `BEGIN`); all of it if it never did."""
    _, mark, rest = output.partition(BEGIN)
    return rest if mark else output


def path_bytes(path: str) -> bytes:
    """A path as the machine knows it; undecodable bytes were carried as surrogates (PEP 383)."""
    return path.encode("utf-8", "surrogateescape")


def safe_text(raw: bytes) -> str:
    r"""Bytes from the machine as valid Unicode; what is not UTF-8 is shown as `\xNN`."""
    return raw.decode("utf-8", "backslashreplace")

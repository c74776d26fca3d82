"""Why a tool of the machine failed, from its own words in the C locale.

A file name in a message can say anything. Only what stands where no name can be decides: the words
right after the tool's name, and the system's reason that ends a line (a name that ends one is
quoted, and line ends in names are escaped).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from f7t.errors import (
    AlreadyExists,
    CommandFailed,
    InvalidGroup,
    InvalidMode,
    InvalidOwner,
    IsADirectory,
    NotADirectory,
    NotFound,
    PermissionDenied,
    RemoteError,
    SourceNotFound,
)
from f7t.ssh.channel import Completed
from f7t.ssh.quoting import safe_text

_LONGEST_MESSAGE = 4096
_Rules = Sequence[tuple[re.Pattern[str], type[RemoteError]]]


def _rules(*rules: tuple[str, type[RemoteError]]) -> _Rules:
    return [(re.compile(pattern), kind) for pattern, kind in rules]


_TOOL = r"(?:chmod|chown|cp|file|id|mv|rm|sha256sum|stat): "
_COREUTILS = _rules(
    (r"(?:cp|mv): cannot stat .*: No such file or directory", SourceNotFound),
    (r"(?:cp|mv): cannot overwrite directory .*", IsADirectory),
    (r"(?:cp|mv): cannot overwrite non-directory .*", NotADirectory),
    (r"chmod: invalid mode: .*", InvalidMode),
    (r"chmod: cannot operate on dangling symlink .*", NotFound),
    (r"chown: invalid (?:user|spec): .*", InvalidOwner),
    (r"chown: invalid group: .*", InvalidGroup),
    (rf"{_TOOL}.*: No such file or directory", NotFound),
    (rf"{_TOOL}.*: (?:Permission denied|Operation not permitted)", PermissionDenied),
    (rf"{_TOOL}.*: File exists", AlreadyExists),
    (rf"{_TOOL}.*: Not a directory", NotADirectory),
    (rf"{_TOOL}.*: Is a directory", IsADirectory),
)
# What else these tools say is about members of the archive, not about the paths of the request.
# unzip puts the reason on a line of its own.
_ARCHIVERS = _rules(
    (r"(?:tar|sh|gzip|bzip2): .*: (?:Permission denied|Operation not permitted)", PermissionDenied),
    (r" +Permission denied", PermissionDenied),
)


def tool_failure(done: Completed, path: str) -> RemoteError:
    """What the failure of a tool that works on single files means for `path`."""
    return _failure(done, path, _COREUTILS)


def archiver_failure(done: Completed, path: str) -> RemoteError:
    """What the failure of a command of `f7t.archives` means for `path`."""
    return _failure(done, path, _ARCHIVERS)


def _failure(done: Completed, path: str, rules: _Rules) -> RemoteError:
    lines = safe_text(done.stderr).strip("\n").split("\n")
    message = "\n".join(lines)[:_LONGEST_MESSAGE]
    kind = next(_kinds(lines, rules), None)
    if kind is not None:
        return kind(message, path=path)
    message = message or f"Command ended with status {done.exit_status}"
    return CommandFailed(message, exit_status=done.exit_status, path=path)


def _kinds(lines: Iterable[str], rules: _Rules) -> Iterator[type[RemoteError]]:
    for line in lines:
        for pattern, kind in rules:
            if pattern.fullmatch(line):
                yield kind

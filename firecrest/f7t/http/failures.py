"""What a client sees of a failure: the one table from exception to status, body and header.

`answer_of` is the only place that knows that a missing path is `400` + `X-Invalid-Path`
(contract §5).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from f7t.errors import (
    AlreadyExists,
    BadRequest,
    BodyTooLarge,
    CertificateRefused,
    CommandFailed,
    CommandTimeout,
    ConnectionRefused,
    DelegationUnavailable,
    FirecrestError,
    IdentityUnavailable,
    InvalidGroup,
    InvalidMode,
    InvalidOwner,
    InvalidParameter,
    IsADirectory,
    MachineUnavailable,
    MethodNotAllowed,
    MissingMachine,
    NotADirectory,
    NotFound,
    NotRouted,
    NotTaskOwner,
    OutputLimitExceeded,
    PatternNotFound,
    PermissionDenied,
    RateLimited,
    RemoteError,
    RequestError,
    SizeLimitExceeded,
    SourceNotFound,
    StagingError,
    TaskError,
    TaskNotFound,
    Unauthorized,
    UnknownMachine,
    UnknownResource,
)


class Dialect(StrEnum):
    """Wordings of one error differ between the services (contract §5)."""

    UTILITIES = "utilities"
    LISTING = "ls"
    SOURCE = "download, stat, view"
    TARGET = "copy, mkdir, rename, symlink"
    REMOVAL = "rm"
    CHECKSUM = "checksum"
    TASKS = "compute and storage"
    RESERVATIONS = "reservations"


@dataclass(frozen=True)
class Operation:
    """What an endpoint says of itself in its error bodies.

    Attributes:
        failure: `description` of a refused request.
        machine_failure: the same for an unknown machine; `failure` when empty.
        remote_failure: the same when the cluster said no; `failure` when empty.
        remote_failures: exceptions to `remote_failure`, by error class.
        remote_error: fixed `error` of a remote failure; None is the tool's own message, empty
            leaves the key out.
        backend_failure: whole body when the task store or the staging area is away.
        backend_headers: error headers of that answer.
        dialect: wording of the error headers.
        headline, detail: keys of the two texts; reservations use them the other way round.
    """

    failure: str
    machine_failure: str = ""
    remote_failure: str = ""
    remote_failures: Mapping[type[RemoteError], str] = field(default_factory=dict)
    remote_error: str | None = None
    backend_failure: Mapping[str, str] = field(default_factory=dict)
    backend_headers: Mapping[str, str] = field(default_factory=dict)
    dialect: Dialect = Dialect.UTILITIES
    headline: str = "description"
    detail: str = "error"


@dataclass(frozen=True)
class Answer:
    """An error as it goes out: status code, JSON body, headers in their exact capitalisation."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)


_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_HEADER_LIMIT = 1000


def header_value(text: str) -> str:
    """`text` as one line of printable latin-1 (contract §5), at most 1000 characters.

    Lines are joined without separator as upstream does; other characters become `\\uXXXX` escapes.
    """
    escaped = _UNPRINTABLE.sub("", text).encode("latin-1", "backslashreplace").decode("latin-1")
    return escaped.strip()[:_HEADER_LIMIT]


_NO_PERMISSION = "User does not have permissions to access"
_Text = Callable[[FirecrestError], str]


def _fixed(text: str) -> _Text:
    return lambda _: text


def _about_path(suffix: str) -> _Text:
    return lambda error: f"{error.path} {suffix}"


def _message(error: FirecrestError) -> str:
    return error.message


@dataclass(frozen=True)
class _Row:
    """One line of contract §5: the header, and its value in each dialect (`default` elsewhere)."""

    header: str
    default: _Text
    other: Mapping[Dialect, _Text] = field(default_factory=dict)
    other_header: Mapping[Dialect, str] = field(default_factory=dict)
    status: int = 400
    other_status: Mapping[Dialect, int] = field(default_factory=dict)


_MACHINE_OR_PATH = _fixed(f"{_NO_PERMISSION} machine or path")
_NO_HEADER = {Dialect.TASKS: "", Dialect.RESERVATIONS: ""}
_HIDDEN = {Dialect.RESERVATIONS: 404}
_TABLE: Mapping[type[RemoteError], _Row] = {
    MachineUnavailable: _Row("X-Machine-Not-Available", _fixed("Machine is not available")),
    ConnectionRefused: _Row("X-Error", _message, other_header=_NO_HEADER),
    CertificateRefused: _Row(
        "X-Permission-Denied",
        _fixed(f"{_NO_PERMISSION} machine"),
        {Dialect.TASKS: _MACHINE_OR_PATH, Dialect.RESERVATIONS: _MACHINE_OR_PATH},
        other_status=_HIDDEN,
    ),
    DelegationUnavailable: _Row("X-Error", _message, other_header={Dialect.RESERVATIONS: ""}),
    CommandTimeout: _Row("X-Timeout", _fixed("Command has finished with timeout signal")),
    OutputLimitExceeded: _Row("X-Error", _message),
    NotFound: _Row(
        "X-Invalid-Path",
        _fixed("path is an invalid path"),
        {
            Dialect.LISTING: _about_path("is an invalid path"),
            Dialect.SOURCE: _fixed("sourcePath not found"),
            Dialect.TARGET: _fixed("sourcePath and/or targetPath are invalid paths"),
            Dialect.REMOVAL: _fixed("path is an invalid path."),
            Dialect.TASKS: _about_path("is an invalid path."),
        },
        {Dialect.SOURCE: "X-Not-Found"},
    ),
    SourceNotFound: _Row("X-Not-Found", _fixed("sourcePath not found")),
    PermissionDenied: _Row(
        "X-Permission-Denied",
        _fixed(f"{_NO_PERMISSION} path"),
        {
            Dialect.LISTING: _MACHINE_OR_PATH,
            Dialect.TASKS: _MACHINE_OR_PATH,
            Dialect.RESERVATIONS: _MACHINE_OR_PATH,
        },
        other_status=_HIDDEN,
    ),
    NotADirectory: _Row(
        "X-Not-A-Directory",
        _fixed("targetPath is not a directory"),
        {
            Dialect.LISTING: _about_path("is not a directory"),
            Dialect.SOURCE: _about_path("is not a directory"),
            Dialect.TASKS: _about_path("is not a directory"),
        },
    ),
    IsADirectory: _Row(
        "X-A-Directory",
        _about_path("is a directory"),
        {Dialect.CHECKSUM: _fixed("path is a directory, can't checksum directories")},
    ),
    AlreadyExists: _Row("X-Exists", _fixed("targetPath already exists")),
    SizeLimitExceeded: _Row("X-Size-Limit", _fixed("File exceeds size limit")),
    InvalidMode: _Row("X-Invalid-Mode", _fixed("mode is an invalid mode")),
    InvalidOwner: _Row("X-Invalid-Owner", _fixed("owner is an invalid user")),
    InvalidGroup: _Row("X-Invalid-Group", _fixed("group is an invalid group")),
    PatternNotFound: _Row("X-Not-Found", _fixed("pattern not found"), status=404),
    CommandFailed: _Row("X-Error", _message, other_header={Dialect.RESERVATIONS: ""}),
}


def _row(error: RemoteError) -> _Row:
    """The most specific line about this failure; one without a header where there is none."""
    nothing = _Row("", _message)
    return next((_TABLE[kind] for kind in type(error).__mro__ if kind in _TABLE), nothing)


def remote_header(error: RemoteError, dialect: Dialect) -> dict[str, str]:
    """The one error header of a remote failure (contract §5), or nothing."""
    row = _row(error)
    name = row.other_header.get(dialect, row.header)
    if not name:
        return {}
    return {name: header_value(row.other.get(dialect, row.default)(error)) or "unknown"}


def _remote(error: RemoteError, operation: Operation) -> Answer:
    default = operation.remote_failure or operation.failure
    body = {operation.headline: operation.remote_failures.get(type(error), default)}
    message = _remote_message(error) if operation.remote_error is None else operation.remote_error
    if message and not isinstance(error, SizeLimitExceeded):
        body[operation.detail] = message
    row = _row(error)
    status = row.other_status.get(operation.dialect, row.status)
    return Answer(status, body, remote_header(error, operation.dialect))


def _remote_message(error: RemoteError) -> str:
    if isinstance(error, CommandTimeout):
        # pyfirecrest compares this text to fall back to a job (utilities.md U18).
        return "Command has finished with timeout signal"
    return error.message


def _unknown_machine(operation: Operation) -> Answer:
    description = operation.machine_failure or operation.failure
    singular = {"X-Machine-Does-Not-Exist": "Machine does not exist"}
    if operation.dialect is Dialect.RESERVATIONS:
        return Answer(400, {operation.headline: operation.failure}, singular)
    if operation.dialect is not Dialect.TASKS:
        return Answer(
            400,
            {"description": description, "error": "Machine does not exist"},
            singular,
        )
    return Answer(  # D16: both spellings, the plural is what upstream sends here
        400,
        {"description": description, "error": "Machine does not exists"},
        {**singular, "X-Machine-Does-Not-Exists": "Machine does not exists"},
    )


def _missing_machine(operation: Operation) -> Answer:
    body = {"description": "No machine name given"}
    if operation.dialect is Dialect.RESERVATIONS:
        body[operation.headline] = operation.failure
    return Answer(400, body)


def _request(error: RequestError, operation: Operation) -> Answer:
    match error:
        case UnknownMachine():
            return _unknown_machine(operation)
        case MissingMachine():
            return _missing_machine(operation)
        case BadRequest():
            return Answer(400, error.body)
        case BodyTooLarge():
            return Answer(413, {"description": error.message})
        case InvalidParameter():
            return Answer(
                400,
                {"description": error.description or operation.failure, "error": error.message},
            )
    return Answer(400, {operation.headline: operation.failure, operation.detail: error.message})


def _task(error: TaskError, operation: Operation) -> Answer:
    match error:
        case TaskNotFound():
            return Answer(404, {"error": f"Task {error.message} does not exist"})
        case NotTaskOwner():
            return Answer(403, {"description": "Operation not permitted. Invalid task owner."})
    return _backend("Task store is not available", operation)


def _backend(reason: str, operation: Operation) -> Answer:
    default = {operation.headline: operation.failure, operation.detail: reason}
    return Answer(400, operation.backend_failure or default, operation.backend_headers)


def _not_allowed(operation: Operation) -> dict[str, str]:
    if operation.dialect is not Dialect.RESERVATIONS:
        return {"message": "Method not allowed"}
    description = "The method is not allowed for the requested URL."
    return {operation.headline: "Method not allowed", operation.detail: description}


NO_OPERATION = Operation("Request failed")


def answer_of(error: FirecrestError, operation: Operation = NO_OPERATION) -> Answer:
    """What a client sees of `error` when it happens in `operation`."""
    match error:
        case RemoteError():
            return _remote(error, operation)
        case RequestError():
            return _request(error, operation)
        case Unauthorized():
            return Answer(401, error.body)
        case RateLimited():
            return Answer(429, {"message": error.message}, error.headers)
        case NotRouted():
            return Answer(400, {"message": "Invalid"})
        case UnknownResource():
            return Answer(404, error.body)
        case MethodNotAllowed():
            return Answer(405, _not_allowed(operation))
        case TaskError():
            return _task(error, operation)
        case StagingError():
            return _backend("Staging area is not available", operation)
        case IdentityUnavailable():
            return Answer(503, {"message": "Identity provider is not available"})
    return Answer(400, {operation.headline: operation.failure, operation.detail: error.message})

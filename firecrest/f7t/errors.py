"""Every failure the gateway knows, and the one table that says what a client sees of it.

::

    FirecrestError
    ├── RemoteError                 something on the cluster said no
    │   ├── MachineUnavailable      name not resolvable, no route to the login node
    │   ├── ConnectionRefused       any other failure to connect
    │   ├── CertificateRefused      delegation denied, or the machine refused the certificate
    │   ├── DelegationUnavailable   the certificator does not answer, or not as it should
    │   ├── CommandTimeout          the time limit of a remote command passed
    │   ├── OutputLimitExceeded     a remote command printed more than it may
    │   ├── NotFound                no such file or directory
    │   ├── PermissionDenied        the user may not
    │   ├── NotADirectory
    │   ├── IsADirectory
    │   ├── AlreadyExists
    │   ├── SizeLimitExceeded       a file is larger than a blocking call may carry
    │   └── CommandFailed           a tool failed with a message of its own
    ├── RequestError                the request itself is wrong
    │   ├── MissingMachine
    │   ├── UnknownMachine
    │   ├── InvalidParameter        `'<name>' <verdict>`, contract §3.2
    │   ├── BadRequest              a fixed body of the contract
    │   └── BodyTooLarge
    ├── Unauthorized                contract §2
    ├── NotRouted                   the gateway's own `Invalid`
    ├── UnknownResource             404 with a description
    ├── MethodNotAllowed
    ├── TaskError
    │   ├── TaskNotFound
    │   ├── NotTaskOwner
    │   ├── IllegalTransition       a task must not go from here to there (a programming error)
    │   └── TaskStoreUnavailable
    ├── StagingError
    │   └── StagingUnavailable
    └── IdentityUnavailable         the issuer's keys could not be fetched

`answer_of` is the only place that knows that a missing path is `400` + `X-Invalid-Path`
(contract §5).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class FirecrestError(Exception):
    """Root of all failures with a reason a client may read.

    Args:
        message: the reason, in the words of the tool that said it. Never holds a secret.
        path: the path concerned, as the client named it.
    """

    def __init__(self, message: str = "", *, path: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.path = path


class RemoteError(FirecrestError):
    """Something on the cluster said no."""


class MachineUnavailable(RemoteError):
    """The login node's name does not resolve, or there is no route to it."""


class ConnectionRefused(RemoteError):
    """The login node was found but no connection came about."""


class CertificateRefused(RemoteError):
    """No certificate was issued for this user and system, or the machine refused it."""


class DelegationUnavailable(RemoteError):
    """No yes or no from the certificator; `status` is HTTP's, 0 for silence or nonsense."""

    def __init__(self, *, status: int = 0) -> None:
        super().__init__("Delegation service is not available")
        self.status = status


class CommandTimeout(RemoteError):
    """A remote command ran into its time limit."""


class OutputLimitExceeded(RemoteError):
    """A remote command printed more than `limit` bytes."""

    def __init__(self, limit: int, *, path: str = "") -> None:
        super().__init__(f"Command output exceeded buffer limit ({limit})", path=path)
        self.limit = limit


class NotFound(RemoteError):
    """No such file or directory."""


class PermissionDenied(RemoteError):
    """The user may not do this."""


class NotADirectory(RemoteError):
    """A directory was needed."""


class IsADirectory(RemoteError):
    """A file was needed."""


class AlreadyExists(RemoteError):
    """The thing to be made is there already."""


class SizeLimitExceeded(RemoteError):
    """A file is larger than a blocking call may carry."""


class CommandFailed(RemoteError):
    """A tool failed in a way that has no class of its own."""

    def __init__(
        self, message: str = "", *, exit_status: int | None = None, path: str = ""
    ) -> None:
        super().__init__(message, path=path)
        self.exit_status = exit_status


class RequestError(FirecrestError):
    """The request is wrong in itself; nothing was done."""


class MissingMachine(RequestError):
    """No `X-Machine-Name`."""


class UnknownMachine(RequestError):
    """`X-Machine-Name` names no configured system."""


class InvalidParameter(RequestError):
    """A parameter is missing, empty or holds a forbidden character (contract §3.2)."""

    def __init__(self, name: str, verdict: str, *, description: str | None = None) -> None:
        super().__init__(f"'{name}' {verdict}")
        self.description = description


class BadRequest(RequestError):
    """A 400 whose whole body the contract fixes."""

    def __init__(self, body: Mapping[str, str]) -> None:
        super().__init__(body.get("error", body.get("description", "")))
        self.body = dict(body)


class BodyTooLarge(RequestError):
    """The request body is over the limit of its service (contract §3.1)."""


class Unauthorized(FirecrestError):
    """The token was refused; `body` is the whole answer (contract §2)."""

    def __init__(self, body: Mapping[str, str]) -> None:
        super().__init__("; ".join(body.values()))
        self.body = dict(body)


class NotRouted(FirecrestError):
    """The gateway publishes no such path or method (contract §1)."""


class UnknownResource(FirecrestError):
    """404 of a service; `body` is the whole answer."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        super().__init__(str(body.get("description", "")))
        self.body = dict(body)


class MethodNotAllowed(FirecrestError):
    """A method that the path does not know, inside a routed prefix."""


class TaskError(FirecrestError):
    """Something about a task record."""


class TaskNotFound(TaskError):
    """No such task; `message` is its id."""


class NotTaskOwner(TaskError):
    """The task belongs to somebody else."""


class IllegalTransition(TaskError):
    """A task must not change in this way: transitions are monotonic (tasks.md §4)."""


class TaskStoreUnavailable(TaskError):
    """Redis does not answer."""


class StagingError(FirecrestError):
    """Something about the staging area."""


class StagingUnavailable(StagingError):
    """The object store does not answer, or refuses us."""


class IdentityUnavailable(FirecrestError):
    """The identity provider's keys could not be fetched."""


class Dialect(StrEnum):
    """Wordings of one error differ between the services (contract §5)."""

    UTILITIES = "utilities"
    LISTING = "ls"
    DOWNLOAD = "download"
    TASKS = "compute and storage"


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
        dialect: wording of the error headers.
    """

    failure: str
    machine_failure: str = ""
    remote_failure: str = ""
    remote_failures: Mapping[type[RemoteError], str] = field(default_factory=dict)
    remote_error: str | None = None
    backend_failure: Mapping[str, str] = field(default_factory=dict)
    dialect: Dialect = Dialect.UTILITIES


@dataclass(frozen=True)
class Answer:
    """An error as it goes out: status code, JSON body, headers in their exact capitalisation."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)


_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]+")
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


_MACHINE_OR_PATH = _fixed(f"{_NO_PERMISSION} machine or path")
_TABLE: Mapping[type[RemoteError], _Row] = {
    MachineUnavailable: _Row("X-Machine-Not-Available", _fixed("Machine is not available")),
    ConnectionRefused: _Row("X-Error", _message, other_header={Dialect.TASKS: ""}),
    CertificateRefused: _Row(
        "X-Permission-Denied",
        _fixed(f"{_NO_PERMISSION} machine"),
        {Dialect.TASKS: _MACHINE_OR_PATH},
    ),
    DelegationUnavailable: _Row("X-Error", _message),
    CommandTimeout: _Row("X-Timeout", _fixed("Command has finished with timeout signal")),
    OutputLimitExceeded: _Row("X-Error", _message),
    NotFound: _Row(
        "X-Invalid-Path",
        _fixed("path is an invalid path"),
        {
            Dialect.LISTING: _about_path("is an invalid path"),
            Dialect.DOWNLOAD: _fixed("sourcePath not found"),
            Dialect.TASKS: _about_path("is an invalid path."),
        },
        {Dialect.DOWNLOAD: "X-Not-Found"},
    ),
    PermissionDenied: _Row(
        "X-Permission-Denied",
        _fixed(f"{_NO_PERMISSION} path"),
        {Dialect.LISTING: _MACHINE_OR_PATH, Dialect.TASKS: _MACHINE_OR_PATH},
    ),
    NotADirectory: _Row(
        "X-Not-A-Directory",
        _fixed("targetPath is not a directory"),
        {
            Dialect.LISTING: _about_path("is not a directory"),
            Dialect.DOWNLOAD: _about_path("is not a directory"),
            Dialect.TASKS: _about_path("is not a directory"),
        },
    ),
    IsADirectory: _Row("X-A-Directory", _about_path("is a directory")),
    AlreadyExists: _Row("X-Exists", _fixed("targetPath already exists")),
    SizeLimitExceeded: _Row("X-Size-Limit", _fixed("File exceeds size limit")),
    CommandFailed: _Row("X-Error", _message),
}


def remote_header(error: RemoteError, dialect: Dialect) -> dict[str, str]:
    """The one error header of a remote failure (contract §5), or nothing."""
    row = next((_TABLE[kind] for kind in type(error).__mro__ if kind in _TABLE), None)
    if row is None:
        return {}
    name = row.other_header.get(dialect, row.header)
    if not name:
        return {}
    return {name: header_value(row.other.get(dialect, row.default)(error)) or "unknown"}


def _remote(error: RemoteError, operation: Operation) -> Answer:
    default = operation.remote_failure or operation.failure
    body = {"description": operation.remote_failures.get(type(error), default)}
    message = _remote_message(error) if operation.remote_error is None else operation.remote_error
    if message and not isinstance(error, SizeLimitExceeded):
        body["error"] = message
    return Answer(400, body, remote_header(error, operation.dialect))


def _remote_message(error: RemoteError) -> str:
    if isinstance(error, CommandTimeout):
        # pyfirecrest compares this text to fall back to a job (utilities.md U18).
        return "Command has finished with timeout signal"
    return error.message


def _unknown_machine(operation: Operation) -> Answer:
    description = operation.machine_failure or operation.failure
    singular = {"X-Machine-Does-Not-Exist": "Machine does not exist"}
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


def _request(error: RequestError, operation: Operation) -> Answer:
    match error:
        case UnknownMachine():
            return _unknown_machine(operation)
        case MissingMachine():
            return Answer(400, {"description": "No machine name given"})
        case BadRequest():
            return Answer(400, error.body)
        case BodyTooLarge():
            return Answer(413, {"description": error.message})
        case InvalidParameter():
            return Answer(
                400,
                {"description": error.description or operation.failure, "error": error.message},
            )
    return Answer(400, {"description": operation.failure, "error": error.message})


def _task(error: TaskError, operation: Operation) -> Answer:
    match error:
        case TaskNotFound():
            return Answer(404, {"error": f"Task {error.message} does not exist"})
        case NotTaskOwner():
            return Answer(403, {"description": "Operation not permitted. Invalid task owner."})
    return _backend("Task store is not available", operation)


def _backend(reason: str, operation: Operation) -> Answer:
    default = {"description": operation.failure, "error": reason}
    return Answer(400, operation.backend_failure or default)


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
        case NotRouted():
            return Answer(400, {"message": "Invalid"})
        case UnknownResource():
            return Answer(404, error.body)
        case MethodNotAllowed():
            return Answer(405, {"message": "Method not allowed"})
        case TaskError():
            return _task(error, operation)
        case StagingError():
            return _backend("Staging area is not available", operation)
        case IdentityUnavailable():
            return Answer(503, {"message": "Identity provider is not available"})
    return Answer(400, {"description": operation.failure, "error": error.message})

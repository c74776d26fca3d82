"""Every failure the gateway knows, as classes; `f7t.http.failures` says what a client sees of it.

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
    │   │   └── SourceNotFound      what is to be copied or moved is not there
    │   ├── PermissionDenied        the user may not
    │   ├── NotADirectory
    │   ├── IsADirectory
    │   ├── AlreadyExists
    │   ├── SizeLimitExceeded       a file is larger than a blocking call may carry
    │   ├── InvalidMode             no such permissions
    │   ├── InvalidOwner            no such user on the machine
    │   ├── InvalidGroup            no such group on the machine
    │   ├── PatternNotFound         no line holds the text that was looked for
    │   └── CommandFailed           a tool failed with a message of its own
    ├── RequestError                the request itself is wrong
    │   ├── MissingMachine
    │   ├── UnknownMachine
    │   ├── InvalidParameter        `'<name>' <verdict>`, contract §3.2
    │   ├── UnsupportedFormat       no archive that can be unpacked
    │   ├── BadRequest              a fixed body of the contract
    │   └── BodyTooLarge
    ├── RateLimited                 too many requests of this user
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
"""

from __future__ import annotations

from collections.abc import Mapping
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


class SourceNotFound(NotFound):
    """The thing to be copied or moved is not there, while its target may be."""


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


class InvalidMode(RemoteError):
    """The text names no permissions (chmod(1))."""


class InvalidOwner(RemoteError):
    """The machine knows no user of that name."""


class InvalidGroup(RemoteError):
    """The machine knows no group of that name."""


class PatternNotFound(RemoteError):
    """The file was read, and no line of it holds the text."""


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


class UnsupportedFormat(RequestError):
    """Neither the request nor the file's name says a format of archives that we know."""


class BadRequest(RequestError):
    """A 400 whose whole body the contract fixes."""

    def __init__(self, body: Mapping[str, str]) -> None:
        super().__init__(body.get("error", body.get("description", "")))
        self.body = dict(body)


class BodyTooLarge(RequestError):
    """The request body is over the limit of its service (contract §3.1)."""


class RateLimited(FirecrestError):
    """The user's requests of this period are used up; `headers` say when to come again."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__("API rate limit exceeded")
        self.headers = dict(headers)


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

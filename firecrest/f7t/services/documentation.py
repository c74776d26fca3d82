"""What the generated OpenAPI says beyond the routes: failures, headers, required parameters.

A route declares its operation id, its parameters and its successful answer. Everything about
failures follows from the operation id: `FAILURES` names the classes that can happen, and
`f7t.http.failures` is asked what a client sees of each, so that this page cannot differ from it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from f7t.errors import (
    AlreadyExists,
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
    MissingMachine,
    NotADirectory,
    NotFound,
    NotTaskOwner,
    OutputLimitExceeded,
    PatternNotFound,
    PermissionDenied,
    RateLimited,
    SizeLimitExceeded,
    SourceNotFound,
    StagingUnavailable,
    TaskNotFound,
    TaskStoreUnavailable,
    Unauthorized,
    UnknownMachine,
    UnknownResource,
)
from f7t.http.failures import Answer, answer_of
from f7t.services.operations import OPERATIONS

Responses = dict[int | str, dict[str, Any]]
Failures = tuple[type[FirecrestError], ...]

_ANY: Failures = (Unauthorized, RateLimited, IdentityUnavailable)
_SESSION: Failures = (
    UnknownMachine,
    MachineUnavailable,
    ConnectionRefused,
    CertificateRefused,
    DelegationUnavailable,
)
_MACHINE: Failures = (MissingMachine, *_SESSION)
_COMMAND: Failures = (*_MACHINE, CommandTimeout, OutputLimitExceeded, CommandFailed)
_PATH: Failures = (*_COMMAND, InvalidParameter, NotFound, PermissionDenied, NotADirectory)
_FILE: Failures = (*_PATH, IsADirectory)
_JOBS: Failures = (*_MACHINE, InvalidParameter, TaskStoreUnavailable)
_TRANSFER: Failures = (
    *_SESSION,
    *(InvalidParameter, NotFound, PermissionDenied, NotADirectory, CommandTimeout, CommandFailed),
    TaskStoreUnavailable,
)
_INTERNAL: Failures = (*_JOBS, CommandTimeout, CommandFailed)
_RESERVATION: Failures = (*_MACHINE, PermissionDenied, CommandTimeout, CommandFailed)

FAILURES: Mapping[str, Failures] = {
    "status_services": (),
    "status_service": (UnknownResource,),
    "status_systems": (),
    "status_system": (UnknownResource,),
    "status_filesystems": (),
    "status_filesystem": (UnknownResource,),
    "status_parameters": (),
    "utilities_ls": _PATH,
    "utilities_mkdir": (*_PATH, AlreadyExists),
    "utilities_rename": (*_FILE, SourceNotFound),
    "utilities_chmod": (*_PATH, InvalidMode),
    "utilities_chown": (*_PATH, InvalidOwner, InvalidGroup),
    "utilities_copy": (*_FILE, SourceNotFound),
    "utilities_file": _PATH,
    "utilities_stat": _PATH,
    "utilities_symlink": (*_PATH, AlreadyExists),
    "utilities_upload": _FILE,
    "utilities_download": (*_FILE, SizeLimitExceeded),
    "utilities_rm": _PATH,
    "utilities_checksum": _FILE,
    "utilities_view": (*_FILE, SizeLimitExceeded),
    "utilities_head": (*_FILE, PatternNotFound),
    "utilities_tail": (*_FILE, PatternNotFound),
    "utilities_whoami": _COMMAND,
    "utilities_compress": _FILE,
    "utilities_extract": _FILE,
    "compute_submit": _JOBS,
    "compute_submit_upload": _JOBS,
    "compute_submit_path": (
        *_JOBS,
        *(NotFound, PermissionDenied, IsADirectory, NotADirectory, CommandTimeout, CommandFailed),
    ),
    "compute_jobs": _JOBS,
    "compute_job": _JOBS,
    "compute_cancel": _JOBS,
    "compute_acct": (*_JOBS, CommandTimeout),
    "compute_nodes": _JOBS,
    "compute_node": _JOBS,
    "compute_partitions": _JOBS,
    "compute_reservations": _JOBS,
    "storage_upload": _TRANSFER,
    "storage_download": (*_TRANSFER, IsADirectory),
    "storage_invalidate": (TaskStoreUnavailable, StagingUnavailable),
    "storage_internal_cp": _INTERNAL,
    "storage_internal_mv": _INTERNAL,
    "storage_internal_rsync": _INTERNAL,
    "storage_internal_rm": _INTERNAL,
    "storage_internal_compress": _INTERNAL,
    "storage_internal_extract": _INTERNAL,
    "reservations_list": _RESERVATION,
    "reservations_create": _RESERVATION,
    "reservations_update": _RESERVATION,
    "reservations_delete": _RESERVATION,
    "tasks_list": (InvalidParameter, TaskStoreUnavailable),
    "tasks_get": (NotTaskOwner, TaskNotFound, TaskStoreUnavailable),
}
"""What can go wrong in each operation, beside what can in any and what follows from a body."""

# Missing ones get the contract's own 400, so they are optional to the framework.
_REQUIRED: Mapping[str, frozenset[str]] = {
    "utilities_ls": frozenset({"targetPath"}),
    "utilities_file": frozenset({"targetPath"}),
    "utilities_checksum": frozenset({"targetPath"}),
    "utilities_head": frozenset({"targetPath"}),
    "utilities_tail": frozenset({"targetPath"}),
    "storage_invalidate": frozenset({"X-Task-Id"}),
}
_SUCCESS_HEADERS: Mapping[str, tuple[str, ...]] = {"utilities_download": ("Content-Disposition",)}
_DEPRECATION = ("Deprecation", "Sunset")

# Those that are not made of a message alone, as they look in an example.
_SAMPLES: Mapping[type[FirecrestError], FirecrestError] = {
    Unauthorized: Unauthorized({"message": "Unauthorized"}),
    RateLimited: RateLimited(
        {
            "RateLimit-Limit": "600",
            "RateLimit-Remaining": "0",
            "RateLimit-Reset": "12",
            "Retry-After": "12",
        }
    ),
    DelegationUnavailable: DelegationUnavailable(),
    OutputLimitExceeded: OutputLimitExceeded(5242880),
    InvalidParameter: InvalidParameter("targetPath", "is empty"),
    BodyTooLarge: BodyTooLarge("The request body is over 5242880 bytes"),
    UnknownResource: UnknownResource({"description": "There is none of that name"}),
    TaskNotFound: TaskNotFound("IDONTEXIST"),
}


def example(body: Any, description: str = "Success") -> dict[str, Any]:  # noqa: ANN401
    """A documented answer with this JSON body as its example."""
    return {"description": description, "content": {"application/json": {"example": body}}}


CREATED_TASK = example(
    {
        "success": "Task created",
        "task_id": "af516f55496faf473d3bcaa042c52431",
        "task_url": "http://127.0.0.1:8000/tasks/af516f55496faf473d3bcaa042c52431",
    },
    "A task was created; the result is in the task",
)


def success(status: int, answer: dict[str, Any]) -> Responses:
    """The documented answer of an operation that went well."""
    return {status: answer}


def _sample(kind: type[FirecrestError]) -> FirecrestError:
    return _SAMPLES.get(kind) or kind("what the tool said", path="/home/test1/in.dat")


def _failures(operation_id: str, *, has_body: bool) -> Failures:
    body: Failures = (BodyTooLarge,) if has_body else ()
    return (*_ANY, *FAILURES[operation_id], *body)


def _answers(operation_id: str, kinds: Iterable[type[FirecrestError]]) -> Iterator[Answer]:
    return (answer_of(_sample(kind), OPERATIONS[operation_id]) for kind in kinds)


def _text_headers(names: Iterable[str]) -> dict[str, Any]:
    return {name: {"schema": {"type": "string"}} for name in names}


def _usual_headers(operation_id: str) -> tuple[str, ...]:
    deprecated = operation_id.startswith("reservations_")
    return ("X-Request-Id", *(_DEPRECATION if deprecated else ()))


def _documented_failures(operation_id: str, *, has_body: bool) -> dict[str, dict[str, Any]]:
    """The answers to everything that can go wrong, by status, with one example for each class."""
    grouped: dict[str, list[tuple[type[FirecrestError], Answer]]] = defaultdict(list)
    kinds = _failures(operation_id, has_body=has_body)
    for kind, answer in zip(kinds, _answers(operation_id, kinds), strict=True):
        grouped[str(answer.status)].append((kind, answer))
    return {
        status: {
            "description": " ".join(dict.fromkeys(_about(kind) for kind, _ in group)),
            "headers": _text_headers(
                [*_usual_headers(operation_id), *(name for _, one in group for name in one.headers)]
            ),
            "content": {
                "application/json": {
                    "schema": {"type": "object"},
                    "examples": {
                        kind.__name__: {"summary": _about(kind), "value": dict(answer.body)}
                        for kind, answer in group
                    },
                }
            },
        }
        for status, group in sorted(grouped.items())
    }


def _about(kind: type[FirecrestError]) -> str:
    """The first line of the class's own description, without what is said of its attributes."""
    line = (kind.__doc__ or "").splitlines()[0]
    return line.partition("; `")[0].rstrip(".") + "."


def _document(operation: dict[str, Any]) -> None:
    """Complete one generated operation in place."""
    operation_id = operation["operationId"]
    has_body = "requestBody" in operation
    usual = _usual_headers(operation_id)
    good = {code: one for code, one in operation["responses"].items() if code.startswith("2")}
    for answer in good.values():
        answer["headers"] = _text_headers([*usual, *_SUCCESS_HEADERS.get(operation_id, ())])
    operation["responses"] = good | _documented_failures(operation_id, has_body=has_body)
    required = _REQUIRED.get(operation_id, frozenset())
    if MissingMachine in FAILURES[operation_id]:
        required |= {"X-Machine-Name"}
    for parameter in operation.get("parameters", ()):
        parameter["required"] = parameter["required"] or parameter["name"] in required
        parameter["schema"] = {"type": "string"}
    if _DEPRECATION[0] in usual:
        operation["deprecated"] = True


def documented(generated: dict[str, Any]) -> dict[str, Any]:
    """The framework's OpenAPI document, completed in place; raises KeyError for an unknown id."""
    for methods in generated["paths"].values():
        for operation in methods.values():
            _document(operation)
    # Only the framework's own 422 refers to them, which no client of ours ever sees.
    generated.get("components", {}).pop("schemas", None)
    return generated


ERROR_HEADERS = tuple(
    sorted(
        {
            name
            for operation_id in FAILURES
            for answer in _answers(operation_id, _failures(operation_id, has_body=True))
            for name in answer.headers
        }
    )
)
"""All headers of failures, in their exact capitalisation; pages of other origins may read them."""

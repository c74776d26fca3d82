"""The one table of errors, row by row and dialect by dialect (contract §5)."""

from __future__ import annotations

import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f7t import errors
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
    SizeLimitExceeded,
    SourceNotFound,
    StagingUnavailable,
    TaskNotFound,
    TaskStoreUnavailable,
    Unauthorized,
    UnknownMachine,
    UnknownResource,
)
from f7t.http.failures import Dialect, Operation, answer_of, header_value, remote_header

PATH = "/home/test1/x"
ALL = tuple(Dialect)
NO_RIGHT = "User does not have permissions to access"

FILES = tuple(one for one in Dialect if one not in (Dialect.TASKS, Dialect.RESERVATIONS))


def but(*dialects: Dialect) -> tuple[Dialect, ...]:
    """All dialects except these."""
    return tuple(one for one in Dialect if one not in dialects)


DENIED_PATH = {"X-Permission-Denied": f"{NO_RIGHT} path"}
DENIED_MACHINE = {"X-Permission-Denied": f"{NO_RIGHT} machine"}
DENIED_EITHER = {"X-Permission-Denied": f"{NO_RIGHT} machine or path"}
EITHER = (Dialect.LISTING, Dialect.TASKS, Dialect.RESERVATIONS)
INVALID_PATH = {"X-Invalid-Path": "path is an invalid path"}
BOTH_PATHS = {"X-Invalid-Path": "sourcePath and/or targetPath are invalid paths"}
NO_SOURCE = {"X-Not-Found": "sourcePath not found"}
OTHER_PATH = (Dialect.LISTING, Dialect.SOURCE, Dialect.TASKS)
LIMIT = "Command output exceeded buffer limit (5)"

ROWS: list[tuple[RemoteError, tuple[Dialect, ...], dict[str, str]]] = [
    (MachineUnavailable(), ALL, {"X-Machine-Not-Available": "Machine is not available"}),
    (ConnectionRefused("Connection refused"), FILES, {"X-Error": "Connection refused"}),
    (ConnectionRefused("Connection refused"), (Dialect.TASKS, Dialect.RESERVATIONS), {}),
    (CertificateRefused("not you"), FILES, DENIED_MACHINE),
    (CertificateRefused("not you"), (Dialect.TASKS, Dialect.RESERVATIONS), DENIED_EITHER),
    (DelegationUnavailable(), (Dialect.RESERVATIONS,), {}),
    (
        DelegationUnavailable(),
        but(Dialect.RESERVATIONS),
        {"X-Error": "Delegation service is not available"},
    ),
    (CommandTimeout("slow"), ALL, {"X-Timeout": "Command has finished with timeout signal"}),
    (OutputLimitExceeded(5), ALL, {"X-Error": LIMIT}),
    (
        NotFound(path=PATH),
        (Dialect.UTILITIES, Dialect.CHECKSUM, Dialect.RESERVATIONS),
        INVALID_PATH,
    ),
    (NotFound(path=PATH), (Dialect.LISTING,), {"X-Invalid-Path": f"{PATH} is an invalid path"}),
    (NotFound(path=PATH), (Dialect.TASKS,), {"X-Invalid-Path": f"{PATH} is an invalid path."}),
    (NotFound(path=PATH), (Dialect.REMOVAL,), {"X-Invalid-Path": "path is an invalid path."}),
    (NotFound(path=PATH), (Dialect.TARGET,), BOTH_PATHS),
    (NotFound(path=PATH), (Dialect.SOURCE,), NO_SOURCE),
    (SourceNotFound(path=PATH), ALL, NO_SOURCE),
    (PermissionDenied(path=PATH), but(*EITHER), DENIED_PATH),
    (PermissionDenied(path=PATH), EITHER, DENIED_EITHER),
    (
        NotADirectory(path=PATH),
        but(*OTHER_PATH),
        {"X-Not-A-Directory": "targetPath is not a directory"},
    ),
    (NotADirectory(path=PATH), OTHER_PATH, {"X-Not-A-Directory": f"{PATH} is not a directory"}),
    (IsADirectory(path=PATH), but(Dialect.CHECKSUM), {"X-A-Directory": f"{PATH} is a directory"}),
    (
        IsADirectory(path=PATH),
        (Dialect.CHECKSUM,),
        {"X-A-Directory": "path is a directory, can't checksum directories"},
    ),
    (AlreadyExists(path=PATH), ALL, {"X-Exists": "targetPath already exists"}),
    (SizeLimitExceeded(path=PATH), ALL, {"X-Size-Limit": "File exceeds size limit"}),
    (InvalidMode("no"), ALL, {"X-Invalid-Mode": "mode is an invalid mode"}),
    (InvalidOwner("no"), ALL, {"X-Invalid-Owner": "owner is an invalid user"}),
    (InvalidGroup("no"), ALL, {"X-Invalid-Group": "group is an invalid group"}),
    (PatternNotFound("no"), ALL, {"X-Not-Found": "pattern not found"}),
    (
        CommandFailed("tar: nothing", exit_status=2),
        but(Dialect.RESERVATIONS),
        {"X-Error": "tar: nothing"},
    ),
    (CommandFailed("tar: nothing", exit_status=2), (Dialect.RESERVATIONS,), {}),
]
CASES = [
    pytest.param(error, dialect, headers, id=f"{type(error).__name__}-{dialect.name}")
    for error, dialects, headers in ROWS
    for dialect in dialects
]


@pytest.mark.parametrize(("error", "dialect", "headers"), CASES)
def test_header_of_a_remote_failure(
    error: RemoteError, dialect: Dialect, headers: dict[str, str]
) -> None:
    answer = answer_of(error, Operation("Failed", dialect=dialect))
    hidden = dialect is Dialect.RESERVATIONS and "X-Permission-Denied" in headers
    status = 404 if hidden or isinstance(error, PatternNotFound) else 400
    assert (answer.status, dict(answer.headers)) == (status, headers)


def test_every_remote_failure_stands_in_the_table() -> None:
    kinds = {
        kind
        for _, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, RemoteError) and kind is not RemoteError
    }
    tested = {(type(error), dialect) for error, dialects, _ in ROWS for dialect in dialects}
    assert tested == {(kind, dialect) for kind in kinds for dialect in Dialect}


@pytest.mark.parametrize(
    ("error", "status", "body"),
    [
        (Unauthorized({"exp": "token expired"}), 401, {"exp": "token expired"}),
        (NotRouted(), 400, {"message": "Invalid"}),
        (UnknownResource({"description": "no"}), 404, {"description": "no"}),
        (MethodNotAllowed(), 405, {"message": "Method not allowed"}),
        (MissingMachine(), 400, {"description": "No machine name given"}),
        (BodyTooLarge("too large"), 413, {"description": "too large"}),
        (BadRequest({"error": "no"}), 400, {"error": "no"}),
        (
            InvalidParameter("x", "is empty"),
            400,
            {"description": "Failed", "error": "'x' is empty"},
        ),
        (TaskNotFound("abc"), 404, {"error": "Task abc does not exist"}),
        (
            NotTaskOwner("abc"),
            403,
            {"description": "Operation not permitted. Invalid task owner."},
        ),
        (
            TaskStoreUnavailable("redis at 10.0.0.1"),
            400,
            {"description": "Failed", "error": "Task store is not available"},
        ),
        (
            StagingUnavailable("s3 at 10.0.0.1"),
            400,
            {"description": "Failed", "error": "Staging area is not available"},
        ),
        (IdentityUnavailable("x"), 503, {"message": "Identity provider is not available"}),
        (FirecrestError("else"), 400, {"description": "Failed", "error": "else"}),
    ],
)
def test_bodies(error: FirecrestError, status: int, body: dict[str, str]) -> None:
    answer = answer_of(error, Operation("Failed"))
    assert (answer.status, dict(answer.body), dict(answer.headers)) == (status, body, {})


def test_reservations_tell_their_failures_the_other_way_round() -> None:
    operation = Operation(
        "Error creating reservation",
        dialect=Dialect.RESERVATIONS,
        headline="error",
        detail="description",
    )
    failed = answer_of(CommandFailed("not an owner"), operation)
    assert failed.body == {"error": "Error creating reservation", "description": "not an owner"}
    unknown = answer_of(UnknownMachine(), operation)
    assert unknown.body == {"error": "Error creating reservation"}
    assert unknown.headers == {"X-Machine-Does-Not-Exist": "Machine does not exist"}
    missing = answer_of(MissingMachine(), operation)
    assert missing.body == {
        "error": "Error creating reservation",
        "description": "No machine name given",
    }
    method = answer_of(MethodNotAllowed(), operation)
    assert (method.status, method.body) == (
        405,
        {
            "error": "Method not allowed",
            "description": "The method is not allowed for the requested URL.",
        },
    )


def test_a_rate_limit_tells_when_to_come_again() -> None:
    answer = answer_of(RateLimited({"Retry-After": "3"}))
    assert (answer.status, dict(answer.body)) == (429, {"message": "API rate limit exceeded"})
    assert answer.headers == {"Retry-After": "3"}


def test_unknown_machine_in_both_spellings() -> None:
    """D16: singular everywhere, the plural beside it where upstream sends that."""
    singular = answer_of(UnknownMachine(), Operation("Error on ls operation"))
    assert singular.body == {
        "description": "Error on ls operation",
        "error": "Machine does not exist",
    }
    assert singular.headers == {"X-Machine-Does-Not-Exist": "Machine does not exist"}
    operation = Operation(
        "Failed to upload file", machine_failure="Failed operation", dialect=Dialect.TASKS
    )
    both = answer_of(UnknownMachine(), operation)
    assert both.body == {"description": "Failed operation", "error": "Machine does not exists"}
    assert both.headers == {
        "X-Machine-Does-Not-Exist": "Machine does not exist",
        "X-Machine-Does-Not-Exists": "Machine does not exists",
    }


def test_descriptions_of_remote_failures() -> None:
    operation = Operation(
        "Failed", remote_failure="The cluster said no", remote_failures={NotFound: "Not there"}
    )
    texts = {
        kind: answer_of(kind("why"), operation).body
        for kind in (NotFound, PermissionDenied, SizeLimitExceeded, CommandTimeout)
    }
    assert texts == {
        NotFound: {"description": "Not there", "error": "why"},
        PermissionDenied: {"description": "The cluster said no", "error": "why"},
        SizeLimitExceeded: {"description": "The cluster said no"},
        CommandTimeout: {
            "description": "The cluster said no",
            "error": "Command has finished with timeout signal",
        },
    }


def test_a_fixed_or_absent_error_text() -> None:
    fixed = Operation("Failed", remote_error="directory not allowed")
    assert answer_of(NotFound("why"), fixed).body["error"] == "directory not allowed"
    absent = Operation("Failed", remote_error="")
    assert answer_of(NotFound("why"), absent).body == {"description": "Failed"}


def test_a_backend_that_is_away_has_its_own_body() -> None:
    operation = Operation(
        "Failed",
        backend_failure={"error": "Error creating task"},
        backend_headers={"X-Sbatch-Error": "no task"},
    )
    answer = answer_of(TaskStoreUnavailable(), operation)
    assert answer.body == {"error": "Error creating task"}
    assert answer.headers == {"X-Sbatch-Error": "no task"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("two\nlines\r\n", "twolines"),
        ("tab\tand\x00null\x7f", "tabandnull"),
        ("\x80\x9fafter", "after"),
        ("Straße é", "Straße é"),
        ("日本", "\\u65e5\\u672c"),
        ("\U0001f600", "\\U0001f600"),
        ("\udcff", "\\udcff"),
        ("  blanks  ", "blanks"),
        ("x" * 2000, "x" * 1000),
    ],
)
def test_header_value(text: str, value: str) -> None:
    assert header_value(text) == value


@given(st.text())
def test_a_header_value_is_always_one_line_of_latin_1(text: str) -> None:
    raw = header_value(text).encode("latin-1")
    assert len(raw) <= 1000
    assert not set(raw) & {*range(0x20), *range(0x7F, 0xA0)}
    assert raw == raw.strip()


@given(st.text())
def test_no_message_can_break_a_header(text: str) -> None:
    """h11 refuses a value with outer blanks or control characters: that would be a 500."""
    for error in (CommandFailed(text), NotFound(path=text), IsADirectory(path=text)):
        for dialect in Dialect:
            for value in remote_header(error, dialect).values():
                assert value
                assert value == header_value(value)

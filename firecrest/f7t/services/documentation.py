"""What the generated OpenAPI says of answers: documented errors with their headers, examples."""

from __future__ import annotations

from typing import Any

ERROR_HEADERS = (
    "X-Machine-Does-Not-Exist",
    "X-Machine-Not-Available",
    "X-Permission-Denied",
    "X-Invalid-Path",
    "X-Not-Found",
    "X-Not-A-Directory",
    "X-A-Directory",
    "X-Exists",
    "X-Size-Limit",
    "X-Timeout",
    "X-Error",
)

Responses = dict[int | str, dict[str, Any]]


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


def auth_errors(*, not_found: str = "") -> Responses:
    """Documented errors of an operation that needs a token and nothing else."""
    found: Responses = {404: example({"description": not_found}, not_found)}
    return {
        401: example({"message": "Unauthorized"}, "The token is missing or refused"),
        "default": example(
            {"description": "FirecREST internal error, request id 0f3c", "error": "as above"},
            "Unexpected failure; quote the answer's X-Request-Id",
        ),
        **(found if not_found else {}),
    }


def remote_errors(description: str, *, too_large: str = "") -> Responses:
    """Documented errors of an operation that does something on a system."""
    wrong = example(
        {"description": description, "error": "Machine does not exist"},
        "The request is wrong, or the system said no; the header tells which",
    )
    schema = {"schema": {"type": "string"}}
    wrong["headers"] = {name: schema for name in ERROR_HEADERS}
    large: Responses = {413: example({"description": too_large}, "The body is too large")}
    return {400: wrong, **(large if too_large else {}), **auth_errors()}

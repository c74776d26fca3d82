"""All operations by id, and the words of their error bodies (contract pages of each service)."""

from __future__ import annotations

from collections.abc import Mapping

from f7t.errors import Dialect, NotFound, Operation, SizeLimitExceeded


def _utility(name: str) -> Operation:
    return Operation(f"Error on {name} operation")


def _compute(failure: str, precheck: str = "Failed to retrieve jobs information") -> Operation:
    return Operation(
        failure,
        remote_failure=precheck,
        remote_error="",
        backend_failure={"description": failure, "error": "Error creating task"},
        dialect=Dialect.TASKS,
    )


OPERATIONS: Mapping[str, Operation] = {
    "status_services": Operation("Failed to retrieve services"),
    "status_service": Operation("Failed to retrieve service"),
    "status_systems": Operation("Failed to retrieve systems"),
    "status_system": Operation("Failed to retrieve system"),
    "status_parameters": Operation("Failed to retrieve parameters"),
    "utilities_ls": Operation(
        "Error on ls operation",
        remote_failure="Error listing contents of path",
        dialect=Dialect.LISTING,
    ),
    "utilities_upload": _utility("upload"),
    "utilities_download": Operation(
        "Error on fsize operation",
        machine_failure="Error on fsize operation",
        remote_failure="Error on base64 operation",
        remote_failures={
            NotFound: "Error on fsize operation",
            SizeLimitExceeded: "Failed to download file",
        },
        dialect=Dialect.DOWNLOAD,
    ),
    "compute_submit": _compute("Failed to submit job file"),
    "compute_submit_upload": _compute("Failed to submit job file"),
    "compute_submit_path": Operation(
        "Failed to submit job",
        remote_error="",
        backend_failure={"description": "Failed to submit job", "error": "Error creating task"},
        dialect=Dialect.TASKS,
    ),
    "compute_jobs": _compute("Failed to retrieve jobs information"),
    "compute_job": _compute("Failed to retrieve job information"),
    "compute_cancel": _compute("Failed to delete job"),
    "compute_acct": _compute("Failed to retrieve account information"),
    "storage_upload": Operation(
        "Failed to upload file",
        machine_failure="Failed operation",
        remote_error="'targetPath' directory not allowed",
        backend_failure={"error": "Error creating task"},
        dialect=Dialect.TASKS,
    ),
    "storage_download": Operation(
        "Failed to download file",
        machine_failure="Failed operation",
        remote_failure="sourcePath error",
        remote_error="",
        backend_failure={"error": "Couldn't create task"},
        dialect=Dialect.TASKS,
    ),
    "storage_invalidate": Operation(
        "Failed to invalidate", backend_failure={"error": "Could not invalidate URL"}
    ),
    "tasks_list": Operation("Failed to retrieve tasks information"),
    "tasks_get": Operation("Failed to retrieve task information"),
}

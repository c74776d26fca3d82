"""All operations by id, and the words of their error bodies (contract pages of each service)."""

from __future__ import annotations

from collections.abc import Mapping

from f7t.errors import (
    CertificateRefused,
    ConnectionRefused,
    DelegationUnavailable,
    MachineUnavailable,
    NotFound,
    PatternNotFound,
    SizeLimitExceeded,
)
from f7t.http.failures import NO_OPERATION, Dialect, Operation


def _utility(
    name: str, dialect: Dialect = Dialect.UTILITIES, remote_failure: str = ""
) -> Operation:
    return Operation(f"Error on {name} operation", remote_failure=remote_failure, dialect=dialect)


def _internal(name: str) -> Operation:
    """Submission of a transfer job (storage.md §6)."""
    failure = f"Failed to submit {name} job"
    return Operation(
        f"Error on {name} operation",
        machine_failure="Failed operation",
        remote_failure=failure,
        remote_error="",
        backend_failure={"description": failure, "error": "Error creating task"},
        backend_headers={"X-Sbatch-Error": "Error creating task"},
        dialect=Dialect.TASKS,
    )


def _reservation(verb: str) -> Operation:
    return Operation(
        f"Error {verb} reservation",
        dialect=Dialect.RESERVATIONS,
        headline="error",
        detail="description",
    )


_JOBS = "Failed to retrieve jobs information"
_ACCOUNT = "Failed to retrieve account information"


def _compute(failure: str, precheck: str = _JOBS) -> Operation:
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
    "status_filesystems": Operation("Failed to retrieve file systems"),
    "status_filesystem": Operation("Failed to retrieve file systems"),
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
        dialect=Dialect.SOURCE,
    ),
    "utilities_mkdir": _utility("mkdir", Dialect.TARGET),
    "utilities_rename": _utility("rename", Dialect.TARGET),
    "utilities_chmod": _utility("chmod"),
    "utilities_chown": _utility("chown"),
    "utilities_copy": _utility("copy", Dialect.TARGET),
    "utilities_file": _utility("file"),
    "utilities_stat": _utility("stat", Dialect.SOURCE),
    "utilities_symlink": _utility("symlink", Dialect.TARGET),
    "utilities_rm": _utility("rm", Dialect.REMOVAL),
    "utilities_checksum": _utility("checksum", Dialect.CHECKSUM),
    "utilities_view": Operation(
        "Error on fsize operation",
        remote_failure="Error on head operation",
        remote_failures={
            NotFound: "Error on fsize operation",
            SizeLimitExceeded: "Failed to view file content",
        },
        dialect=Dialect.SOURCE,
    ),
    "utilities_head": Operation(
        "Error on head operation",
        remote_failures={PatternNotFound: "Error on head operation with grep"},
    ),
    "utilities_tail": Operation(
        "Error on tail operation",
        remote_failures={PatternNotFound: "Error on tail operation with grep"},
    ),
    "utilities_whoami": _utility("whoami"),
    "utilities_compress": _utility("compress"),
    "utilities_extract": _utility("extract"),
    "compute_submit": _compute("Failed to submit job file"),
    "compute_submit_upload": _compute("Failed to submit job file"),
    "compute_submit_path": Operation(
        "Failed to submit job",
        remote_failures=dict.fromkeys(
            (MachineUnavailable, CertificateRefused, ConnectionRefused, DelegationUnavailable),
            _JOBS,
        ),
        remote_error="",
        backend_failure={"description": "Failed to submit job", "error": "Error creating task"},
        dialect=Dialect.TASKS,
    ),
    "compute_jobs": _compute(_JOBS),
    "compute_job": _compute("Failed to retrieve job information"),
    "compute_cancel": _compute("Failed to delete job"),
    "compute_acct": _compute(_ACCOUNT),
    "compute_nodes": _compute(_ACCOUNT),
    "compute_node": _compute(_ACCOUNT),
    "compute_partitions": _compute(_ACCOUNT, _ACCOUNT),
    "compute_reservations": _compute(_ACCOUNT, _ACCOUNT),
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
    "storage_internal_cp": _internal("cp"),
    "storage_internal_mv": _internal("mv"),
    "storage_internal_rsync": _internal("rsync"),
    "storage_internal_rm": _internal("rm"),
    "storage_internal_compress": _internal("compress"),
    "storage_internal_extract": _internal("extract"),
    "reservations_list": _reservation("listing"),
    "reservations_create": _reservation("creating"),
    "reservations_update": _reservation("updating"),
    "reservations_delete": _reservation("deleting"),
    "tasks_list": Operation("Failed to retrieve tasks information"),
    "tasks_get": Operation("Failed to retrieve task information"),
}


def operation_at(path: str) -> Operation:
    """The words for a path that no route serves; only below `/reservations` they differ."""
    segment = path.lstrip("/").partition("/")[0]
    return OPERATIONS["reservations_list"] if segment == "reservations" else NO_OPERATION

"""Which operation came with which release: an older configured version does not serve it (D28)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from packaging.version import Version

SINCE: Mapping[str, str] = {
    "status_filesystems": "1.15.0",
    "status_filesystem": "1.15.0",
    "utilities_checksum": "1.6.0",
    "utilities_view": "1.6.0",
    "utilities_stat": "1.8.0",
    "utilities_head": "1.11.0",
    "utilities_tail": "1.11.0",
    "utilities_whoami": "1.11.0",
    "utilities_compress": "1.16.0",
    "utilities_extract": "1.16.0",
    "compute_submit_upload": "1.6.0",
    "compute_submit_path": "1.6.0",
    "compute_nodes": "1.16.0",
    "compute_node": "1.16.0",
    "compute_partitions": "1.16.0",
    "compute_reservations": "1.16.0",
    "storage_invalidate": "1.5.2",
    "storage_internal_compress": "1.16.0",
    "storage_internal_extract": "1.16.0",
    "reservations_list": "1.7.0",
    "reservations_create": "1.7.0",
    "reservations_update": "1.7.0",
    "reservations_delete": "1.7.0",
}
"""Operation id -> first release with it; what is not named was there from the beginning."""

PARAMETER_GROUPS: Mapping[str, str] = {"general": "1.16.1", "compute": "1.15.0"}
"""The same for the groups of `/status/parameters`."""


@cache
def _reaches(version: str, since: str) -> bool:
    """A pre-release of a version counts as that version."""
    return Version(Version(version).base_version) >= Version(since)


def serves(version: str, operation: str) -> bool:
    """Whether FirecREST `version` (PEP 440) has the operation."""
    return operation not in SINCE or _reaches(version, SINCE[operation])


def shows(version: str, group: str) -> bool:
    """Whether `/status/parameters` of FirecREST `version` (PEP 440) has the group."""
    return group not in PARAMETER_GROUPS or _reaches(version, PARAMETER_GROUPS[group])


def without_later(paths: Mapping[str, Mapping[str, Any]], version: str) -> dict[str, Any]:
    """`paths` of an OpenAPI document with only what FirecREST `version` has."""
    kept = {
        path: {
            method: operation
            for method, operation in methods.items()
            if serves(version, operation["operationId"])
        }
        for path, methods in paths.items()
    }
    return {path: methods for path, methods in kept.items() if methods}

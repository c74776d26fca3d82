"""One right request for every operation, to be spoilt in one place or asked in odd conditions."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from tests.firecrest.services.wire import Part, Request, form, multipart, query
from tests.support.contract import contract
from tests.support.live import SERVICE_ACCOUNT

USER = SERVICE_ACCOUNT
"""Who sends them: no test lists the tasks of this user, of which there will be many."""

HOME = f"/home/{USER}"

_FILE, _NEW = f"{HOME}/test_file.txt", f"{HOME}/absent/new"
_RESERVATION = {
    "numberOfNodes": "1",
    "nodeType": "f7t",
    "starttime": "2038-01-01T00:00:00",
    "endtime": "2038-01-02T00:00:00",
}
_BOTH = {"sourcePath": _FILE, "targetPath": _NEW}
SCRIPT = b"#!/bin/sh\n"

SOUND: Mapping[str, Mapping[str, str]] = {
    "status_services": {},
    "status_service": {"servicename": "compute"},
    "status_systems": {},
    "status_system": {"machinename": "cluster"},
    "status_filesystems": {},
    "status_filesystem": {"system": "cluster"},
    "status_parameters": {},
    "utilities_ls": {"targetPath": HOME},
    "utilities_mkdir": {"targetPath": _NEW},
    "utilities_rename": _BOTH,
    "utilities_chmod": {"targetPath": _NEW, "mode": "644"},
    "utilities_chown": {"targetPath": _NEW, "group": "hpc"},
    "utilities_copy": _BOTH,
    "utilities_file": {"targetPath": _FILE},
    "utilities_stat": {"targetPath": _FILE},
    "utilities_symlink": {"targetPath": _FILE, "linkPath": _NEW},
    "utilities_upload": {"targetPath": f"{HOME}/absent"},
    "utilities_download": {"sourcePath": _FILE},
    "utilities_rm": {"targetPath": _NEW},
    "utilities_checksum": {"targetPath": _FILE},
    "utilities_view": {"targetPath": _FILE},
    "utilities_head": {"targetPath": _FILE},
    "utilities_tail": {"targetPath": _FILE},
    "utilities_whoami": {},
    "utilities_compress": _BOTH,
    "utilities_extract": {"sourcePath": f"{HOME}/absent/a.tar", "targetPath": HOME},
    "compute_submit": {},
    "compute_submit_upload": {},
    "compute_submit_path": {"targetPath": "/srv/f7t/test_sbatch_rm.sh"},
    "compute_jobs": {},
    "compute_job": {"jobid": "1"},
    "compute_cancel": {"jobid": "99999999"},
    "compute_acct": {},
    "compute_nodes": {},
    "compute_node": {"nodeName": "cluster"},
    "compute_partitions": {},
    "compute_reservations": {},
    "storage_upload": {"targetPath": f"{HOME}/absent", "sourcePath": "local"},
    "storage_download": {"sourcePath": f"{HOME}/absent"},
    "storage_invalidate": {"X-Task-Id": "f" * 32},
    "storage_internal_cp": _BOTH,
    "storage_internal_mv": {"sourcePath": f"{HOME}/absent", "targetPath": _NEW},
    "storage_internal_rsync": _BOTH,
    "storage_internal_rm": {"targetPath": _NEW},
    "storage_internal_compress": _BOTH,
    "storage_internal_extract": {"sourcePath": f"{HOME}/absent/a.tar", "targetPath": HOME},
    "tasks_list": {},
    "tasks_get": {"taskid": "f" * 32},
    "reservations_list": {},
    "reservations_create": {"reservation": "r", "account": "test", **_RESERVATION},
    "reservations_update": {"reservation": "r", **_RESERVATION},
    "reservations_delete": {"reservation": "r"},
}
"""Operation id -> its parameters; nothing is changed by any of them."""


def places_of(name: str) -> dict[str, str]:
    """Every parameter of an operation and where it goes: query, path, header or form."""
    source = contract()
    operation = source.operations[name]
    found = {}
    for index, node in enumerate(operation.content.get("parameters", ())):
        parameter, _ = source.resolved(node, f"{operation.pointer}/parameters/{index}")
        found[parameter["name"]] = parameter["in"]
    for content in operation.content.get("requestBody", {}).get("content", {}).values():
        schema, _ = source.resolved(content["schema"], operation.pointer)
        found |= dict.fromkeys(schema["properties"], "form")
    return found


def request_of(
    name: str, changed: Mapping[str, str | bytes] | None = None, *, file_name: str = "job.sh"
) -> Request:
    """The right request of an operation, with other values of some of its parameters."""
    operation = contract().operations[name]
    values = {**SOUND[name], **(changed or {})}
    places = places_of(name)
    by_place: dict[str, dict[str, str | bytes]] = {}
    for parameter, value in values.items():
        by_place.setdefault(places[parameter], {})[parameter] = value
    path = operation.path
    for parameter, value in by_place.get("path", {}).items():
        path = path.replace(f"{{{parameter}}}", quote(value, safe=""))
    fields = by_place.get("form", {})
    if "file" in places:
        parts = [
            Part(parameter, value.encode() if isinstance(value, str) else value)
            for parameter, value in fields.items()
        ]
        request = multipart(operation.method, path, *parts, Part("file", SCRIPT, file_name))
    elif fields:
        request = form(operation.method, path, **fields)
    else:
        request = Request(operation.method, query(path, **by_place.get("query", {})))
    for parameter, value in by_place.get("header", {}).items():
        text = value if isinstance(value, str) else value.decode("latin-1")
        request = request.with_header(parameter, text)
    return request

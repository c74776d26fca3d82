"""D12, D26: tasks give away nothing that only the server may have."""

from __future__ import annotations

import json
import re
from typing import Any

from f7t_conformance.api import Api, Unexpected
from f7t_conformance.belongings import Belongings, Place, settled
from f7t_conformance.binding import requirement

_FORM = frozenset({"111"})
_SECRET = re.compile(
    r"-cert-v01@openssh\.com|BEGIN [A-Z ]*PRIVATE KEY|gAAAA[A-Za-z0-9_-]{40}|Bearer eyJ"
)
"""SSH certificates, private keys, Fernet ciphertext, tokens."""
_REDACTED = "[redacted]"


def _uploading(api: Api, belongings: Belongings, place: Place) -> str:
    """Id of an upload that waits for the client."""
    answer = api.post("/storage/xfer-external/upload", sourcePath="file", targetPath=place.path)
    task = settled(api, answer, states=_FORM | {"400"})
    belongings.own_transfer(task["hash_id"])
    return str(task["hash_id"])


def _both(api: Api, task_id: str) -> dict[str, dict[str, Any]]:
    """The task by the operation that shows it."""
    return {
        "/tasks/{id}": api.get(f"/tasks/{task_id}").expect(200).json["task"],
        "/tasks": api.get("/tasks").expect(200).json["tasks"][task_id],
        "/tasks?tasks=": api.get("/tasks", tasks=task_id).expect(200).json["tasks"][task_id],
    }


@requirement("F7T-SEC-025")
def test_no_certificate(api: Api, belongings: Belongings, place: Place) -> None:
    for where, task in _both(api, _uploading(api, belongings, place)).items():
        certificate = task["data"]["msg"].get("cert", [])
        if _SECRET.search(json.dumps(task)) or set(certificate) - {_REDACTED}:
            raise Unexpected(f"{where} without certificates, keys and tokens", "it has one")


@requirement("F7T-SEC-026")
def test_no_link_of_an_upload(api: Api, belongings: Belongings, place: Place) -> None:
    for where, task in _both(api, _uploading(api, belongings, place)).items():
        if "X-Amz-Signature=" in json.dumps(task):
            raise Unexpected(f"{where} without a presigned link to the object", "it has one")


@requirement("F7T-SEC-027")
def test_no_list_of_all_tasks(api: Api, anonymous: Api) -> None:
    anonymous.call("GET", "/tasks/taskslist").expect(401)
    body = json.dumps({"service": "storage", "status_code": ["111", "117"]}).encode()
    for data in (None, body):
        headers = {"Content-Type": "application/json"} if data else {}
        answer = api.call("GET", "/tasks/taskslist", data=data, headers=headers).expect(404)
        if "tasks" in answer.json:
            raise Unexpected("no list", answer.excerpt)


@requirement("F7T-SEC-028")
def test_command_is_quoted(api: Api, belongings: Belongings, place: Place) -> None:
    answer = api.post(
        "/storage/xfer-external/upload", sourcePath="a $HOME *", targetPath=place.path
    )
    task = settled(api, answer, states=_FORM | {"400"})
    belongings.own_transfer(task["hash_id"])
    command = str(task["data"]["msg"]["command"])
    bare = re.sub(r"'[^']*'|\\.", "", command)
    if "$HOME" not in command or set("$*") & set(bare):
        raise Unexpected("$ and * of sourcePath quoted in command", command.split("-F")[-1])


@requirement("F7T-SEC-029")
def test_errors_tell_nothing_of_the_inside(api: Api, place: Place) -> None:
    files = {"file": ("file", b"content")}
    form = {"targetPath": place / "absent"}
    answer = api.call("POST", "/utilities/upload", form=form, files=files).expect(400)
    if re.search(r"\bline \d+|Traceback|\.py\b|\.sh\b", answer.text):
        raise Unexpected("nothing of the server's own files", answer.excerpt)

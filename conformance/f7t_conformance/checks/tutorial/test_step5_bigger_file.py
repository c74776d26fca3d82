"""Step 5: a bigger file through the staging area (T33 to T43)."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from f7t_conformance.api import Api, Unexpected
from f7t_conformance.belongings import Belongings, Place, until
from f7t_conformance.binding import requirement
from f7t_conformance.staging import (
    FIELDS,
    Printed,
    Task,
    delivered,
    form_of,
    listed,
    offered,
    posted,
    reached,
)
from f7t_conformance.walk import Walk

BIG = random.Random(5).randbytes(6_000_000)
MOVED = "Download from Object Storage to server has finished"


@pytest.fixture
def waiting(api: Api, place: Place, belongings: Belongings, walk: Walk) -> Task:
    """The task of an upload that waits for its file."""
    return offered(api, belongings, source="input_file", target=place.path, seconds=walk.seconds)


@requirement("F7T-TUT-033")
def test_an_upload_needs_no_machine(
    api: Api, place: Place, belongings: Belongings, walk: Walk
) -> None:
    answer = walk.form(
        "/storage/xfer-external/upload",
        nameless=True,
        targetPath=place.path,
        sourcePath="/path/to/input_file",
    ).expect(200, 201, success="Task created")
    belongings.own_transfer(answer.json["task_id"])
    if answer.json.get("task_url") != f"{api.target}/tasks/{answer.json['task_id']}":
        raise Unexpected(f"{api.target}/tasks/{answer.json['task_id']}", answer.excerpt)


@requirement("F7T-TUT-034")
def test_the_form_is_received(waiting: Task) -> None:
    wanted = ("111", "Form URL from Object Storage received", "storage")
    got = (waiting["status"], waiting["description"], waiting["service"])
    if got != wanted:
        raise Unexpected(str(wanted), str(got))


@requirement("F7T-TUT-035")
def test_the_task_tells_what_goes_where(waiting: Task, place: Place) -> None:
    data = waiting["data"]
    wanted = (waiting["hash_id"], "input_file", "111", waiting["user"])
    got = tuple(data.get(key) for key in ("hash_id", "source", "status", "user"))
    if got != wanted or "system" not in data:
        raise Unexpected(f"hash_id, source, status, user = {wanted}, and a system", str(got))
    if not str(data.get("target")).startswith(place.path):
        raise Unexpected(f"a target in {place.path}", str(data.get("target")))
    if not isinstance(data["msg"].get("command"), str):
        raise Unexpected("a command", str(data["msg"].get("command")))


@requirement("F7T-TUT-036")
def test_the_form_stands_in_the_message(waiting: Task) -> None:
    message = waiting["data"]["msg"]
    flat = {name: str(message.get(name)) for name in (*FIELDS, "url", "method")}
    patterns = {
        "method": "POST",
        "url": r"https?://[^?]+/[^/?]+",
        "key": f"{waiting['hash_id']}/input_file",
        "policy": r"[A-Za-z0-9+/]+=*",
        "x-amz-algorithm": "AWS4-HMAC-SHA256",
        "x-amz-credential": r"[^/]+/\d{8}/[^/]+/s3/aws4_request",
        "x-amz-date": r"\d{8}T\d{6}Z",
        "x-amz-signature": "[0-9a-f]{64}",
    }
    wrong = [name for name, text in patterns.items() if not re.fullmatch(text, flat[name])]
    if wrong:
        raise Unexpected("the fields of a signed form", f"others for {', '.join(wrong)}")


@requirement("F7T-TUT-037")
def test_the_policy_is_good_for_a_week(waiting: Task) -> None:
    _, fields = form_of(waiting)
    policy = json.loads(base64.b64decode(fields["policy"]))
    named = {key for one in policy["conditions"] if isinstance(one, dict) for key in one}
    wanted = {"bucket", "key", "x-amz-algorithm", "x-amz-credential", "x-amz-date"}
    if not wanted <= named:
        raise Unexpected(f"conditions of {', '.join(sorted(wanted))}", str(sorted(named)))
    left = datetime.fromisoformat(policy["expiration"].replace("Z", "+00:00")) - datetime.now(UTC)
    if not timedelta(0) < left <= timedelta(days=7, hours=1):
        raise Unexpected("an expiration within seven days", str(left))


@requirement("F7T-TUT-038")
def test_no_certificate_is_shown(api: Api, waiting: Task) -> None:
    for shown in (waiting, listed(api, waiting["hash_id"])):
        text = json.dumps(shown)
        if "OPENSSH" in text or "cert-v01@openssh" in text or '"cert"' in text:
            raise Unexpected("no certificate", "one, or a key `cert`")


@requirement("F7T-TUT-039")
def test_the_command_uploads_the_file(api: Api, waiting: Task, tmp_path: Path) -> None:
    (tmp_path / "input_file").write_bytes(BIG)
    printed = Printed.read(waiting["data"]["msg"]["command"], "input_file")
    _, answer = printed.run(api, tmp_path, "input_file")
    answer.expect(204)
    headers = {name.lower(): value for name, value in answer.headers}
    key = f"{waiting['hash_id']}/input_file"
    if not headers.get("etag") or not headers.get("location", "").endswith(f"/{key}"):
        raise Unexpected(f"ETag and Location …/{key}", str(answer.headers))


@requirement("F7T-TUT-040")
def test_an_altered_form_is_refused(api: Api, waiting: Task) -> None:
    _, fields = form_of(waiting)
    posted(api, waiting, b"x", key=fields["key"] + "2").expect(403)


@requirement("F7T-TUT-041")
def test_the_task_follows_the_file(api: Api, waiting: Task, walk: Walk) -> None:
    posted(api, waiting, BIG).expect(204)
    seen: list[str] = []

    def look() -> str | None:
        seen.append(str(listed(api, waiting["hash_id"])["status"]))
        return seen[-1] if seen[-1] in {"114", "115", "400"} else None

    until(look, seconds=walk.seconds, what="the end of the upload")
    task = reached(api, waiting["hash_id"], "114", seconds=walk.seconds)
    data = task["data"]
    if not set(seen) <= {"111", "112", "113", "114"} or seen != sorted(seen):
        raise Unexpected("111, 112, 113, 114", ", ".join(seen))
    if MOVED not in {task["description"]} & {data["msg"] if isinstance(data, dict) else data}:
        raise Unexpected(f"{MOVED!r} as description and data", f"{task['description']}: {data}")


@requirement("F7T-TUT-042")
def test_the_file_is_on_the_machine(
    api: Api, place: Place, belongings: Belongings, walk: Walk
) -> None:
    task = delivered(
        api, belongings, BIG, target=place.path, source="input_file", seconds=walk.seconds
    )
    entry = walk.entry(place / "input_file")
    if (entry["user"], entry["size"]) != (task["user"], str(len(BIG))):
        raise Unexpected(f"{len(BIG)} bytes of {task['user']}", str(entry))
    wanted = hashlib.sha256(BIG).hexdigest()
    api.get("/utilities/checksum", targetPath=place / "input_file").expect(200, output=wanted)


@requirement("F7T-TUT-043")
def test_the_job_reads_the_bigger_file(
    api: Api, place: Place, belongings: Belongings, walk: Walk
) -> None:
    delivered(api, belongings, BIG, target=place.path, source="input_file", seconds=walk.seconds)
    path = place / "input_file"
    walk.simulated(f"sha1sum {path}", output=place / "res.txt")
    wanted = f"{hashlib.sha1(BIG).hexdigest()}  {path}\n".encode()
    if place.read("res.txt") != wanted:
        raise Unexpected(repr(wanted), repr(place.read("res.txt")))

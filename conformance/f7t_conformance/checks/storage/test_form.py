"""X1: the form that a waiting upload offers, and the command that posts it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from f7t_conformance.api import Answer, Api, Unexpected
from f7t_conformance.belongings import Belongings, Place
from f7t_conformance.binding import requirement
from f7t_conformance.staging import FIELDS, Printed, Task, form_of, listed, offered, posted

Offer = Callable[..., Task]
SECRETS = ("cert", "action", "download_url")
BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")


@pytest.fixture
def offer(api: Api, place: Place, belongings: Belongings, deadline: float) -> Offer:
    """A waiting upload of a file of this name."""

    def offer_one(source: str = "in.dat") -> Task:
        return offered(api, belongings, source=source, target=place.path, seconds=deadline)

    return offer_one


def policy_of(task: Task) -> dict[str, Any]:
    """The form's policy document."""
    _, fields = form_of(task)
    try:
        policy: dict[str, Any] = json.loads(base64.b64decode(fields["policy"], validate=True))
    except ValueError:
        raise Unexpected("a policy in base 64 of JSON", fields["policy"]) from None
    return policy


def conditions_of(task: Task) -> dict[str, str]:
    """The equalities that the form's policy demands."""
    listed_conditions = policy_of(task).get("conditions", [])
    return {k: v for one in listed_conditions if isinstance(one, dict) for k, v in one.items()}


@requirement("F7T-XFER-021")
def test_the_form_is_flat(offer: Offer) -> None:
    message = offer()["data"]["msg"]
    missing = [name for name in (*FIELDS, "url", "method") if not message.get(name)]
    if missing:
        raise Unexpected("data.msg with all fields of the form", f"without {', '.join(missing)}")


@requirement("F7T-XFER-022")
def test_the_form_is_an_argument_list(api: Api, offer: Offer) -> None:
    task = offer()
    given = task["data"]["msg"].get("parameters")
    if not isinstance(given, dict):
        raise Unexpected("data.msg.parameters", str(given))
    if (given["files"], given["json"], given["params"], given["headers"]) != ("in.dat", {}, {}, {}):
        raise Unexpected("files = sourcePath, empty json, params and headers", str(given))
    files = {"file": (given["files"], b"x\n")}
    api.outside(given["method"], given["url"], form=given["data"], files=files).expect(204)


@requirement("F7T-XFER-023")
def test_both_shapes_are_the_same_form(offer: Offer) -> None:
    message = offer()["data"]["msg"]
    given = message["parameters"]
    flat = {name: message.get(name) for name in (*FIELDS, "url", "method")}
    nested = {**given["data"], "url": given["url"], "method": given["method"]}
    if flat != nested:
        raise Unexpected("the same values in data.msg and data.msg.parameters", "different ones")


@requirement("F7T-XFER-024")
def test_nothing_but_the_form_is_disclosed(api: Api, offer: Offer) -> None:
    task = offer()
    for shown in (task, listed(api, task["hash_id"])):
        message = shown["data"]["msg"]
        found = [name for name in SECRETS if name in message or name in shown["data"]]
        text = json.dumps(shown)
        if found or "OPENSSH" in text or "cert-v01@openssh" in text:
            raise Unexpected("no certificate, action or download_url", f"{found or 'a key'}")


@requirement("F7T-XFER-025")
def test_the_listing_offers_the_same_form(api: Api, offer: Offer) -> None:
    task = offer()
    if listed(api, task["hash_id"])["data"] != task["data"]:
        raise Unexpected("the same data in both answers", "different ones")


@requirement("F7T-XFER-026")
def test_the_policy_allows_this_object_only(offer: Offer) -> None:
    task = offer()
    url, fields = form_of(task)
    wanted = {n: v for n, v in fields.items() if n not in {"policy", "x-amz-signature"}}
    wanted["bucket"] = url.rpartition("/")[2]
    got = conditions_of(task)
    if got != wanted:
        raise Unexpected(f"conditions {wanted}", str(got))


@requirement("F7T-XFER-027")
def test_the_form_lives_as_long_as_announced(api: Api, offer: Offer) -> None:
    task = offer()
    groups = api.get("/status/parameters").expect(200).json["out"]
    (seconds,) = (
        int(one["value"]) for one in groups["storage"] if one["name"] == "STORAGE_TEMPURL_EXP_TIME"
    )
    _, fields = form_of(task)
    begin = datetime.strptime(fields["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    end = datetime.fromisoformat(policy_of(task)["expiration"].replace("Z", "+00:00"))
    if abs(end - begin - timedelta(seconds=seconds)) > timedelta(minutes=1):
        raise Unexpected(f"a form for {seconds} s", f"one from {begin} to {end}")


@requirement("F7T-XFER-028")
def test_the_key_is_task_and_name(offer: Offer) -> None:
    task = offer("/some/where/in.dat")
    _, fields = form_of(task)
    if fields["key"] != f"{task['hash_id']}/in.dat":
        raise Unexpected(f"key {task['hash_id']}/in.dat", fields["key"])


@requirement("F7T-XFER-029")
def test_the_bucket_is_the_users(offer: Offer) -> None:
    task = offer()
    url, _ = form_of(task)
    bucket = url.rpartition("/")[2]
    if BUCKET.fullmatch(task["user"]) and bucket != task["user"]:
        raise Unexpected(f"bucket {task['user']}", bucket)
    if not BUCKET.fullmatch(bucket):
        raise Unexpected("a bucket's name", bucket)


def ran(api: Api, offer: Offer, directory: Path, source: str) -> tuple[bool, Answer]:
    """How the printed command for this file ended."""
    (directory / source).write_bytes(b"from the command\n")
    return Printed.read(offer(source)["data"]["msg"]["command"], source).run(api, directory, source)


@requirement("F7T-XFER-030")
def test_the_command_uploads(api: Api, offer: Offer, tmp_path: Path) -> None:
    well, answer = ran(api, offer, tmp_path, "in.dat")
    if not well:
        raise Unexpected("exit status 0", answer.excerpt)
    answer.expect(204)


@requirement("F7T-XFER-031")
def test_the_command_holds_names_with_blanks(api: Api, offer: Offer, tmp_path: Path) -> None:
    well, answer = ran(api, offer, tmp_path, "in put.dat")
    if not well:
        raise Unexpected("exit status 0", answer.excerpt)


@requirement("F7T-XFER-032")
def test_the_command_tells_a_refusal(api: Api, offer: Offer, tmp_path: Path) -> None:
    (tmp_path / "in.dat").write_bytes(b"x\n")
    task = offer()
    signature = form_of(task)[1]["x-amz-signature"]
    command = task["data"]["msg"]["command"].replace(signature, "0" * len(signature))
    well, answer = Printed.read(command, "in.dat").run(api, tmp_path, "in.dat")
    if well:
        raise Unexpected("an exit status other than 0", answer.excerpt)


@pytest.mark.parametrize(
    "field",
    [
        pytest.param("x-amz-signature", marks=requirement("F7T-XFER-033")),
        pytest.param("key", marks=requirement("F7T-XFER-034")),
        pytest.param("policy", marks=requirement("F7T-XFER-035")),
    ],
)
def test_an_altered_form_is_refused(api: Api, offer: Offer, field: str) -> None:
    task = offer()
    _, fields = form_of(task)
    policy = {**policy_of(task), "expiration": "2099-01-01T00:00:00.000Z"}
    altered = {
        "x-amz-signature": "0" * len(fields["x-amz-signature"]),
        "key": fields["key"] + ".other",
        "policy": base64.b64encode(json.dumps(policy).encode()).decode(),
    }
    posted(api, task, b"x\n", **{field: altered[field]}).expect(403)
    posted(api, task, b"x\n").expect(204)

"""What a caller sends is data: no parameter of any operation is ever run."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from f7t_conformance.api import Answer, Api, Unexpected
from f7t_conformance.belongings import Belongings, Place, settled, until
from f7t_conformance.binding import requirement
from f7t_conformance.hostile import CANARY, Canary


@pytest.fixture
def canary(place: Place) -> Canary:
    return Canary(place)


def _survived(answer: Answer) -> Answer:
    """The server answered in its own words and did not break."""
    if answer.status >= 500:
        raise Unexpected("any answer but a breakdown", answer.excerpt)
    return answer


def _finished(api: Api, answer: Answer) -> None:
    """If the call was accepted, whatever it does has been done."""
    if _survived(answer).status in {200, 201}:
        settled(api, answer)


def _with_each(names: tuple[str, ...], payload: str, **others: str) -> Iterator[dict[str, str]]:
    """For each name the parameters with the payload in it."""
    for name in names:
        yield {**dict.fromkeys(names, "f7t-absent"), **others, name: payload}


@requirement("F7T-SEC-001")
def test_reads(api: Api, place: Place, canary: Canary) -> None:
    file = place.write("file")
    for payload in canary.payloads(f"{file} "):
        for operation in ("ls", "file", "stat", "checksum", "view", "head", "tail"):
            _survived(api.get(f"/utilities/{operation}", targetPath=payload))
        _survived(api.get("/utilities/download", sourcePath=payload))
        for name in ("bytes", "lines"):
            query = {"targetPath": file, name: f"1{payload.removeprefix(file)}"}
            for operation in ("head", "tail"):
                _survived(api.call("GET", f"/utilities/{operation}", query=query))
    canary.check("a parameter of a reading operation")


@requirement("F7T-SEC-002")
def test_grep(api: Api, place: Place, canary: Canary) -> None:
    file = place.write("file", b"one\n-v marks this line\n")
    for payload in canary.payloads("one"):
        for operation in ("head", "tail"):
            _survived(api.get(f"/utilities/{operation}", targetPath=file, grep=payload))
    canary.check("the pattern grep")
    for operation in ("head", "tail"):
        answer = api.get(f"/utilities/{operation}", targetPath=file, grep="-v")
        answer.expect(200, output="-v marks this line\n")


@requirement("F7T-SEC-003")
def test_changes(api: Api, place: Place, canary: Canary) -> None:
    absent = place / "absent"
    for payload in canary.payloads(absent):
        for path, names in (
            ("rename", ("sourcePath", "targetPath")),
            ("chmod", ("targetPath", "mode")),
            ("chown", ("targetPath", "owner", "group")),
        ):
            for form in _with_each(names, payload):
                _survived(api.call("PUT", f"/utilities/{path}", form=form))
        for path, names in (
            ("copy", ("sourcePath", "targetPath")),
            ("symlink", ("targetPath", "linkPath")),
            ("compress", ("sourcePath", "targetPath")),
            ("extract", ("sourcePath", "targetPath", "extension")),
        ):
            for form in _with_each(names, payload):
                _survived(api.call("POST", f"/utilities/{path}", form=form))
        _survived(api.post("/utilities/mkdir", targetPath=payload))
        _survived(api.delete("/utilities/rm", targetPath=payload))
    canary.check("a parameter of a changing operation")


@requirement("F7T-SEC-004")
def test_name_of_an_upload(api: Api, place: Place, canary: Canary) -> None:
    for payload in canary.payloads("file"):
        for name in (payload, payload.replace(canary.path, CANARY)):
            files = {"file": (name, b"content")}
            form = {"targetPath": place.path}
            _survived(api.call("POST", "/utilities/upload", form=form, files=files))
    canary.check("the name of an uploaded file")


@requirement("F7T-SEC-005")
def test_patterns_are_literal(api: Api, place: Place) -> None:
    place.write("a")
    place.write("b")
    for name in ("*", "?", "[ab]", "{a,b}"):
        answer = api.delete("/utilities/rm", targetPath=place / name)
        answer.expect(400, header="X-Invalid-Path")
    for path in ("$HOME", "~", "${HOME}"):
        api.get("/utilities/ls", targetPath=path).expect(400, header="X-Invalid-Path")
    if place.names() != ["a", "b"]:
        raise Unexpected("both files still there", str(place.names()))


@requirement("F7T-SEC-006")
def test_texts_that_look_like_options(api: Api, place: Place) -> None:
    file = place.write("file")
    for path in ("--help", "--version", "-R"):
        for operation in ("ls", "file", "stat", "checksum", "view", "head", "tail"):
            answer = api.get(f"/utilities/{operation}", targetPath=path)
            if answer.status != 400:
                raise Unexpected(f"{operation} to look for a file {path}", answer.excerpt)
    chmod = api.put("/utilities/chmod", targetPath=file, mode="--help")
    chmod.expect(400)
    api.get("/utilities/head", targetPath=file, lines="--version").expect(400)


@requirement("F7T-SEC-007")
def test_queries_of_compute(api: Api, place: Place, canary: Canary) -> None:
    for payload in canary.payloads("1"):
        for path, name in (
            ("jobs", "jobs"),
            ("acct", "jobs"),
            ("acct", "starttime"),
            ("acct", "endtime"),
            ("nodes", "nodes"),
            ("partitions", "partitions"),
            ("reservations", "reservations"),
        ):
            _finished(api, api.call("GET", f"/compute/{path}", query={name: payload}))
        inside = quote(payload.replace("/", ""), safe="")
        _finished(api, api.get(f"/compute/jobs/{inside}"))
        _finished(api, api.get(f"/compute/nodes/{inside}"))
        _finished(api, api.delete(f"/compute/jobs/{inside}"))
    canary.check("a parameter of compute")


@requirement("F7T-SEC-008")
def test_parameters_of_submissions(api: Api, place: Place, canary: Canary) -> None:
    absent = place / "absent"
    # sbatch would refuse it as well, so that nothing is queued whatever the server makes of it.
    script = place.write("job.sh", b"no script at all\n")
    for payload in canary.payloads("x"):
        for form in (
            {"targetPath": f"{absent}{payload}"},
            {"targetPath": script, "account": payload},
            {"targetPath": script, "env": payload},
        ):
            _finished(api, api.call("POST", "/compute/jobs/path", form=form))
    canary.check("a parameter of a submission")


@requirement("F7T-SEC-009")
def test_name_of_a_script(api: Api, belongings: Belongings, canary: Canary) -> None:
    for payload in canary.payloads("job")[:4]:
        belongings.spend_job()
        name = payload.replace(canary.path, CANARY)
        files = {"file": (name, belongings.script("true"))}
        answer = _survived(api.call("POST", "/compute/jobs/upload", files=files))
        if answer.status == 400:
            continue
        task = settled(api, answer)
        if task["status"] != "200":
            continue
        belongings.own_job(task)
        directory = posixpath.dirname(task["data"]["job_file"])
        listed = api.get("/utilities/ls", targetPath=directory).expect(200).json["output"]
        if CANARY in {entry["name"] for entry in listed}:
            raise Unexpected("the name of a script to be data", "it was run as a command")


@requirement("F7T-SEC-010")
def test_environment(api: Api, belongings: Belongings, place: Place, canary: Canary) -> None:
    payloads = canary.payloads("x")
    values = {"F7T_PLAIN": "b 1"} | {f"F7T_{n}": text for n, text in enumerate(payloads)}
    belongings.spend_job()
    script = belongings.script(f'echo "$F7T_PLAIN" > {place / "plain"}\ntouch {place / "end"}')
    form = {"env": json.dumps(values)}
    answer = api.call("POST", "/compute/jobs/upload", form=form, files={"file": ("job.sh", script)})
    if _survived(answer).status != 400:
        task = settled(api, answer)
        if task["status"] == "200":
            belongings.own_job(task)
            _ended(place)
            if place.read("plain") != b"b 1\n":
                raise Unexpected("F7T_PLAIN to be 'b 1' in the job", repr(place.read("plain")))
    canary.check("a value of env")


def _ended(place: Place) -> None:
    until(
        lambda: True if "end" in place.names() else None,
        seconds=120,
        what="the job reached its end",
    )


@requirement("F7T-SEC-011")
def test_external_transfers(api: Api, place: Place, canary: Canary) -> None:
    for payload in canary.payloads(place / "file"):
        for path, names in (
            ("upload", ("sourcePath", "targetPath")),
            ("download", ("sourcePath",)),
        ):
            for form in _with_each(names, payload):
                api.call("POST", f"/storage/xfer-external/{path}", form=form).expect(400)
    canary.check("a parameter of an external transfer")


@requirement("F7T-SEC-012")
def test_internal_transfers(api: Api, place: Place, canary: Canary) -> None:
    names = ("sourcePath", "targetPath", "jobName", "time", "stageOutJobId", "account")
    for payload in canary.payloads("1")[1:4]:
        for operation in ("cp", "mv", "rsync", "rm", "compress", "extract"):
            used = names[1:] if operation == "rm" else names
            for name in used:
                form = {"sourcePath": place / "a.tgz", "targetPath": place.path, name: payload}
                api.call("POST", f"/storage/xfer-internal/{operation}", form=form).expect(400)
        form = {"sourcePath": place / "a", "targetPath": place.path}
        for name in ("extension", "type"):
            refused = api.call(
                "POST", "/storage/xfer-internal/extract", form={**form, name: payload}
            )
            refused.expect(400)
    canary.check("a parameter of an internal transfer")


@requirement("F7T-SEC-013")
def test_reservations(api: Api, canary: Canary) -> None:
    names = ("reservation", "account", "numberOfNodes", "nodeType", "starttime", "endtime")
    valid = {
        "reservation": "f7t",
        "account": "f7t",
        "numberOfNodes": "1",
        "nodeType": "f7t",
        "starttime": "2001-01-01T00:00:00",
        "endtime": "2001-01-01T01:00:00",
    }
    for payload in canary.payloads("f7t"):
        for name in names:
            api.call("POST", "/reservations", form={**valid, name: payload}).expect(400)
        inside = quote(payload.replace("/", ""), safe="")
        api.call("PUT", f"/reservations/{inside}", form=valid).expect(400)
        api.delete(f"/reservations/{inside}").expect(400)
    canary.check("a parameter of reservations")


@requirement("F7T-SEC-014")
def test_headers_and_task_ids(api: Api, canary: Canary) -> None:
    for payload in canary.payloads("x")[:-1]:
        machine = {"X-Machine-Name": f"{api.system}{payload}"}
        api.call("GET", "/utilities/ls", query={"targetPath": "/"}, headers=machine).expect(400)
        invalidate = "/storage/xfer-external/invalidate"
        api.call("POST", invalidate, headers={"X-Task-Id": payload}).expect(400)
        api.get("/tasks", tasks=payload).expect(400)
        _survived(api.get(f"/tasks/{quote(payload.replace('/', ''), safe='')}")).expect(404)
        trace = {"uber-trace-id": payload, "X-Request-ID": payload}
        _survived(api.call("GET", "/utilities/ls", query={"targetPath": "/"}, headers=trace))
    canary.check("a header")

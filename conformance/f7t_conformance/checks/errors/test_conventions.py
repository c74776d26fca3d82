"""§3: how requests carry their parameters, and what answers look like."""

from __future__ import annotations

import json
from collections.abc import Mapping

from f7t_conformance.api import Answer, Api, Unexpected
from f7t_conformance.belongings import Place
from f7t_conformance.binding import requirement

_BOUNDARY = "f7t-conformance-boundary"


def _multipart(fields: Mapping[str, str]) -> bytes:
    parts = [
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    return "".join([*parts, f"--{_BOUNDARY}--\r\n"]).encode()


def _not_specified(answer: Answer) -> None:
    answer.expect(400, error="'targetPath' not specified")


@requirement("F7T-ERR-014")
def test_both_kinds_of_forms(api: Api, place: Place) -> None:
    api.post("/utilities/mkdir", targetPath=place / "encoded").expect(201)
    multipart = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
    body = _multipart({"targetPath": place / "parts"})
    api.call("POST", "/utilities/mkdir", data=body, headers=multipart).expect(201)
    if place.names() != ["encoded", "parts"]:
        raise Unexpected("the directories encoded and parts", str(place.names()))


@requirement("F7T-ERR-015")
def test_queries_of_changing_calls_are_ignored(api: Api, place: Place) -> None:
    kept = place.write("kept")
    _not_specified(api.call("DELETE", "/utilities/rm", query={"targetPath": kept}))
    _not_specified(api.call("POST", "/utilities/mkdir", query={"targetPath": place / "made"}))
    mode = {"mode": "600"}
    _not_specified(api.call("PUT", "/utilities/chmod", query={"targetPath": kept}, form=mode))
    if place.names() != ["kept"]:
        raise Unexpected("nothing changed", str(place.names()))


@requirement("F7T-ERR-016")
def test_json_bodies_are_no_forms(api: Api, place: Place) -> None:
    body = json.dumps({"targetPath": place / "made"}).encode()
    kind = {"Content-Type": "application/json"}
    _not_specified(api.call("POST", "/utilities/mkdir", data=body, headers=kind))


@requirement("F7T-ERR-017")
def test_empty_chunked_body(api: Api) -> None:
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    for headers in (kind, {}):
        answer = api.call("POST", "/utilities/mkdir", data=iter(()), headers=headers)
        _not_specified(answer)


@requirement("F7T-ERR-018")
def test_booleans(api: Api, place: Place) -> None:
    place.write(".hidden")
    wanted = {
        **dict.fromkeys(("true", "True", "TRUE", "yes", "Yes", "1"), True),
        **dict.fromkeys(("false", "no", "0", "on", "2", ""), False),
    }
    for text, shown in wanted.items():
        answer = api.get("/utilities/ls", targetPath=place.path, showhidden=text).expect(200)
        if bool(answer.json["output"]) is not shown:
            raise Unexpected(f"showhidden={text!r} to count as {shown}", answer.excerpt)


@requirement("F7T-ERR-019")
def test_presence_of_p(api: Api, place: Place) -> None:
    for text in ("false", "0", "x"):
        api.post("/utilities/mkdir", targetPath=place / f"{text}/below", p=text).expect(201)


@requirement("F7T-ERR-020")
def test_no_content_is_empty(api: Api, place: Place) -> None:
    answer = api.delete("/utilities/rm", targetPath=place.write("file")).expect(204)
    if answer.body:
        raise Unexpected("an empty body", answer.excerpt)


@requirement("F7T-ERR-021")
def test_trace_header(api: Api) -> None:
    trace = {"uber-trace-id": "3f9c2a7b1d5e8f60:3f9c2a7b1d5e8f60:0:1"}
    api.call("GET", "/utilities/ls", query={"targetPath": "/"}, headers=trace).expect(200)


@requirement("F7T-ERR-022")
def test_numbers_are_texts(api: Api, place: Place) -> None:
    path = place.write("file")
    for operation, query in (
        ("ls", {"pageSize": "many", "pageNumber": "first"}),
        ("head", {"lines": "all"}),
        ("tail", {"bytes": "0x"}),
    ):
        asked = {"targetPath": path, **query}
        api.call("GET", f"/utilities/{operation}", query=asked).expect(200, 400)
    api.get("/compute/jobs", pageSize="many", pageNumber="first").expect(200, 400)


@requirement("F7T-ERR-023")
def test_name_of_the_file_part(api: Api, place: Place) -> None:
    for part in ("upload", "File"):
        answer = api.call(
            "POST",
            "/utilities/upload",
            form={"targetPath": place.path},
            files={part: ("file", b"content")},
        )
        answer.expect(400, description="Failed to upload file", error="No file in query")
    if place.names():
        raise Unexpected("no file", str(place.names()))

"""Step 0: what every request and every answer has in common (T01, T02)."""

from __future__ import annotations

from f7t_conformance.api import Api, Unexpected
from f7t_conformance.belongings import Place
from f7t_conformance.binding import requirement

CALLS = (
    ("GET", "/status/systems"),
    ("GET", "/utilities/ls"),
    ("GET", "/compute/jobs"),
    ("GET", "/compute/acct"),
    ("GET", "/tasks"),
    ("GET", "/tasks/IDONTEXIST"),
    ("POST", "/compute/jobs"),
    ("POST", "/utilities/upload"),
    ("POST", "/storage/xfer-external/upload"),
    ("POST", "/storage/xfer-external/download"),
)


@requirement("F7T-TUT-001")
def test_every_answer_is_json(api: Api) -> None:
    for method, path in CALLS:
        answer = api.call(method, path)
        if answer.header("Content-Type") != "application/json" or not isinstance(answer.json, dict):
            got = f"{answer.header('Content-Type')} {answer.excerpt}"
            raise Unexpected(f"an object in application/json from {method} {path}", got)


@requirement("F7T-TUT-002")
def test_repeating_a_put_changes_nothing(api: Api, place: Place) -> None:
    path = place.write("input_file")
    shown = []
    for _ in range(2):
        api.put("/utilities/chmod", targetPath=path, mode="640").expect(200)
        output = api.get("/utilities/ls", targetPath=place.path).expect(200).json["output"]
        shown.append([(one["name"], one["permissions"]) for one in output])
    if shown != [[("input_file", "rw-r-----")]] * 2:
        raise Unexpected("rw-r----- after either call", str(shown))

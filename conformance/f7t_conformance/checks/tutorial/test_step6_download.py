"""Step 6: the output comes back (T44 to T49), and the tutorial's literal link."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from f7t_conformance.api import Api, Unexpected
from f7t_conformance.belongings import Belongings, Place, until
from f7t_conformance.binding import requirement
from f7t_conformance.staging import asked_download, link_of, linked, listed, reached
from f7t_conformance.walk import Walk

DOWNLOAD = "/storage/xfer-external/download"
RESULT = b"0f0e0d0c  input_file\n"


@requirement("F7T-TUT-044")
def test_a_download_needs_no_machine(
    api: Api, place: Place, belongings: Belongings, walk: Walk
) -> None:
    source = place.write("res.txt", RESULT)
    answer = walk.form(DOWNLOAD, nameless=True, sourcePath=source)
    answer.expect(200, 201, success="Task created")
    belongings.own_transfer(answer.json["task_id"])
    if answer.json.get("task_url") != f"{api.target}/tasks/{answer.json['task_id']}":
        raise Unexpected(f"{api.target}/tasks/{answer.json['task_id']}", answer.excerpt)


@requirement("F7T-TUT-045")
def test_the_task_follows_the_download(
    api: Api, place: Place, belongings: Belongings, walk: Walk
) -> None:
    task_id = asked_download(api, belongings, place.write("res.txt", RESULT))
    seen: list[str] = []

    def look() -> str | None:
        seen.append(str(listed(api, task_id)["status"]))
        return seen[-1] if seen[-1] not in {"100", "116"} else None

    until(look, seconds=walk.seconds, what="the end of the download")
    task = reached(api, task_id, "117", seconds=walk.seconds)
    if seen != sorted(seen) or seen[-1] != "117":
        raise Unexpected("100, 116, 117", ", ".join(seen))
    if task["description"] != "Upload from filesystem to Object Storage has finished succesfully":
        raise Unexpected("the tutorial's description", task["description"])


@requirement("F7T-TUT-046")
def test_the_link_is_there(api: Api, place: Place, belongings: Belongings, walk: Walk) -> None:
    source = place.write("res.txt", RESULT)
    task = linked(api, belongings, source, seconds=walk.seconds)
    link = urlsplit(link_of(task))
    if not link.path.endswith(f"/{task['hash_id']}/res.txt"):
        raise Unexpected(f"…/{task['hash_id']}/res.txt", link.path)
    query = parse_qs(link.query)
    if query.get("X-Amz-SignedHeaders") != ["host"] or "X-Amz-Signature" not in query:
        raise Unexpected("a link signed for its host", ", ".join(query))
    if not 0 < int(query["X-Amz-Expires"][0]) <= 604800:
        raise Unexpected("X-Amz-Expires up to 604800", query["X-Amz-Expires"][0])


@requirement("F7T-TUT-047")
def test_the_link_leads_to_the_bytes(
    api: Api, place: Place, belongings: Belongings, walk: Walk
) -> None:
    source = place.write("res.txt", RESULT)
    link = link_of(linked(api, belongings, source, seconds=walk.seconds))
    for _ in range(2):
        if api.outside("GET", link).expect(200).body != RESULT:
            raise Unexpected("the file's bytes", "others")


@requirement("F7T-TUT-048")
def test_the_blocking_download_gives_the_same(api: Api, place: Place) -> None:
    answer = api.get("/utilities/download", sourcePath=place.write("res.txt", RESULT)).expect(200)
    if answer.body != RESULT or answer.header("Content-Type") != "application/octet-stream":
        raise Unexpected("the bytes as application/octet-stream", str(answer.headers))


@requirement("F7T-TUT-049")
def test_a_bad_source_is_refused(api: Api, place: Place) -> None:
    api.post(DOWNLOAD, sourcePath=place / "missing").expect(400, header="X-Invalid-Path")
    shut = place.write("shut")
    api.put("/utilities/chmod", targetPath=shut, mode="000").expect(200)
    api.post(DOWNLOAD, sourcePath=shut).expect(400, header="X-Permission-Denied")


@requirement("F7T-TUT-067")
def test_the_task_is_the_tutorials(
    api: Api, place: Place, belongings: Belongings, walk: Walk
) -> None:
    source = place.write("res.txt", RESULT)
    data = linked(api, belongings, source, seconds=walk.seconds)["data"]
    if not isinstance(data, str):
        raise Unexpected("the link itself as data", str(data))

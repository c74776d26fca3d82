"""X2: external downloads, from the request to the bytes behind the link."""

from __future__ import annotations

import random
from urllib.parse import parse_qs, urlsplit

from f7t_conformance.api import Api, Unexpected
from f7t_conformance.belongings import Belongings, Place, created
from f7t_conformance.binding import requirement
from f7t_conformance.capabilities import Detected
from f7t_conformance.staging import delivered, link_of, linked, listed

DOWNLOAD = "/storage/xfer-external/download"
SIX_MEGABYTES = random.Random(7).randbytes(6 * 1024 * 1024 + 1)


@requirement("F7T-XFER-051")
def test_a_download_is_a_task(api: Api, place: Place, belongings: Belongings) -> None:
    answer = api.post(DOWNLOAD, sourcePath=place.write("out.dat"))
    task_id = created(answer, 201)
    belongings.own_transfer(task_id)
    task = api.get(f"/tasks/{task_id}").expect(200).json["task"]
    got = (task["hash_id"], task["service"], task["system"])
    if got != (task_id, "storage", api.system):
        raise Unexpected(f"a storage task {task_id} of {api.system}", str(got))


@requirement("F7T-XFER-052")
def test_the_task_holds_the_link(
    api: Api, place: Place, belongings: Belongings, deadline: float
) -> None:
    task = linked(api, belongings, place.write("out.dat"), seconds=deadline)
    if not link_of(task).startswith(("http://", "https://")):
        raise Unexpected("a link as data or data.url", str(task["data"]))


@requirement("F7T-XFER-053")
def test_the_listing_holds_the_link_in_an_object(
    api: Api, place: Place, belongings: Belongings, deadline: float
) -> None:
    source = place.write("out.dat")
    task = linked(api, belongings, source, seconds=deadline)
    data = listed(api, task["hash_id"])["data"]
    wanted = {"url": link_of(task), "source": source, "system_name": api.system}
    got = {name: data.get(name) for name in wanted} if isinstance(data, dict) else data
    if got != wanted:
        raise Unexpected(f"data with {', '.join(wanted)}", str(got))


@requirement("F7T-XFER-054")
def test_the_link_is_presigned(
    api: Api, place: Place, belongings: Belongings, deadline: float
) -> None:
    task = linked(api, belongings, place.write("out.dat"), seconds=deadline)
    link = urlsplit(link_of(task))
    query = parse_qs(link.query)
    if not link.path.endswith(f"/{task['hash_id']}/out.dat"):
        raise Unexpected(f"a path …/{task['hash_id']}/out.dat", link.path)
    wanted = {"X-Amz-Algorithm": ["AWS4-HMAC-SHA256"], "X-Amz-SignedHeaders": ["host"]}
    if {name: query.get(name) for name in wanted} != wanted or "X-Amz-Signature" not in query:
        raise Unexpected("a link signed for its host", ", ".join(query))


@requirement("F7T-XFER-055")
def test_the_link_lives_as_long_as_announced(
    api: Api, place: Place, belongings: Belongings, deadline: float
) -> None:
    groups = api.get("/status/parameters").expect(200).json["out"]
    values = {one["name"]: one["value"] for one in groups["storage"]}
    task = linked(api, belongings, place.write("out.dat"), seconds=deadline)
    expires = parse_qs(urlsplit(link_of(task)).query).get("X-Amz-Expires")
    if expires != [values["STORAGE_TEMPURL_EXP_TIME"]]:
        raise Unexpected(f"X-Amz-Expires={values['STORAGE_TEMPURL_EXP_TIME']}", str(expires))


@requirement("F7T-XFER-056")
def test_the_link_is_good_more_than_once(
    api: Api, place: Place, belongings: Belongings, deadline: float
) -> None:
    content = bytes(range(256))
    link = link_of(linked(api, belongings, place.write("out.dat", content), seconds=deadline))
    for _ in range(2):
        if api.outside("GET", link).expect(200).body != content:
            raise Unexpected("the file's bytes", "others")


@requirement("F7T-XFER-057")
def test_an_empty_file_is_downloaded(
    api: Api, place: Place, belongings: Belongings, deadline: float
) -> None:
    link = link_of(linked(api, belongings, place.write("empty", b""), seconds=deadline))
    if api.outside("GET", link).expect(200).body != b"":
        raise Unexpected("an empty body", "content")


@requirement("F7T-XFER-058")
def test_a_big_file_comes_back(
    api: Api, place: Place, belongings: Belongings, deadline: float
) -> None:
    delivered(api, belongings, SIX_MEGABYTES, target=place.path, source="big.dat", seconds=deadline)
    link = link_of(linked(api, belongings, place / "big.dat", seconds=deadline))
    got = api.outside("GET", link).expect(200).body
    if got != SIX_MEGABYTES:
        raise Unexpected(f"{len(SIX_MEGABYTES)} bytes as uploaded", f"{len(got)} bytes")


@requirement("F7T-XFER-059")
def test_an_altered_link_is_refused(
    api: Api, place: Place, belongings: Belongings, deadline: float
) -> None:
    link = link_of(linked(api, belongings, place.write("out.dat"), seconds=deadline))
    head, _, signature = link.rpartition("X-Amz-Signature=")
    forged = signature.translate(str.maketrans("0123456789abcdef", "123456789abcdef0"))
    api.outside("GET", f"{head}X-Amz-Signature={forged}").expect(403)
    api.outside("GET", link).expect(200)


@requirement("F7T-XFER-060")
def test_no_machine_need_be_named(api: Api, detected: Detected) -> None:
    """A directory is refused by the machine itself, so nothing need be there to download."""
    answer = api.call(
        "POST", DOWNLOAD, form={"sourcePath": detected.base}, headers={"X-Machine-Name": None}
    )
    answer.expect(400, header="X-A-Directory", description="sourcePath error")


@requirement("F7T-XFER-061")
def test_unusual_names_are_downloaded(
    api: Api, place: Place, belongings: Belongings, deadline: float
) -> None:
    source = place.write("b c+%20#[1].dat", b"x\n")
    link = link_of(linked(api, belongings, source, seconds=deadline))
    if api.outside("GET", link).expect(200).body != b"x\n":
        raise Unexpected("the file's bytes", "others")


@requirement("F7T-XFER-066")
def test_the_source_is_validated(api: Api) -> None:
    for value, verdict in (
        (None, "not specified"),
        ("", "is empty"),
        ("a;b", "has invalid char"),
    ):
        api.post(DOWNLOAD, sourcePath=value).expect(
            400, description="Failed to download file", error=f"'sourcePath' {verdict}"
        )


@requirement("F7T-XFER-067")
def test_a_missing_file_is_an_invalid_path(api: Api, place: Place) -> None:
    path = place / "missing"
    api.post(DOWNLOAD, sourcePath=path).expect(
        400,
        header="X-Invalid-Path",
        value=f"{path} is an invalid path.",
        description="sourcePath error",
    )


@requirement("F7T-XFER-068")
def test_a_directory_is_no_file(api: Api, place: Place) -> None:
    path = place.directory("directory")
    api.post(DOWNLOAD, sourcePath=path).expect(
        400,
        header="X-A-Directory",
        value=f"{path} is a directory",
        description="sourcePath error",
    )


@requirement("F7T-XFER-069")
def test_an_unreadable_file_is_denied(api: Api, place: Place) -> None:
    path = place.write("secret")
    api.put("/utilities/chmod", targetPath=path, mode="000").expect(200)
    api.post(DOWNLOAD, sourcePath=path).expect(
        400, header="X-Permission-Denied", description="sourcePath error"
    )


@requirement("F7T-XFER-070")
def test_an_unknown_machine_is_refused(api: Api) -> None:
    answer = api.call(
        "POST",
        DOWNLOAD,
        form={"sourcePath": "a"},
        headers={"X-Machine-Name": "f7t-no-such-system"},
    )
    answer.expect(
        400,
        header="X-Machine-Does-Not-Exists",
        value="Machine does not exists",
        error="Machine does not exists",
    )

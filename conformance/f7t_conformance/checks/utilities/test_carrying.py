"""U10, U11: upload and download."""

from __future__ import annotations

import io
import re
import tarfile
from email.message import Message

import pytest

from f7t_conformance.api import Answer, Api, Unexpected
from f7t_conformance.belongings import Place
from f7t_conformance.binding import requirement
from f7t_conformance.checks.utilities.looking import BINARY, entry, same, things


def upload(api: Api, directory: str, name: str, content: bytes) -> Answer:
    form, files = {"targetPath": directory}, {"file": (name, content)}
    return api.call("POST", "/utilities/upload", form=form, files=files)


@requirement("F7T-UTIL-111")
def test_upload(api: Api, place: Place) -> None:
    answer = upload(api, place.path, "file", b"content\n")
    answer.expect(201, description="File upload successful")
    one = entry(place, "file")
    same("type and size", ("-", "8"), (one["type"], one["size"]))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(BINARY * 8 + b"\r\n\n\r", marks=requirement("F7T-UTIL-112")),
        pytest.param(b"", marks=requirement("F7T-UTIL-113")),
    ],
    ids=["binary", "empty"],
)
def test_round_trip(api: Api, place: Place, content: bytes) -> None:
    upload(api, place.path, "file", content).expect(201)
    same("size", str(len(content)), entry(place, "file")["size"])
    same("content", content, place.read("file"))


@requirement("F7T-UTIL-114")
def test_upload_replaces(api: Api, place: Place) -> None:
    place.write("file", b"a longer content than the next\n")
    upload(api, place.path, "file", b"new\n").expect(201)
    same("names and content", (["file"], b"new\n"), (place.names(), place.read("file")))


@requirement("F7T-UTIL-115")
def test_no_file(api: Api, place: Place) -> None:
    answer = api.post("/utilities/upload", targetPath=place.path)
    answer.expect(400, description="Failed to upload file", error="No file in query")


@requirement("F7T-UTIL-116")
def test_bad_name(api: Api, place: Place) -> None:
    answer = upload(api, place.path, "a;b", b"content\n")
    answer.expect(400, description="Failed to upload file", error="Filename has invalid char")
    same("names", [], place.names())


@requirement("F7T-UTIL-117")
def test_name_that_leads_elsewhere(api: Api, place: Place) -> None:
    directory = place.directory("sub")
    answer = upload(api, directory, "../file", b"content\n")
    answer.expect(400, description="Failed to upload file", error="Filename has invalid char")
    same("names here and below", (["sub"], []), (place.names(), place.names("sub")))


@requirement("F7T-UTIL-121")
def test_error_tells_nothing_of_the_server(api: Api, place: Place) -> None:
    error = str(upload(api, place / "absent", "file", b"content\n").expect(400).json.get("error"))
    if re.search(r"\.sh\b|\.py\b|\bline \d+|Traceback", error):
        raise Unexpected("an error that names no file of the server", error)


@requirement("F7T-UTIL-122")
def test_too_large_upload(api: Api, place: Place) -> None:
    content = b"\0" * (_limit(api) + 1)
    answer = upload(api, place.path, "file", content).expect(413)
    if not str(answer.json.get("description")).startswith("Failed to upload file. The file is ove"):
        raise Unexpected("a description that the file is over the limit", answer.excerpt)
    same("names", [], place.names())


@requirement("F7T-UTIL-131")
def test_download(api: Api, place: Place) -> None:
    answer = api.get("/utilities/download", sourcePath=place.write("some file", BINARY))
    answer.expect(200)
    same("content", BINARY, answer.body)
    same("Content-Type", "application/octet-stream", _message(answer).get_content_type())


@requirement("F7T-UTIL-135")
def test_name_of_a_download(api: Api, place: Place) -> None:
    for name in ("file.dat", "some file"):
        answer = api.get("/utilities/download", sourcePath=place.write(name)).expect(200)
        message = _message(answer)
        same("disposition", "attachment", message.get_content_disposition())
        same("file name", name, message.get_filename())


@requirement("F7T-UTIL-136")
def test_download_by_the_other_name(api: Api, place: Place) -> None:
    answer = api.get("/utilities/download", targetPath=place.write("file", b"12345678"))
    answer.expect(200, 400)
    if answer.status == 200:
        same("content", b"12345678", answer.body)


@pytest.mark.parametrize(
    ("operation", "parameter", "description"),
    [
        pytest.param(
            "download",
            "sourcePath",
            "Failed to download file",
            marks=requirement("F7T-UTIL-137"),
        ),
        pytest.param(
            "view",
            "targetPath",
            "Failed to view file content",
            marks=requirement("F7T-UTIL-168"),
        ),
    ],
)
def test_too_large_to_read(
    api: Api, place: Place, operation: str, parameter: str, description: str
) -> None:
    """The file comes out of a small archive: an upload of its size would be refused."""
    archive = place.write("archive.tar.gz", _archive_of_zeros("large", _limit(api) + 1))
    form = {"sourcePath": archive, "targetPath": place.path, "extension": ".tgz"}
    api.call("POST", "/utilities/extract", form=form).expect(201)
    answer = api.get(f"/utilities/{operation}", **{parameter: place / "large"})
    answer.expect(400, header="X-Size-Limit", description=description)


@requirement("F7T-UTIL-138")
def test_what_is_downloaded_is_what_a_link_leads_to(api: Api, place: Place) -> None:
    with things(place) as made:
        place.link("link", made["file"])
    same("content", b"content\n", place.read("link"))


def _limit(api: Api) -> int:
    """Bytes of the largest file that a blocking call carries."""
    groups = api.get("/status/parameters").expect(200).json["out"]
    for one in groups["utilities"]:
        if one["name"] == "UTILITIES_MAX_FILE_SIZE":
            return int(float(one["value"]) * 1024 * 1024)
    raise Unexpected("UTILITIES_MAX_FILE_SIZE among the parameters", f"{groups}")


def _message(answer: Answer) -> Message:
    message = Message()
    for name, value in answer.headers:
        message[name] = value
    return message


class _Zeros(io.RawIOBase):
    """So many zeros, without holding them."""

    def __init__(self, size: int) -> None:
        self._left = size

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        taken = self._left if size < 0 else min(size, self._left)
        self._left -= taken
        return bytes(taken)


def _archive_of_zeros(name: str, size: int) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.size = size
        archive.addfile(member, _Zeros(size))
    return made.getvalue()

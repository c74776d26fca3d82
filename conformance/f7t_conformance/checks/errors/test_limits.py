"""§3.1: how big bodies, files and outputs may be."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator

import pytest

from f7t_conformance.api import Api, Unexpected
from f7t_conformance.belongings import Place
from f7t_conformance.binding import requirement

_MEBIBYTE = 1024 * 1024
_BOUNDARY = "f7t-conformance-boundary"
_OVERHEAD = 64 * 1024
"""More than a form needs around its file."""


@pytest.fixture
def megabytes(api: Api) -> str:
    """The limit as the server reports it."""
    for one in api.get("/status/parameters").expect(200).json["out"]["utilities"]:
        if one["name"] == "UTILITIES_MAX_FILE_SIZE":
            return str(one["value"])
    raise Unexpected("the parameter UTILITIES_MAX_FILE_SIZE", "it is not there")


@pytest.fixture
def limit(megabytes: str) -> int:
    return int(float(megabytes) * _MEBIBYTE)


@pytest.fixture
def big(api: Api, place: Place, limit: int) -> str:
    """A text file above the limit, which came compressed."""
    content = b"0123456789abcde\n" * (limit // 16 + 1)
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as writer:
        member = tarfile.TarInfo("big.txt")
        member.size = len(content)
        writer.addfile(member, io.BytesIO(content))
    source = place.write("big.tgz", archive.getvalue())
    form = {"sourcePath": source, "targetPath": place.path, "extension": ".tgz", "type": ".tgz"}
    api.call("POST", "/utilities/extract", form=form).expect(201)
    return place / "big.txt"


def _chunks(path: str, size: int) -> Iterator[bytes]:
    """A form with a file of `size` zeros, whose length is not announced."""
    head = f"--{_BOUNDARY}\r\nContent-Disposition: form-data; name="
    yield f'{head}"targetPath"\r\n\r\n{path}\r\n'.encode()
    yield f'{head}"file"; filename="big"\r\n\r\n'.encode()
    for _ in range(size // _OVERHEAD + 1):
        yield bytes(_OVERHEAD)
    yield f"\r\n--{_BOUNDARY}--\r\n".encode()


@requirement("F7T-ERR-024")
def test_utilities_body(api: Api, place: Place, limit: int) -> None:
    answer = api.call(
        "POST",
        "/utilities/upload",
        form={"targetPath": place.path},
        files={"file": ("big", bytes(limit + 1))},
    )
    text = f"Failed to upload file. The file is over {limit} bytes"
    answer.expect(413, description=text)
    if place.names():
        raise Unexpected("no file", str(place.names()))


@requirement("F7T-ERR-025")
def test_compute_body(api: Api, limit: int, megabytes: str) -> None:
    script = b"#!/bin/bash\n#" + b"x" * limit
    answer = api.call("POST", "/compute/jobs/upload", files={"file": ("job.sh", script)})
    text = f"Failed to upload batch script. The file is over {megabytes} MB"
    answer.expect(413, description=text)


@requirement("F7T-ERR-026")
def test_chunked_body(api: Api, place: Place, limit: int) -> None:
    kind = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
    body = _chunks(place.path, limit)
    api.call("POST", "/utilities/upload", data=body, headers=kind).expect(413)
    if place.names():
        raise Unexpected("no file", str(place.names()))


@requirement("F7T-ERR-027")
def test_body_below_the_limit(api: Api, place: Place, limit: int) -> None:
    size = limit - _OVERHEAD
    place.write("fits", bytes(size))
    listed = api.get("/utilities/ls", targetPath=place.path).expect(200)
    if listed.json["output"][0]["size"] != str(size):
        raise Unexpected(f"a file of {size} bytes", listed.excerpt)


@requirement("F7T-ERR-028")
def test_file_to_download(api: Api, big: str) -> None:
    api.get("/utilities/download", sourcePath=big).expect(
        400,
        header="X-Size-Limit",
        value="File exceeds size limit",
        description="Failed to download file",
    )


@requirement("F7T-ERR-029")
def test_file_to_view(api: Api, big: str) -> None:
    api.get("/utilities/view", targetPath=big).expect(
        400,
        header="X-Size-Limit",
        value="File exceeds size limit",
        description="Failed to view file content",
    )


@requirement("F7T-ERR-030")
def test_output(api: Api, big: str, limit: int) -> None:
    answer = api.get("/utilities/head", targetPath=big, bytes=str(limit + 1))
    text = f"Command output exceeded buffer limit ({limit})"
    answer.expect(400, header="X-Error", value=text)

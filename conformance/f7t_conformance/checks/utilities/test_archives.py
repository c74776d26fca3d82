"""U18, U19, D17: compress and extract."""

from __future__ import annotations

import bz2
import gzip
import io
import tarfile
import zipfile
from typing import Any

import pytest

from f7t_conformance.api import Answer, Api
from f7t_conformance.belongings import Place
from f7t_conformance.binding import requirement
from f7t_conformance.checks.utilities.looking import same, tar

MEMBER = {"member": b"inside\n"}


def _compressed(place: Place, source: str, **options: str) -> tarfile.TarFile:
    """The archive that compress makes of a source."""
    form = {"sourcePath": source, "targetPath": place / "made.tar.gz", **options}
    place.api.call("POST", "/utilities/compress", form=form).expect(201, output="")
    return tarfile.open(fileobj=io.BytesIO(place.read("made.tar.gz")), mode="r:gz")


def _content(archive: tarfile.TarFile, name: str) -> bytes | None:
    member = archive.extractfile(name)
    return member.read() if member else None


@requirement("F7T-UTIL-211")
def test_archive_of_a_file(place: Place) -> None:
    with _compressed(place, place.write("file", b"inside\n")) as archive:
        same("members", ["file"], archive.getnames())
        same("content", b"inside\n", _content(archive, "file"))


@requirement("F7T-UTIL-212")
def test_archive_of_a_directory(api: Api, place: Place) -> None:
    source = place.directory("source")
    place.directory("source/sub")
    Place(api, place / "source/sub").write("file", b"below\n")
    with _compressed(place, source) as archive:
        wanted = ["source", "source/sub", "source/sub/file"]
        same("members", wanted, sorted(name.rstrip("/") for name in archive.getnames()))
        same("content", b"below\n", _content(archive, "source/sub/file"))


@requirement("F7T-UTIL-213")
def test_links_stay_links(place: Place) -> None:
    source, target = place.directory("source"), place.write("file", b"inside\n")
    place.link("source/link", target)
    with _compressed(place, source) as archive:
        member = archive.getmember("source/link")
        same("link and where it leads", (True, target), (member.issym(), member.linkname))


@requirement("F7T-UTIL-214")
def test_links_are_followed(place: Place) -> None:
    source, target = place.directory("source"), place.write("file", b"inside\n")
    place.link("source/link", target)
    with _compressed(place, source, dereference="true") as archive:
        same("regular file", True, archive.getmember("source/link").isreg())
        same("content", b"inside\n", _content(archive, "source/link"))


def _zip() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("member", MEMBER["member"])
    return made.getvalue()


ARCHIVES = {
    "zip": _zip(),
    "tar": tar(MEMBER),
    "gz": gzip.compress(tar(MEMBER)),
    "bz2": bz2.compress(tar(MEMBER)),
}


def _row(number: str, kind: str, name: str, **fields: str) -> Any:  # noqa: ANN401
    """An archive of this kind under this name, and the fields that tell its format."""
    marked = f"F7T-UTIL-{number}"
    return pytest.param(kind, name, fields, marks=requirement(marked), id=marked)


@pytest.mark.parametrize(
    ("kind", "name", "fields"),
    [
        _row("221", "zip", "a.zip"),
        _row("222", "tar", "a.tar"),
        _row("223", "gz", "a.tgz"),
        _row("224", "gz", "a.tar.gz"),
        _row("225", "bz2", "a.tar.bz2"),
        _row("226", "gz", "a.tgz", extension="auto"),
        _row("227", "zip", "a.data", extension=".zip"),
        _row("228", "gz", "a.data", extension=".tgz"),
        _row("229", "tar", "a.data", type=".tar"),
        _row("230", "tar", "a.data", extension=".tar", type=".zip"),
        _row("231", "gz", "a.data", extension="tar.gz"),
    ],
)
def test_extract(api: Api, place: Place, kind: str, name: str, fields: dict[str, str]) -> None:
    into = place.directory("into")
    answer = _extracted(api, place.write(name, ARCHIVES[kind]), into, **fields)
    answer.expect(201, output="")
    same("names", ["member"], place.names("into"))
    same("content", MEMBER["member"], place.read("into/member"))


def _extracted(api: Api, source: str, into: str, **fields: str) -> Answer:
    return api.post("/utilities/extract", sourcePath=source, targetPath=into, **fields)


@requirement("F7T-UTIL-234")
def test_unknown_format(api: Api, place: Place) -> None:
    source = place.write("a.data", ARCHIVES["tar"])
    error = f"Unsupported file format in {source}."
    _extracted(api, source, place.directory("into")).expect(400, error=error)
    same("names", [], place.names("into"))


@requirement("F7T-UTIL-235")
def test_round_trip(api: Api, place: Place) -> None:
    source = place.directory("source")
    Place(api, source).write(".hidden", b"inside\n")
    with _compressed(place, source):
        into = place.directory("into")
    _extracted(api, place / "made.tar.gz", into).expect(201)
    same("content", b"inside\n", place.read("into/source/.hidden"))


@requirement("F7T-UTIL-236")
def test_not_an_archive(api: Api, place: Place) -> None:
    source = place.write("a.tar", b"no archive at all, only words\n" * 40)
    answer = _extracted(api, source, place.directory("into")).expect(400)
    same("an error", True, bool(answer.json.get("error")))
    same("names", [], place.names("into"))

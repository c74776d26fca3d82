"""U7, U8, U13: file, stat, checksum."""

from __future__ import annotations

import hashlib
import stat

from f7t_conformance.api import Api, Unexpected
from f7t_conformance.belongings import Place
from f7t_conformance.binding import requirement
from f7t_conformance.checks.utilities.looking import BINARY, chmod, entry, same, status, things

KEYS = ("mode", "ino", "dev", "nlink", "uid", "gid", "size", "atime", "mtime", "ctime")


@requirement("F7T-UTIL-081")
def test_kind_of_a_text(api: Api, place: Place) -> None:
    answer = api.get("/utilities/file", targetPath=place.write("file", b"Some words.\n"))
    answer.expect(200)
    if "text" not in answer.json["output"]:
        raise Unexpected("a kind of text", answer.excerpt)


@requirement("F7T-UTIL-082")
def test_kind_of_a_directory(api: Api) -> None:
    output = api.get("/utilities/file", targetPath="/").expect(200).json["output"]
    same("output", "directory", output.strip())


@requirement("F7T-UTIL-091")
def test_ten_numbers(api: Api) -> None:
    found = status(api, "/")
    for key in KEYS:
        if type(found.get(key)) is not int:
            raise Unexpected(f"an integer {key}", f"{found}")


@requirement("F7T-UTIL-092")
def test_mode_has_the_type(api: Api, place: Place) -> None:
    file, directory = place.write("file"), place.directory("sub")
    chmod(api, file, "0640")
    same("mode of a file", stat.S_IFREG | 0o640, status(api, file)["mode"])
    same("mode is a directory's", True, stat.S_ISDIR(status(api, directory)["mode"]))


@requirement("F7T-UTIL-093")
def test_size_and_owner(api: Api, place: Place) -> None:
    found = status(api, place.write("file", b"12345678"))
    same("size and nlink", (8, 1), (found["size"], found["nlink"]))
    one = entry(place, "file", numericUid="true")
    same("user and group", (one["user"], one["group"]), (str(found["uid"]), str(found["gid"])))


@requirement("F7T-UTIL-094")
def test_links_are_not_followed(api: Api, place: Place) -> None:
    link = place.link("link", place.write("file", b"12345678"))
    for options in ({}, {"dereference": "False"}):
        same("type", True, stat.S_ISLNK(status(api, link, **options)["mode"]))


@requirement("F7T-UTIL-095")
def test_links_are_followed(api: Api, place: Place) -> None:
    target = place.write("file", b"12345678")
    found = status(api, place.link("link", target), dereference="true")
    same("inode and size", (status(api, target)["ino"], 8), (found["ino"], found["size"]))


@requirement("F7T-UTIL-096")
def test_source_path(api: Api, place: Place) -> None:
    answer = api.get("/utilities/stat", sourcePath=place.write("file", b"12345678")).expect(200)
    same("size", 8, answer.json["output"]["size"])


@requirement("F7T-UTIL-100")
def test_unreadable_file(api: Api, place: Place) -> None:
    with things(place) as made:
        same("permissions", 0, status(api, made["dark"])["mode"] & 0o777)


@requirement("F7T-UTIL-151")
def test_checksum(api: Api, place: Place) -> None:
    answer = api.get("/utilities/checksum", targetPath=place.write("file", BINARY))
    answer.expect(200, output=hashlib.sha256(BINARY).hexdigest())

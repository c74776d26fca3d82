"""U2, U3, U6, U9, U12: mkdir, rename, copy, symlink, rm."""

from __future__ import annotations

import stat

import pytest

from f7t_conformance.api import Api, Unexpected
from f7t_conformance.belongings import Place, until
from f7t_conformance.binding import requirement
from f7t_conformance.checks.utilities.looking import chmod, entry, same, status


@requirement("F7T-UTIL-031")
def test_directory_is_made(api: Api, place: Place) -> None:
    api.post("/utilities/mkdir", targetPath=place / "new").expect(201, output="")
    same("type", "d", entry(place, "new")["type"])


@requirement("F7T-UTIL-032")
def test_existing_directory(api: Api, place: Place) -> None:
    path = place.directory("sub")
    answer = api.post("/utilities/mkdir", targetPath=path).expect(400, header="X-Exists")
    if "File exists" not in str(answer.json.get("error")):
        raise Unexpected("File exists in error", answer.excerpt)


@requirement("F7T-UTIL-033")
def test_parents_are_made(api: Api, place: Place) -> None:
    api.post("/utilities/mkdir", targetPath=place / "a/b/c", p="true").expect(201)
    same("names below", ["c"], place.names("a/b"))


@pytest.mark.parametrize(
    "p",
    [
        pytest.param("", marks=requirement("F7T-UTIL-034")),
        pytest.param("false", marks=requirement("F7T-UTIL-035")),
    ],
)
def test_presence_of_p(api: Api, place: Place, p: str) -> None:
    path = place.directory("sub")
    kept = Place(api, path).write("file")
    api.post("/utilities/mkdir", targetPath=path, p=p).expect(201)
    same("names in it", [kept.rpartition("/")[2]], place.names("sub"))


@requirement("F7T-UTIL-041")
def test_rename(api: Api, place: Place) -> None:
    source = place.write("old", b"of old\n")
    api.put("/utilities/rename", sourcePath=source, targetPath=place / "new").expect(200, output="")
    same("names and content", (["new"], b"of old\n"), (place.names(), place.read("new")))


@requirement("F7T-UTIL-042")
def test_rename_replaces(api: Api, place: Place) -> None:
    source, target = place.write("old", b"of old\n"), place.write("new", b"of new\n")
    api.put("/utilities/rename", sourcePath=source, targetPath=target).expect(200)
    same("names and content", (["new"], b"of old\n"), (place.names(), place.read("new")))


@requirement("F7T-UTIL-043")
def test_rename_of_a_directory(api: Api, place: Place) -> None:
    source = place.directory("old")
    Place(api, source).write("file")
    api.put("/utilities/rename", sourcePath=source, targetPath=place / "new").expect(200)
    same("names here and below", (["new"], ["file"]), (place.names(), place.names("new")))


@requirement("F7T-UTIL-071")
def test_copy(api: Api, place: Place) -> None:
    source = place.write("old", b"of old\n")
    api.post("/utilities/copy", sourcePath=source, targetPath=place / "new").expect(201, output="")
    same("contents", (b"of old\n", b"of old\n"), (place.read("old"), place.read("new")))


@requirement("F7T-UTIL-072")
def test_copy_of_a_directory(api: Api, place: Place) -> None:
    source = place.directory("old")
    place.directory("old/sub")
    Place(api, place / "old/sub").write("file", b"below\n")
    api.post("/utilities/copy", sourcePath=source, targetPath=place / "new").expect(201)
    same("content below", b"below\n", place.read("new/sub/file"))
    same("names here", ["new", "old"], place.names())


@requirement("F7T-UTIL-073")
def test_copy_keeps_attributes(api: Api, place: Place) -> None:
    source = place.write("old")
    chmod(api, source, "0777")
    before = status(api, source)
    _wait_for_a_later_second(api, place, before["mtime"])
    api.post("/utilities/copy", sourcePath=source, targetPath=place / "new").expect(201)
    after = status(api, place / "new")
    for key in ("mode", "mtime", "uid", "gid"):
        same(key, before[key], after[key])


def _wait_for_a_later_second(api: Api, place: Place, moment: int) -> None:
    """Until a file made now has another time, or a forgotten one would look the same."""

    def later() -> bool | None:
        return status(api, place.write("clock"))["mtime"] > moment or None

    until(later, seconds=10, what="a file of a later second")


@requirement("F7T-UTIL-074")
def test_copy_of_links(api: Api, place: Place) -> None:
    source = place.directory("old")
    target = place.write("file")
    place.link("old/link", target)
    api.post("/utilities/copy", sourcePath=source, targetPath=place / "new").expect(201)
    one = entry(Place(api, place / "new"), "link")
    same("type and link_target", ("l", target), (one["type"], one["link_target"]))


@requirement("F7T-UTIL-075")
def test_copy_replaces(api: Api, place: Place) -> None:
    source, target = place.write("old", b"of old\n"), place.write("new", b"of new\n")
    api.post("/utilities/copy", sourcePath=source, targetPath=target).expect(201)
    same("content", b"of old\n", place.read("new"))


@requirement("F7T-UTIL-101")
def test_symlink(api: Api, place: Place) -> None:
    target = place.write("file", b"here\n")
    answer = api.post("/utilities/symlink", targetPath=target, linkPath=place / "link")
    answer.expect(201, output="")
    same("link_target", target, entry(place, "link")["link_target"])
    same("content through the link", b"here\n", place.read("link"))


@requirement("F7T-UTIL-102")
def test_symlink_to_nothing(api: Api, place: Place) -> None:
    target = place / "absent"
    api.post("/utilities/symlink", targetPath=target, linkPath=place / "link").expect(201)
    same("link_target", target, entry(place, "link")["link_target"])


@pytest.mark.parametrize(
    ("path", "verdict"),
    [
        pytest.param(None, "not specified", marks=requirement("F7T-UTIL-106")),
        pytest.param("", "is empty", marks=requirement("F7T-UTIL-107")),
        pytest.param("a;b", "has invalid char", marks=requirement("F7T-UTIL-108")),
    ],
)
def test_wrong_link_path(api: Api, place: Place, path: str | None, verdict: str) -> None:
    answer = api.post("/utilities/symlink", targetPath=place.path, linkPath=path)
    error = f"'linkPath' value {verdict}"
    answer.expect(400, description="Failed to create symlink", error=error)


@requirement("F7T-UTIL-141")
def test_rm(api: Api, place: Place) -> None:
    kept, path = place.write("kept"), place.write("file")
    answer = api.delete("/utilities/rm", targetPath=path).expect(204)
    same("body", b"", answer.body)
    same("names", [kept.rpartition("/")[2]], place.names())


@requirement("F7T-UTIL-142")
def test_rm_of_a_directory(api: Api, place: Place) -> None:
    place.directory("sub")
    place.directory("sub/sub")
    Place(api, place / "sub/sub").write(".file")
    api.delete("/utilities/rm", targetPath=place / "sub").expect(204)
    same("names", [], place.names())


@requirement("F7T-UTIL-143")
def test_rm_of_a_link(api: Api, place: Place) -> None:
    place.directory("sub")
    Place(api, place / "sub").write("file")
    api.delete("/utilities/rm", targetPath=place.link("link", place / "sub")).expect(204)
    same("names here and below", (["sub"], ["file"]), (place.names(), place.names("sub")))


@requirement("F7T-UTIL-146")
def test_rm_reads_no_query(api: Api, place: Place) -> None:
    path = place.write("file")
    answer = api.call("DELETE", "/utilities/rm", query={"targetPath": path})
    answer.expect(400, error="'targetPath' not specified")
    same("names", ["file"], place.names())


@requirement("F7T-UTIL-147")
def test_rm_asks_nothing(api: Api, place: Place) -> None:
    path = place.write("file")
    chmod(api, path, "0400")
    api.delete("/utilities/rm", targetPath=path).expect(204)
    same("names", [], place.names())


@requirement("F7T-UTIL-039")
def test_mode_of_a_directory(api: Api, place: Place) -> None:
    mode = status(api, place.directory("new"))["mode"]
    same("a directory that its owner may use", True, stat.S_ISDIR(mode) and mode & 0o700 == 0o700)

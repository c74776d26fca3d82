"""U1: ls."""

from __future__ import annotations

import re
from datetime import datetime

import pytest

from f7t_conformance.api import Api, Unexpected
from f7t_conformance.belongings import Place
from f7t_conformance.binding import requirement
from f7t_conformance.checks.utilities.looking import (
    KEYS,
    chmod,
    entries,
    entry,
    ls,
    names,
    output_of,
    same,
    status,
    things,
)


@requirement("F7T-UTIL-001")
def test_entries_have_eight_texts(api: Api) -> None:
    found = output_of(ls(api, "/"))
    if not found:
        raise Unexpected("entries of the root directory", "none")
    for one in found:
        if not isinstance(one, dict) or one.keys() != KEYS:
            raise Unexpected(f"the keys {sorted(KEYS)}", repr(one))
        if not all(isinstance(value, str) for value in one.values()):
            raise Unexpected("texts as values", repr(one))


@requirement("F7T-UTIL-002")
def test_both_descriptions(api: Api) -> None:
    ls(api, "/").expect(200, descr="List of contents of path", description="List of contents")


@requirement("F7T-UTIL-003")
def test_file(api: Api, place: Place) -> None:
    chmod(api, place.write("file", b"12345678"), "0640")
    one = entry(place, "file")
    for key, wanted in (("type", "-"), ("size", "8"), ("link_target", "")):
        same(key, wanted, one[key])
    same("permissions", "rw-r-----", one["permissions"][:9])


@requirement("F7T-UTIL-004")
def test_time(place: Place) -> None:
    place.write("file")
    written = entry(place, "file")["last_modified"]
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", written):
        raise Unexpected("a time as 2026-01-05T10:00:00", written)
    datetime.strptime(written, "%Y-%m-%dT%H:%M:%S")


@requirement("F7T-UTIL-005")
def test_directory(place: Place) -> None:
    place.directory("sub")
    one = entry(place, "sub")
    same("type and link_target", ("d", ""), (one["type"], one["link_target"]))


@requirement("F7T-UTIL-006")
def test_link(place: Place) -> None:
    target = place.write("file")
    place.link("link", target)
    one = entry(place, "link")
    same("type and link_target", ("l", target), (one["type"], one["link_target"]))


@requirement("F7T-UTIL-007")
def test_empty_directory(api: Api, place: Place) -> None:
    same("output", [], entries(api, place.path))


@requirement("F7T-UTIL-008")
def test_single_file(api: Api, place: Place) -> None:
    path = place.write("file")
    same("names", [path], names(api, path))


@requirement("F7T-UTIL-009")
def test_hidden_names_are_left_out(api: Api, place: Place) -> None:
    place.write(".hidden")
    place.write("shown")
    same("names", ["shown"], names(api, place.path))


@requirement("F7T-UTIL-010")
def test_hidden_names_are_shown(api: Api, place: Place) -> None:
    place.write(".hidden")
    place.write("shown")
    same("names", [".hidden", "shown"], sorted(names(api, place.path, showhidden="true")))


@requirement("F7T-UTIL-011")
def test_spellings_of_true(api: Api, place: Place) -> None:
    place.write(".hidden")
    for text in ("True", "yes", "1"):
        same(f"names with {text}", [".hidden"], names(api, place.path, showhidden=text))


@requirement("F7T-UTIL-012")
def test_everything_else_is_false(api: Api, place: Place) -> None:
    place.write(".hidden")
    for text in ("False", "no", "0", "on"):
        same(f"names with {text}", [], names(api, place.path, showhidden=text))


@requirement("F7T-UTIL-013")
def test_numbers(api: Api, place: Place) -> None:
    of = status(api, place.write("file"))
    one = entry(place, "file", numericUid="true")
    same("user and group", (str(of["uid"]), str(of["gid"])), (one["user"], one["group"]))


@requirement("F7T-UTIL-014")
def test_recursive(api: Api, place: Place) -> None:
    place.directory("sub")
    place.write("sub-file")
    Place(api, place / "sub").write("file")
    found = sorted(names(api, place.path, recursive="true"))
    same("names", ["sub", "sub-file", "sub/file"], found)


@requirement("F7T-UTIL-015")
def test_links_are_followed(api: Api, place: Place) -> None:
    place.link("link", place.write("file", b"12345678"))
    one = entry(place, "link", followLinks="true")
    wanted = ("-", "8", "")
    same("type, size, link_target", wanted, (one["type"], one["size"], one["link_target"]))


@requirement("F7T-UTIL-016")
def test_unsorted(api: Api, place: Place) -> None:
    for name in ("b", "a", "c"):
        place.write(name)
    same("names", ["a", "b", "c"], sorted(names(api, place.path, unsorted="true")))


@requirement("F7T-UTIL-017")
def test_names_alone(api: Api, place: Place) -> None:
    for name in ("b", "a"):
        place.write(name)
    found = output_of(ls(api, place.path, notListing="true"))
    same("names", ["a", "b"], sorted(str(one).strip('"') for one in found))


@requirement("F7T-UTIL-018")
def test_names_alone_unsorted(api: Api, place: Place) -> None:
    place.write("a")
    options = {"notListing": "true", "unsorted": "true", "numericUid": "true"}
    found = output_of(ls(api, place.path, **options))
    same("names", [".", "..", "a"], sorted(str(one).strip('"') for one in found))


@requirement("F7T-UTIL-019")
def test_pages(api: Api, place: Place) -> None:
    for name in "abcde":
        place.write(name)
    pages = [names(api, place.path, pageSize="2", pageNumber=str(number)) for number in (1, 2, 3)]
    same("lengths of the pages", [2, 2, 1], [len(page) for page in pages])
    same("the pages together", names(api, place.path), [name for page in pages for name in page])


@pytest.mark.parametrize(
    "paging",
    [
        pytest.param({"pageSize": "1", "pageNumber": "9"}, marks=requirement("F7T-UTIL-020")),
        pytest.param({"pageSize": "1"}, marks=requirement("F7T-UTIL-021")),
        pytest.param({"pageNumber": "1"}, marks=requirement("F7T-UTIL-022")),
    ],
)
def test_whole_listing(api: Api, place: Place, paging: dict[str, str]) -> None:
    place.write("a")
    place.write("b")
    same("names", ["a", "b"], sorted(names(api, place.path, **paging)))


@requirement("F7T-UTIL-023")
def test_link_to_directory(api: Api, place: Place) -> None:
    place.directory("sub")
    Place(api, place / "sub").write("file")
    link = place.link("link", place / "sub")
    found = [(one["name"], one["type"]) for one in entries(api, link)]
    same("names and types", [(link, "l")], found)


@requirement("F7T-UTIL-024")
def test_link_to_directory_with_slash(api: Api, place: Place) -> None:
    place.directory("sub")
    Place(api, place / "sub").write("file")
    same("names", ["file"], names(api, place.link("link", place / "sub") + "/"))


@requirement("F7T-UTIL-027")
def test_invalid_path_is_named(api: Api, place: Place) -> None:
    path = place / "absent"
    ls(api, path).expect(
        400,
        header="X-Invalid-Path",
        value=f"{path} is an invalid path",
        description="Error listing contents of path",
    )


@requirement("F7T-UTIL-028")
def test_words_of_a_denial(api: Api, place: Place) -> None:
    with things(place) as made:
        ls(api, made["closed"]).expect(
            400,
            header="X-Permission-Denied",
            value="User does not have permissions to access machine or path",
            description="Error listing contents of path",
        )

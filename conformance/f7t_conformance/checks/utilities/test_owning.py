"""U4, U5, U17: chmod, chown, whoami."""

from __future__ import annotations

import re
from typing import Any

import pytest

from f7t_conformance.api import Api, Unexpected
from f7t_conformance.belongings import Place
from f7t_conformance.binding import requirement
from f7t_conformance.checks.utilities.looking import chmod, entry, same, status


@pytest.mark.parametrize(
    ("mode", "wanted"),
    [
        pytest.param("0751", "rwxr-x--x", marks=requirement("F7T-UTIL-051")),
        pytest.param("u+x,g-r,o=", "rwx------", marks=requirement("F7T-UTIL-052")),
    ],
)
def test_chmod(api: Api, place: Place, mode: str, wanted: str) -> None:
    path = place.write("file")
    chmod(api, path, "0640")
    chmod(api, path, mode)
    same("permissions", wanted, entry(place, "file")["permissions"][:9])


@requirement("F7T-UTIL-053")
def test_words_of_chmod(api: Api, place: Place) -> None:
    path = place.write("file")
    chmod(api, path, "0644")
    answer = chmod(api, path, "0640").expect(200, description=_SUCCESS.format("chmod"))
    output = str(answer.json["output"])
    line = rf"mode of .{re.escape(path)}. changed from 0644 \(rw-r--r--\) to 0640 \(rw-r-----\)\n?"
    if not re.fullmatch(line, output):
        raise Unexpected("the tool's line with both modes", output)


_SUCCESS = "Success to {} file or directory."


@requirement("F7T-UTIL-054")
def test_no_mode(api: Api, place: Place) -> None:
    answer = api.put("/utilities/chmod", targetPath=place.write("file"))
    answer.expect(400, description="Error on chmod operation", error="'mode' not specified")


@requirement("F7T-UTIL-061")
def test_neither_owner_nor_group(api: Api, place: Place) -> None:
    answer = api.put("/utilities/chown", targetPath=place.write("file"))
    answer.expect(400, description="Error in chown operation", error="group or owner must be set")


@pytest.mark.parametrize(
    ("field", "key"),
    [
        pytest.param("group", "group", marks=requirement("F7T-UTIL-062")),
        pytest.param("owner", "user", marks=requirement("F7T-UTIL-067")),
    ],
)
def test_chown_to_oneself(api: Api, place: Place, field: str, key: str) -> None:
    path = place.write("file")
    name = entry(place, "file")[key]
    answer = api.put("/utilities/chown", targetPath=path, **{field: name})
    answer.expect(200, description=_SUCCESS.format("chown"))
    if path not in answer.json["output"] or name not in answer.json["output"]:
        raise Unexpected(f"the tool's line with {path} and {name}", answer.excerpt)


@requirement("F7T-UTIL-201")
def test_whoami(api: Api) -> None:
    output = api.get("/utilities/whoami").expect(200, description="User information").json["output"]
    if not isinstance(output, str) or not re.fullmatch(r"\S+", output):
        raise Unexpected("a user name as output", repr(output))


@requirement("F7T-UTIL-202")
def test_files_belong_to_whoami(api: Api, place: Place) -> None:
    place.write("file")
    user = api.get("/utilities/whoami").expect(200).json["output"]
    same("user of a new file", user, entry(place, "file")["user"])


def _groups(api: Api) -> dict[str, Any]:
    found = api.get("/utilities/whoami", groups="true").expect(200).json["output"]
    if not isinstance(found, dict):
        raise Unexpected("user, group and groups", repr(found))
    return found


@requirement("F7T-UTIL-203")
def test_groups(api: Api) -> None:
    user = api.get("/utilities/whoami").expect(200).json["output"]
    found = _groups(api)
    same("name of the user", user, found["user"]["name"])
    for one in (found["user"], found["group"], *found["groups"]):
        if not one["id"].isdecimal() or not one["name"]:
            raise Unexpected("a name and an id in digits", repr(one))


@requirement("F7T-UTIL-204")
def test_ids_are_those_of_files(api: Api, place: Place) -> None:
    uid = status(api, place.write("file"))["uid"]
    same("id of the user", str(uid), _groups(api)["user"]["id"])


@requirement("F7T-UTIL-205")
def test_groups_not_wanted(api: Api) -> None:
    user = api.get("/utilities/whoami").expect(200).json["output"]
    api.get("/utilities/whoami", groups="False").expect(200, output=user)

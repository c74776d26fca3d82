"""Step 2: systems, and the contents of a directory (T08 to T15)."""

from __future__ import annotations

from f7t_conformance.api import Answer, Api, Unexpected
from f7t_conformance.belongings import Place
from f7t_conformance.binding import requirement

FAILED = "Error listing contents of path"
DENIED = "User does not have permissions to access machine or path"
KEYS = ("group", "last_modified", "link_target", "name", "permissions", "size", "type", "user")


def home(place: Place) -> dict[str, dict[str, str]]:
    """The tutorial's home directory, made here: its entries by name."""
    place.directory("test_directory")
    place.write("test_file.txt", b"ten bytes\n")
    for name, mode in (("test_directory", "775"), ("test_file.txt", "664")):
        place.api.put("/utilities/chmod", targetPath=place / name, mode=mode).expect(200)
    answer = place.api.get("/utilities/ls", targetPath=place.path).expect(200)
    return {one["name"]: one for one in answer.json["output"]}


def denied(place: Place) -> Answer:
    """The listing of a directory that the caller may not read."""
    path = place.directory("shut")
    place.api.put("/utilities/chmod", targetPath=path, mode="000").expect(200)
    return place.api.get("/utilities/ls", targetPath=path)


@requirement("F7T-TUT-008")
def test_systems_are_listed(api: Api) -> None:
    answer = api.get("/status/systems").expect(
        200, description="List of systems with status and description."
    )
    if not answer.json["out"]:
        raise Unexpected("at least one system", answer.excerpt)


@requirement("F7T-TUT-009")
def test_the_system_is_ready(api: Api) -> None:
    answer = api.get("/status/systems").expect(200)
    wanted = {"description": "System ready", "status": "available", "system": api.system}
    if not any(wanted.items() <= one.items() for one in answer.json["out"]):
        raise Unexpected(f"an entry {wanted}", answer.excerpt)


@requirement("F7T-TUT-010")
def test_a_directory_is_listed(api: Api, place: Place) -> None:
    place.write("test_file.txt")
    answer = api.get("/utilities/ls", targetPath=place.path)
    answer.expect(200, descr="List of contents of path")
    if [one["name"] for one in answer.json["output"]] != ["test_file.txt"]:
        raise Unexpected("one entry", answer.excerpt)


@requirement("F7T-TUT-011")
def test_entries_have_eight_texts(place: Place) -> None:
    for one in home(place).values():
        if not all(isinstance(one.get(key), str) for key in KEYS):
            raise Unexpected(f"texts {', '.join(KEYS)}", str(one))
        if len(one["type"]) != 1 or len(one["permissions"]) < 9 or not one["size"].isdecimal():
            raise Unexpected("one letter of type, nine of permissions, a decimal size", str(one))


@requirement("F7T-TUT-012")
def test_the_home_looks_as_in_the_tutorial(place: Place) -> None:
    entries = home(place)
    wanted = {
        "test_directory": {"type": "d", "permissions": "rwxrwxr-x", "link_target": ""},
        "test_file.txt": {
            "type": "-",
            "permissions": "rw-rw-r--",
            "link_target": "",
            "size": "10",
        },
    }
    for name, looks in wanted.items():
        got = {key: entries.get(name, {}).get(key) for key in looks}
        if got != looks:
            raise Unexpected(f"{name} with {looks}", str(got))
    if entries["test_directory"]["user"] != entries["test_file.txt"]["user"]:
        raise Unexpected("one owner of both", str(entries))


@requirement("F7T-TUT-013")
def test_an_unreadable_directory_is_denied(place: Place) -> None:
    denied(place).expect(400, header="X-Permission-Denied", value=DENIED, description=FAILED)


@requirement("F7T-TUT-014")
def test_a_missing_directory_is_an_invalid_path(api: Api, place: Place) -> None:
    path = place / "test23"
    api.get("/utilities/ls", targetPath=path).expect(
        400, header="X-Invalid-Path", value=f"{path} is an invalid path", description=FAILED
    )


@requirement("F7T-TUT-015")
def test_headers_keep_their_capitals(api: Api, place: Place) -> None:
    denied(place).expect(400, header="X-Permission-Denied")
    api.get("/utilities/ls", targetPath=place / "test23").expect(400, header="X-Invalid-Path")

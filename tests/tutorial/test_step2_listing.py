"""Step 2 of the tutorial: the systems, and what is in a directory (T08 to T15)."""
# ruff: noqa: N802 - the rows of the walk have capital letters

from __future__ import annotations

import re
import socket

import pytest

from tests.support.live import Live
from tests.tutorial.clients import Client
from tests.tutorial.walk import HOME, TIME_STAMP, USER

READY = {"description": "System ready", "status": "available", "system": "cluster"}
ENTRY_KEYS = {
    *("group", "last_modified", "link_target", "name", "permissions", "size", "type", "user"),
}


def test_T08_systems_are_listed_with_status_and_description(client: Client) -> None:
    answer = client.systems()
    assert answer.status == 200
    assert answer.json()["description"] == "List of systems with status and description."
    assert answer.json()["out"]


def test_T09_the_cluster_is_ready(client: Client) -> None:
    assert READY in client.systems().json()["out"]


def test_T10_a_listing_has_its_description_and_output(client: Client) -> None:
    answer = client.listing(HOME)
    assert answer.status == 200
    assert answer.json()["descr"] == "List of contents of path"
    assert answer.json()["description"]
    assert isinstance(answer.json()["output"], list)


def test_T11_every_entry_has_the_eight_texts(client: Client) -> None:
    entries = client.listing(HOME).json()["output"]
    assert entries
    for entry in entries:
        assert entry.keys() >= ENTRY_KEYS
        assert all(isinstance(value, str) for value in entry.values())
        assert len(entry["type"]) == 1
        assert re.fullmatch(r"([r-][w-][xsStT-]){3}", entry["permissions"])
        assert re.fullmatch(r"[0-9]+", entry["size"])
        assert TIME_STAMP.fullmatch(entry["last_modified"])


def test_T12_the_prepared_home_is_as_shown(client: Client) -> None:
    entries = {entry["name"]: entry for entry in client.listing(HOME).json()["output"]}
    directory, file = entries["test_directory"], entries["test_file.txt"]
    assert (directory["type"], directory["permissions"]) == ("d", "rwxrwxr-x")
    assert directory["link_target"] == ""
    assert (file["type"], file["permissions"], file["size"]) == ("-", "rw-rw-r--", "10")
    for entry in (directory, file):
        assert (entry["user"], entry["group"]) == (USER, USER)


def test_T13_a_directory_of_somebody_else_is_denied(client: Client) -> None:
    answer = client.listing("/home/test1")
    assert answer.status == 400
    assert (
        answer.header("X-Permission-Denied")
        == "User does not have permissions to access machine or path"
    )
    assert answer.json()["description"] == "Error listing contents of path"


def test_T14_an_absent_directory_is_an_invalid_path(client: Client) -> None:
    answer = client.listing("/home/test23")
    assert answer.status == 400
    assert answer.header("X-Invalid-Path") == "/home/test23 is an invalid path"
    assert answer.json()["description"] == "Error listing contents of path"


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (
            "/home/test1",
            b"X-Permission-Denied: User does not have permissions to access machine or path",
        ),
        ("/home/test23", b"X-Invalid-Path: /home/test23 is an invalid path"),
    ],
)
def test_T15_header_names_keep_their_case(live: Live, path: str, line: bytes) -> None:
    """Read from the wire: HTTP libraries hide the capitalisation (D01)."""
    request = (
        f"GET /utilities/ls?targetPath={path} HTTP/1.1\r\n"
        f"Host: 127.0.0.1:{live.testbuild.gateway_port}\r\n"
        f"Authorization: Bearer {live.token(USER)}\r\n"
        "X-Machine-Name: cluster\r\nConnection: close\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", live.testbuild.gateway_port), timeout=10) as wire:
        wire.sendall(request.encode())
        with wire.makefile("rb") as answer:
            head = answer.read().partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert head[0].startswith(b"HTTP/1.1 400")
    assert line in head
    assert b"Content-Type: application/json" in head

"""Step 3 of the tutorial: a small file with the blocking call (T16 to T20)."""
# ruff: noqa: N802 - the rows of the walk have capital letters

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from tests.support.live import Live
from tests.tutorial.clients import Client, Curl, Requests
from tests.tutorial.machine import Machine
from tests.tutorial.walk import HOME, USER, downloaded

LIMIT = 5 * 1024 * 1024
TOO_LARGE = "Failed to upload file. The file is over 5242880 bytes"


def names(client: Client, directory: str) -> set[str]:
    """Names of what is in a directory."""
    answer = client.listing(directory)
    assert answer.status == 200, answer
    return {entry["name"] for entry in answer.json()["output"]}


def test_T16_a_small_file_is_uploaded(client: Client, input_file: Path) -> None:
    answer = client.upload(input_file, HOME)
    assert answer.status == 201
    assert answer.json()["description"] == "File upload successful"


def test_T17_the_file_is_complete_when_the_call_returns(
    client: Client, machine: Machine, tmp_path: Path
) -> None:
    source = tmp_path / "input_file"
    source.write_bytes(os.urandom(LIMIT - 4096))
    assert client.upload(source, HOME).status == 201
    digest = hashlib.sha1(source.read_bytes()).hexdigest()
    assert machine.sha1(f"{HOME}/input_file") == digest
    seen = machine.stat(f"{HOME}/input_file")
    assert (seen["user"], seen["group"]) == (USER, USER)
    entries = {entry["name"]: entry for entry in client.listing(HOME).json()["output"]}
    assert entries["input_file"]["size"] == str(source.stat().st_size)
    assert downloaded(client, f"{HOME}/input_file") == source.read_bytes()


def test_T18_a_missing_directory_is_an_invalid_path(client: Client, input_file: Path) -> None:
    """The tutorial shows a page of HTML with status 500; here it is the documented 400 (D05)."""
    answer = client.upload(input_file, f"{HOME}/absent")
    assert answer.status == 400
    assert answer.header("X-Invalid-Path")
    assert answer.json()["description"] == "Error on upload operation"
    assert "absent" not in names(client, HOME)


def test_T19_a_directory_of_somebody_else_is_denied(
    client: Client, machine: Machine, tmp_path: Path
) -> None:
    source = tmp_path / "intruder"
    source.write_bytes(b"not wanted here")
    for directory in ("/home/test1", "/etc"):
        answer = client.upload(source, directory)
        assert answer.status == 400
        assert answer.header("X-Permission-Denied")
        assert answer.json()["description"] == "Error on upload operation"
    assert "intruder" not in machine.run("test1", "ls", "-a", "/home/test1").split()
    assert "intruder" not in machine.run("test1", "ls", "-a", "/etc").split()


@pytest.mark.parametrize(
    "option",
    ["Expect:", "Expect: 100-continue", "Transfer-Encoding: chunked"],
    ids=["content-length", "expect", "chunked"],
)
def test_T20_a_bigger_body_is_refused(curl: Curl, big_file: Path, option: str) -> None:
    answer = curl.run(
        'curl -X POST "${FIRECREST_IP}/utilities/upload" -F "targetPath=/home/test4" '
        '-H "Authorization: Bearer ${TOKEN}" -H "X-Machine-Name: cluster" -F "file=@${FILE}" '
        '-H "${OPTION}"',
        FILE=str(big_file),
        OPTION=option,
    )
    assert answer.status == 413
    assert answer.json()["description"] == TOO_LARGE


def test_T20_a_bigger_body_of_requests_is_refused(python: Requests, tmp_path: Path) -> None:
    source = tmp_path / "too_big"
    source.write_bytes(bytes(LIMIT))  # the limit counts the whole body, the form around it as well
    answer = python.upload(source, HOME)
    assert answer.status == 413
    assert answer.json()["description"] == TOO_LARGE
    assert "too_big" not in names(python, HOME)


def test_T20_a_bigger_job_script_is_refused(python: Requests, live: Live, tmp_path: Path) -> None:
    script = tmp_path / "script.sh"
    script.write_bytes(b"#!/bin/bash\n" + b"#" * LIMIT)
    answer = python.submit(script)
    assert answer.status == 413
    assert answer.json()["description"] == "Failed to upload batch script. The file is over 5 MB"

"""Step 6 of the tutorial: the result comes home (T44 to T49)."""
# ruff: noqa: N802 - the rows of the walk have capital letters

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from tests.support.live import Live
from tests.tutorial.clients import Client, Curl, Requests
from tests.tutorial.walk import (
    HOME,
    USER,
    created,
    finished,
    job_script,
    reached,
    submitted,
)

RESULT = "res.txt"


@pytest.fixture(scope="session")
def simulated(
    live: Live, curl_settings: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, bytes]:
    """Path of a job's result in its own directory, and what the result must be."""
    client = Curl(live.url, live.token(USER), curl_settings)
    directory = tmp_path_factory.mktemp("simulated")
    source = directory / "step6_input"
    source.write_bytes(b"what the simulation reads\n")
    assert client.upload(source, HOME).status == 201
    script = job_script(directory, f"sha1sum {HOME}/{source.name}", output=RESULT)
    task = submitted(client, script, live.url)
    finished(client, task["data"]["jobid"], live.url)
    digest = hashlib.sha1(source.read_bytes()).hexdigest()
    expected = f"{digest}  {HOME}/{source.name}\n".encode()
    return f"{HOME}/firecrest/{task['hash_id']}/{RESULT}", expected


def link_to(client: Client, path: str, base: str) -> str:
    """The link of a download that has finished."""
    task = reached(client, created(client.external_download(path), base), "117")
    link = task["data"]
    assert isinstance(link, str)
    return link


def test_T44_the_request_needs_one_path_and_no_machine(
    client: Client, live: Live, simulated: tuple[str, bytes]
) -> None:
    answer = client.external_download(simulated[0])
    assert answer.status == 201
    created(answer, live.url)


def test_T45_the_task_passes_116_and_ends_at_117(live: Live, slow_shell: str) -> None:
    """As a user whose commands begin slowly, so that 116 lasts long enough to be seen."""
    form = {"sourcePath": f"/home/{slow_shell}/test_file.txt"}
    answer = live.post("/storage/xfer-external/download", user=slow_shell, machine=None, data=form)
    moving = live.settled(answer, user=slow_shell, states=frozenset({"116"}))
    assert moving["description"] == "Started upload from filesystem to Object Storage"
    finished = live.settled(answer, user=slow_shell, states=frozenset({"117"}))
    assert (
        finished["description"]
        == "Upload from filesystem to Object Storage has finished succesfully"
    )


def test_T46_the_link_is_in_the_data(
    client: Client, live: Live, simulated: tuple[str, bytes]
) -> None:
    """A string as in the tutorial on `/tasks/{id}`; in `url` for today's clients (D14)."""
    task_id = created(client.external_download(simulated[0]), live.url)
    link = reached(client, task_id, "117")["data"]
    base = re.escape(f"{live.testbuild.staging_url}/{USER}/{task_id}/{RESULT}")
    assert re.fullmatch(base + r"\?[\w%&=.-]+", link), link
    for parameter in ("X-Amz-Expires=604800", "X-Amz-SignedHeaders=host"):
        assert parameter in link
    assert re.search(r"X-Amz-Signature=[0-9a-f]{64}", link)
    listed = client.tasks().json()["tasks"][task_id]["data"]
    assert listed["url"].partition("?")[0] == link.partition("?")[0]


def test_T47_the_link_gives_the_file_to_anybody_twice(
    client: Client, live: Live, simulated: tuple[str, bytes]
) -> None:
    path, expected = simulated
    link = link_to(client, path, live.url)
    for _ in range(2):
        answer = client.fetch(link)
        assert answer.status == 200
        assert answer.body == expected


def test_T48_a_small_file_comes_with_the_blocking_call(
    client: Client, simulated: tuple[str, bytes]
) -> None:
    path, expected = simulated
    answer = client.download(path)
    assert answer.status == 200
    assert answer.content_type == "application/octet-stream"
    assert answer.body == expected


@pytest.mark.parametrize(
    ("path", "header", "value"),
    [
        (f"{HOME}/absent", "X-Invalid-Path", f"{HOME}/absent is an invalid path."),
        (
            "/home/test1/test_file.txt",
            "X-Permission-Denied",
            "User does not have permissions to access machine or path",
        ),
        (HOME, "X-A-Directory", f"{HOME} is a directory"),
    ],
)
def test_T49_an_unusable_source_is_refused_at_once(
    client: Client, path: str, header: str, value: str
) -> None:
    answer = client.external_download(path)
    assert answer.status == 400
    assert answer.header(header) == value
    assert answer.json()["description"] == "sourcePath error"


@pytest.mark.parametrize(
    ("path", "header"),
    [
        (f"{HOME}/absent", "X-Not-Found"),
        ("/home/test1/test_file.txt", "X-Permission-Denied"),
        (HOME, "X-A-Directory"),
    ],
)
def test_T49_the_blocking_call_refuses_it_as_well(python: Requests, path: str, header: str) -> None:
    answer = python.download(path)
    assert answer.status == 400
    assert answer.header(header)
    assert answer.content_type == "application/json"

"""Step 0 of the tutorial: what every request and every answer has in common (T01, T02)."""
# ruff: noqa: N802 - the rows of the walk have capital letters

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.live import Live
from tests.tutorial.clients import Client, Curl
from tests.tutorial.walk import HOME, offered, post_as_printed

ANSWERS = [
    ("GET", "/status/systems", 200),
    ("GET", f"/utilities/ls?targetPath={HOME}", 200),
    ("GET", "/utilities/ls?targetPath=/home/test23", 400),
    ("GET", "/compute/jobs", 200),
    ("GET", "/compute/acct", 200),
    ("DELETE", "/compute/jobs/999999", 200),
    ("GET", "/tasks", 200),
    ("GET", "/tasks/IDONTEXIST", 404),
    ("POST", "/compute/jobs", 400),
    ("POST", "/utilities/upload", 400),
    ("POST", "/storage/xfer-external/upload", 400),
    ("POST", "/storage/xfer-external/download", 400),
    ("GET", "/nowhere", 400),
    ("POST", "/status/systems", 400),
    ("GET", "/utilities/nope", 404),
]


@pytest.mark.parametrize(("method", "path", "status"), ANSWERS)
def test_T01_every_answer_has_a_status_headers_and_a_json_body(
    curl: Curl, method: str, path: str, status: int
) -> None:
    answer = curl.run(
        'curl -X ${METHOD} "${FIRECREST_IP}${REQUEST}" -H "Authorization: Bearer ${TOKEN}" '
        '-H "X-Machine-Name: cluster"',
        METHOD=method,
        REQUEST=path,
    )
    assert answer.status == status, answer
    assert answer.content_type == "application/json"
    assert isinstance(json.loads(answer.body), dict)


def test_T01_a_downloaded_file_is_no_json(client: Client) -> None:
    answer = client.download(f"{HOME}/test_file.txt")
    assert answer.status == 200
    assert answer.content_type == "application/octet-stream"


def test_T01_an_answer_without_content_has_no_body(
    client: Client, live: Live, big_file: Path
) -> None:
    answer = post_as_printed(offered(client, big_file, live.url), big_file.parent)
    assert answer.status == 204
    assert answer.body == b""


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/status/systems", 200),
        ("POST", "/status/systems", 400),
        ("PUT", "/status/systems", 400),
        ("DELETE", "/status/systems", 400),
        ("POST", "/utilities/ls", 405),
        ("PUT", "/utilities/ls", 405),
        ("DELETE", "/utilities/ls", 405),
        ("PUT", "/compute/jobs", 400),
        ("DELETE", "/compute/jobs", 405),
        ("PUT", "/storage/xfer-external/upload", 400),
        ("DELETE", "/storage/xfer-external/upload", 400),
        ("GET", "/storage/xfer-external/upload", 405),
        ("POST", "/tasks", 400),
        ("PUT", "/tasks", 400),
        ("DELETE", "/tasks", 400),
    ],
)
def test_T02_each_path_knows_its_methods_and_repeating_changes_nothing(
    live: Live, method: str, path: str, status: int
) -> None:
    """None of the tutorial's calls is a PUT that succeeds; a refused one is repeatable, too."""
    first = live.call(method, path)
    second = live.call(method, path)
    assert first.status_code == status, first.text
    assert (first.status_code, first.text) == (second.status_code, second.text)

"""A gateway that is told to be an older release, and to limit its users."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.firecrest.services.cases import NOT_FOUND
from tests.firecrest.services.variants import Variant, gateway_with
from tests.support.live import Live

LIMIT = 40


def _change(settings: dict[str, Any]) -> None:
    settings["firecrest_version"] = "1.10.2"
    settings["rate_limit"] = {"requests": LIMIT, "period": 60}


@pytest.fixture(scope="module")
def variant(live: Live, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Variant]:
    with gateway_with(live, tmp_path_factory.mktemp("older"), _change) as other:
        yield other


@pytest.mark.parametrize(
    "path", ["/status/filesystems", "/status/filesystems/cluster", "/status/filesystems/nowhere"]
)
def test_later_operations_are_not_there(variant: Variant, path: str) -> None:
    answer = variant.get(path, machine=None)
    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)


def test_earlier_ones_are(variant: Variant) -> None:
    answer = variant.get("/utilities/ls", params={"targetPath": "/home/test1"})
    assert answer.status_code == 200


def test_groups_of_parameters(variant: Variant) -> None:
    """`general` came with 1.16.1, `compute` with 1.15.0."""
    out = variant.get("/status/parameters", machine=None).json()["out"]
    assert set(out) == {"storage", "utilities"}


def test_the_limit(variant: Variant) -> None:
    answers = [variant.get("/status/services", user="test4", machine=None) for _ in range(LIMIT)]
    assert {one.status_code for one in answers} == {200}
    refused = variant.get("/status/services", user="test4", machine=None)
    assert (refused.status_code, refused.json()) == (429, {"message": "API rate limit exceeded"})
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert refused.headers["RateLimit-Remaining"] == "0"
    other = variant.get("/status/services", user="test2", machine=None)
    assert (other.status_code, other.headers["RateLimit-Remaining"]) == (200, str(LIMIT - 1))

"""A gateway that lets through few requests: the clients wait as told, and go on."""

from __future__ import annotations

from collections.abc import Callable
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any

import pytest

from tests.clients.running import Run
from tests.clients.runs import KINDS

FORMS = ("seconds", "http-date")


def _limited(settings: dict[str, Any], form: str) -> None:
    settings["rate_limit"] = {"requests": 2, "period": 2, "retry_after": form}


# Of different users: both gateways count in the same store.
RUNS = {
    form: Run("limited", {"RETRY_AFTER": form}, user, partial(_limited, form=form))
    for form, user in zip(FORMS, ("test1", "test4"), strict=True)
}
WAYS = [
    *((form, kind) for form in FORMS for kind in KINDS),
    *(("seconds", f"{kind}, RateLimit-Reset") for kind in KINDS),
]


@pytest.mark.parametrize(("form", "client"), WAYS)
def test_a_client_that_does_not_wait(told: Callable[[str], Any], form: str, client: str) -> None:
    refused = told(form)["seen"][client]["refused"]
    assert (refused["class"], refused["status"]) == ("FirecrestException", 429)
    assert "API rate limit exceeded" in refused["text"]


@pytest.mark.parametrize(("form", "client"), WAYS)
def test_a_client_that_waits(told: Callable[[str], Any], form: str, client: str) -> None:
    """It was told long enough a time: the first retry is let through, and nothing is lost."""
    seen = told(form)["seen"][client]
    assert (seen["statuses"], seen["service"]) == ([429, 200], "compute")
    assert seen["uploaded"] == [429, 201]
    assert seen["content"] == "whole"


@pytest.mark.parametrize(("form", "client"), WAYS)
def test_what_a_refusal_tells(told: Callable[[str], Any], form: str, client: str) -> None:
    headers = told(form)["seen"][client]["told"]
    assert 0 <= int(headers["RateLimit-Reset"]) <= 2
    if client not in KINDS:
        assert "Retry-After" not in headers
    elif form == "seconds":
        assert 0 < int(headers["Retry-After"]) <= 2
    else:
        assert parsedate_to_datetime(headers["Retry-After"]).tzinfo is not None

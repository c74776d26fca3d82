"""`/status` with bad input: the contract's error, and nothing happens."""

from __future__ import annotations

from urllib.parse import unquote

import pytest

from tests.firecrest.services.cases import (
    Case,
    all_cases,
    check,
    methods,
    name_of,
    unknown_paths,
    unpublished,
)
from tests.firecrest.services.wire import get
from tests.support.live import Live

pytestmark = pytest.mark.usefixtures("untouched")

NO_SERVICE = {"description": "Service does not exists", "status_code": 404}
NO_SYSTEM = {"description": "System does not exists."}
NAMES = (
    "nowhere",
    "Cluster",
    "%20",
    "cluster%20",
    "cluster%3Bid",
    "%24%28id%29",
    "%60id%60",
    "%27%22",
    "%0A",
    "%00",
    "%FF",
    "..",
    "%2e%2e",
    "%E6%97%A5%E6%9C%AC",
    "x" * 5000,
)
NO_FILES = {
    name: {
        "description": f"Filesystem information for system {unquote(name)}",
        "out": f"System '{unquote(name)}' doesn't exist",
    }
    for name in NAMES
}

CASES = all_cases(
    (Case(f"service {n[:20]}", get(f"/status/services/{n}"), 404, NO_SERVICE) for n in NAMES),
    (Case(f"system {n[:20]}", get(f"/status/systems/{n}"), 404, NO_SYSTEM) for n in NAMES),
    (Case(f"files {n[:20]}", get(f"/status/filesystems/{n}"), 404, b) for n, b in NO_FILES.items()),
    unknown_paths(
        "/status/nope",
        "/status/status",
        "/status/",
        "/status/systems/",
        "/status/systems/a/b",
        "/status/systems/a%2Fb",
        "/status/taskslist",
        "/status/..",
        "/status//systems",
    ),
    unpublished("/status", "/", "/statuses/x", "/metrics", "/health/ready", "//status/systems"),
    methods("/status/systems", "GET", "GET"),
    methods("/status/services/compute", "GET", "GET"),
    methods("/status/filesystems", "GET", "GET"),
    methods("/status/filesystems/cluster", "GET", "GET"),
    methods("/status/parameters", "GET", "GET"),
    methods("/tasks/status", "GET", "GET"),
    methods("/utilities/status", "GET", "GET POST PUT DELETE"),
    methods("/compute/status", "GET", "GET POST DELETE"),
    methods("/storage/status", "GET", "GET POST"),
)


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_refused(live: Live, case: Case) -> None:
    check(live, case)

"""S3, S4: the systems and their state."""

from __future__ import annotations

from f7t_conformance.api import Api, Unexpected
from f7t_conformance.binding import requirement


@requirement("F7T-STAT-001")
def test_systems_are_listed(api: Api) -> None:
    answer = api.get("/status/systems").expect(200)
    names = [one["system"] for one in answer.json["out"]]
    if api.system not in names:
        raise Unexpected(f"an entry of {api.system}", answer.excerpt)

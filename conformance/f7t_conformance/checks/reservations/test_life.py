"""R1 to R4: a reservation from its creation to its end."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from f7t_conformance.api import Answer, Api, Unexpected
from f7t_conformance.binding import requirement
from f7t_conformance.configuration import Settings


class Wish:
    """A reservation of one node, months from now, at an hour that no other check takes."""

    def __init__(self, api: Api, account: str, node_type: str) -> None:
        distance = timedelta(days=30, hours=secrets.randbelow(2000))
        start = datetime.now().replace(microsecond=0) + distance
        self.name = f"f7tconformance{secrets.token_hex(4)}"
        self.api = api
        self.fields = {
            "numberOfNodes": "1",
            "nodeType": node_type,
            "starttime": start.isoformat(),
            "endtime": (start + timedelta(hours=1)).isoformat(),
        }
        self.account = account

    def create(self) -> Answer:
        return self.api.post(
            "/reservations", reservation=self.name, account=self.account, **self.fields
        )

    def listed(self) -> dict[str, str] | None:
        """Its item, None if it is not in the listing."""
        found = self.api.get("/reservations").expect(200).json["success"]
        return next((one for one in found if self.name in one["reservationname"]), None)


@pytest.fixture
def wish(api: Api, settings: Settings) -> Iterator[Wish]:
    """A reservation that is not there yet, and is gone afterwards."""
    one = Wish(api, settings.account, settings.node_type)
    yield one
    if one.listed() is not None:
        api.delete(f"/reservations/{one.name}").expect(204)


@requirement("F7T-RSV-026")
def test_reservation_is_created(wish: Wish) -> None:
    answer = wish.create().expect(201)
    if answer.json["success"] != f"Reservation created: {wish.name}":
        raise Unexpected(f"Reservation created: {wish.name}", answer.excerpt)


@requirement("F7T-RSV-027")
def test_created_reservation_is_listed(wish: Wish) -> None:
    wish.create().expect(201)
    item = wish.listed() or {}
    wanted = {
        "reservationname": wish.name,
        "starttime": wish.fields["starttime"],
        "endtime": wish.fields["endtime"],
        "nodecnt": "1",
    }
    got = {key: item.get(key) for key in wanted}
    if got != wanted or wish.account not in item.get("accounts", "").split(","):
        raise Unexpected(f"{wanted} of account {wish.account}", str(item))


@requirement("F7T-RSV-028")
def test_reservation_is_changed(api: Api, wish: Wish) -> None:
    wish.create().expect(201)
    later = datetime.fromisoformat(wish.fields["endtime"]) + timedelta(hours=1)
    changed = {**wish.fields, "endtime": later.isoformat()}
    api.put(f"/reservations/{wish.name}", account=wish.account, **changed).expect(200)
    item = wish.listed() or {}
    if item.get("endtime") != changed["endtime"]:
        raise Unexpected(f"endtime {changed['endtime']}", str(item))


@requirement("F7T-RSV-029")
def test_reservation_is_deleted(api: Api, wish: Wish) -> None:
    wish.create().expect(201)
    api.delete(f"/reservations/{wish.name}").expect(204)
    if wish.listed() is not None:
        raise Unexpected(f"no {wish.name} in the listing", str(wish.listed()))

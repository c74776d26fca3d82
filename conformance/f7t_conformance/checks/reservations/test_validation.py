"""R1 to R4: what is refused before the site's tool runs."""

from __future__ import annotations

import pytest

from f7t_conformance.api import Api, Unexpected
from f7t_conformance.binding import requirement

_NAME = "f7t-conformance-none"
_GOOD = {
    "reservation": _NAME,
    "account": "f7t-conformance-none",
    "numberOfNodes": "1",
    "nodeType": "f7t-conformance-none",
    "starttime": "2098-01-01T10:00:00",
    "endtime": "2098-01-01T11:00:00",
}
"""In order, but of an account and a kind of nodes that no site has: nothing can come of it."""

_FORMAT = "parameter format is not valid"
_CREATING = "Error creating reservation"
_UPDATING = "Error updating reservation"


def _shape(field: str, value: str) -> str:
    return f"'{field}' {_FORMAT} (value entered:'{value}')"


def _moment(field: str, value: str) -> str:
    return f"'{field}' {_FORMAT}. It should be YYYY-MM-DDTHH:MM:SS (value entered:'{value}')"


def _count(value: str) -> str:
    return (
        "'numberOfNodes' parameter is not valid. It should be an integer > 0 "
        f"(value entered:'{value}')"
    )


_EARLY = "2098-01-01T09:00:00"
_ORDER = (
    "'endtime' occurs before 'starttime' (values entered: "
    f"endtime='{_EARLY}' <= starttime='{_GOOD['starttime']}')"
)
_PAST = {"starttime": "2001-01-01T10:00:00", "endtime": "2001-01-01T11:00:00"}


@requirement("F7T-RSV-001")
def test_reservations_are_listed(api: Api) -> None:
    found = api.get("/reservations").expect(200).json["success"]
    if not isinstance(found, list):
        raise Unexpected("an array", repr(found)[:300])


@requirement("F7T-RSV-002")
def test_trailing_slash_is_the_same(api: Api) -> None:
    found = api.get("/reservations/").expect(200).json["success"]
    if not isinstance(found, list):
        raise Unexpected("an array", repr(found)[:300])


@requirement("F7T-RSV-003")
def test_machine_is_missing(api: Api) -> None:
    answer = api.call("GET", "/reservations", headers={"X-Machine-Name": None})
    answer.expect(400, error="Error listing reservation", description="No machine name given")


@requirement("F7T-RSV-004")
def test_machine_is_unknown(api: Api) -> None:
    answer = api.call("GET", "/reservations", headers={"X-Machine-Name": _NAME})
    answer.expect(
        400,
        header="X-Machine-Does-Not-Exist",
        value="Machine does not exist",
        error="Error listing reservation",
    )


@pytest.mark.parametrize(
    "field",
    [
        pytest.param("reservation", marks=requirement("F7T-RSV-005")),
        pytest.param("account", marks=requirement("F7T-RSV-006")),
        pytest.param("numberOfNodes", marks=requirement("F7T-RSV-007")),
        pytest.param("nodeType", marks=requirement("F7T-RSV-008")),
        pytest.param("starttime", marks=requirement("F7T-RSV-009")),
        pytest.param("endtime", marks=requirement("F7T-RSV-010")),
    ],
)
def test_field_is_missing(api: Api, field: str) -> None:
    answer = api.post("/reservations", **{**_GOOD, field: None})
    answer.expect(400, error=_CREATING, description=f"'{field}' form data input missing")


@pytest.mark.parametrize(
    ("changed", "description"),
    [
        pytest.param(
            {"reservation": "9a"}, _shape("reservation", "9a"), marks=requirement("F7T-RSV-011")
        ),
        pytest.param(
            {"account": "Upper"}, _shape("account", "Upper"), marks=requirement("F7T-RSV-012")
        ),
        pytest.param(
            {"nodeType": "a b"}, _shape("nodeType", "a b"), marks=requirement("F7T-RSV-013")
        ),
        pytest.param({"numberOfNodes": "0"}, _count("0"), marks=requirement("F7T-RSV-014")),
        pytest.param({"numberOfNodes": "two"}, _count("two"), marks=requirement("F7T-RSV-015")),
        pytest.param(
            {"starttime": "2098-01-01"},
            _moment("starttime", "2098-01-01"),
            marks=requirement("F7T-RSV-016"),
        ),
        pytest.param(
            {"endtime": "2098-02-30T10:00:00"},
            _moment("endtime", "2098-02-30T10:00:00"),
            marks=requirement("F7T-RSV-017"),
        ),
        pytest.param({"endtime": _EARLY}, _ORDER, marks=requirement("F7T-RSV-018")),
        pytest.param(
            _PAST,
            f"'starttime' is in the pass (values entered: starttime='{_PAST['starttime']}')",
            marks=requirement("F7T-RSV-019"),
        ),
    ],
)
def test_value_is_wrong(api: Api, changed: dict[str, str], description: str) -> None:
    answer = api.post("/reservations", **{**_GOOD, **changed})
    answer.expect(400, error=_CREATING, description=description)


@pytest.mark.parametrize(
    ("changed", "description"),
    [
        pytest.param(
            {"nodeType": None},
            "'nodeType' form data input missing",
            marks=requirement("F7T-RSV-020"),
        ),
        pytest.param({"numberOfNodes": "-1"}, _count("-1"), marks=requirement("F7T-RSV-021")),
        pytest.param(
            {"starttime": "10:00"},
            _moment("starttime", "10:00"),
            marks=requirement("F7T-RSV-022"),
        ),
        pytest.param({"endtime": _EARLY}, _ORDER, marks=requirement("F7T-RSV-023")),
    ],
)
def test_change_is_wrong(api: Api, changed: dict[str, str | None], description: str) -> None:
    answer = api.put(f"/reservations/{_NAME}", **{**_GOOD, **changed})
    answer.expect(400, error=_UPDATING, description=description)


@requirement("F7T-RSV-024")
def test_name_to_delete_is_wrong(api: Api) -> None:
    answer = api.delete("/reservations/9a")
    answer.expect(400, error="Error deleting reservation", description=_shape("reservation", "9a"))


@requirement("F7T-RSV-025")
def test_unknown_reservation_cannot_be_deleted(api: Api) -> None:
    answer = api.delete(f"/reservations/{_NAME}")
    answer.expect(400, error="Error deleting reservation")
    if not answer.json.get("description"):
        raise Unexpected("the tool's words in description", answer.excerpt)

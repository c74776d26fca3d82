"""`/reservations`: the whole life of reservations, and what the site's tool refuses."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from pydantic import ValidationError

from f7t.settings import ReservationSettings
from tests.firecrest.services.cases import DENIED
from tests.firecrest.services.places import content, run
from tests.firecrest.services.variants import Variant, gateway_with
from tests.support.live import SERVICE_ACCOUNT, Live

FORBIDDEN_USER = "test2"
"""In the account, and yet not among those whom the site lets make reservations."""


def _at(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S")


def _now() -> datetime:
    """The clusters of all runtimes have UTC."""
    return datetime.now(UTC).replace(tzinfo=None)


def _wish(days: float = 100, *, nodes: int | str = 1, node_type: str = "f7t") -> dict[str, str]:
    """A form for one hour in so many days."""
    start = _now() + timedelta(days=days)
    return {
        "numberOfNodes": str(nodes),
        "nodeType": node_type,
        "starttime": _at(start),
        "endtime": _at(start + timedelta(hours=1)),
    }


def _create(
    live: Live, name: str, wish: dict[str, str], *, user: str = "test1", account: str = "test"
) -> requests.Response:
    form = {"reservation": name, "account": account, **wish}
    return live.post("/reservations", user=user, data=form)


def _update(
    live: Live, name: str, wish: dict[str, str], *, user: str = "test1"
) -> requests.Response:
    return live.call("PUT", f"/reservations/{name}", user=user, data=wish)


def _delete(live: Live, name: str, *, user: str = "test1") -> requests.Response:
    return live.delete(f"/reservations/{name}", user=user)


def _items(live: Live, *, user: str = "test1", path: str = "/reservations") -> dict[str, Any]:
    """Reservations by name."""
    answer = live.get(path, user=user)
    assert answer.status_code == 200, answer.text
    assert answer.json().keys() == {"success"}
    return {item["reservationname"]: item for item in answer.json()["success"]}


def _nodes(live: Live) -> int:
    """Number of compute nodes, as the tool tells when asked for too many."""
    text = _create(live, "toomany", _wish(nodes=999999999)).json()["description"]
    return int(text.removesuffix(" available").rpartition(" ")[2])


def _shown(answer: requests.Response) -> tuple[int, Any, dict[str, str]]:
    headers = {n: v for n, v in answer.headers.items() if n.startswith("X-")}
    headers.pop("X-Request-Id")
    return answer.status_code, answer.json() if answer.content else None, headers


def _refused(verb: str, description: str) -> tuple[int, Any, dict[str, str]]:
    return 400, {"error": f"Error {verb} reservation", "description": description}, {}


@pytest.fixture(autouse=True)
def _swept(live: Live) -> Iterator[None]:
    """Nothing is reserved before a test, and nothing after it."""
    yield
    for name in _items(live):
        assert _delete(live, name).status_code == 204


def test_nothing_is_an_empty_list(live: Live) -> None:
    for path in ("/reservations", "/reservations/"):
        answer = live.get(path, allow_redirects=False)
        assert _shown(answer) == (200, {"success": []}, {})


@pytest.mark.parametrize("slash", ["", "/"])
def test_life_of_a_reservation(live: Live, slash: str) -> None:
    wish = _wish()
    form = {"reservation": "maint", "account": "test", **wish}
    created = live.post(f"/reservations{slash}", data=form)
    assert _shown(created) == (201, {"success": "Reservation created: maint"}, {})

    item = _items(live, path=f"/reservations{slash}")["maint"]
    assert all(isinstance(value, str) for value in item.values())
    assert all(key == key.lower() for key in item)
    assert "tres" not in item
    assert item["starttime"] == wish["starttime"]
    assert item["endtime"] == wish["endtime"]
    assert item["duration"] == "01:00:00"
    assert (item["nodecnt"], item["features"], item["accounts"]) == ("1", "f7t", "test")
    assert item["state"] == "INACTIVE"

    later = _wish(200)
    updated = live.call("PUT", f"/reservations/maint{slash}", data={"account": "ignored", **later})
    assert _shown(updated) == (200, {"success": "Reservation updated."}, {})
    assert _items(live)["maint"]["starttime"] == later["starttime"]

    deleted = live.delete(f"/reservations/maint{slash}")
    assert _shown(deleted) == (204, None, {})
    assert _items(live) == {}


def test_multipart_forms_do_as_well(live: Live) -> None:
    fields = {"reservation": "parts", "account": "test", **_wish()}
    files = {name: (None, value) for name, value in fields.items()}
    assert live.post("/reservations", files=files).status_code == 201
    changed = {name: (None, value) for name, value in _wish(3).items()}
    assert live.call("PUT", "/reservations/parts", files=changed).status_code == 200


def test_a_job_runs_in_a_reservation(live: Live) -> None:
    start = _now() + timedelta(seconds=3)
    wish = _wish() | {"starttime": _at(start), "endtime": _at(start + timedelta(minutes=20))}
    created = _create(live, "soon", wish)
    assert created.status_code == 201, created.text
    options = ("--reservation=soon", "--output=/dev/null", "--time=1")
    script = "\n".join(["#!/bin/sh", *(f"#SBATCH {option}" for option in options), "true\n"])
    task = live.submit(script)
    assert task["status"] == "200", task
    record = live.accounted(task["data"]["jobid"])
    assert record["state"] == "COMPLETED"
    assert record["nodelist"] == _items(live)["soon"]["nodes"]
    assert record["start_time"] >= wish["starttime"]
    assert _items(live)["soon"]["state"] == "ACTIVE"


def test_the_service_account_shares_the_account(live: Live) -> None:
    """Ownership is the account's: both belong to `test`."""
    assert _create(live, "shared", _wish(), user=SERVICE_ACCOUNT).status_code == 201
    assert _items(live).keys() == _items(live, user=SERVICE_ACCOUNT).keys() == {"shared"}
    assert _update(live, "shared", _wish(3), user=SERVICE_ACCOUNT).status_code == 200
    assert _delete(live, "shared").status_code == 204


def test_others_may_do_nothing(live: Live) -> None:
    """The tool's refusal is the 404 of a system that hides what one may not do."""
    assert _create(live, "mine", _wish()).status_code == 201
    before = _items(live)
    user = FORBIDDEN_USER
    answers = {
        "listing": live.get("/reservations", user=user),
        "creating": _create(live, "theirs", _wish(3), user=user),
        "updating": _update(live, "mine", _wish(4), user=user),
        "deleting": _delete(live, "mine", user=user),
    }
    for verb, answer in answers.items():
        body = {
            "error": f"Error {verb} reservation",
            "description": "user id 10002 may not use this program",
        }
        assert _shown(answer) == (404, body, DENIED)
    assert _items(live) == before


def test_names_are_reduced(live: Live) -> None:
    created = _create(live, "my_night-1$", _wish())
    assert created.json() == {"success": "Reservation created: mynight-1"}
    assert _update(live, "my_night-1", _wish(3)).status_code == 200
    assert _delete(live, "mynight-1").status_code == 204
    nothing = _create(live, "$_", _wish())
    assert _shown(nothing) == _refused("creating", "no letter and no digit in the name $_")


def test_unknown_reservation(live: Live) -> None:
    not_mine = "You are not an owner of the nobodys reservation"
    assert _shown(_update(live, "nobodys", _wish())) == _refused("updating", not_mine)
    assert _shown(_delete(live, "nobodys")) == _refused("deleting", not_mine)


def test_foreign_account(live: Live) -> None:
    answer = _create(live, "x", _wish(), account="root")
    assert _shown(answer) == _refused("creating", "test1 does not belong to the account root")


def test_too_many_nodes(live: Live) -> None:
    nodes = _nodes(live)
    text = f"the number of nodes {nodes + 1} is greater than {nodes} available"
    too_many = _wish(nodes=nodes + 1)
    assert _shown(_create(live, "x", too_many)) == _refused("creating", text)
    assert _create(live, "mine", _wish(nodes=nodes)).status_code == 201
    assert _shown(_update(live, "mine", too_many)) == _refused("updating", text)


def test_other_features(live: Live) -> None:
    """D31: the text is whole, also of an update."""
    text = "only f7t feature type are supported"
    assert _shown(_create(live, "x", _wish(node_type="gpu"))) == _refused("creating", text)
    assert _create(live, "mine", _wish()).status_code == 201
    assert _shown(_update(live, "mine", _wish(node_type="gpu"))) == _refused("updating", text)


def test_beyond_a_year(live: Live) -> None:
    wish = _wish(400)
    text = f"the start {wish['starttime']} is not within 365 days"
    assert _shown(_create(live, "x", wish)) == _refused("creating", text)
    wish["starttime"] = _wish()["starttime"]
    text = f"the end {wish['endtime']} is not within 365 days"
    assert _shown(_create(live, "x", wish)) == _refused("creating", text)


def test_busy_nodes(live: Live) -> None:
    """In Slurm's own words, which differ by release (before 20: are busy)."""
    nodes = _nodes(live)
    wish = _wish(nodes=nodes)
    assert _create(live, "all", wish).status_code == 201
    reasons = {
        f"Error creating the reservation: {why}"
        for why in ("Requested nodes are busy", "Requested node configuration is not available")
    }
    answer = _create(live, "more", wish)
    status, body, headers = _shown(answer)
    assert (status, body["error"], headers) == (400, "Error creating reservation", {})
    assert body["description"] in reasons
    assert _items(live).keys() == {"all"}


def test_same_name_twice(live: Live) -> None:
    assert _create(live, "twice", _wish()).status_code == 201
    text = "Error creating the reservation: Duplicate reservation name"
    assert _shown(_create(live, "twice", _wish(3))) == _refused("creating", text)


def test_five_an_account(live: Live) -> None:
    for number in range(5):
        assert _create(live, f"r{number}", _wish(10 + number)).status_code == 201
    text = "the account test has 5 reservations, more are not allowed"
    for user in ("test1", SERVICE_ACCOUNT):
        answer = _create(live, "sixth", _wish(50), user=user)
        assert _shown(answer) == _refused("creating", text)


ATTEMPTS = (
    "$(touch {0})",
    "`touch {0}`",
    "; touch {0}",
    "' ; touch {0} '",
    "x Users=test2",
    "\n-l",
)


def test_users_cannot_get_more_out_of_the_tool(live: Live) -> None:
    """On the machine itself, past the gateway's checks; in no environment, with any text."""
    start, end = _wish()["starttime"], _wish()["endtime"]
    lines = ["rsvmgmt --help > helped && test -s helped || rm helped"]
    for attempt in ATTEMPTS:
        text = attempt.format("executed")
        for position in range(1, 6):
            words = ["name", "test", "1", "f7t", start, end]
            words[position] = text
            lines.append("rsvmgmt -a " + " ".join(_quoted(word) for word in words))
        lines.append(f"rsvmgmt -d {_quoted(text)}; rsvmgmt -u {_quoted(text)} 1 f7t {start} {end}")
    lines.append("SLURM_CONF=/dev/null SUDO_UID=0 PATH=.:$PATH rsvmgmt -d nobodys")
    lines.append("scontrol create reservation ReservationName=x Accounts=test NodeCnt=1")
    commands = "\n".join([lines[0], *(f"{line} && touch succeeded" for line in lines[1:])])
    directory = run(live, f"{commands}\nls -m > left; id -u > user")
    left = content(live, f"{directory}/left").decode()
    # The program was there, and yet nothing came of it.
    assert "helped" in left
    assert "executed" not in left
    assert "succeeded" not in left
    assert content(live, f"{directory}/user") == b"10001\n"
    assert _items(live) == {}


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "'\\''") + "'"


TOOL = """#!/bin/sh
case "$2" in
slow) sleep 60 ;;
sudo) echo 'test1 is not in the sudoers file.' >&2; exit 1 ;;
prefixes) echo 'timeout: tool: Error: only this: Error: stays' >&2; exit 1 ;;
silent) exit 3 ;;
speaks) echo 'tool: on standard output'; exit 1 ;;
esac
"""


@pytest.fixture(scope="module")
def variant(live: Live, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Variant]:
    """Another site's tool, a machine that is not there, and one that test2 may not use."""
    commands = f"cat > tool <<'END'\n{TOOL}END\nchmod 0755 tool"
    directory = run(live, commands)

    def change(settings: dict[str, Any]) -> None:
        [system] = settings["systems"]
        system["denied_users"] = [FORBIDDEN_USER]
        settings["systems"].append({"name": "away", "host": "away.invalid"})
        settings["reservations"] = {"command": f"/bin/sh {directory}/tool", "timeout": 1}

    with gateway_with(live, tmp_path_factory.mktemp("variant"), change) as other:
        yield other


@pytest.mark.parametrize(
    ("name", "description"),
    [
        ("prefixes", "only this: Error: stays"),
        ("silent", "Exit status 3"),
        ("speaks", "on standard output"),
    ],
)
def test_reasons_of_another_tool(variant: Variant, name: str, description: str) -> None:
    """D31: only what says who speaks is taken away."""
    assert _shown(_delete(variant, name)) == _refused("deleting", description)


def test_refusal_of_sudo(variant: Variant) -> None:
    body = {
        "error": "Error deleting reservation",
        "description": "test1 is not in the sudoers file.",
    }
    assert _shown(_delete(variant, "sudo")) == (404, body, DENIED)


def test_a_tool_that_takes_too_long(variant: Variant) -> None:
    text = "Command has finished with timeout signal"
    body = {"error": "Error deleting reservation", "description": text}
    assert _shown(_delete(variant, "slow")) == (400, body, {"X-Timeout": text})


def test_a_machine_that_is_away(variant: Variant) -> None:
    answer = variant.get("/reservations", machine="away")
    status, body, headers = _shown(answer)
    assert (status, body["error"]) == (400, "Error listing reservation")
    assert headers == {"X-Machine-Not-Available": "Machine is not available"}


def test_a_user_without_certificate(variant: Variant) -> None:
    body = {
        "error": "Error listing reservation",
        "description": f"Permission denied for user {FORBIDDEN_USER} in cluster",
    }
    answer = variant.get("/reservations", user=FORBIDDEN_USER)
    assert _shown(answer) == (404, body, DENIED)


@pytest.mark.parametrize("command", ["", " rsvmgmt", "-x", "A=b rsvmgmt", "rsvmgmt\tx"])
def test_commands_that_name_no_program(command: str) -> None:
    with pytest.raises(ValidationError):
        ReservationSettings(command=command)


def test_words_of_the_command() -> None:
    assert ReservationSettings().argv == ["rsvmgmt"]
    assert ReservationSettings(command="sudo -n rsvmgmt").argv == ["sudo", "-n", "rsvmgmt"]

"""The need `reservation-right`: who may reserve cannot be asked, so it is configured."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pydantic import SecretStr

from f7t_conformance.api import Api, Pace
from f7t_conformance.capabilities import LOCAL_NEEDS, detect
from f7t_conformance.configuration import Identity, Settings
from f7t_conformance.identity import Caller
from f7t_conformance.model import Need

_OUT: dict[str, object] = {
    "/status/parameters": {},
    "/status/systems": [{"system": "one"}],
}


class _Server(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"out": _OUT.get(self.path, {})}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def target() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Server) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("account", "node_type", "present"),
    [("", "", False), ("mine", "", False), ("", "gpu", False), ("mine", "gpu", True)],
)
def test_account_and_node_type_are_needed(
    target: str, account: str, node_type: str, present: bool
) -> None:
    settings = Settings(target=target, account=account, node_type=node_type)
    caller = Caller(Identity(token=SecretStr("none")))
    found = detect(Api(target, caller, "", Pace(1000, 1e12)), None, settings).capabilities
    assert (Need.RESERVATION_RIGHT in found.present) is present
    assert Need.RESERVATIONS in found.present


def test_lack_is_the_runs() -> None:
    assert Need.RESERVATION_RIGHT in LOCAL_NEEDS

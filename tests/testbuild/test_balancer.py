"""HAProxy with the generated configuration in front of gateways that only pretend to be some."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import jwt
import requests

from f7t_testbuild import balancer
from f7t_testbuild.balancer import Balancing, Gateway, haproxy_configuration
from f7t_testbuild.packages import HAPROXY, find_program
from tests.support.contract import contract
from tests.support.live import until

ROOT = Path(__file__).resolve().parents[2]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Invalid-Path: /x\r\nETag: a\r\n\r\n"


class Pretended:
    """A server that notes the heads of requests and answers or hangs up; healthy while it lives."""

    def __init__(self, name: str, reply: Callable[[], bytes]) -> None:
        self.heads: list[bytes] = []
        self._reply = reply
        self._socket = socket.create_server(("127.0.0.1", 0))
        port = self._socket.getsockname()[1]
        self.gateway = Gateway(name, "127.0.0.1", port, port)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            self._answer_one(connection)

    def _answer_one(self, connection: socket.socket) -> None:
        stream = connection.makefile("rb")
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = stream.readline()
            if not line:
                return
            head += line
        length = re.search(rb"content-length: (\d+)", head)
        stream.read(int(length[1]) if length else 0)
        if b"/health/live" in head:
            connection.sendall(OK)
        else:
            self.heads.append(head)
            connection.sendall(self._reply())

    def close(self) -> None:
        """Refuse connections from now on; a second time does nothing."""
        # A blocked accept(2) outlives a close alone.
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def balanced(directory: Path, *servers: Pretended) -> Iterator[str]:
    """HAProxy in front of them; its URL."""
    public, internal = _free_port(), _free_port()
    balancing = Balancing(
        public=f"127.0.0.1:{public}",
        internal=f"127.0.0.1:{internal}",
        gateways=tuple(one.gateway for one in servers),
        control=str(directory / "control.sock"),
    )
    file = directory / "haproxy.cfg"
    file.write_text(haproxy_configuration(balancing))
    program = find_program(HAPROXY.name)
    assert program is not None, "f7t packages --gateways 2 installs it"
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen([program, "-db", "-f", file], stdout=log, stderr=log)
    try:
        until(lambda: _ready(internal), what="HAProxy")
        yield f"http://127.0.0.1:{public}"
    finally:
        process.terminate()
        process.wait(10)
        for one in servers:
            one.close()


def _ready(port: int) -> bool | None:
    try:
        return requests.get(f"http://127.0.0.1:{port}/health/ready", timeout=5).ok or None
    except requests.ConnectionError:
        return None


def logged(directory: Path, count: int) -> list[dict[str, Any]]:
    """The lines of HAProxy's log about `count` requests; each is written behind its answer."""

    def told() -> list[dict[str, Any]] | None:
        whole = (directory / "log").read_text().rpartition("\n")[0]
        lines = [json.loads(line) for line in whole.splitlines() if line.startswith("{")]
        return lines if len(lines) >= count else None

    return until(told, what=f"{count} lines of log")


def bearer(user: str, serial: int) -> dict[str, str]:
    """A token like the `serial`-th of a user; nobody verifies it here."""
    token = jwt.encode({"preferred_username": user, "jti": serial}, "k" * 32)
    return {"Authorization": f"Bearer {token}"}


def test_haproxy_accepts_the_configuration_without_a_warning(tmp_path: Path) -> None:
    here = (Gateway("gateway-1", "127.0.0.1", 8002, 8003),)
    text = haproxy_configuration(Balancing("127.0.0.1:1", "127.0.0.1:2", here, "/tmp/x.sock"))
    file = tmp_path / "haproxy.cfg"
    file.write_text(text)
    program = find_program(HAPROXY.name)
    assert program is not None, "f7t packages --gateways 2 installs it"
    done = subprocess.run(
        [program, "-c", "-f", file], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr


def test_the_containers_have_the_generated_file() -> None:
    kept = ROOT / "firecrest" / "balancer" / "haproxy.cfg"
    fresh = haproxy_configuration(balancer.IN_CONTAINERS)
    assert kept.read_text() == fresh, "python -m f7t_testbuild.balancer > firecrest/balancer/..."


def test_every_header_of_the_contract_keeps_its_capitals() -> None:
    promised = set(contract().document["components"]["headers"])
    assert "X-Machine-Does-Not-Exist" in promised
    assert promised <= set(balancer.header_names())


def test_names_of_headers_pass_as_the_gateway_wrote_them(tmp_path: Path) -> None:
    with balanced(tmp_path, Pretended("a", lambda: OK)) as url:
        host, _, port = url.removeprefix("http://").partition(":")
        with closing(socket.create_connection((host, int(port)))) as client:
            client.sendall(b"GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            said = b"".join(iter(lambda: client.recv(65536), b""))
    names = {line.partition(b":")[0] for line in said.splitlines()[1:] if line}
    assert names >= {b"X-Invalid-Path", b"Content-Length", b"ETag"}
    assert [name for name in names if name.islower()] == []


def test_a_request_that_may_have_arrived_is_sent_again_only_if_it_reads(tmp_path: Path) -> None:
    """The gateway takes the request and breaks off: it may have been carried out."""
    server = Pretended("a", lambda: b"")
    with balanced(tmp_path, server) as url:
        submitted = requests.post(f"{url}/compute/jobs", data={"a": "b"}, timeout=30)
        posts = len(server.heads)
        read = requests.get(f"{url}/tasks", timeout=30)
    assert (submitted.status_code, posts) == (502, 1)
    assert submitted.json() == {"message": "The gateway broke off its answer"}
    assert submitted.headers["Content-Type"] == "application/json"
    assert read.status_code in {502, 503}
    assert len(server.heads) > posts + 1


def test_a_submission_that_nobody_took_goes_to_the_other_gateway(tmp_path: Path) -> None:
    first, second = Pretended("a", lambda: OK), Pretended("b", lambda: OK)
    with balanced(tmp_path, first, second) as url:
        users = [f"user{number}" for number in range(12)]
        for user in users:
            assert requests.post(url, headers=bearer(user, 0), timeout=30).status_code == 200
        assert first.heads
        assert second.heads
        before = len(second.heads)
        first.close()
        for user in users:
            assert requests.post(url, headers=bearer(user, 0), timeout=30).status_code == 200
    assert len(second.heads) == before + len(users)


def test_a_user_stays_with_a_gateway_when_the_token_is_renewed(tmp_path: Path) -> None:
    servers = [Pretended(name, lambda: OK) for name in ("a", "b")]
    with balanced(tmp_path, *servers) as url:
        for user in ("user0", "user1", "user2"):
            before = [len(one.heads) for one in servers]
            for serial in range(6):
                requests.get(url, headers=bearer(user, serial), timeout=30)
            told = [len(one.heads) - count for one, count in zip(servers, before, strict=True)]
            assert sorted(told) == [0, 6], user


def test_a_user_who_is_busier_than_all_others_overflows(tmp_path: Path) -> None:
    """Eight requests at once: one gateway has at most 1.5 times its share of four."""
    answer = threading.Event()

    def patient() -> bytes:
        answer.wait(30)
        return OK

    servers = [Pretended(name, patient) for name in ("a", "b")]
    with balanced(tmp_path, *servers) as url, ThreadPoolExecutor(8) as pool:
        asked = [
            pool.submit(requests.get, url, headers=bearer("user0", 0), timeout=30) for _ in range(8)
        ]
        until(lambda: sum(len(one.heads) for one in servers) == 8 or None, what="all arrived")
        shares = sorted(len(one.heads) for one in servers)
        answer.set()
        assert {one.result().status_code for one in asked} == {200}
    assert shares[1] <= 6


def test_what_a_gateway_is_told_of_the_client(tmp_path: Path) -> None:
    server = Pretended("a", lambda: OK)
    claims = {"X-Forwarded-For": "8.8.8.8", "X-Forwarded-Host": "evil", "X-Request-Id": "bad id"}
    with balanced(tmp_path, server) as url:
        requests.get(url, headers=claims, timeout=30)
        requests.get(url, headers={"X-Request-Id": "mine-1"}, timeout=30)
        lines = logged(tmp_path, 2)
    forged, own = ([line.lower() for line in head.splitlines()] for head in server.heads)
    told = [line for line in forged if line.startswith(b"x-forwarded-for:")]
    assert told == [b"x-forwarded-for: 127.0.0.1"]
    assert b"x-forwarded-proto: http" in forged
    assert f"x-forwarded-host: {url.removeprefix('http://')}".encode() in forged
    (given,) = (line for line in forged if line.startswith(b"x-request-id:"))
    assert b"bad id" not in given
    assert b"x-request-id: mine-1" in own
    assert [line["request_id"] == "mine-1" for line in lines] == [False, True]


def test_every_line_of_the_log_is_json_whatever_was_asked(tmp_path: Path) -> None:
    paths = ['/x"y', "/x\\y", "/été", '/a"}{', "/<b>?secret=1"]
    lines = [*(f"GET {path} HTTP/1.1" for path in paths), "no request at all"]
    with balanced(tmp_path, Pretended("a", lambda: OK)) as url:
        host, _, port = url.removeprefix("http://").partition(":")
        for line in lines:
            with closing(socket.create_connection((host, int(port)))) as client:
                client.sendall(f"{line}\r\nHost: h\r\nConnection: close\r\n\r\n".encode())
                said = b"".join(iter(lambda: client.recv(65536), b""))
        told = logged(tmp_path, len(lines))
    assert said.startswith(b"HTTP/1.1 400 ")
    assert [one["path"] for one in told] == [*(path.partition("?")[0] for path in paths), "-"]
    assert told[-1]["status"] == 400
    assert "secret" not in (tmp_path / "log").read_text()

"""The client's side of the staging area: printed commands are read with care, forms are posted."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from f7t_conformance.api import Api, Pace, Unexpected
from f7t_conformance.redaction import redacted
from f7t_conformance.staging import Printed

POST = "curl -i -s -f --show-error -X POST {url}/b -F 'key=k/a' -F 'policy=e30='"


class Store(BaseHTTPRequestHandler):
    """Takes everything posted to `/b`, refuses all else, and keeps what it was sent."""

    protocol_version = "HTTP/1.1"
    seen: list[tuple[dict[str, str], bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append((dict(self.headers.items()), body))
        self.send_response(204 if self.path == "/b" else 403)
        self.send_header("ETag", '"e"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: what was sent is in `seen`."""


@pytest.fixture
def store() -> Iterator[str]:
    Store.seen = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Store)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def api() -> Iterator[Api]:
    one = Api("http://127.0.0.1:1", None, "cluster", Pace(1000, time.monotonic() + 60))
    yield one
    one.http.close()


@pytest.mark.parametrize(
    ("option", "source"),
    [
        ("-F file=@a", "a"),
        ("-F 'file=@in put'", "in put"),
        ("""-F 'file=@"in \\"put"'""", 'in "put'),
        ("--form file=@/some/where/a", "/some/where/a"),
    ],
)
def test_a_post_of_the_file_is_read(option: str, source: str) -> None:
    read = Printed.read(f"{POST.format(url='http://store')} {option}", source)
    assert read.url == "http://store/b"
    assert read.fields == {"key": "k/a", "policy": "e30="}


@pytest.mark.parametrize(
    "command",
    [
        "wget http://store/b",
        "curl -X POST http://store/b -F file=@a -o /etc/passwd",
        "curl -X POST http://store/b -F file=@/etc/passwd",
        "curl -X POST http://store/b -F file=@a -F other=@/etc/passwd",
        "curl -X POST http://store/b -F file=@a -F 'other=</etc/passwd'",
        "curl -X POST http://store/b -F file=@a; rm -rf x",
        "curl -X POST http://store/b -F file=@a http://other/b",
        "curl -X PUT http://store/b -F file=@a",
        "curl -X POST file:///etc/passwd -F file=@a",
        "curl -K /etc/passwd -X POST http://store/b -F file=@a",
        "curl -X POST http://store/b -F 'file=@a",
        "curl -X POST http://store/b",
        "",
    ],
)
def test_nothing_else_is_ever_run(command: str) -> None:
    with pytest.raises(Unexpected):
        Printed.read(command, "a")


@pytest.mark.parametrize("curl", [True, False])
def test_the_file_arrives_with_and_without_curl(
    api: Api, store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, curl: bool
) -> None:
    (tmp_path / "a").write_bytes(b"the content")
    printed = Printed.read(f"{POST.format(url=store)} -F file=@a", "a")
    if not curl:
        monkeypatch.setenv("PATH", str(tmp_path))
    well, answer = printed.run(api, tmp_path, "a")
    assert well
    assert answer.expect(204).header("ETag") == '"e"'
    ((_, body),) = Store.seen
    assert b"the content" in body
    assert b'name="key"\r\n\r\nk/a' in body


def test_the_last_of_several_answers_counts(api: Api, store: str, tmp_path: Path) -> None:
    """curl asks before it sends much, and is answered 100 first, as the tutorial shows."""
    (tmp_path / "a").write_bytes(bytes(2 * 1024 * 1024))
    _, answer = Printed.read(f"{POST.format(url=store)} -F file=@a", "a").run(api, tmp_path, "a")
    assert answer.expect(204).header("ETag") == '"e"'


def test_a_refusal_is_told(api: Api, store: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    command = f"{POST.format(url=store)} -F file=@a".replace("/b -F", "/other -F")
    well, answer = Printed.read(command, "a").run(api, tmp_path, "a")
    assert (well, answer.status) == (False, 403)


def test_what_goes_elsewhere_has_no_token_and_shows_no_signature(api: Api, store: str) -> None:
    form = {"policy": "eyJzZWNyZXQi", "x-amz-signature": "0123abc", "key": "k"}
    files = {"file": ("a", b"x")}
    api.outside("POST", f"{store}/b", form=form, files=files).expect(204)
    ((headers, _),) = Store.seen
    assert not {"Authorization", "X-Machine-Name"} & headers.keys()
    (exchange,) = api.exchanges
    assert exchange.status == 204
    for secret in ("eyJzZWNyZXQi", "0123abc"):
        assert secret not in exchange.request_body
        assert secret not in exchange.curl


def test_fields_of_a_form_are_redacted_in_place() -> None:
    text = 'Content-Disposition: form-data; name="policy"\r\n\r\nabc\r\n--x'
    assert redacted(text) == text.replace("abc", "[redacted]")

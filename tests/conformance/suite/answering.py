"""A small real HTTP server that answers what it is told, for tests of the suite itself."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Said = tuple[int, dict[str, str], bytes]


def said(body: Any, status: int = 200, **headers: str) -> Said:
    """An answer; what is no bytes is sent as JSON."""
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return status, {name.replace("_", "-"): one for name, one in headers.items()}, sent


@dataclass
class Answering:
    """Answers by path, or by path and query; everything else is a 404.

    Attributes:
        url: where it listens.
        asked: method, path with query, and form of every request.
    """

    answers: dict[str, Said]
    url: str = ""
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    def answer(self, method: str, path: str, body: bytes) -> Said:
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        self.asked.append((method, path, form))
        plain = urlsplit(path).path
        return self.answers.get(path) or self.answers.get(plain) or said({}, 404)


@contextmanager
def answering(answers: dict[str, Said]) -> Iterator[Answering]:
    """Runs one on a free port of the loopback address."""
    one = Answering(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, headers, sent = one.answer(self.command, self.path, body)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        do_POST = do_GET  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        one.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield one
        finally:
            server.shutdown()
            thread.join()

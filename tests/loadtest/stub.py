"""A server that answers everything as slowly or as badly as a test wants: no real one does that."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

GOOD = {"out": [{"system": "cluster"}], "output": [], "task_id": "0" * 32, "tasks": {}}
Behaviour = Callable[[str], tuple[int, object]]
"""Status and body for a path; may take its time."""


def good(_: str) -> tuple[int, object]:
    """Everything succeeds at once."""
    return 200, GOOD


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    behaviour: Behaviour

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is printed."""

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, body = type(self).behaviour(self.path)
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that go away are no error here."""


@contextmanager
def serving(behaviour: Behaviour = good) -> Iterator[str]:
    """The URL of such a server."""
    handler = type("Handler", (_Handler,), {"behaviour": staticmethod(behaviour)})
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

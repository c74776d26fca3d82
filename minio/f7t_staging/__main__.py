"""`python -m f7t_staging`: the embedded staging store as a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import socket
import sys
import time
from pathlib import Path

import uvicorn

from f7t_staging.app import StagingApp
from f7t_staging.sigv4 import Credentials

_GRACE_SECONDS = 5
_LOOPBACK = "127.0.0.1"
_KEEP_ALIVE_SECONDS = 30
_MIN_SECRET = 8


class _JsonLines(logging.Formatter):
    """One JSON object per record; `extra={"fields": {...}}` becomes members of it."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, object] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        fields = getattr(record, "fields", None)
        if isinstance(fields, dict):
            entry |= fields
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry)


def main() -> int:
    """Serve until SIGTERM or SIGINT; the exit status is 0 then, 2 for wrong usage."""
    arguments = _parse_arguments()
    credentials = Credentials(
        _required_environment("F7T_STAGING_ACCESS_KEY"),
        _required_environment("F7T_STAGING_SECRET_KEY"),
        arguments.region,
    )
    if len(credentials.secret_key) < _MIN_SECRET:
        return _usage(f"F7T_STAGING_SECRET_KEY must have at least {_MIN_SECRET} characters")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    # What users stage is nobody else's business on a shared machine.
    os.umask(0o077)
    try:
        sockets = _listeners(arguments.fd, arguments.host or _LOOPBACK, arguments.port)
    except OSError as error:
        return _usage(f"cannot listen: {error}")
    app = StagingApp(arguments.data, credentials, arguments.sweep_seconds)
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="on",
        log_config=None,
        # The access log of the server would print whole queries, signatures included.
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    # The server raises the signal that stopped it once more when it is done; a handler of our own
    # makes that a normal exit instead of a death by signal.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: None)
    for listener in sockets:
        logging.info("listening on %s:%s", *listener.getsockname()[:2])
    asyncio.run(uvicorn.Server(config).serve(sockets=sockets))
    return 0


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="f7t_staging", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the store's state")
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument(
        "--sweep-seconds", type=float, default=60, help="pause between two lifecycle sweeps"
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument(
        "--fd", type=int, action="append", help="inherited listening socket (may be repeated)"
    )
    where.add_argument("--port", type=int, help="port to listen on; 0 takes a free one")
    parser.add_argument("--host", help="address to listen on, with --port (127.0.0.1)")
    arguments = parser.parse_args()
    if arguments.host is not None and arguments.fd is not None:
        parser.error("argument --host: not allowed with argument --fd")
    return arguments


def _required_environment(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise SystemExit(_usage(f"{name} must be set"))
    return value


def _usage(message: str) -> int:
    sys.stderr.write(f"f7t_staging: {message}\n")
    return 2


def _listeners(descriptors: list[int] | None, host: str, port: int | None) -> list[socket.socket]:
    """The sockets to serve; raises OSError for a busy port or what is no listening socket."""
    if descriptors is None:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
        listeners = [listener]
    else:
        listeners = [socket.socket(fileno=descriptor) for descriptor in descriptors]
    for listener in listeners:
        if not listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            raise OSError(f"file descriptor {listener.fileno()} is not a listening socket")
        listener.setblocking(False)
        # Answers leave in two writes; connections inherit this, so the second one never waits.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listeners


if __name__ == "__main__":
    raise SystemExit(main())

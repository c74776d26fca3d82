"""`python -m f7t`: serve the gateway."""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib
import logging
import os
import socket
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from f7t.listening import listening_socket
from f7t.log import configure_logging
from f7t.prefork import Prefork
from f7t.settings import Settings, read_settings
from f7t.sources import read_or_exit
from f7t.upstream_names import unused_names

_log = logging.getLogger("f7t")
_YOUNG = 10_000
"""Objects more than before after which the collector looks for cycles among them. Serving a request
makes some hundred, hardly any of them in cycles."""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m f7t", description="Serve FirecREST.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=8000, help="public port (%(default)s)")
    parser.add_argument("--fd", type=int, help="inherited listening socket, instead of host:port")
    parser.add_argument("--workers", type=int, default=1, help="processes (%(default)s)")
    return parser.parse_args()


def _listening_socket(arguments: argparse.Namespace) -> socket.socket:
    """The public socket. An inherited one keeps its real address family: uvicorn's own `fd` takes
    every socket for a unix one, and asyncio then leaves Nagle's algorithm on."""
    if arguments.fd is not None:
        return socket.socket(fileno=arguments.fd)
    listener = listening_socket(arguments.host, arguments.port)
    listener.set_inheritable(True)
    return listener


def _serve(app: ASGIApp, settings: Settings, listener: socket.socket) -> None:
    """One worker."""
    from f7t.http.wire import serving

    config = serving(
        app,
        log_level=settings.log_level,
        date_header=False,
        timeout_graceful_shutdown=5,
        timeout_keep_alive=30,
        backlog=2048,
    )
    uvicorn.Server(config).run(sockets=[listener])


@contextlib.contextmanager
def metrics_directory(configured: Path | None) -> Iterator[Path]:
    """A directory for the metrics of all workers; what a killed predecessor left is gone."""
    if configured is None:
        with tempfile.TemporaryDirectory(prefix="f7t-metrics-") as directory:
            yield Path(directory)
        return
    configured.mkdir(parents=True, exist_ok=True)
    for old in configured.glob("*_*.db"):
        if not _lives(old.stem.rpartition("_")[2]):
            old.unlink(missing_ok=True)
    yield configured


def _lives(pid: str) -> bool:
    """Whether there is such a process: its metrics are another gateway's with this directory."""
    return pid.isdecimal() and Path("/proc", pid).exists()


def _assembled(settings: Settings) -> ASGIApp:
    """The application, once for all workers: it connects to nothing before a worker runs it.

    Nothing of it is garbage: the collector neither looks through it while it grows nor, later,
    makes each worker its own copy of it.
    """
    gc.disable()
    app: ASGIApp = importlib.import_module("f7t.app").create_app(settings)
    gc.freeze()
    gc.enable()
    gc.set_threshold(_YOUNG)
    return app


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    arguments = _arguments()
    settings = read_or_exit(read_settings, "file named by F7T_CONFIG, variables F7T_…")
    configure_logging(settings.log_level)
    unused = unused_names(os.environ)
    if unused:
        _log.warning("variables not used", extra={"fields": {"variables": unused}})
    listener = _listening_socket(arguments)
    with metrics_directory(settings.metrics_directory) as metrics:
        # Read by prometheus_client when it is first imported: hence f7t.app comes after this.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(metrics)
        app = _assembled(settings)
        from f7t.http.metrics import forget_worker

        serve = partial(_serve, app, settings, listener)
        Prefork(serve, arguments.workers, ended=forget_worker).run()


if __name__ == "__main__":
    main()

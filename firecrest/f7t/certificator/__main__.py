"""`python -m f7t.certificator`: serve certificates."""

from __future__ import annotations

import argparse
import logging
import signal
import sys

import uvicorn

from f7t.certificator.service import CertificatorApp
from f7t.certificator.settings import CertificatorSettings
from f7t.delegation import AccessPolicy, CertificateAuthority, UnsafeKeyFile
from f7t.listening import listening_socket
from f7t.log import configure_logging
from f7t.sources import read_or_exit

_SOURCES = "file named by F7T_CERTIFICATOR_CONFIG, variables F7T_CERTIFICATOR_…"
_GRACE_SECONDS = 3
_KEEP_ALIVE_SECONDS = 75
"""Longer than the gateways keep a connection, so that they never write to a closing one."""

_log = logging.getLogger("f7t.certificator")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m f7t.certificator", description="Serve certificates to gateways."
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=5010, help="port; 0: any (%(default)s)")
    return parser.parse_args()


def _authority(settings: CertificatorSettings) -> CertificateAuthority:
    policy = AccessPolicy(denied=settings.denied_users, allowed=settings.allowed_users)
    try:
        return CertificateAuthority.from_file(settings.ca_key, policy)
    except (UnsafeKeyFile, OSError) as error:
        sys.exit(f"The authority's key cannot be used: {error}")


def main() -> None:
    """Serve until SIGTERM or SIGINT; the exit status is 0 then, 1 for what cannot start."""
    arguments = _arguments()
    settings = read_or_exit(CertificatorSettings, _SOURCES)
    configure_logging(settings.log_level)
    app = CertificatorApp(_authority(settings), settings.secret)
    listener = listening_socket(arguments.host, arguments.port)
    config = uvicorn.Config(
        app,
        http="h11",
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
    )
    # The server raises the signal that stopped it once more when it is done; a handler of our own
    # makes that a normal exit instead of a death by signal.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: None)
    host, port = listener.getsockname()[:2]
    _log.info("certificator starts", extra={"fields": {"host": host, "port": port}})
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()

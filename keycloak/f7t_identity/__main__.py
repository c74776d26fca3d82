"""Command line: ``python -m f7t_identity`` serves, ``python -m f7t_identity rotate`` adds a key."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import socket
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

from f7t_identity.errors import StartError
from f7t_identity.logs import configure_logs

_log = logging.getLogger("f7t_identity")
_GRACE_SECONDS = 5
_LOOPBACK = "127.0.0.1"


def main(arguments: list[str]) -> int:
    """Run the command line and return the exit status: 0, 1 (cannot start) or 2 (usage)."""
    configure_logs()
    try:
        if arguments[:1] == ["rotate"]:
            return _rotate(arguments[1:])
        return _serve(arguments)
    except StartError as error:
        _log.error("%s", error)
        return 1


def _rotate(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="f7t_identity rotate", description=_rotate.__doc__)
    parser.add_argument("--state", type=Path, required=True, help="state directory of the issuer")
    parser.add_argument(
        "--keep", type=_positive, help="publish only this many of the newest keys; default: all"
    )
    options = parser.parse_args(arguments)
    from f7t_identity.keys import rotate

    print(rotate(options.state, options.keep))
    return 0


_rotate.__doc__ = "Add a signing key; a running issuer uses it from its next token on."


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError(text)
    return value


def _serve(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="f7t_identity", description=__doc__)
    parser.add_argument("--realm", type=Path, required=True, help="realm file, Keycloak's format")
    parser.add_argument("--state", type=Path, required=True, help="directory for the keys")
    parser.add_argument(
        "--public-url", required=True, help="address in front of /realms, fixed part of `iss`"
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--fd", type=int, help="inherited listening socket")
    where.add_argument("--port", type=int, help="port to listen on")
    parser.add_argument("--host", help="address to listen on, with --port (127.0.0.1)")
    options = parser.parse_args(arguments)
    if options.host is not None and options.fd is not None:
        parser.error("argument --host: not allowed with argument --fd")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)

    from f7t_identity.realmfile import load_realm

    realm = load_realm(options.realm, os.environ)

    import uvicorn

    from f7t_identity.app import create_app
    from f7t_identity.keys import KeyRing

    keys = KeyRing(options.state)
    app = create_app(realm, keys, options.public_url.rstrip("/"))
    listener = _listener(options.fd, options.host or _LOOPBACK, options.port)
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    extra = {"port": listener.getsockname()[1], "kid": keys.current.kid}
    _log.info("issuer of realm %s starts", realm.name, extra=extra)
    uvicorn.Server(config).run(sockets=[listener])
    return 0


def _listener(descriptor: int | None, host: str, port: int) -> socket.socket:
    try:
        if descriptor is None:
            descriptor = socket.create_server((host, port), backlog=256).detach()
        # Opened by number, a socket knows that its protocol is TCP. asyncio asks for that before it
        # sets TCP_NODELAY; without it every answer waits 40 ms for a delayed acknowledgement.
        return socket.socket(fileno=descriptor)
    except (OSError, OverflowError) as error:
        raise StartError(f"cannot listen: {error}") from error


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    # The server puts its own handler in place while it runs and calls this one when it is done.
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Serve one mutant: `python -m tests.conformance.mutants.server NAME --fd N`.

Its settings come from `F7T_CONFIG`, as those of the gateway that it is made of.
"""

from __future__ import annotations

import argparse
import socket

import uvicorn

from f7t.app import create_app
from f7t.log import configure_logging
from f7t.settings import read_settings
from tests.conformance.mutants.registry import CONTROL, MUTANTS


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=[CONTROL.name, *MUTANTS])
    parser.add_argument("--fd", type=int, required=True, help="inherited listening socket")
    arguments = parser.parse_args()
    settings = read_settings()
    configure_logging(settings.log_level)
    mutant = {CONTROL.name: CONTROL, **MUTANTS}[arguments.name]
    config = uvicorn.Config(
        mutant.apply(create_app(settings)),
        http="h11",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=2,
    )
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=arguments.fd)])


if __name__ == "__main__":
    main()

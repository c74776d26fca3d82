"""Processes of servers and of the suite, forked from one that has imported everything.

Importing both anew would cost more time for every mutant than finding it out.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

import uvicorn

from f7t.app import create_app
from f7t.http.wire import serving
from f7t.log import configure_logging
from f7t.settings import read_settings
from f7t_conformance.catalogue import catalogue
from f7t_conformance.cli import conformance
from f7t_conformance.contract import document
from tests.conformance.mutants.registry import CONTROL, MUTANTS

_METHOD = multiprocessing.get_context("forkserver")
_METHOD.set_forkserver_preload(["__main__", __name__, "f7t_conformance.running"])
# Read once, before anything is forked.
document()
catalogue()


def server(name: str, listener: socket.socket, config: Path, log: Path) -> BaseProcess:
    """A started process that serves the mutant `name` with the settings of the file `config`."""
    process = _METHOD.Process(target=_serve, args=(name, listener, str(config), str(log)))
    process.start()
    return process


def suite(arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> BaseProcess:
    """A started process of the suite's command; its exit status is the command's."""
    process = _METHOD.Process(target=_judge, args=(tuple(arguments), dict(environment), str(log)))
    process.start()
    return process


def _serve(name: str, listener: socket.socket, config: str, log: str) -> None:
    _write_to(log)
    os.environ["F7T_CONFIG"] = config
    settings = read_settings()
    configure_logging(settings.log_level)
    mutant = {CONTROL.name: CONTROL, **MUTANTS}[name]
    served = serving(
        mutant.apply(create_app(settings)), date_header=False, timeout_graceful_shutdown=2
    )
    uvicorn.Server(served).run(sockets=[listener])


def _judge(arguments: tuple[str, ...], environment: dict[str, str], log: str) -> None:
    _write_to(log)
    os.environ.update(environment)
    conformance.main(list(arguments), prog_name="f7t conformance")


def _write_to(log: str) -> None:
    """Send what this process says to a file, also what C code says."""
    sys.stdout.flush()
    sys.stderr.flush()
    with Path(log).open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)

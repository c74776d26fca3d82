"""Bare access to the native runtime, for work on it: `python -m f7t_testbuild.native up`."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from f7t_testbuild.model import (
    DEFAULT_NAME,
    DEFAULT_PORT_BASE,
    Identity,
    Store,
    Testbuild,
    default_state_root,
)
from f7t_testbuild.native.parts import ALL_PARTS
from f7t_testbuild.native.runtime import NativeRuntime
from f7t_testbuild.runtime import RuntimeFailure


def main() -> int:
    """Carry out one command; 1 when it failed."""
    parser = argparse.ArgumentParser(prog="python -m f7t_testbuild.native")
    parser.add_argument("command", choices=["up", "down", "status", "reset"])
    parser.add_argument("--name", default=DEFAULT_NAME)
    parser.add_argument("--port-base", type=int, default=DEFAULT_PORT_BASE)
    parser.add_argument("--state-root", type=Path, default=default_state_root())
    parser.add_argument("--nodes", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--way")
    parser.add_argument("--parts", default=",".join(sorted(ALL_PARTS)), help="comma separated")
    parser.add_argument("--identity", default=Identity.EMBEDDED, choices=list(Identity))
    parser.add_argument("--store", default=Store.EMBEDDED, choices=list(Store))
    parser.add_argument("--purge", action="store_true")
    arguments = parser.parse_args()
    runtime = NativeRuntime(
        Testbuild(arguments.name, arguments.port_base, arguments.state_root.resolve()),
        nodes=arguments.nodes,
        workers=arguments.workers,
        way=arguments.way,
        parts=frozenset(arguments.parts.split(",")),
        identity=arguments.identity,
        store=arguments.store,
    )
    began = time.monotonic()

    def progress(text: str) -> None:
        print(f"[{time.monotonic() - began:6.2f} s] {text}", flush=True)

    try:
        _carry_out(runtime, arguments, progress)
    except RuntimeFailure as failure:
        print(f"error: {failure.message}\nhint: {failure.hint}", *failure.log_tail, sep="\n")
        return 1
    progress("done")
    return 0


def _carry_out(runtime: NativeRuntime, arguments: argparse.Namespace, progress: object) -> None:
    assert callable(progress)
    match arguments.command:
        case "up":
            progress("started" if runtime.up(progress) else "was up already")
        case "down":
            done = runtime.down(progress, purge=arguments.purge)
            progress("stopped" if done else "nothing was running")
        case "reset":
            runtime.reset(progress)
        case "status":
            for part in runtime.status().parts:
                print(f"{part.name:18}{part.state:12}{part.address:32}{part.version} {part.detail}")


if __name__ == "__main__":
    sys.exit(main())

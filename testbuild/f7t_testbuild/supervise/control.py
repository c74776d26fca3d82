"""The control socket of a supervisor: one JSON object per line, both ways.

Requests: `{"command": "status"}`, `{"command": "stop"}`, `{"command": "restart", "part": ...}` and
what else the owner offers. Answers: `{"ok": true, ...}` or `{"ok": false, "error": "..."}`.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

Handler = Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]]
LONGEST_PATH = 107
"""Bytes of a unix socket path (sun_path of unix(7), less the final zero)."""


class ControlFailure(Exception):
    """The supervisor refused a request or could not carry it out."""


class NotRunning(ControlFailure):
    """Nobody listens on the control socket."""


async def serve(path: Path, handlers: Mapping[str, Handler]) -> asyncio.Server:
    """Listen on `path` (mode 0600) and answer requests by their `command`."""
    path.unlink(missing_ok=True)  # noqa: ASYNC240 - a local file

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                answer = await _answer(line, handlers)
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        except ConnectionError:
            return
        finally:
            writer.close()

    previous = os.umask(0o177)
    try:
        return await asyncio.start_unix_server(talk, path)
    finally:
        os.umask(previous)


async def _answer(line: bytes, handlers: Mapping[str, Handler]) -> dict[str, Any]:
    try:
        request = json.loads(line)
        handler = handlers[request["command"]]
    except (ValueError, KeyError, TypeError) as error:
        return {"ok": False, "error": f"bad request: {error!r}"}
    try:
        return {"ok": True, **await handler(request)}
    except (ControlFailure, OSError, KeyError) as error:
        return {"ok": False, "error": f"{error}"}


def ask(path: Path, command: str, *, timeout: float = 10.0, **values: str) -> dict[str, Any]:
    """Send one request and return the answer without its `ok`.

    Raises `NotRunning` if nobody listens or the supervisor ends meanwhile, `ControlFailure` if it
    refuses, `TimeoutError` after `timeout` seconds.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout)
        try:
            connection.connect(str(path))
            connection.sendall(json.dumps({"command": command, **values}).encode() + b"\n")
            with connection.makefile("rb") as lines:
                line = lines.readline()
        except TimeoutError:
            raise
        except OSError as error:
            raise NotRunning(f"no supervisor answers on {path}: {error.strerror}") from error
    if not line:
        raise NotRunning(f"the supervisor on {path} ended before it answered")
    answer: dict[str, Any] = json.loads(line)
    if not answer.pop("ok"):
        raise ControlFailure(answer["error"])
    return answer

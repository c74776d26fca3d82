"""Readiness checks: conditions that are tried in short steps, never waiting times."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from f7t_testbuild.supervise.part import Check, CheckKind
from f7t_testbuild.supervise.process import Children, SpawnFailure
from f7t_testbuild.supervise.program import run

STEP = 0.008
"""Seconds between two tries of a cheap check."""
COMMAND_STEP = 0.04
"""Seconds between two tries that start a program or ask a web server."""
TRY_TIMEOUT = 5.0
"""Seconds after which one try counts as failed."""


async def wait_until_ready(
    check: Check, children: Children, environment: Mapping[str, str]
) -> None:
    """Return when the check succeeds; the caller bounds the time."""
    attempt, step = _attempts(check, children, environment)
    while not await attempt():  # noqa: ASYNC110 - another process changes the condition
        await asyncio.sleep(step)


def _attempts(
    check: Check, children: Children, environment: Mapping[str, str]
) -> tuple[Callable[[], Awaitable[bool]], float]:
    match check.kind:
        case CheckKind.TCP:
            host, _, port = check.address.rpartition(":")
            return lambda: _connects(asyncio.open_connection(host, int(port))), STEP
        case CheckKind.UNIX:
            return lambda: _connects(asyncio.open_unix_connection(check.address)), STEP
        case CheckKind.HTTP:
            return lambda: _all_answer(check.address.split()), COMMAND_STEP
        case CheckKind.COMMAND:
            return lambda: _prints(check, children, environment), COMMAND_STEP
        case CheckKind.FILE:
            return lambda: _exists(check.address), STEP
        case CheckKind.STARTED | CheckKind.NOTIFY:
            return _at_once, STEP


async def _at_once() -> bool:
    return True


async def _exists(path: str) -> bool:
    return Path(path).exists()  # noqa: ASYNC240 - a stat of a local file


async def _connects(
    opening: Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]],
) -> bool:
    try:
        _, writer = await asyncio.wait_for(opening, TRY_TIMEOUT)
    except (OSError, TimeoutError):
        return False
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return True


async def _all_answer(urls: Sequence[str]) -> bool:
    for url in urls:
        if not await _answers(url):
            return False
    return True


async def _answers(url: str) -> bool:
    parts = urlsplit(url)
    request = (
        f"GET {parts.path or '/'} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n"
    )
    try:
        async with asyncio.timeout(TRY_TIMEOUT):
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
            try:
                writer.write(request.encode())
                status = await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
    return status.split()[1:2] == [b"200"]


async def _prints(check: Check, children: Children, environment: Mapping[str, str]) -> bool:
    try:
        outcome = await run(children, check.argv, environment, timeout=TRY_TIMEOUT)
    except (SpawnFailure, TimeoutError):
        return False
    return outcome.code == 0 and re.search(check.expect, outcome.output, re.MULTILINE) is not None

"""Running a program in a container."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docker.models.containers import Container


def executed(
    container: Container, argv: Sequence[str], *, stderr: bool = False
) -> tuple[int, bytes]:
    """Exit code and output of a program, which is waited for."""
    result = container.exec_run(list(argv), stderr=stderr)
    assert isinstance(result.output, bytes)
    return int(result.exit_code or 0), result.output

"""The headers that give the reason of a failure (§5)."""

from __future__ import annotations

from f7t_conformance.api import Answer, Unexpected

SINGULAR = "X-Machine-Does-Not-Exist"
PLURAL = "X-Machine-Does-Not-Exists"
REASONS = frozenset(
    {
        SINGULAR,
        PLURAL,
        "X-Machine-Not-Available",
        "X-Permission-Denied",
        "X-Invalid-Path",
        "X-Not-Found",
        "X-Not-A-Directory",
        "X-A-Directory",
        "X-Exists",
        "X-Size-Limit",
        "X-Timeout",
        "X-Invalid-Mode",
        "X-Invalid-Group",
        "X-Invalid-Owner",
        "X-Error",
        "X-Sbatch-Error",
    }
)
_LOWERED = frozenset(name.lower() for name in REASONS)


def reasons(answer: Answer) -> list[str]:
    """Names of the reason headers of this answer, as they came, in any capitalisation."""
    return [name for name, _ in answer.headers if name.lower() in _LOWERED]


def without_reason(answer: Answer) -> Answer:
    """This answer; raises `Unexpected` if it has a reason header."""
    if reasons(answer):
        raise Unexpected("no reason header", f"{reasons(answer)} {answer.excerpt}")
    return answer

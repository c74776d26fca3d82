"""docs/fidelity.md, made of accepted.yaml and of prose: ``python -m tests.fidelity.page``."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from tests.fidelity.comparison import ABSENT, Accepted, Sighting, load_accepted

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "fidelity.md"
PROSE = Path(__file__).with_name("prose")
_PARTS = {"identity": "Keycloak", "store": "MinIO"}
_LONGEST = 90


def render() -> str:
    """The whole page."""
    blocks = [_prose("introduction")]
    for part, real in _PARTS.items():
        blocks.append(_prose(part))
        blocks += [_entry(entry, real) for entry in load_accepted(part)]
    return "\n".join([*blocks, _prose("runtimes")])


def _prose(name: str) -> str:
    return (PROSE / f"{name}.md").read_text()


def _entry(entry: Accepted, real: str) -> str:
    lines = [f"### {entry.what}", "", entry.why, ""]
    lines += [f"| where | embedded | {real} |", "|---|---|---|"]
    pairs = groupby(entry.seen, key=lambda seen: (seen.embedded, seen.real))
    for (embedded, theirs), group in pairs:
        lines.append(f"| {_places(list(group))} | {_value(embedded)} | {_value(theirs)} |")
    return "\n".join([*lines, ""])


def _places(seen: list[Sighting]) -> str:
    shown = [_code(one.at.removesuffix(" · ")) for one in seen[:4]]
    return ", ".join(shown) + (f" and {len(seen) - 4} more" if len(seen) > 4 else "")


def _value(text: str) -> str:
    if text == ABSENT:
        return "–"
    return _code(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")


def _code(text: str) -> str:
    return "`" + text.replace("|", "\\|").replace("`", "'") + "`"


if __name__ == "__main__":
    PAGE.write_text(render())

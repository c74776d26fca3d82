"""docs/settings.md, made of the settings: ``python -m tests.docs.settings_page``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from f7t.certificator.settings import CertificatorSettings
from f7t.settings import Settings, Unit
from f7t.upstream_table import NAMES, Name
from tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "settings.md"
PROSE = Path(__file__).with_name("prose")


@dataclass(frozen=True)
class Group:
    """Settings that stand together: the dotted name of their group, what it is, its fields."""

    name: str
    what: str
    fields: dict[str, FieldInfo]
    prefix: str
    """Of their variables; empty where they have none of their own."""


def groups(tree: type[BaseModel], name: str, what: str, prefix: str) -> Iterator[Group]:
    """The tree's own settings, then those of every group below it."""
    own = {key: field for key, field in tree.model_fields.items() if _below(field) is None}
    if own:
        yield Group(name, what, own, prefix)
    for key, field in tree.model_fields.items():
        below = _below(field)
        if below is None:
            continue
        is_list = below is not field.annotation
        inner = f"{name}.{key}".lstrip(".") + ("[]" if is_list else "")
        yield from groups(
            below,
            inner,
            field.description or "",
            "" if is_list or not prefix else f"{prefix}{key.upper()}__",
        )


def _below(field: FieldInfo) -> type[BaseModel] | None:
    """The model that a field holds, or a list of."""
    for shape in (field.annotation, *get_args(field.annotation)):
        if isinstance(shape, type) and issubclass(shape, BaseModel):
            return shape
    return None


def all_groups() -> list[Group]:
    """Of both processes; the certificator's come last."""
    return [
        *groups(Settings, "", "The gateway", "F7T_"),
        *groups(CertificatorSettings, "certificator", "The certificator", "F7T_CERTIFICATOR_"),
    ]


def render() -> str:
    """The whole page."""
    blocks = [_prose("settings")]
    blocks += [_section(group) for group in all_groups()]
    blocks += [_prose("behaviour"), _prose("upstream") + _upstream()]
    return "\n".join(blocks)


def _prose(name: str) -> str:
    return (PROSE / f"{name}.md").read_text()


def _section(group: Group) -> str:
    inside = group.name if group.name != "certificator" else ""
    title = f"## `{inside}`" if inside else f"## {group.what}"
    lines = [title, ""]
    if inside:
        lines += [group.what, ""]
    if group.name == "certificator":
        lines += ["Its file is named by `F7T_CERTIFICATOR_CONFIG`.", ""]
    lines += ["| setting | variable | default | unit | meaning |", "|---|---|---|---|---|"]
    for key, field in group.fields.items():
        variable = f"`{group.prefix}{key.upper()}`" if group.prefix else "–"
        cells = (f"`{key}`", variable, _default(field), _unit(field), field.description or "")
        lines.append(_row(*cells))
    return "\n".join([*lines, ""])


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value: Any = field.default
    if value is None or (not value and not isinstance(value, int | float)):
        return "–"
    if isinstance(value, tuple):
        return ", ".join(f"`{one}`" for one in value)
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _unit(field: FieldInfo) -> str:
    return next((one.name for one in field.metadata if isinstance(one, Unit)), "")


def _upstream() -> str:
    used = [name for name in NAMES if name.setting]
    unused = [name for name in NAMES if not name.setting]
    lines = ["| variable | setting | remark |", "|---|---|---|"]
    lines += [_row(_variables(name), f"`{name.setting}`", name.why) for name in used]
    lines += ["", "Accepted, and of no effect:", "", "| variable | why |", "|---|---|"]
    for why, rows in groupby(unused, key=lambda name: name.why):
        lines.append(_row(", ".join(map(_variables, rows)), why))
    return "\n".join([*lines, ""])


def _variables(name: Name) -> str:
    older = f" (older: {', '.join(f'`{one}`' for one in name.older)})" if name.older else ""
    return f"`{name.variable}`{older}"


if __name__ == "__main__":
    PAGE.write_text(render())

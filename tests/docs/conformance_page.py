"""docs/conformance.md, made of prose and the suite: ``python -m tests.docs.conformance_page``."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from f7t_conformance import cli
from f7t_conformance.capabilities import LOCAL_NEEDS
from f7t_conformance.catalogue import AREAS, catalogue
from f7t_conformance.configuration import Budget, Settings
from f7t_conformance.model import (
    LADDER,
    Capabilities,
    Exchange,
    Finding,
    Level,
    Need,
    Results,
    Summary,
)
from f7t_conformance.waivers import shipped
from f7t_testbuild import pytest_plugin
from tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "conformance.md"
PROSE = ROOT / "tests" / "docs" / "prose" / "conformance.md"

CONTENT: Mapping[str, str] = {
    "probe": "reads only, safe on production",
    "core": "and file operations in the run's own directory, error answers",
    "jobs": "and jobs",
    "transfer": "and transfers through the staging area",
    "full": "and what is slow, special, or needs a second user",
}
NEEDED: Mapping[Need, str] = {
    Need.SCHEDULER: "`WORKLOAD_MANAGER` of `/status/parameters` is Slurm",
    Need.OBJECT_STORE: "`OBJECT_STORAGE` of `/status/parameters` is set",
    Need.SECOND_USER: "the setting `second`",
    Need.WRITABLE_DIRECTORY: "the setting `directory`, else the caller's home",
    Need.RESERVATIONS: "`GET /reservations` answers 200",
    Need.RESERVATION_RIGHT: "the settings `account` and `node_type`",
    Need.RATE_LIMIT: "answers carry `RateLimit-Limit`",
    Need.EXPIRED_TOKEN: "the setting `expired_token`",
}
MEANING: Mapping[int, str] = {
    0: "every MUST was kept, waived or skipped",
    1: "at least one was not kept",
    2: "a mistake in the call or the settings; nothing was asked",
    3: "at least one could not be judged, or the target is no FirecREST",
    4: "the budget did not suffice; what was checked was kept",
    130: "interrupted; what was made is removed",
}


def render() -> str:
    """The whole page."""
    made = {name: make() for name, make in PARTS.items()}
    return re.sub(r"\{\{(\w+)\}\}", lambda found: made[found[1]], PROSE.read_text())


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    cells = (" | ".join(one.replace("|", "\\|") for one in row) for row in lines)
    return "\n".join(f"| {line} |" for line in cells)


def _profiles() -> Iterator[tuple[str, ...]]:
    for one in LADDER:
        mine = [it for it in catalogue().values() if it.belongs_to(one)]
        destructive = sum(it.destructive for it in mine)
        yield f"`{one}`", CONTENT[one], str(len(mine)), str(destructive)


def _areas() -> Iterator[tuple[str, ...]]:
    for area, title in AREAS.items():
        mine = [one for one in catalogue().values() if one.area == area]
        counts = (str(sum(one.level is level for one in mine)) for level in Level)
        yield f"`{area}`", title, *counts


def _needs() -> Iterator[tuple[str, ...]]:
    for need in Need:
        count = sum(need in one.needs for one in catalogue().values())
        yield f"`{need}`", NEEDED[need], "run" if need in LOCAL_NEEDS else "server", str(count)


def settings(tree: type[BaseModel] = Settings, prefix: str = "") -> Iterator[tuple[str, ...]]:
    """Variable without its beginning, default, meaning."""
    for name, field in tree.model_fields.items():
        below = field.annotation
        if isinstance(below, type) and issubclass(below, BaseModel):
            if name != "second":
                yield from settings(below, f"{prefix}{name.upper()}__")
            else:
                yield f"`{name.upper()}__…`", "–", f"{field.description} As `IDENTITY__…`."
            continue
        default = f"`{field.default:g}`" if isinstance(field.default, float | int) else "–"
        yield f"`{prefix}{name.upper()}`", default, field.description or ""


def exits() -> dict[int, str]:
    """Every exit status of a run, with its meaning."""
    codes = {*cli.EXIT.values(), 2, cli.OUT_OF_BUDGET, cli.INTERRUPTED}
    return {code: MEANING[code] for code in sorted(codes)}


def _plugin() -> Iterator[tuple[str, ...]]:
    parser = pytest.Parser(_ispytest=True)
    pytest_plugin.pytest_addoption(parser)
    for option in parser.getgroup("f7t").options:
        yield f"`{option.names()[0]}`", str(option.attrs()["help"])


def _results() -> str:
    blocks = []
    for model in (Results, Summary, Capabilities, Finding, Exchange):
        table = _table(("key", "type", "meaning"), _fields(model))
        lines = (inspect.getdoc(model) or "").splitlines()
        blocks.append(f"### {model.__name__}\n\n{lines[0]}\n\n{table}")
    return "\n\n".join(blocks)


def _fields(model: type[BaseModel]) -> Iterator[tuple[str, ...]]:
    told = _attributes(model)
    computed = {name: one.return_type for name, one in model.model_computed_fields.items()}
    kinds = {name: one.annotation for name, one in model.model_fields.items()} | computed
    for name, kind in kinds.items():
        yield f"`{name}`", f"`{_kind(kind)}`", told.get(name, "")


def _kind(kind: Any) -> str:
    inner = get_args(kind)
    if isinstance(kind, type) and not inner:
        return kind.__name__
    return re.sub(r"\b(?:typing|f7t_conformance\.model)\.", "", str(kind))


def _attributes(model: type[BaseModel]) -> dict[str, str]:
    """What the docstring says of the fields; continued lines are deeper."""
    told: dict[str, str] = {}
    names: list[str] = []
    for line in (inspect.getdoc(model) or "").partition("Attributes:\n")[2].splitlines():
        found = re.fullmatch(r" {4}([\w, ]+): (.*)", line)
        if found:
            names = [one.strip() for one in found[1].split(",")]
            told |= dict.fromkeys(names, found[2])
        elif names:
            told |= {name: f"{told[name]} {line.strip()}" for name in names}
    return told


PARTS: Mapping[str, Callable[[], str]] = {
    "total": lambda: str(len(catalogue())),
    "profiles": lambda: _table(
        ("profile", "what it asks", "requirements", "that change something"), _profiles()
    ),
    "areas": lambda: _table(("area", "about", *Level), _areas()),
    "needs": lambda: _table(("need", "is there if", "a lack of the", "requirements"), _needs()),
    "familiar": lambda: ", ".join(f"`{name}`" for name in cli.FAMILIAR),
    "settings": lambda: _table(("`F7T_CONFORMANCE_`", "default", "meaning"), settings()),
    "budget": lambda: ", ".join(
        f"`{name}` {field.default:g}" for name, field in Budget.model_fields.items()
    ),
    "shipped": lambda: ", ".join(f"`{name}`" for name in shipped()),
    "exits": lambda: _table(
        ("status", "means"), ((f"`{code}`", words) for code, words in exits().items())
    ),
    "plugin": lambda: _table(("option", "means"), _plugin()),
    "results": _results,
}


if __name__ == "__main__":
    PAGE.write_text(render())

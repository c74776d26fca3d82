"""Settings from the original FirecREST's variables, so that its environment files can be reused.

They count less than everything said by the project's own names, in the file or in the environment.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Annotated, Any

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsError

from f7t.upstream_table import NAMES, Name, bare, is_true, parallel

Environment = Mapping[str, str]
Tree = dict[str, Any]

_FILE_SYSTEM_KEYS = ("name", "path", "description")


class _Wrong(ValueError):
    """What is wrong with a variable; never shows its value."""

    def __init__(self, variable: str, problem: str) -> None:
        super().__init__(f"{variable}: {problem}")


def _given(environment: Environment, name: Name) -> tuple[str, str] | None:
    """The variable of a row that is set, and its bare value."""
    for variable in (name.variable, *name.older):
        if variable in environment:
            value = bare(environment[variable])
            if value or name.empty_counts:
                return variable, value
    return None


def unused_names(environment: Environment) -> list[str]:
    """Variables of upstream that are set and change nothing here."""
    patterns = [name.variable for name in NAMES if not name.setting]
    given = [variable for variable, value in environment.items() if bare(value)]
    return sorted(one for one in given if any(fnmatchcase(one, each) for each in patterns))


def _systems(values: Mapping[str, tuple[str, str]]) -> list[Tree]:
    """One system for each name; of two equal names the first counts (D22)."""
    variable, text = values["F7T_SYSTEMS_PUBLIC_NAME"]
    names = parallel(text)
    if not all(names):
        raise _Wrong(variable, "one of the names is empty")
    addresses = _for_each(values.get("F7T_SYSTEMS_INTERNAL_ADDR"), names)
    bases = _for_each(values.get("F7T_COMPUTE_BASE_FS"), names, one_for_all=True)
    tables = _file_systems(values.get("F7T_FILESYSTEMS"))
    found: dict[str, Tree] = {}
    for number, name in enumerate(names):
        if name in found:
            continue
        found[name] = {"name": name, "filesystems": tables.get(name, [])}
        if addresses:
            found[name] |= _address(addresses[number])
        if bases:
            found[name]["job_base"] = bases[number]
    return list(found.values())


def _for_each(
    given: tuple[str, str] | None, names: list[str], *, one_for_all: bool = False
) -> list[str]:
    """The values of a parallel list, nothing if it is not given."""
    if given is None:
        return []
    variable, text = given
    listed = parallel(text)
    if one_for_all and len(listed) == 1:
        return listed * len(names)
    if len(listed) != len(names) or not all(listed):
        raise _Wrong(variable, f"{len(listed)} values for {len(names)} systems, or an empty one")
    return listed


def _address(text: str) -> Tree:
    host, colon, port = text.rpartition(":")
    if not colon:
        return {"host": text}
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise _Wrong("F7T_SYSTEMS_INTERNAL_ADDR", "not host:port")
    return {"host": host.strip("[]"), "port": int(port)}


def _file_systems(given: tuple[str, str] | None) -> dict[str, list[Tree]]:
    """System → its file systems. An entry that lacks a key is kept: `/status/filesystems` tells."""
    if given is None:
        return {}
    variable, text = given
    try:
        table = ast.literal_eval(text)
        return {
            str(system): [{k: str(one[k]) for k in _FILE_SYSTEM_KEYS if k in one} for one in listed]
            for system, listed in table.items()
        }
    except (ValueError, SyntaxError, TypeError, AttributeError, MemoryError, RecursionError):
        raise _Wrong(
            variable, "not a Python literal {'system': [{'name', 'path', 'description'}]}"
        ) from None


def _redis_url(values: Mapping[str, tuple[str, str]]) -> str:
    _, host = values.get("F7T_PERSIST_HOST", ("", "127.0.0.1"))
    variable, port = values.get("F7T_PERSIST_PORT", ("", "6379"))
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise _Wrong(variable, "not the number of a port")
    return f"redis://[{host}]:{port}/0" if ":" in host else f"redis://{host}:{port}/0"


def _plugin_option(values: Mapping[str, tuple[str, str]]) -> str:
    _, enabled = values.get("F7T_SPANK_PLUGIN_ENABLED", ("", "False"))
    _, option = values.get("F7T_SPANK_PLUGIN_OPTION", ("", "--nohome"))
    return option if is_true(enabled) else ""


_COMPOSED: Mapping[str, tuple[str, Callable[[Mapping[str, tuple[str, str]]], Any]]] = {
    "systems": ("F7T_SYSTEMS_PUBLIC_NAME", _systems),
    "tasks.redis_url": ("", _redis_url),
    "compute.spank_plugin_option": ("F7T_SPANK_PLUGIN_ENABLED", _plugin_option),
}
"""Settings made of several variables: the one that must be among them, and how."""


class UpstreamNames(PydanticBaseSettingsSource):
    """The source of the settings that comes last. Raises `SettingsError` naming every variable
    that cannot be read."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Not used: rows lead to nested fields."""
        return None, field_name, False

    def __call__(self) -> Tree:
        tree: Tree = {}
        problems: list[str] = []
        for setting, rows in self._wanted():
            try:
                _put(tree, setting, self._value(setting, rows))
            except _Wrong as wrong:
                problems.append(str(wrong))
        for name in NAMES:
            given = None if name.setting else _given(os.environ, name)
            if given is not None:
                problems += _refusal(name, *given)
        if problems:
            raise SettingsError("\n  ".join(problems))
        return tree

    def _wanted(self) -> Iterable[tuple[str, dict[Name, tuple[str, str]]]]:
        """Settings that nothing else says, with the rows and given values that do."""
        wanted: dict[str, dict[Name, tuple[str, str]]] = {}
        for name in NAMES:
            given = _given(os.environ, name) if name.setting else None
            taken = any(_is_in(self.current_state, one) for one in (name.setting, name.unless))
            if given is not None and not taken:
                wanted.setdefault(name.setting, {})[name] = given
        for setting, (needed, _) in _COMPOSED.items():
            if needed and needed not in {one.variable for one in wanted.get(setting, ())}:
                wanted.pop(setting, None)
        return wanted.items()

    def _value(self, setting: str, rows: Mapping[Name, tuple[str, str]]) -> Any:  # noqa: ANN401
        if setting in _COMPOSED:
            return _COMPOSED[setting][1]({name.variable: given for name, given in rows.items()})
        [(name, (variable, text))] = rows.items()
        field = field_of(self.settings_cls, setting)
        try:
            value = name.read(text)
            shape: Any = field.annotation
            if field.metadata:
                shape = Annotated[shape, *field.metadata]
            return TypeAdapter(shape).validate_python(value)
        except ValidationError as error:
            problems = "; ".join(one["msg"] for one in error.errors(include_input=False))
            raise _Wrong(variable, problems) from None
        except ValueError as error:
            raise _Wrong(variable, str(error)) from None


def _refusal(name: Name, variable: str, text: str) -> list[str]:
    try:
        name.read(text)
    except ValueError as error:
        return [f"{variable}: {error}"]
    return []


def field_of(tree: type[BaseSettings], setting: str) -> FieldInfo:
    """The field of a setting, levels separated by dots; raises `KeyError` if there is none."""
    fields: Mapping[str, FieldInfo] = tree.model_fields
    *groups, last = setting.split(".")
    for group in groups:
        annotation = fields[group].annotation
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            raise KeyError(setting)
        fields = annotation.model_fields
    return fields[last]


def _is_in(tree: Mapping[str, Any], setting: str) -> bool:
    here: Any = tree
    for part in setting.split("."):
        if isinstance(here, BaseModel):
            return part in here.model_fields_set
        if not isinstance(here, Mapping) or part not in here:
            return False
        here = here[part]
    return True


def _put(tree: Tree, setting: str, value: Any) -> None:  # noqa: ANN401
    *groups, last = setting.split(".")
    for group in groups:
        tree = tree.setdefault(group, {})
    tree[last] = value

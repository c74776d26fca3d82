"""The machine-readable contract, and whether an answer keeps it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import yaml
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

FILE = Path(__file__).parents[2] / "conformance" / "contract" / "firecrest-v1.yaml"
METHODS = ("get", "post", "put", "delete")
_BASE = "urn:f7t:contract"

UNROUTED = frozenset({400, 401, 404, 405, 413, 429, 503})
"""How a request that is no operation may be answered, by the gateway or inside of its prefix."""

_EXEMPT_METHODS = {"OPTIONS": "CORS: answered before anything looks at the path"}
_EXEMPT_PREFIXES = {"/docs": "pages for people, no operations"}
_EXEMPT_REQUESTS = {
    f"GET /{service}/status": "a sign of life that no document of the API has ever named"
    for service in ("utilities", "compute", "storage", "tasks", "reservations")
}
_EXEMPT_STATUSES = {413: "a body that the operation does not even have is limited all the same"}
_NO_REASONS = {"X-Request-Id", "X-Machine-Does-Not-Exists"}
_SPELLINGS = {"x-machine-does-not-exist", "x-machine-does-not-exists"}


@dataclass(frozen=True)
class Operation:
    """One operation of the contract.

    Attributes:
        path: with its parameters in braces.
        pointer: where it stands in the document (JSON pointer, as a fragment).
        content: the operation object, its references as they are.
    """

    id: str
    method: str
    path: str
    pointer: str
    content: Mapping[str, Any]

    @property
    def row(self) -> str:
        """Its row in the contract's tables, e.g. `U1`."""
        return str(self.content["x-contract"])


@dataclass(frozen=True)
class Seen:
    """One answer as it came; header names in the capitalisation of the wire."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes

    @property
    def media_type(self) -> str:
        found = (value for name, value in self.headers if name.lower() == "content-type")
        return next(found, "").partition(";")[0].strip()


def _escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"\{[^}]+\}", path)
    return re.compile("[^/]+".join(map(re.escape, parts)))


class Contract:
    """The document: its operations, and a validator for every schema in it."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        resource = DRAFT202012.create_resource(document)
        registry: Registry[Any] = Registry().with_resource(_BASE, resource)
        self._registry = registry
        self._validators: dict[str, Draft202012Validator] = {}

    @cached_property
    def operations(self) -> Mapping[str, Operation]:
        """All operations by id."""
        return {
            content["operationId"]: Operation(
                content["operationId"],
                method.upper(),
                path,
                f"#/paths/{_escaped(path)}/{method}",
                content,
            )
            for path, item in self.document["paths"].items()
            for method, content in item.items()
            if method in METHODS
        }

    @cached_property
    def _patterns(self) -> Sequence[tuple[re.Pattern[str], str, Operation]]:
        """Paths as patterns, those without parameters first: they are the more specific ones."""
        spelled = [
            (path, one)
            for one in self.operations.values()
            for path in (one.path, *self.document["paths"][one.path].get("x-also", ()))
        ]
        ordered = sorted(spelled, key=lambda pair: pair[0].count("{"))
        return [(_pattern(path), one.method, one) for path, one in ordered]

    def operation(self, method: str, target: str) -> Operation | None:
        """The operation that serves this request; `target` is a path with or without a query."""
        path = unquote(target.partition("?")[0])
        for pattern, wanted, operation in self._patterns:
            if wanted == method and pattern.fullmatch(path):
                return operation
        return None

    def resolved(self, node: Any, pointer: str) -> tuple[Any, str]:
        """What `node`, which stands at `pointer`, refers to, and where that stands."""
        while isinstance(node, Mapping) and "$ref" in node:
            pointer = node["$ref"]
            node = self.at(pointer)
        return node, pointer

    def at(self, pointer: str) -> Any:
        """What stands at `pointer`; raises KeyError if there is nothing."""
        node: Any = self.document
        for part in pointer.removeprefix("#/").split("/"):
            name = part.replace("~1", "/").replace("~0", "~")
            node = node[int(name)] if isinstance(node, list) else node[name]
        return node

    def errors(self, value: Any, pointer: str) -> list[str]:
        """What is wrong with `value` in the eyes of the schema at `pointer`."""
        if pointer not in self._validators:
            schema = {"$ref": f"{_BASE}{pointer}"}
            self._validators[pointer] = Draft202012Validator(schema, registry=self._registry)
        found = self._validators[pointer].iter_errors(value)
        return [f"{error.json_path}: {error.message[:300]}" for error in found]

    def responses(self, operation: Operation) -> Mapping[int, tuple[Mapping[str, Any], str]]:
        """The documented answers by status, each with its place."""
        return {
            int(status): self.resolved(node, f"{operation.pointer}/responses/{status}")
            for status, node in operation.content["responses"].items()
        }

    def violations(self, method: str, target: str, seen: Seen) -> list[str]:
        """In what this answer breaks the contract; empty if in nothing."""
        if _is_exempt(method, target):
            return []
        operation = self.operation(method, target)
        if operation is None:
            known = seen.status in UNROUTED
            return [] if known else [f"{seen.status} for what is no operation"]
        documented = self.responses(operation).get(seen.status)
        if documented is None:
            exempt = seen.status in _EXEMPT_STATUSES and "requestBody" not in operation.content
            return [] if exempt else [f"status {seen.status} is not documented"]
        response, pointer = documented
        return [
            *self._header_violations(response, pointer, seen),
            *self._body_violations(response, pointer, seen),
        ]

    def _header_violations(
        self, response: Mapping[str, Any], pointer: str, seen: Seen
    ) -> Iterator[str]:
        documented = {
            name: self.resolved(node, f"{pointer}/headers/{_escaped(name)}")
            for name, node in response.get("headers", {}).items()
        }
        given = dict(seen.headers)
        for name, value in seen.headers:
            if name in documented:
                wrong = self.errors(value, f"{documented[name][1]}/schema")
                yield from (f"header {name} {error}" for error in wrong)
            elif name in self._anywhere:
                pointer = f"#/components/headers/{name}/schema"
                yield from (f"header {name} {error}" for error in self.errors(value, pointer))
            elif self._is_ours(name):
                yield f"header {name} is not documented with {seen.status}"
        for name, (header, _) in documented.items():
            if header.get("required") and name not in given:
                yield f"header {name} is missing"
        telling = [name for name, (header, _) in documented.items() if not header.get("required")]
        if len(_reasons(name for name in telling if name in given)) > 1:
            yield f"more than one header tells what is wrong: {sorted(given)}"

    @cached_property
    def _anywhere(self) -> frozenset[str]:
        """Headers that may come with every answer."""
        headers = self.document["components"]["headers"]
        return frozenset(name for name, one in headers.items() if one.get("x-anywhere"))

    def _is_ours(self, name: str) -> bool:
        """Whether the contract has a say about a header of this name, however it is spelled."""
        names = {one.lower() for one in self.document["components"]["headers"]}
        return name.lower() in names or name.lower().startswith("x-")

    def _body_violations(
        self, response: Mapping[str, Any], pointer: str, seen: Seen
    ) -> Iterator[str]:
        content = response.get("content", {})
        if not content:
            if seen.body:
                yield f"a body with {seen.status}"
            return
        if seen.media_type not in content:
            yield f"content type {seen.media_type!r} instead of {sorted(content)}"
            return
        if seen.media_type != "application/json":
            return
        try:
            value = json.loads(seen.body)
        except ValueError as error:
            yield f"the body is no JSON: {error}"
            return
        place = f"{pointer}/content/{_escaped(seen.media_type)}/schema"
        yield from (f"body {error}" for error in self.errors(value, place))


def _is_exempt(method: str, target: str) -> bool:
    return (
        method in _EXEMPT_METHODS
        or target.startswith(tuple(_EXEMPT_PREFIXES))
        or f"{method} {target}" in _EXEMPT_REQUESTS
    )


def _reasons(names: Iterable[str]) -> set[str]:
    """Both spellings of the unknown machine are one reason (D16)."""
    return {"machine" if name.lower() in _SPELLINGS else name for name in names}


@cache
def contract() -> Contract:
    """The project's contract, read once."""
    return Contract(yaml.safe_load(FILE.read_text()))


FAILED: set[tuple[str, int, str]] = set()
"""Operation, status and error header of every refusal that was answered in this run."""


def keep(method: str, target: str, seen: Seen) -> None:
    """Fail the running test if this answer breaks the contract; refusals are noted in `FAILED`."""
    operation = contract().operation(method, target)
    if operation is not None and seen.status >= 400:
        names = {name for name, _ in seen.headers if name.startswith("X-")} - _NO_REASONS
        FAILED.update((operation.id, seen.status, name) for name in names or {""})
    wrong = contract().violations(method, target, seen)
    shown = f"{method} {target[:200]} -> {seen.status} {seen.body[:500]!r}"
    assert not wrong, "\n".join(["the answer breaks conformance/contract:", shown, *wrong])

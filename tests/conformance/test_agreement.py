"""The gateway's own OpenAPI and the contract say the same of every operation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from f7t.app import create_app
from tests.support.contract import METHODS, Contract, Operation, contract
from tests.support.unstarted import unstarted_settings

CONTRACT = contract()
GENERATED = create_app(unstarted_settings()).openapi()


def _operations(document: Mapping[str, Any]) -> Iterator[Operation]:
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                pointer = f"#/paths/{path}/{method}"
                yield Operation(
                    item[method]["operationId"], method.upper(), path, pointer, item[method]
                )


OURS = {one.id: one for one in _operations(GENERATED)}
THEIRS = CONTRACT.operations


def _security(document: Mapping[str, Any], content: Mapping[str, Any]) -> list[Any]:
    """The schemes that an operation asks for, but for their names and words."""
    schemes = document["components"]["securitySchemes"]
    asked = content.get("security", document.get("security", []))
    return [
        {
            key: value
            for key, value in schemes[name].items()
            if key in {"type", "scheme", "bearerFormat"}
        }
        for one in asked
        for name in one
    ]


def _form(source: Contract, content: Mapping[str, Any]) -> dict[str, Any]:
    """Content type -> its fields, each as (required, is a file); and if a body must be sent."""
    body = content.get("requestBody", {})
    forms: dict[str, Any] = {"required": body.get("required", False)}
    for kind, media in body.get("content", {}).items():
        schema, _ = source.resolved(media["schema"], "")
        required = set(schema.get("required", ()))
        forms[kind] = {
            name: (name in required, _is_file(source.resolved(field, "")[0]))
            for name, field in schema["properties"].items()
        }
    return forms


def _is_file(schema: Mapping[str, Any]) -> bool:
    """OpenAPI 3.0 and 3.1 have different words for bytes."""
    return schema.get("format") == "binary" or "contentMediaType" in schema


def _view(source: Contract, operation: Operation) -> dict[str, Any]:
    """All that must agree, in one shape for both documents."""
    content = operation.content
    parameters = [source.resolved(one, "")[0] for one in content.get("parameters", ())]
    return {
        "where": f"{operation.method} {operation.path}",
        "tags": content["tags"],
        "deprecated": content.get("deprecated", False),
        "security": _security(source.document, content),
        "parameters": {(one["in"], one["name"]): one.get("required", False) for one in parameters},
        "body": _form(source, content),
        "answers": {
            status: {
                "content types": set(response.get("content", {})),
                "headers": set(response.get("headers", {})),
            }
            for status, (response, _) in source.responses(operation).items()
        },
    }


def _differences(ours: Any, theirs: Any, place: str = "") -> Iterator[str]:
    """Where the two differ, most deeply nested first named."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted({*ours, *theirs}, key=str):
            if key not in ours or key not in theirs:
                yield f"{place} {key}: only {'the contract' if key in theirs else 'the gateway'}"
            else:
                yield from _differences(ours[key], theirs[key], f"{place} {key}")
    elif isinstance(ours, set) and isinstance(theirs, set):
        yield from (f"{place}: only the gateway has {one}" for one in sorted(ours - theirs))
        yield from (f"{place}: only the contract has {one}" for one in sorted(theirs - ours))
    elif ours != theirs:
        yield f"{place}: the gateway says {ours}, the contract {theirs}"


def _agreement(ours: Operation) -> list[str]:
    generated = Contract(GENERATED)
    return list(_differences(_view(generated, ours), _view(CONTRACT, THEIRS[ours.id]), ours.id))


def test_the_gateway_has_no_operation_of_its_own() -> None:
    assert set(OURS) - set(THEIRS) == set()


@pytest.mark.parametrize("name", sorted(THEIRS))
def test_operation_agrees(name: str) -> None:
    if name not in OURS:
        pytest.fail("the gateway has no such operation", pytrace=False)
    assert _agreement(OURS[name]) == []


def test_every_parameter_is_described() -> None:
    without = [
        f"{operation.id} {one['name']}"
        for operation in OURS.values()
        for one in operation.content.get("parameters", ())
        if not one.get("description")
    ]
    assert without == []


def test_every_failure_has_an_example() -> None:
    for operation in OURS.values():
        for status, response in operation.content["responses"].items():
            if not status.startswith("2"):
                assert response["content"]["application/json"]["examples"], (operation.id, status)


def test_a_difference_is_seen() -> None:
    """The comparison itself: one change of each kind in a copy of an operation."""
    operation = OURS["compute_jobs"]
    content = dict(operation.content)
    parameter, *others = content["parameters"]
    content |= {
        "parameters": [{**parameter, "required": not parameter["required"]}, *others[1:]],
        "responses": {**content["responses"], "418": {"headers": {"X-New": {}}}},
        "requestBody": {"content": {"text/plain": {"schema": {"properties": {}}}}},
        "security": [],
        "tags": ["other"],
    }
    changed = Operation(operation.id, "POST", operation.path, operation.pointer, content)
    found = " ".join(_agreement(changed))
    for word in ("where", "parameters", "418", "text/plain", "security", "tags"):
        assert word in found

"""The contract is a valid document, and everything in it is of use."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from f7t.services.operations import OPERATIONS
from tests.support.contract import METHODS, Operation, contract

CONTRACT = contract()
DOCUMENT = CONTRACT.document
_ROW = re.compile(r"[UCXSKR][0-9]{1,2}")
_VERSION = re.compile(r"1\.[0-9]+(\.[0-9]+)?")
_NOT_JSON = {"multipart/form-data", "application/octet-stream"}


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _nodes(node: Any, pointer: str = "#") -> Iterator[tuple[str, Any]]:
    """Everything in the document with its place; what stands in examples is no part of it."""
    yield pointer, node
    if isinstance(node, Mapping):
        for name, inner in node.items():
            if name not in {"example", "examples"}:
                yield from _nodes(inner, f"{pointer}/{_escaped(str(name))}")
    elif isinstance(node, list):
        for index, inner in enumerate(node):
            yield from _nodes(inner, f"{pointer}/{index}")


NODES = dict(_nodes(DOCUMENT))


def _examples() -> Iterator[tuple[str, Any, str]]:
    """Place, example and place of its schema, of parameters, headers, bodies and schemas."""
    for pointer, node in NODES.items():
        if not isinstance(node, Mapping):
            continue
        schema = f"{pointer}/schema" if "schema" in node else pointer
        if "example" in node:
            yield pointer, node["example"], schema
        examples = node.get("examples")
        if isinstance(examples, Mapping):
            for name, one in examples.items():
                yield f"{pointer} {name}", one["value"], schema
        elif isinstance(examples, list):
            for one in examples:
                yield pointer, one, schema


EXAMPLES = list(_examples())


def test_it_is_valid_openapi_3_1() -> None:
    errors = OpenAPIV31SpecValidator(dict(DOCUMENT)).iter_errors()
    assert [f"{list(one.absolute_path)}: {one.message}" for one in errors] == []
    assert DOCUMENT["openapi"].startswith("3.1.")


@pytest.mark.parametrize(
    ("value", "schema"),
    [(value, schema) for _, value, schema in EXAMPLES],
    ids=[place for place, _, _ in EXAMPLES],
)
def test_every_example_fits_its_schema(value: Any, schema: str) -> None:
    assert CONTRACT.errors(value, schema) == []


def test_everything_that_a_client_meets_has_an_example() -> None:
    places = {schema.removesuffix("/schema") for _, _, schema in EXAMPLES}
    without = [
        pointer
        for pointer, node in NODES.items()
        if isinstance(node, Mapping)
        and "schema" in node
        and pointer not in places
        and not pointer.endswith("octet-stream")
        and CONTRACT.resolved(node["schema"], pointer)[1] not in places
    ]
    assert without == []


def test_the_operations_are_those_of_the_gateway() -> None:
    ids = [
        item[method]["operationId"]
        for item in DOCUMENT["paths"].values()
        for method in METHODS
        if method in item
    ]
    assert [one for one, times in Counter(ids).items() if times > 1] == []
    assert set(ids) == set(OPERATIONS)
    assert len(ids) == 52


def test_every_reference_leads_somewhere_and_every_component_is_used() -> None:
    references = {
        node["$ref"] for node in NODES.values() if isinstance(node, Mapping) and "$ref" in node
    }
    for reference in references:
        CONTRACT.at(reference)
    components = {
        f"#/components/{kind}/{_escaped(name)}"
        for kind, group in DOCUMENT["components"].items()
        if kind != "securitySchemes"
        for name in group
    }
    assert components - references == set()


@pytest.mark.parametrize("operation", CONTRACT.operations.values(), ids=lambda one: one.id)
def test_operation_is_complete(operation: Operation) -> None:
    content = operation.content
    assert _ROW.fullmatch(operation.row)
    assert _VERSION.fullmatch(content["x-since"])
    assert content["summary"]
    assert content["description"]
    tag = operation.path.split("/")[1]
    assert content["tags"] == [tag]
    assert tag in {one["name"] for one in DOCUMENT["tags"]}
    parameters = [CONTRACT.resolved(one, "")[0] for one in content.get("parameters", ())]
    assert all(one["description"] and "example" in one for one in parameters)
    in_path = {one["name"] for one in parameters if one["in"] == "path"}
    assert in_path == set(re.findall(r"\{([^}]+)\}", operation.path))
    statuses = set(CONTRACT.responses(operation))
    assert {401, 429, 503} <= statuses
    assert len([one for one in statuses if one < 300]) == 1
    assert (413 in statuses) == ("requestBody" in content)
    assert 405 not in statuses
    for response, _ in CONTRACT.responses(operation).values():
        assert "X-Request-Id" in response["headers"]


def test_rows_of_the_contract_are_unique() -> None:
    rows = [operation.row for operation in CONTRACT.operations.values()]
    assert len(rows) == len(set(rows))


def _links() -> Iterator[tuple[str, Mapping[str, Any], str]]:
    """Name, link and place of the answer that has it."""
    for operation in CONTRACT.operations.values():
        for response, pointer in CONTRACT.responses(operation).values():
            for name, node in response.get("links", {}).items():
                yield f"{operation.id} {name}", CONTRACT.resolved(node, "")[0], pointer


LINKS = list(_links())


@pytest.mark.parametrize(("link", "answer"), [one[1:] for one in LINKS], ids=[x[0] for x in LINKS])
def test_link_leads_to_a_parameter_of_an_operation(link: Mapping[str, Any], answer: str) -> None:
    target = CONTRACT.operations[link["operationId"]]
    known = [CONTRACT.resolved(one, "")[0] for one in target.content.get("parameters", ())]
    names = {one["name"] for one in known} | {f"{one['in']}.{one['name']}" for one in known}
    assert set(link["parameters"]) <= names
    for expression in link["parameters"].values():
        place = expression.removeprefix("$response.body#")
        assert place != expression
        assert any(_has(example, place) for example in _bodies(answer)), place


def _bodies(answer: str) -> Iterator[Any]:
    """The examples of an answer's JSON body."""
    media = CONTRACT.at(answer)["content"]["application/json"]
    if "example" in media:
        yield media["example"]
    yield from (one["value"] for one in media.get("examples", {}).values())


def _has(value: Any, pointer: str) -> bool:
    for name in pointer.split("/")[1:]:
        try:
            value = value[int(name)] if isinstance(value, list) else value[name]
        except (KeyError, IndexError, TypeError):
            return False
    return True


def test_nothing_is_documented_by_default() -> None:
    assert [pointer for pointer in NODES if pointer.endswith("/responses/default")] == []


def test_parameters_and_form_fields_are_text() -> None:
    for pointer, node in NODES.items():
        if isinstance(node, Mapping) and "in" in node and "schema" in node:
            schema, _ = CONTRACT.resolved(node["schema"], pointer)
            assert schema["type"] == "string", pointer

"""The OpenAPI contract, and whether an answer keeps it."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import requests
import schemathesis
import yaml
from schemathesis.checks import load_all_checks
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

_HERE = Path(__file__).resolve().parent
_PLACES = (_HERE / "contract", _HERE.parent / "contract")
_CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


def contract_path() -> Path:
    """The file, of the checkout or of the installation."""
    return next(one / "firecrest-v1.yaml" for one in _PLACES if one.is_dir())


@cache
def document() -> Mapping[str, Any]:
    """The contract as it stands in the file."""
    read: Mapping[str, Any] = yaml.load(
        contract_path().read_text("utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    )
    return read


@cache
def operations() -> tuple[tuple[str, str], ...]:
    """Method and path template of every operation."""
    return tuple(
        (method.upper(), path)
        for path, item in document()["paths"].items()
        for method in ("get", "post", "put", "delete")
        if method in item
    )


def relaxations() -> Sequence[Mapping[str, Any]]:
    """Rows of `relaxed.yaml`: `at` in the document, the `value` there instead, the `reason`."""
    rows: Sequence[Mapping[str, Any]] = yaml.safe_load((_HERE / "relaxed.yaml").read_text("utf-8"))
    return rows


def relaxed() -> dict[str, Any]:
    """The contract as answers of any faithful server are held against it.

    Raises:
        KeyError: a row of `relaxed.yaml` leads nowhere.
    """
    whole = copy.deepcopy(dict(document()))
    for row in relaxations():
        *way, last = row["at"].split("/")
        node = whole
        for step in way:
            node = node[step]
        if last not in node:
            raise KeyError(row["at"])
        node[last] = row["value"]
    return whole


def schema() -> Any:  # noqa: ANN401
    """The contract as Schemathesis reads it, anew: it remembers what was generated from it."""
    load_all_checks()
    return schemathesis.openapi.from_dict(relaxed())


@cache
def _schema() -> Any:  # noqa: ANN401
    return schema()


@cache
def _routes() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Path patterns, those without parameters first."""
    paths = sorted(document()["paths"], key=lambda path: ("{" in path, path))
    return tuple((re.compile(re.sub(r"\{[^}]*\}", "[^/]+", path) + "/?"), path) for path in paths)


def template_of(path: str) -> str | None:
    """The contract's path that this one is an instance of."""
    for pattern, template in _routes():
        if pattern.fullmatch(path):
            return template
    return None


def violations(answer: requests.Response, path: str) -> list[str]:
    """In what way this answer to a call of `path` breaks the contract; empty if in none.

    Calls of paths or methods that the contract does not have are no matter of the contract.
    """
    template = template_of(path)
    method = (answer.request.method or "").upper()
    if template is None or method.lower() not in document()["paths"][template]:
        return []
    case = _schema()[template][method].Case(path_parameters=_parameters(template, path))
    try:
        case.validate_response(answer, checks=_CHECKS)
    except FailureGroup as group:
        return [_words(one) for one in group.exceptions]
    except Failure as failure:
        return [_words(failure)]
    return []


def _parameters(template: str, path: str) -> dict[str, str]:
    names = re.findall(r"\{([^}]*)\}", template)
    pattern = re.sub(r"\\\{[^}]*\\\}", "([^/]+)", re.escape(template))
    found = re.fullmatch(pattern + "/?", path)
    return dict(zip(names, found.groups(), strict=True)) if found else {}


def _words(failure: BaseException) -> str:
    title = getattr(failure, "title", type(failure).__name__)
    message = getattr(failure, "message", str(failure))
    return f"{title}: {message}".strip()

"""Parameters as the contract reads them: all of them text, checked by hand (contract §3)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from f7t.errors import BadRequest, InvalidParameter

# Surrogates are no text: a charset of the client's own can bring them, and no machine takes them.
_FORBIDDEN = re.compile(r"[<>|;\"'&\\()`\x00-\x1f\ud800-\udfff]")
_TRUE = frozenset({"TRUE", "YES", "1"})


def verdict(value: str | None) -> str:
    """What is wrong with a path-like or id-like text (contract §3.2), or an empty string."""
    if value is None:
        return "not specified"
    if not value:
        return "is empty"
    return "has invalid char" if _FORBIDDEN.search(value) else ""


def checked(name: str, value: str | None, *, description: str | None = None) -> str:
    """`value` if it passes; raises `InvalidParameter` with the quoted name otherwise."""
    wrong = verdict(value)
    if wrong or value is None:
        raise InvalidParameter(name, wrong, description=description)
    return value


def checked_if_given(name: str, value: str | None, *, description: str | None = None) -> str | None:
    """Like `checked`, but an absent parameter passes as None."""
    return None if value is None else checked(name, value, description=description)


def is_true(value: str | None) -> bool:
    """Contract §3: `TRUE`, `YES` in any case, or `1`."""
    return value is not None and value.upper() in _TRUE


class Form:
    """The form of a POST, PUT or DELETE: text fields and uploaded files, by name."""

    def __init__(self, data: FormData) -> None:
        self._data = data

    def text(self, name: str) -> str | None:
        """The text field of that name; None if absent or sent as a file."""
        value = self._data.get(name)
        return value if isinstance(value, str) else None

    def upload(self, name: str) -> UploadFile | None:
        """The file part of that name; None if absent or sent as text."""
        value = self._data.get(name)
        return value if isinstance(value, UploadFile) else None


async def read_form(request: Request) -> Form:
    """Multipart or URL-encoded body; anything else counts as an empty form (contract §3).

    Raises:
        BadRequest: the body is not well-formed.
        BodyTooLarge: from the limit in front of us.
    """
    try:
        return Form(await request.form())
    except HTTPException as error:
        raise BadRequest(
            {"description": "The request body cannot be parsed", "error": str(error.detail)}
        ) from error


def form_documentation(
    fields: Mapping[str, str], *, required: tuple[str, ...] = (), file: str = ""
) -> dict[str, Any]:
    """OpenAPI `requestBody` of a form: field name -> description; `file` that of the file part."""
    properties: dict[str, Any] = {
        name: {"type": "string", "description": text} for name, text in fields.items()
    }
    if file:
        properties["file"] = {"type": "string", "format": "binary", "description": file}
    schema = {"type": "object", "properties": properties, "required": list(required)}
    content = {"multipart/form-data": {"schema": schema}}
    if not file:
        content["application/x-www-form-urlencoded"] = {"schema": schema}
    return {"requestBody": {"required": bool(required), "content": content}}

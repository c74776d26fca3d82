"""Secrets out of everything that is shown or kept.

Two nets: the literal secrets of this run's identities, wherever a server echoes them, and the
places where secrets stand, whosever they are: headers, links, forms (urlencoded, multipart and as
a command), JSON (also inside a JSON string) and Python's way to print these.
"""

from __future__ import annotations

import re
from typing import TypeVar
from urllib.parse import quote, quote_plus

from pydantic import BaseModel

HIDDEN = "[redacted]"
_SHORTEST = 4
_literal: set[str] = set()

_NAMES = (
    r"(?:x-amz-(?:signature|credential|security-token)|policy|signature|awsaccesskeyid"
    r"|(?:access|refresh|id|subject|client)_(?:token|assertion)|(?:client_)?secret(?:_?key)?"
    r"|aws_secret_access_key|password|passwd|api_?key|assertion)"
)
_PATTERNS = (
    re.compile(
        r"()-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    ),
    re.compile(r"()\b[a-z0-9-]+-cert-v01@openssh\.com\s+[A-Za-z0-9+/=]+"),
    re.compile(r"(?i)\b((?:bearer|basic)(?:\s|%20|\+)+)(?!\$TOKEN)[^\s\"'\\,&]{4,}"),
    re.compile(r"(?i)(\b(?:set-)?cookie:\s*)[^\r\n\"']+"),
    re.compile(r"()\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){1,2}"),
    re.compile(r"(?i)(\b[a-z][a-z0-9+.-]*://)[^/\s:@\"'?#]*:[^/\s@\"'?#]*(?=@)"),
    re.compile(
        rf"(?i)((?:(?<![a-z0-9])|(?<=%[0-9a-f]{{2}})){_NAMES}(?:=|%3D))(?!\$)[^&\s\"'\\<>]+"
    ),
    re.compile(rf"(?i)(\\+\"{_NAMES}\\+\"\s*:\s*\\+\")(?:(?!\\+\").)+"),
    re.compile(rf"(?i)(\"{_NAMES}\"\s*:\s*\")(?:\\.|[^\"\\])+"),
    re.compile(rf"(?i)('{_NAMES}'\s*:\s*')(?:\\.|[^'\\])+"),
    re.compile(rf"(?i)((?<![\"'\\a-z0-9]){_NAMES}:[ \t]*)[^\s\"'\\,}}]+"),
    re.compile(rf"(?i)(name=\\?\"?{_NAMES}\\?\"?(?:(?!\r?\n\r?\n).)*?\r?\n\r?\n)[^\r\n]+", re.S),
)


def remember(secret: str) -> None:
    """Hide this very text from now on, in this process; too short ones would hide everything."""
    if len(secret) >= _SHORTEST:
        _literal.update({secret, quote(secret, safe=""), quote_plus(secret)})


def redacted(text: str) -> str:
    """`text` without tokens, signatures of links and forms, passwords, keys and certificates."""
    for secret in sorted(_literal, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    for pattern in _PATTERNS:
        text = pattern.sub(rf"\1{HIDDEN}", text)
    return text


Record = TypeVar("Record", bound=BaseModel)


def without_secrets(record: Record) -> Record:
    """The same record, every text in it redacted."""
    return type(record).model_validate(_walk(record.model_dump()))


def _walk(value: object) -> object:
    if type(value) is str:
        return redacted(value)
    if isinstance(value, dict):
        return {name: _walk(one) for name, one in value.items()}
    if isinstance(value, tuple | list):
        pair = len(value) == 2 and all(isinstance(one, str) for one in value)
        if pair and _SECRET_HEADER.fullmatch(value[0]):
            return (value[0], HIDDEN)
        return tuple(_walk(one) for one in value)
    return value


_SECRET_HEADER = re.compile(rf"(?i)(?:proxy-)?authorization|(?:set-)?cookie|{_NAMES}")

"""A second net under the runner's own care: no token, password or signature stands in a report."""

from __future__ import annotations

import re

from f7t_loadtest.model import Run

HIDDEN = "[redacted]"
_PATTERNS = (
    re.compile(r"(?i)\b((?:bearer|basic)(?:\s|%20|\+)+)[^\s\"'\\,&<>]{4,}"),
    re.compile(r"()\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){1,2}"),
    re.compile(r"(?i)(\b[a-z][a-z0-9+.-]*://)[^/\s:@\"'?#]*(?::[^/\s@\"'?#]*)?@"),
    re.compile(
        r"(?i)((?:x-amz-(?:signature|credential|security-token)|signature|client_secret|secret"
        r"|password|(?:access|refresh|id)_token|api_?key)\\?[\"']?\s*(?:=|%3d|:)\s*\\?[\"']?)"
        r"[^&\s\"'\\<>,}]+"
    ),
)


def redacted(text: str) -> str:
    """`text` without tokens, passwords, signatures of links, and credentials in URLs."""
    for pattern in _PATTERNS:
        text = pattern.sub(rf"\1{HIDDEN}", text)
    return text


def without_secrets(run: Run) -> Run:
    """The same document with every text in it redacted."""
    return Run.model_validate(_walk(run.model_dump()))


def _walk(value: object) -> object:
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, dict):
        return {name: _walk(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_walk(one) for one in value]
    return value

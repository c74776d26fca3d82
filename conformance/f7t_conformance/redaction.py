"""Secrets out of everything that is shown or kept."""

from __future__ import annotations

import re

HIDDEN = "[redacted]"
_PATTERNS = (
    re.compile(r"(?i)(bearer\s+)[^\s\"']+"),
    re.compile(r"()\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"),
    re.compile(r"(?i)(X-Amz-(?:Signature|Credential|Security-Token)=)[^&\s\"'\\]+"),
    re.compile(r"(?i)(\"?(?:x-amz-signature|policy|x-amz-credential)\"?\s*[:=]\s*\"?)[^\"'\s,}]+"),
    re.compile(r"(?i)(name=\"(?:x-amz-signature|policy|x-amz-credential)\"\s+)[^\s\"]+"),
    re.compile(
        r"(?i)((?:client_secret|password|access_token|refresh_token)\"?\s*[:=]\s*\"?)[^\"&\s,}]+"
    ),
)


def redacted(text: str) -> str:
    """`text` without bearer tokens, JWTs, signatures of links and forms, and passwords."""
    for pattern in _PATTERNS:
        text = pattern.sub(rf"\1{HIDDEN}", text)
    return text

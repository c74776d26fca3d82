"""The presigned form that a client posts, and the command that posts it (storage.md §3.3). Pure."""

from __future__ import annotations

import base64
import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from minio.signer import get_credential_string, post_presign_v4

_ALGORITHM = "AWS4-HMAC-SHA256"
# Values that curl's -F takes as they are: elsewhere `@` and `<` name files, `;` and `,` separate,
# `"` quotes and blanks at the end are dropped.
_PLAIN_FIELD = re.compile(r"[\w/+=][\w./+=:%~-]*", re.ASCII)
_PLAIN_PATH = re.compile(r"[\w./+=:%-]+", re.ASCII)


@dataclass(frozen=True)
class Signer:
    """The operator's key pair, as far as signing needs it."""

    access_key: str
    secret_key: str
    region: str


@dataclass(frozen=True)
class UploadForm:
    """A presigned POST form.

    Attributes:
        url: `<s3 base>/<bucket>`.
        key: of the object that will arrive.
        fields: the six form fields in the order of the command; `file` comes after them.
        source_path: the file on the client's side, as the client named it.
    """

    url: str
    key: str
    fields: Mapping[str, str]
    source_path: str

    @property
    def command(self) -> str:
        """The shell command that posts the file, for `sh -c` and for `shlex.split`."""
        words = ["curl -i --show-error -s -f -X POST", shlex.quote(self.url)]
        words += [_field_option(name, value) for name, value in self.fields.items()]
        words.append(_file_option(self.source_path))
        return " ".join(words)

    def as_message(self) -> dict[str, Any]:
        """`data.msg` of state 111: flat fields and `parameters` side by side (D12)."""
        return {
            "command": self.command,
            "url": self.url,
            "method": "POST",
            **self.fields,
            "parameters": {
                "method": "POST",
                "url": self.url,
                "data": dict(self.fields),
                "files": self.source_path,
                "json": {},
                "params": {},
                "headers": {},
            },
        }


def presigned_form(
    base_url: str,
    bucket: str,
    key: str,
    *,
    source_path: str,
    signer: Signer,
    now: datetime,
    ttl: timedelta,
    max_bytes: int,
) -> UploadForm:
    """Sign a POST policy that allows exactly this object of at most `max_bytes` until `now + ttl`.

    The conditions are those of storage.md §3.3 in its spelling, with the length added.
    """
    credential = get_credential_string(signer.access_key, now, signer.region)
    date = now.strftime("%Y%m%dT%H%M%SZ")
    policy = {
        "expiration": (now + ttl).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "conditions": [
            {"bucket": bucket},
            {"key": key},
            {"x-amz-algorithm": _ALGORITHM},
            {"x-amz-credential": credential},
            {"x-amz-date": date},
            ["content-length-range", 0, max_bytes],
        ],
    }
    encoded = base64.b64encode(json.dumps(policy).encode()).decode()
    fields = {
        "key": key,
        "x-amz-algorithm": _ALGORITHM,
        "x-amz-credential": credential,
        "x-amz-date": date,
        "policy": encoded,
        "x-amz-signature": post_presign_v4(encoded, signer.secret_key, now, signer.region),
    }
    return UploadForm(f"{base_url}/{bucket}", key, fields, source_path)


def _field_option(name: str, value: str) -> str:
    option = "-F" if _PLAIN_FIELD.fullmatch(value) else "--form-string"
    return f"{option} {_single_quoted(f'{name}={value}')}"


def _file_option(path: str) -> str:
    if path == "-":
        path = "./-"  # a lone dash would be standard input
    if _PLAIN_PATH.fullmatch(path):
        return f"-F file=@{path}"
    escaped = path.replace("\\", "\\\\").replace('"', '\\"')
    quoted = _single_quoted(f'file=@"{escaped}"')
    return f"-F {quoted}"


def _single_quoted(text: str) -> str:
    """Quoted even where it need not be: the tutorial's commands look like this."""
    return "'" + text.replace("'", "'\"'\"'") + "'"

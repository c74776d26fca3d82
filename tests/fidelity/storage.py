"""An S3 server as the scenes see it: exact requests, answers without what is random."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, unquote_plus, urlsplit
from xml.etree import ElementTree

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth  # type: ignore[import-untyped]
from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]
from botocore.credentials import Credentials  # type: ignore[import-untyped]

REGION = "us-east-1"
CONTENT = b"0123456789" * 10
BOUNDARY = "fidelity"
HEADERS = (
    *("accept-ranges", "allow", "cache-control", "content-disposition", "content-encoding"),
    *("content-language", "content-range", "content-type", "etag", "expires", "last-modified"),
    *("location", "x-amz-bucket-region", "x-amz-meta-colour", "x-amz-storage-class"),
)
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_HTTP_DATE = re.compile(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT")
_RANDOM = {
    *("RequestId", "HostId", "UploadId", "NextContinuationToken", "NextUploadIdMarker"),
    "UploadIdMarker",
}


@dataclass(frozen=True)
class Answer:
    """What came back: header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class StorageServer:
    """One S3 server of the pair, with a bucket of its own that holds a few objects."""

    url: str
    access: str
    secret: str
    bucket: str = field(default_factory=lambda: f"fidelity-{secrets.token_hex(6)}")

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc

    def send(
        self, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request exactly as given, on a connection of its own."""
        connection = http.client.HTTPConnection(self.host, timeout=30)
        try:
            connection.request(method, target, body=body or None, headers=dict(headers or {}))
            answer = connection.getresponse()
            names = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, names, answer.read())
        finally:
            connection.close()

    def path(self, target: str) -> str:
        """A request target in which `@` stands for this server's bucket."""
        return target.replace("@", self.bucket, 1)

    def signed(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        *,
        keys: tuple[str, str] | None = None,
        region: str = REGION,
        service: str = "s3",
        extra: Mapping[str, str] | None = None,
    ) -> Answer:
        """A request signed in its headers; `extra` headers are added, or changed, unsigned."""
        path = self.path(target)
        request = AWSRequest(method, f"{self.url}{path}", headers=dict(headers or {}), data=body)
        signer = S3SigV4Auth(Credentials(*(keys or (self.access, self.secret))), service, region)
        signer.add_auth(request)
        sent = {name.lower(): value for name, value in request.headers.items()}
        sent |= {name.lower(): value for name, value in (extra or {}).items()}
        return self.send(method, path, body, {k: v for k, v in sent.items() if v})

    def presigned(self, method: str, target: str, expires: int = 3600) -> str:
        """A presigned request target, path and query."""
        request = AWSRequest(method, f"{self.url}{self.path(target)}")
        S3SigV4QueryAuth(
            Credentials(self.access, self.secret), "s3", REGION, expires=expires
        ).add_auth(request)
        parts = urlsplit(request.url)
        return f"{parts.path}?{parts.query}"

    def form(
        self,
        fields: Mapping[str, str],
        conditions: list[Any] | None = None,
        *,
        lasts: timedelta = timedelta(hours=1),
        policy: str | None = None,
        secret: str | None = None,
    ) -> dict[str, str]:
        """Fields of a signed form; the conditions are those of the fields unless given."""
        now = datetime.now(UTC)
        scope = f"{now:%Y%m%d}/{REGION}/s3/aws4_request"
        signing = {
            "x-amz-algorithm": "AWS4-HMAC-SHA256",
            "x-amz-credential": f"{self.access}/{scope}",
            "x-amz-date": f"{now:%Y%m%dT%H%M%SZ}",
        }
        if policy is None:
            own = [{name: value} for name, value in fields.items()]
            told = own if conditions is None else conditions
            policy = json.dumps(
                {
                    "expiration": f"{now + lasts:%Y-%m-%dT%H:%M:%S.000Z}",
                    "conditions": [
                        {"bucket": self.bucket},
                        *told,
                        *({name: value} for name, value in signing.items()),
                    ],
                }
            )
        encoded = base64.b64encode(policy.encode()).decode()
        key = f"AWS4{secret or self.secret}".encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.digest(key, encoded.encode(), "sha256").hex()
        return {**fields, **signing, "policy": encoded, "x-amz-signature": signature}

    def post(
        self,
        fields: Mapping[str, str],
        content: bytes | None = CONTENT,
        *,
        target: str = "/@",
        headers: Mapping[str, str] | None = None,
        after: Mapping[str, str] | None = None,
    ) -> Answer:
        """Post a form: the fields, the file (None: no file), and what comes after it."""
        pieces = [_part(name, value.encode()) for name, value in fields.items()]
        if content is not None:
            pieces.append(_part('file"; filename="the file.txt', content))
        pieces += [_part(name, value.encode()) for name, value in (after or {}).items()]
        body = b"".join(pieces) + f"--{BOUNDARY}--\r\n".encode()
        kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        return self.send("POST", self.path(target), body, {**kind, **(headers or {})})

    def seen(self, answer: Answer) -> dict[str, Any]:
        """Status, relevant headers and body of an answer, without what is random."""
        headers = {
            name: self._header(answer.headers[name]) for name in HEADERS if name in answer.headers
        }
        return {"status": answer.status, "headers": headers, "body": self._body(answer)}

    def verdict(self, answer: Answer) -> str:
        """Status and error code alone."""
        code = re.search(rb"<Code>(\w+)</Code>", answer.body)
        return f"{answer.status} {code[1].decode()}" if code else str(answer.status)

    def plain(self, text: str) -> str:
        """A text without names that only this server has."""
        for name, word in (
            (self.bucket, "<bucket>"),
            (self.host, "<address>"),
            (self.access, "<access key>"),
        ):
            text = text.replace(name, word).replace(quote(name, safe=""), word)
        # In which words a parser of JSON complains is its own affair.
        text = re.sub(r"(Policy Condition failed '\().*(\)')", r"\1…\2", text, flags=re.DOTALL)
        # MinIO names surplus fields in an order of chance.
        text = re.sub(r'"([\w-]+(?:, [\w-]+)+)" not', _sorted_names, text)
        return _UUID.sub("<uuid>", _DATE.sub("<time>", text))

    def _header(self, value: str) -> str:
        return _HTTP_DATE.sub("<date>", self.plain(value))

    def _body(self, answer: Answer) -> Any:
        if not answer.body.lstrip().startswith(b"<"):
            return answer.body.decode("utf-8", "replace")[:200]
        root = ElementTree.fromstring(answer.body)
        space, _, name = root.tag.rpartition("}")
        return {name: {"@xmlns": space.lstrip("{"), **self._children(root)}}

    def _children(self, node: ElementTree.Element) -> dict[str, Any]:
        found: dict[str, list[Any]] = {}
        for child in node:
            name = child.tag.rpartition("}")[2]
            value = self._children(child) if len(child) else self._text(name, child.text or "")
            found.setdefault(name, []).append(value)
        return {name: many[0] if len(many) == 1 else many for name, many in found.items()}

    def _text(self, name: str, text: str) -> str:
        return "<random text>" if name in _RANDOM else self.plain(text)

    def prepare(self) -> None:
        """Make the bucket and the objects that scenes read."""
        assert self.signed("PUT", "/@").status == 200
        headers = {
            "content-type": "text/plain",
            "cache-control": "max-age=5",
            "x-amz-meta-colour": "red",
        }
        assert self.signed("PUT", "/@/key", CONTENT, headers).status == 200
        for key in ("list/a", "list/b/c", "list/b/d", "list/e%20%C3%A9%26", "other", "empty"):
            content = b"" if key == "empty" else b"x"
            assert self.signed("PUT", f"/@/{key}", content).status == 200

    def discard(self) -> None:
        """Remove the bucket and what is in it."""
        for _ in range(100):
            text = self.signed("GET", "/@?encoding-type=url").body.decode()
            keys = re.findall(r"<Key>([^<]+)</Key>", text)
            if not keys:
                break
            for key in keys:
                self.signed("DELETE", f"/@/{quote(unquote_plus(key), safe='/~')}")
        self.signed("DELETE", "/@")


def _sorted_names(found: re.Match[str]) -> str:
    return f'"{", ".join(sorted(found[1].split(", ")))}" not'


def _part(name: str, value: bytes) -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
    return head.encode() + value + b"\r\n"


def md5_of(body: bytes) -> str:
    """Value of Content-MD5."""
    return base64.b64encode(hashlib.md5(body).digest()).decode()

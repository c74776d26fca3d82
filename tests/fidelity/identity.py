"""An issuer as the scenes see it: tokens without what is random, answers without what is chance."""

from __future__ import annotations

import base64
import ipaddress
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.support.issuer import Browser, Issuer

HEADERS = (
    "allow",
    "cache-control",
    "content-type",
    "location",
    "pragma",
    "www-authenticate",
    "access-control-allow-credentials",
    "access-control-allow-origin",
    "access-control-expose-headers",
)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# Values nobody can predict. Whether they are there, and of which type, is compared.
_RANDOM = {
    *("at_hash", "device_code", "kid", "n", "public_key", "session_state", "sid", "user_code"),
    *("x5c", "x5t", "x5t#S256"),
}
_TOKENS = {"access_token", "id_token", "refresh_token"}
_FIXED_IDS = "7e571000-"
# Where the caller's connection comes from: in containers that is the engine's bridge.
_CALLER = {"clientAddress", "clientHost"}


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


@dataclass(frozen=True)
class IdentityServer:
    """One issuer of the pair and the secrets of its clients."""

    issuer: Issuer
    sample_secret: str
    robot_secret: str
    _browsers: list[Browser] = field(default_factory=list)

    @property
    def sample(self) -> dict[str, str]:
        """Form fields with which the sample client authenticates."""
        return {"client_id": "firecrest-sample", "client_secret": self.sample_secret}

    @property
    def robot(self) -> dict[str, str]:
        return {"client_id": "firecrest-robot", "client_secret": self.robot_secret}

    def form(self, who: str) -> dict[str, str]:
        """Client authentication of ``sample``, ``robot``, ``public`` or ``nobody``."""
        public = {"client_id": "firecrest-public"}
        forms = {"sample": self.sample, "robot": self.robot, "public": public, "nobody": {}}
        return forms[who]

    def post(self, path: str, form: Mapping[str, str], **more: Any) -> httpx.Response:
        """POST a form to an endpoint below ``protocol/openid-connect``."""
        return self.issuer.http.post(f"{self.issuer.oidc}/{path}", data=dict(form), **more)

    def granted(self, who: str, **form: str) -> dict[str, Any]:
        """Body of a token answer that must be a success."""
        answer = self.issuer.token({**self.form(who), **form})
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def browser(self) -> Browser:
        """A browser without cookies; closed with the server."""
        self._browsers.append(Browser(self.issuer))
        return self._browsers[-1]

    def close(self) -> None:
        for browser in self._browsers:
            browser.http.close()
        self.issuer.http.close()

    def plain(self, text: str) -> str:
        """A text without this server's address."""
        return text.replace(self.issuer.address, "<address>")

    def seen(self, answer: httpx.Response) -> dict[str, Any]:
        """Status, relevant headers and body of an answer."""
        headers = {
            name: self.plain(answer.headers[name]) for name in HEADERS if name in answer.headers
        }
        if "content-type" in headers:
            kind = headers["content-type"].lower().replace("; ", ";")
            # JSON is UTF-8 with or without saying so (RFC 8259 §8.1).
            headers["content-type"] = kind.replace(
                "application/json;charset=utf-8", "application/json"
            )
        if "allow" in headers:
            headers["allow"] = ", ".join(sorted(headers["allow"].split(", ")))
        return {"status": answer.status_code, "headers": headers, "body": self._body(answer)}

    def _body(self, answer: httpx.Response) -> Any:
        kind = answer.headers.get("content-type", "")
        if kind.startswith("application/json") and answer.content:
            return self.tidy(answer.json())
        if kind.startswith("text/html"):
            return "a page"
        return self.plain(answer.text)

    def tidy(self, value: Any, key: str = "") -> Any:
        """JSON data without what is random or arbitrary: ids, times, tokens, order of lists."""
        if isinstance(value, dict):
            return self._members(value)
        if isinstance(value, list):
            tidied = [self.tidy(inner, key) for inner in value]
            return sorted(tidied, key=lambda inner: json.dumps(inner, sort_keys=True))
        if not isinstance(value, str):
            return value
        if key in _TOKENS:
            return self._token(value)
        if key in _RANDOM:
            return "<random text>"
        if key in _CALLER and _is_address(value):
            return "<address>"
        if key == "scope":
            return sorted(value.split())
        if key == "verification_uri_complete":
            return self.plain(value.partition("=")[0]) + "=<code>"
        return self.plain(value) if value.startswith(_FIXED_IDS) else self._without_id(value)

    def _without_id(self, value: str) -> str:
        return _UUID.sub("<uuid>", self.plain(value))

    def _members(self, members: dict[str, Any]) -> dict[str, Any]:
        tidied = {name: self.tidy(value, name) for name, value in members.items()}
        if "exp" in members and "iat" in members:
            # A session began a moment before: the second may have changed in between.
            tidied["exp"] = f"iat + {round(members['exp'] - members['iat'], -1)}"
        for name in ("iat", "auth_time"):
            if name in members:
                tidied[name] = "<seconds>" if isinstance(members[name], int) else "<not a number>"
        for name in ("expires_in", "refresh_expires_in"):
            if name in members:
                tidied[name] = round(members[name], -1)
        return tidied

    def _token(self, token: str) -> Any:
        parts = token.split(".")
        if len(parts) != 3:
            return f"<token of {len(parts)} parts>"
        header, claims = (
            json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
            for part in parts[:2]
        )
        return {"header": self.tidy(header), "claims": self.tidy(claims)}

"""An issuer whose key is in our hands: malformed and expired tokens can be signed by it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from f7t.settings import AuthSettings

ISSUER = "http://localhost:8080/auth/realms/kcrealm"


# Made once: an RSA key costs a tenth of a second and more.
_KEYS = {
    name: rsa.generate_private_key(public_exponent=65537, key_size=2048)
    for name in ("first", "second", "foreign")
}


class Issuer:
    """Serves a JWKS document on loopback and signs whatever it is told to."""

    def __init__(self) -> None:
        self.keys = {"first": _KEYS["first"]}
        self.fetches = 0
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.fetches += 1
                body = json.dumps(issuer.jwks()).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def add_key(self, key_id: str) -> None:
        self.keys[key_id] = _KEYS[key_id]

    def jwks(self) -> dict[str, Any]:
        keys = []
        for key_id, key in self.keys.items():
            public = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
            keys.append({**public, "kid": key_id, "alg": "RS256", "use": "sig"})
        return {"keys": keys}

    def claims(self, **changes: Any) -> dict[str, Any]:
        now = int(time.time())
        base = {
            "iss": ISSUER,
            "exp": now + 300,
            "iat": now,
            "scope": "openid firecrest",
            "preferred_username": "test1",
        }
        merged = {**base, **changes}
        return {name: value for name, value in merged.items() if value is not None}

    def sign(self, claims: dict[str, Any], *, key_id: str | None = "first", **header: Any) -> str:
        headers = {"kid": key_id, **header} if key_id else header
        key = self.keys[key_id or "first"]
        return jwt.encode(claims, key, algorithm="RS256", headers=headers)

    def token(self, **changes: Any) -> str:
        return self.sign(self.claims(**changes))

    def settings(self, **changes: Any) -> AuthSettings:
        url = f"http://127.0.0.1:{self._server.server_port}/certs"
        base = {"issuer": ISSUER, "jwks_url": url, "refresh_interval": 0}
        return AuthSettings.model_validate(base | changes)

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    made = Issuer()
    yield made
    made.close()

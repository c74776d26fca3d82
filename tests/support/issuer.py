"""An issuer in a process of its own, and a browser that keeps its cookies."""

from __future__ import annotations

import base64
import hashlib
import html
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import jwt

REALM_FILE = Path(__file__).parents[2] / "keycloak" / "realm.json"
PUBLIC_URL = "http://localhost:8080/auth"
ISS = f"{PUBLIC_URL}/realms/kcrealm"
SAMPLE_SECRET = "sample-secret-of-the-tests"
ROBOT_SECRET = "robot-secret-of-the-tests"
SECRETS = {"F7T_CLIENT_SECRET": SAMPLE_SECRET, "F7T_ROBOT_SECRET": ROBOT_SECRET}
VERIFIER = "a-code-verifier-of-at-least-forty-three-characters"
CHALLENGE = (
    base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
)
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"

Claims = dict[str, Any]


@dataclass
class Names:
    """Constants of the tests, reached through the fixture ``names``."""

    realm_file: Path = REALM_FILE
    public_url: str = PUBLIC_URL
    iss: str = ISS
    sample_secret: str = SAMPLE_SECRET
    robot_secret: str = ROBOT_SECRET
    secrets: Mapping[str, str] = field(default_factory=lambda: dict(SECRETS))
    verifier: str = VERIFIER
    challenge: str = CHALLENGE
    device_grant: str = DEVICE_GRANT

    @property
    def sample(self) -> dict[str, str]:
        """Form fields with which the sample client authenticates."""
        return {"client_id": "firecrest-sample", "client_secret": SAMPLE_SECRET}

    @property
    def robot(self) -> dict[str, str]:
        return {"client_id": "firecrest-robot", "client_secret": ROBOT_SECRET}

    @property
    def credentials(self) -> dict[str, str]:
        """Form fields of the client credentials grant."""
        return {"grant_type": "client_credentials", **self.sample}

    @property
    def password(self) -> dict[str, str]:
        """Form fields of the password grant of test1."""
        user = {"username": "test1", "password": "test11"}
        return {"grant_type": "password", **self.sample, **user}


class Issuer:
    """An issuer at an address (without ``/auth``), whoever runs it."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.realm = f"{address}/auth/realms/kcrealm"
        self.oidc = f"{self.realm}/protocol/openid-connect"
        self.http = httpx.Client(timeout=30)

    def token(self, data: Mapping[str, str], **more: Any) -> httpx.Response:
        """POST to the token endpoint."""
        return self.http.post(f"{self.oidc}/token", data=dict(data), **more)


class RunningIssuer(Issuer):
    """An issuer in a process of its own; its log is collected."""

    def __init__(self, process: subprocess.Popen[str], address: str) -> None:
        super().__init__(address)
        self.process = process
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._collect)
        self._reader.start()

    def _collect(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as stream:
            self.lines.extend(stream)

    def claims(self, token: str, audience: str | None = None) -> Claims:
        """Verify a token with the published keys, as an independent party would."""
        keys = jwt.PyJWKSet.from_dict(self.http.get(f"{self.oidc}/certs").json())
        key = keys[jwt.get_unverified_header(token)["kid"]]
        verified: Claims = jwt.decode(
            token,
            key,
            algorithms=["RS256"],
            issuer=ISS,
            audience=audience,
            options={"verify_aud": audience is not None},
        )
        return verified

    def stop(self) -> int:
        """Ask the process to end and give its exit status."""
        self.http.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(30)
        self._reader.join(30)
        return status


def launch(
    state: Path,
    realm: Path = REALM_FILE,
    environment: Mapping[str, str] = SECRETS,
    public_url: str | None = PUBLIC_URL,
) -> RunningIssuer:
    """Start an issuer that inherits its listening socket, so no request can come too early.

    Without a public URL its front address is the one it listens on, by the name ``localhost``.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        os.set_inheritable(listener.fileno(), True)
        port = listener.getsockname()[1]
        front = public_url or f"http://localhost:{port}/auth"
        arguments = ["--realm", str(realm), "--state", str(state), "--public-url", front]
        process = subprocess.Popen(
            [sys.executable, "-m", "f7t_identity", *arguments, "--fd", str(listener.fileno())],
            env={**os.environ, **environment},
            pass_fds=[listener.fileno()],
            stderr=subprocess.PIPE,
            text=True,
        )
    host = "127.0.0.1" if public_url else "localhost"
    issuer = RunningIssuer(process, f"http://{host}:{port}")
    issuer.http.get(f"{issuer.address}/health/ready").raise_for_status()
    return issuer


class Browser:
    """What a browser does: cookies, forms, and redirects only where the test wants them."""

    def __init__(self, issuer: Issuer) -> None:
        self.issuer = issuer
        self.http = httpx.Client(timeout=30, event_hooks={"response": [self._trust_loopback]})

    def _trust_loopback(self, _: httpx.Response) -> None:
        """Browsers send cookies marked ``Secure`` to the loopback address without TLS, too."""
        for cookie in self.http.cookies.jar:
            cookie.secure = False

    def authorize(self, **query: str) -> httpx.Response:
        return self.http.get(f"{self.issuer.oidc}/auth", params=query)

    def open(self, url: str) -> httpx.Response:
        return self.http.get(urljoin(self.issuer.address, url))

    def follow(self, response: httpx.Response) -> httpx.Response:
        """Follow redirects that stay with the issuer."""
        while response.status_code == 302:
            response = self.open(response.headers["location"])
        return response

    def submit(self, page: httpx.Response, **fields: str) -> httpx.Response:
        """Send the form of a page with its hidden fields."""
        found = re.search(r'<form[^>]*action="([^"]+)"', page.text)
        assert found is not None, page.text
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]+)"', page.text))
        action = urljoin(self.issuer.address, html.unescape(found[1]))
        return self.http.post(action, data={**hidden, **fields})

    def login(
        self, username: str = "test1", password: str = "test11", **query: str
    ) -> httpx.Response:
        """Open the login page of an authorization request and fill it in."""
        page = self.authorize(**query)
        assert page.status_code == 200, page.text
        return self.submit(page, username=username, password=password)


def parameters(response: httpx.Response) -> dict[str, str]:
    """Parameters of the address a response sends the browser to."""
    parts = urlsplit(response.headers["location"])
    return {key: values[0] for key, values in parse_qs(parts.query or parts.fragment).items()}

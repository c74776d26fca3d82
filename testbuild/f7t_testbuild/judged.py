"""What the conformance suite is told of a testbuild: settings as variables `F7T_CONFORMANCE_…`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from f7t_testbuild.cluster.site import load_site
from f7t_testbuild.credentials import CredentialFailure, client_of, issue_token, user_of
from f7t_testbuild.model import SYSTEM, Identity, Testbuild
from f7t_testbuild.ports import is_free
from f7t_testbuild.remembered import Choices
from f7t_testbuild.runtime import RuntimeName

SECOND = "test2"
"""The other user, who must see nothing of what the first one does."""
PREFIX = "F7T_CONFORMANCE_"
_AN_HOUR = 3600


def suite_environment(testbuild: Testbuild, choices: Choices) -> dict[str, str]:
    """Variables for one testbuild; the first identity is the client's service account.

    There is a second identity unless it is denied, and an expired token if `expired_token` has one.

    Raises:
        CredentialFailure: the testbuild has never been started.
    """
    return {f"{PREFIX}{name}": value for name, value in _settings(testbuild, choices)}


def _settings(testbuild: Testbuild, choices: Choices) -> Iterator[tuple[str, str]]:
    client = client_of(testbuild)
    site = load_site()
    yield "TARGET", testbuild.gateway_url
    yield "SYSTEM", SYSTEM
    yield "ACCOUNT", site.account.name
    yield "NODE_TYPE", site.reservations.feature
    callers = ("IDENTITY",) if SECOND in choices.deny else ("IDENTITY", "SECOND")
    for name in callers:
        yield f"{name}__TOKEN_URL", testbuild.token_url
        yield f"{name}__CLIENT_ID", client.client_id
        yield f"{name}__CLIENT_SECRET", client.secret
    if "SECOND" in callers:
        yield "SECOND__USERNAME", SECOND
        yield "SECOND__PASSWORD", user_of(SECOND).password
    expired = expired_token(testbuild, choices)
    if expired:
        yield "EXPIRED_TOKEN", expired


def expired_token(testbuild: Testbuild, choices: Choices) -> str:
    """A token of the realm that was valid until an hour ago; empty where none can be made.

    Waiting for one takes five minutes. The embedded issuer's key lies in the state directory
    natively, so a token that it has just issued is signed again, older. Keycloak gives its key to
    nobody, and that of a container is not read.
    """
    native = choices.runtime == RuntimeName.NATIVE and choices.identity == Identity.EMBEDDED
    if not native or is_free(testbuild.identity_port):
        return ""
    keys = sorted((testbuild.directory / "identity").glob("rs256-*.pem"))
    try:
        return _older(issue_token(testbuild, client_of(testbuild)), keys[-1]) if keys else ""
    except (CredentialFailure, OSError):
        return ""


def _older(token: str, key: Path) -> str:
    import jwt

    claims = jwt.decode(token, options={"verify_signature": False})
    until = int(time.time()) - _AN_HOUR
    lifetime = claims["exp"] - claims["iat"]
    claims |= {"iat": until - lifetime, "exp": until}
    header = jwt.get_unverified_header(token)
    return jwt.encode(claims, key.read_bytes(), "RS256", headers={"kid": header["kid"]})

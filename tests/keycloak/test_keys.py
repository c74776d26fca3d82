"""Keys: files only the owner can read, rotation without a restart, survival of a restart."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import jwt
import pytest

from f7t_identity.errors import KeyFileError
from f7t_identity.keys import KeyRing, rotate

if TYPE_CHECKING:
    from tests.keycloak.conftest import StartIssuer
    from tests.support.issuer import Names, RunningIssuer


def _kids(issuer: RunningIssuer) -> list[str]:
    return [key["kid"] for key in issuer.http.get(f"{issuer.oidc}/certs").json()["keys"]]


def _signed_with(issuer: RunningIssuer, names: Names) -> tuple[str, str]:
    token = issuer.token(names.credentials).json()["access_token"]
    return token, jwt.get_unverified_header(token)["kid"]


def _rotate(state: Path, *more: str) -> str:
    command = [sys.executable, "-m", "f7t_identity", "rotate", "--state", str(state), *more]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_key_description(issuer: RunningIssuer) -> None:
    (key,) = issuer.http.get(f"{issuer.oidc}/certs").json()["keys"]
    assert (key["kty"], key["alg"], key["use"]) == ("RSA", "RS256", "sig")
    required = {name: key[name] for name in ("e", "kty", "n")}
    text = json.dumps(required, separators=(",", ":"), sort_keys=True)
    thumbprint = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
    assert key["kid"] == thumbprint.decode().rstrip("="), "RFC 7638"
    assert not {"d", "p", "q"} & set(key)


def test_rotation_while_running(start_issuer: StartIssuer, names: Names, tmp_path: Path) -> None:
    issuer = start_issuer(tmp_path)
    old_token, old_kid = _signed_with(issuer, names)
    new_kid = _rotate(tmp_path)
    assert _kids(issuer) == [new_kid, old_kid]
    new_token, used = _signed_with(issuer, names)
    assert used == new_kid
    for token in (old_token, new_token):
        assert issuer.claims(token)["azp"] == "firecrest-sample"
        seen = {**names.sample, "token": token}
        answer = issuer.http.post(f"{issuer.oidc}/token/introspect", data=seen)
        assert answer.json()["active"] is True


def test_forgotten_key_no_longer_verifies(
    start_issuer: StartIssuer, names: Names, tmp_path: Path
) -> None:
    issuer = start_issuer(tmp_path)
    token, _ = _signed_with(issuer, names)
    kid = _rotate(tmp_path, "--keep", "1")
    assert _kids(issuer) == [kid]
    form = {**names.sample, "token": token}
    answer = issuer.http.post(f"{issuer.oidc}/token/introspect", data=form)
    assert answer.json() == {"active": False}


def test_restart_keeps_keys_and_ends_sessions(
    start_issuer: StartIssuer, names: Names, tmp_path: Path
) -> None:
    first = start_issuer(tmp_path)
    kids = _kids(first)
    token = first.token(names.credentials).json()["access_token"]
    refresh = first.token(names.password).json()["refresh_token"]
    assert first.stop() == 0
    second = start_issuer(tmp_path)
    assert _kids(second) == kids
    assert second.claims(token)["azp"] == "firecrest-sample"
    form = {"grant_type": "refresh_token", **names.sample, "refresh_token": refresh}
    assert second.token(form).json()["error_description"] == "Session not active"


def test_files_are_private(tmp_path: Path) -> None:
    state = tmp_path / "new" / "state"
    KeyRing(state)
    rotate(state)
    assert state.stat().st_mode & 0o777 == 0o700
    files = list(state.iterdir())
    assert len(files) == 3
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


def test_key_readable_by_others_is_refused(tmp_path: Path) -> None:
    KeyRing(tmp_path)
    (key,) = tmp_path.glob("rs256-*.pem")
    key.chmod(0o644)
    with pytest.raises(KeyFileError, match="0600"):
        KeyRing(tmp_path)


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    KeyRing(tmp_path)
    (key,) = tmp_path.glob("rs256-*.pem")
    content = key.read_bytes()
    key.write_bytes(b"nonsense")
    with pytest.raises(KeyFileError, match="damaged"):
        KeyRing(tmp_path)
    key.write_bytes(content)
    (tmp_path / "refresh-hs512.key").write_bytes(b"short")
    with pytest.raises(KeyFileError, match="64 bytes"):
        KeyRing(tmp_path)


def test_damaged_new_key_leaves_the_old_ones_in_use(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ring = KeyRing(tmp_path)
    kid = ring.current.kid
    bad = tmp_path / "rs256-99999999999999999999.pem"
    bad.touch(mode=0o600)
    assert ring.current.kid == kid
    assert "keys not reloaded" in caplog.text
    bad.unlink()
    assert rotate(tmp_path) == ring.current.kid

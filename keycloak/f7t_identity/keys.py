"""Keys of the issuer: kept in files only the owner can read, replaced while the issuer runs.

Every ``rs256-<creation time in ns>.pem`` in the state directory is published; the newest one signs.
So a rotation is: one more file appears. Tokens signed before stay verifiable until their file goes.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from f7t_identity.errors import KeyFileError

_log = logging.getLogger("f7t_identity")

_RSA_BITS = 2048
_HMAC_FILE = "refresh-hs512.key"
_HMAC_BYTES = 64


def b64url(data: bytes) -> str:
    """Base64 for URLs without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An RSA key pair and its public description."""

    private: rsa.RSAPrivateKey
    kid: str
    jwk: Mapping[str, str]

    @classmethod
    def of(cls, private: rsa.RSAPrivateKey) -> SigningKey:
        """Describe a private key; ``kid`` is the SHA-256 thumbprint of RFC 7638."""
        numbers = private.public_key().public_numbers()
        required = {
            "e": b64url(numbers.e.to_bytes((numbers.e.bit_length() + 7) // 8, "big")),
            "kty": "RSA",
            "n": b64url(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")),
        }
        canonical = json.dumps(required, sort_keys=True, separators=(",", ":")).encode("ascii")
        kid = b64url(hashlib.sha256(canonical).digest())
        return cls(private, kid, {"kid": kid, "alg": "RS256", "use": "sig", **required})

    @property
    def public_der(self) -> str:
        """The public key as bare base64 of its DER form, as Keycloak's realm document has it."""
        der = self.private.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return base64.b64encode(der).decode("ascii")


class KeyRing:
    """The keys found in a state directory; looks again whenever the list of files has changed."""

    def __init__(self, state: Path) -> None:
        """Open ``state`` and make whatever is missing in it. Raises KeyFileError."""
        self._state = state
        self._names: tuple[str, ...] = ()
        self._keys: tuple[SigningKey, ...] = ()
        _prepare(state)
        if not _key_names(state):
            rotate(state)
        self.refresh_secret = _read_or_create_secret(state / _HMAC_FILE)
        self.all()

    def all(self) -> tuple[SigningKey, ...]:
        """All published keys, newest first."""
        names = _key_names(self._state)
        # Listing names is a few microseconds, next to a signature nothing, and unlike the
        # directory's time stamp it cannot miss two changes within one clock tick.
        if names and names != self._names:
            self._load(names)
        return self._keys

    def _load(self, names: tuple[str, ...]) -> None:
        try:
            keys = tuple(SigningKey.of(_read_key(self._state / name)) for name in names)
        except KeyFileError:
            if not self._keys:
                raise
            _log.exception("keys not reloaded, the previous ones stay in use")
        else:
            self._keys = keys
        self._names = names

    @property
    def current(self) -> SigningKey:
        """The key that signs."""
        return self.all()[0]

    def find(self, kid: str | None) -> SigningKey | None:
        """The published key with this identifier."""
        return next((key for key in self.all() if key.kid == kid), None)


def rotate(state: Path, keep: int | None = None) -> str:
    """Add a key, which signs from now on, and return its ``kid``.

    With ``keep`` (at least 1) only that many of the newest keys stay published: tokens signed
    with a forgotten key no longer verify. Raises KeyFileError.
    """
    _prepare(state)
    private = rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS)
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    _write_private(state / f"rs256-{time.time_ns():020d}.pem", pem)
    if keep is not None:
        for name in _key_names(state)[keep:]:
            (state / name).unlink(missing_ok=True)
    return SigningKey.of(private).kid


def _prepare(state: Path) -> None:
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise KeyFileError(f"state directory {state}: {error.strerror}") from error


def _key_names(state: Path) -> tuple[str, ...]:
    return tuple(sorted((path.name for path in state.glob("rs256-*.pem")), reverse=True))


def _write_private(path: Path, content: bytes) -> None:
    """Write a file that appears complete and readable for the owner only."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise KeyFileError(f"key file {path}: {error.strerror}") from error


def _read_private(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise KeyFileError(f"key file {path} can be read by others: set its mode to 0600")
            return file.read()
    except OSError as error:
        raise KeyFileError(f"key file {path}: {error.strerror}") from error


def _read_key(path: Path) -> rsa.RSAPrivateKey:
    try:
        key = serialization.load_pem_private_key(_read_private(path), password=None)
    except ValueError as error:
        raise KeyFileError(f"key file {path} is damaged: {error}") from error
    if not isinstance(key, rsa.RSAPrivateKey):
        raise KeyFileError(f"key file {path} holds no RSA key")
    return key


def _read_or_create_secret(path: Path) -> bytes:
    if not path.exists():
        _write_private(path, secrets.token_bytes(_HMAC_BYTES))
    secret = _read_private(path)
    if len(secret) < _HMAC_BYTES:
        raise KeyFileError(f"key file {path} is damaged: {_HMAC_BYTES} bytes are expected")
    return secret

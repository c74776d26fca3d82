"""Keys and secrets of one installation: made at the first start, kept until a purge."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_private_key,
)

MUNGE_KEY_BYTES = 128
SECRETS = (
    *("client_secret", "robot_secret", "keycloak_admin_password"),
    *("staging_secret_key", "redis_password", "certificator_secret"),
)
"""Of the clients, of Keycloak's administrator, of the stores, of the gateway to delegation."""


def write_private(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file that never exists with a wider mode or in part; parents are made 0700."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)
        file.write(content)
    fresh.rename(path)


def ensure_secrets(path: Path) -> dict[str, str]:
    """The installation's secrets in the file `path`, made once; an old file gets new kinds."""
    kept: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    missing = [name for name in SECRETS if name not in kept]
    if missing:
        kept |= {name: secrets.token_urlsafe(32) for name in missing}
        write_private(path, json.dumps(kept, indent=2).encode() + b"\n")
    return kept


def ensure_munge_key(path: Path) -> None:
    """MUNGE's shared key, made once."""
    if not path.exists():
        write_private(path, secrets.token_bytes(MUNGE_KEY_BYTES), 0o400)


def known_host(name: str, port: int, host_key: Path) -> str:
    """The line of known_hosts (sshd(8)) for a server with this host key."""
    public = " ".join(public_key(host_key).split()[:2])
    return f"[{name}]:{port} {public}\n"


def public_key(private: Path) -> str:
    """The line of the public key beside a private one, without its newline."""
    return private.with_name(private.name + ".pub").read_text().strip()


def ensure_ssh_key(path: Path, comment: str) -> None:
    """An ed25519 key pair, the public key beside it, made once; `TypeError` for another kind."""
    if path.exists():
        key = load_ssh_private_key(path.read_bytes(), password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise TypeError(f"{path} is not an ed25519 key: remove it to get a new one")
    else:
        key = Ed25519PrivateKey.generate()
        text = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        write_private(path, text)
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    write_private(path.with_name(path.name + ".pub"), public + f" {comment}\n".encode(), 0o644)

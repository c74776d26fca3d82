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

from f7t_testbuild.model import Testbuild
from f7t_testbuild.native.layout import Layout

MUNGE_KEY_BYTES = 128
SECRETS = ("client_secret", "robot_secret", "staging_secret_key", "identity_admin_password")


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


def make_keys(testbuild: Testbuild, layout: Layout) -> None:
    """Make what is missing: secrets.json, CA, host key, munge key; write known_hosts anew."""
    ensure_secrets(testbuild)
    _ensure_ssh_key(layout.ca_key, f"f7t user CA of {testbuild.name}")
    _ensure_ssh_key(layout.host_key, f"f7t host key of {testbuild.name}")
    if not layout.munge_key.exists():
        write_private(layout.munge_key, secrets.token_bytes(MUNGE_KEY_BYTES), 0o400)
    public = public_key(layout.host_key).rpartition(" f7t")[0]
    write_private(
        layout.known_hosts, f"[127.0.0.1]:{testbuild.ssh_port} {public}\n".encode(), 0o644
    )


def ensure_secrets(testbuild: Testbuild) -> dict[str, str]:
    """The installation's secrets by name (`SECRETS`); those that are missing are made."""
    path = testbuild.secrets_file
    kept: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    made = {name: secrets.token_urlsafe(32) for name in SECRETS if name not in kept}
    if made:
        write_private(path, json.dumps(kept | made, indent=2).encode() + b"\n")
    return kept | made


def public_key(private: Path) -> str:
    """The line of the public key beside a private one, without its newline."""
    return private.with_name(private.name + ".pub").read_text().strip()


def _ensure_ssh_key(path: Path, comment: str) -> None:
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

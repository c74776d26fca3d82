"""Delegation: who may act on a system, and the short-lived certificate that lets them.

Nobody holds a credential of any user. The holder of this authority's key, which the machines trust,
signs a gateway process's public key for the user of a verified token, for minutes (contract
delegation.md §3). That is the gateway itself, or the certificator that it asks.
"""

from __future__ import annotations

import logging
import re
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn

import asyncssh

from f7t.errors import CertificateRefused

BACKDATED = timedelta(seconds=60)
"""Clocks differ: a certificate is valid from this long before it is made, as ssh-keygen does."""

LONGEST_LIFETIME = timedelta(minutes=15)
DEFAULT_LIFETIME = timedelta(minutes=5)

# POSIX.1-2017 §3.437 without a leading hyphen (an option) or dot (a path component `..`).
_USER_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
_FORBIDDEN_USERS = frozenset({"root"})

_log = logging.getLogger(__name__)


def refusal(user: str, system: str) -> str:
    """What a user is told who gets no certificate (delegation.md §2)."""
    # The name is a token's claim and may hold anything: it is shown as a literal.
    return f"Permission denied for user {user if _safe(user) else ascii(user)} in {system}"


def _safe(user: str) -> bool:
    return _USER_NAME.fullmatch(user) is not None and user not in _FORBIDDEN_USERS


def refuse_unsafe(user: str, system: str) -> None:
    """Raises `CertificateRefused` for what is no safe login name, whatever any policy says."""
    if not _safe(user):
        _refuse(user, system)


def _refuse(user: str, system: str) -> NoReturn:
    fields = {"user": user, "system": system}
    _log.warning("certificate refused", extra={"fields": fields})
    raise CertificateRefused(refusal(user, system))


class UnsafeKeyFile(ValueError):
    """The authority's private key is readable or writable by others, or is of the wrong kind."""


@dataclass(frozen=True)
class AccessPolicy:
    """Who gets a certificate for which system; everybody unless stated otherwise.

    Attributes:
        denied: system name -> users who are refused there.
        allowed: system name -> the only users who are let in; a system that is absent is open.
    """

    denied: Mapping[str, frozenset[str]] = field(default_factory=dict)
    allowed: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def permits(self, user: str, system: str) -> bool:
        """Whether `user` may act on `system`; a denial wins over a permission."""
        if user in self.denied.get(system, frozenset()):
            return False
        allowed = self.allowed.get(system)
        return allowed is None or user in allowed


class CertificateAuthority:
    """Signs user certificates with an ed25519 key that the machines trust."""

    def __init__(self, key: asyncssh.SSHKey, policy: AccessPolicy | None = None) -> None:
        """Use `key`, a private ed25519 key, for users that `policy` permits (default: all).

        Raises:
            UnsafeKeyFile: the key is of another kind.
        """
        if key.get_algorithm() != "ssh-ed25519":
            raise UnsafeKeyFile(f"the authority's key is {key.get_algorithm()}, not ssh-ed25519")
        self._key = key
        self._policy = policy or AccessPolicy()

    @classmethod
    def from_file(cls, path: Path, policy: AccessPolicy | None = None) -> CertificateAuthority:
        """Load the private key in `path` (OpenSSH or PKCS#8 format, without passphrase).

        Raises:
            UnsafeKeyFile: group or others have any access to it (delegation.md §3), or it is no
                ed25519 private key.
            OSError: it cannot be read.
        """
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise UnsafeKeyFile(f"{path}: mode {mode:04o} gives access to group or others")
        try:
            key = asyncssh.read_private_key(path)
        except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
            raise UnsafeKeyFile(f"{path}: {error}") from error
        return cls(key, policy)

    @property
    def public_key(self) -> str:
        """The line for sshd's `TrustedUserCAKeys`."""
        return self._key.export_public_key().decode("ascii").strip()

    async def issue(
        self,
        user: str,
        system: str,
        public_key: asyncssh.SSHKey,
        *,
        lifetime: timedelta = DEFAULT_LIFETIME,
    ) -> asyncssh.SSHCertificate:
        """A user certificate over `public_key` for exactly `user`, without any extension.

        Every certificate and every refusal leaves a line in the log.

        Args:
            user: POSIX login name, the only principal.
            system: public name of the system, for authorisation and the audit trail.
            public_key: the key that the holder will prove to own.
            lifetime: validity from now, at most 15 minutes.

        Raises:
            CertificateRefused: the name is no safe login name, or the policy denies the system.
            ValueError: the lifetime is not positive or too long.
        """
        if not timedelta() < lifetime <= LONGEST_LIFETIME:
            raise ValueError(f"certificate lifetime {lifetime} is out of range")
        refuse_unsafe(user, system)
        if not self._policy.permits(user, system):
            _refuse(user, system)
        serial = secrets.randbits(63) + 1
        now = datetime.now(UTC)
        valid_until = now + lifetime
        certificate = self._key.generate_user_certificate(
            public_key,
            key_id=f"user={user} system={system} serial={serial}",
            serial=serial,
            principals=[user],
            valid_after=int((now - BACKDATED).timestamp()),
            valid_before=int(valid_until.timestamp()),
            permit_x11_forwarding=False,
            permit_agent_forwarding=False,
            permit_port_forwarding=False,
            permit_pty=False,
            permit_user_rc=False,
        )
        fields = {
            "user": user,
            "system": system,
            "serial": serial,
            "valid_until": valid_until.isoformat(timespec="seconds"),
        }
        _log.info("certificate issued", extra={"fields": fields})
        return certificate

    async def check(self) -> None:
        """Nothing to ask: the key was loaded when this was made."""

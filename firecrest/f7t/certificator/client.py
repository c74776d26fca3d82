"""The gateway's side: certificates of an authority that is a process of its own."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import asyncssh
import httpx
from asyncssh.public_key import CERT_TYPE_USER, SSHOpenSSHCertificate

from f7t.delegation import DEFAULT_LIFETIME, refusal, refuse_unsafe
from f7t.errors import CertificateRefused, DelegationUnavailable

_TIME_LIMIT = 5.0
"""Seconds for one answer, a second try included."""
_CONNECT_LIMIT = 2.0
_CHECK_LIMIT = 2.0
_IDLE_SECONDS = 30.0
_ANSWER_LIMIT = 16 * 1024
_KIND = "ssh-ed25519-cert-v01@openssh.com"

_log = logging.getLogger(__name__)


class _Unusable(Exception):
    """The reason why an answer is none; for the log, without any secret."""

    def __init__(self, reason: str, *, status: int = 0) -> None:
        super().__init__(reason)
        self.status = status


def _checked(text: str, user: str, public_key: asyncssh.SSHKey) -> asyncssh.SSHCertificate:
    """The certificate in `text`, if it lets exactly `user` in with `public_key`, now.

    asyncssh has verified its signature; whose it is, the machines decide.
    """
    if not text.startswith(f"{_KIND} "):
        raise _Unusable(f"the certificate is not of kind {_KIND}")
    try:
        certificate = asyncssh.import_certificate(text)
    except ValueError as error:
        raise _Unusable(f"the certificate cannot be decoded: {error}") from error
    assert isinstance(certificate, SSHOpenSSHCertificate)
    if certificate.key.public_data != public_key.public_data:
        raise _Unusable("the certificate is over another key")
    if list(certificate.principals) != [user]:
        raise _Unusable("the certificate is for somebody else")
    try:
        certificate.validate(CERT_TYPE_USER, user)
    except ValueError as error:
        raise _Unusable(f"the certificate is not valid: {error}") from error
    return certificate


class RemoteAuthority:
    """Asks the certificator; used as a `CertificateAuthority` of this process would be."""

    def __init__(self, url: str, secret: str) -> None:
        """Ask at `url` (`http://host:port`), presenting `secret`.

        Belongs to the event loop in which it is first used.
        """
        self._url = url
        self._secret = secret
        self._http = httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {secret}"},
            timeout=httpx.Timeout(_TIME_LIMIT, connect=_CONNECT_LIMIT),
            limits=httpx.Limits(keepalive_expiry=_IDLE_SECONDS),
            trust_env=False,
            # Loading the certificate store takes longer than all the rest: only where needed.
            verify=url.startswith("https:"),
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def issue(
        self,
        user: str,
        system: str,
        public_key: asyncssh.SSHKey,
        *,
        lifetime: timedelta = DEFAULT_LIFETIME,
    ) -> asyncssh.SSHCertificate:
        """A user certificate over `public_key` for exactly `user`; arguments as the authority's.

        Raises:
            CertificateRefused: the certificator said no to this user.
            DelegationUnavailable: it does not answer, does not know our secret, or answers
                nonsense; the log has the reason.
        """
        refuse_unsafe(user, system)
        wish = {
            "user": user,
            "system": system,
            "public_key": public_key.export_public_key().decode("ascii").strip(),
            "lifetime": lifetime.total_seconds(),
        }
        with self._reported():
            status, answer = await self._ask("POST", "/certificates", wish, _TIME_LIMIT)
            description = answer.get("description")
            if status == 401 and description == refusal(user, system):
                raise CertificateRefused(refusal(user, system))
            if status != 200:
                raise _Unusable(f"it answered {status}: {description}", status=status)
            return _checked(str(answer.get("certificate", "")), user, public_key)

    async def check(self) -> None:
        """Returns when the certificator answers, knows our secret and has its key.

        Raises:
            DelegationUnavailable: with the status that was answered instead; within two seconds.
        """
        with self._reported():
            status, answer = await self._ask("GET", "/public-key", None, _CHECK_LIMIT)
            if status != 200 or "public_key" not in answer:
                reason = f"it answered {status}: {answer.get('description')}"
                raise _Unusable(reason, status=status)

    @contextmanager
    def _reported(self) -> Iterator[None]:
        """The reason goes to the log, the fact to the caller."""
        try:
            yield
        except _Unusable as error:
            # What a stranger in the certificator's place says may repeat what we sent.
            reason = str(error).replace(self._secret, "…")[:500]
            fields = {"url": self._url, "reason": reason}
            _log.error("no certificate service", extra={"fields": fields})
            status = 0 if error.status == 200 else error.status
            raise DelegationUnavailable(status=status) from None

    async def _ask(
        self, method: str, path: str, wish: object, limit: float
    ) -> tuple[int, dict[str, object]]:
        """Status and JSON object of one answer, asked for twice if the connection breaks."""
        try:
            async with asyncio.timeout(limit):
                try:
                    return await self._ask_once(method, path, wish)
                except (httpx.NetworkError, httpx.RemoteProtocolError):
                    return await self._ask_once(method, path, wish)
        except TimeoutError as error:
            raise _Unusable(f"no answer within {limit:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _Unusable(f"{type(error).__name__}: {error}") from error

    async def _ask_once(
        self, method: str, path: str, wish: object
    ) -> tuple[int, dict[str, object]]:
        async with self._http.stream(method, path, json=wish) as response:
            body = b""
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > _ANSWER_LIMIT:
                    raise _Unusable("the answer is too long", status=response.status_code)
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            reason = f"it answered {response.status_code} without a JSON object"
            raise _Unusable(reason, status=response.status_code)
        return response.status_code, answer

"""A gateway that asks: what it gets, what it accepts, and what it says when there is no answer."""

from __future__ import annotations

import asyncio
import json
import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from f7t.certificator import client
from f7t.certificator.client import RemoteAuthority
from f7t.delegation import CertificateAuthority
from f7t.errors import CertificateRefused, DelegationUnavailable
from f7t.log import JsonFormatter
from f7t.ssh.pool import SshPool
from tests.firecrest.delegation.certificates import described
from tests.firecrest.delegation.certificator import (
    SECRET,
    Answer,
    Certificator,
    http_answer,
    stranger,
)
from tests.support.sshd import Sshd

USER, SYSTEM = "test1", "cluster"


def logged(caplog: pytest.LogCaptureFixture) -> str:
    """Everything as the gateway's log would show it."""
    return "\n".join(JsonFormatter().format(record) for record in caplog.records)


async def refused_by(url: str, key: asyncssh.SSHKey, *, secret: str = SECRET) -> int:
    """Ask at `url`, which must not count as an answer; the status that is remembered of it."""
    authority = RemoteAuthority(url, secret)
    try:
        with pytest.raises(DelegationUnavailable) as error:
            await authority.issue(USER, SYSTEM, key)
    finally:
        await authority.close()
    assert error.value.message == "Delegation service is not available"
    return error.value.status


async def test_a_certificate_comes_over(
    remote: RemoteAuthority, user_key: asyncssh.SSHKey, tmp_path: Path
) -> None:
    certificate = await remote.issue(USER, SYSTEM, user_key, lifetime=timedelta(seconds=30))
    lines = described(certificate, tmp_path)
    assert lines[lines.index("Principals:") + 1] == USER
    assert lines[-1] == "Extensions: (none)"


@pytest.mark.parametrize("user", ["denied-user", "root", "", "a b", "\ud800", "tést"])
async def test_a_refusal_comes_over(
    user: str, remote: RemoteAuthority, user_key: asyncssh.SSHKey
) -> None:
    with pytest.raises(CertificateRefused, match=r"Permission denied for user .* in cluster"):
        await remote.issue(user, SYSTEM, user_key)


async def test_a_wrong_secret_is_no_refusal(
    certificator: Certificator, user_key: asyncssh.SSHKey, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = "b-secret-of-24-characters"
    assert await refused_by(certificator.url, user_key, secret=wrong) == 401
    assert "it answered 401: The shared secret is missing or wrong" in logged(caplog)
    assert wrong not in logged(caplog)
    authority = RemoteAuthority(certificator.url, wrong)
    with pytest.raises(DelegationUnavailable) as error:
        await authority.check()
    assert error.value.status == 401
    await authority.close()


async def test_a_wish_that_is_wrong_is_no_refusal(
    remote: RemoteAuthority, user_key: asyncssh.SSHKey, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(DelegationUnavailable):
        await remote.issue(USER, SYSTEM, user_key, lifetime=timedelta(hours=1))
    assert "it answered 400: lifetime: " in logged(caplog)


async def test_restarts_while_the_gateway_lives(
    ca_key: asyncssh.SSHKey, user_key: asyncssh.SSHKey, sshd: Sshd, tmp_path: Path
) -> None:
    own = Certificator(tmp_path, ca_key)
    own.start()
    authority = RemoteAuthority(own.url, SECRET)
    pool = SshPool(authority, known_hosts=sshd.known_hosts)
    try:
        async with pool.session("test1", sshd) as session:
            assert own.stop() == 0
            # Who is logged in goes on.
            await session.files.make_directories(".")
        with pytest.raises(DelegationUnavailable):
            async with pool.session("test2", sshd):
                pass
        with pytest.raises(DelegationUnavailable) as error:
            await authority.check()
        assert error.value.status == 0
        own.start()
        await authority.check()
        async with pool.session("test2", sshd) as session:
            await session.files.make_directories(".")
        # A restart that nobody noticed: the kept connection is dead.
        assert own.stop() == 0
        own.start()
        await authority.issue(USER, SYSTEM, user_key)
    finally:
        await pool.close()
        await authority.close()
        if own.process is not None:
            own.stop()


async def test_one_login_is_one_certificate(
    certificator: Certificator, remote: RemoteAuthority, sshd: Sshd
) -> None:
    before = len(certificator.lines("certificate issued"))
    pool = SshPool(remote, known_hosts=sshd.known_hosts)

    async def request() -> None:
        async with pool.session("test2", sshd) as session:
            await session.files.make_directories(".")

    try:
        await asyncio.gather(*(request() for _ in range(50)))
        assert pool.stats().handshakes == 1
        new = certificator.lines("certificate issued")[before:]
        assert [line["user"] for line in new] == ["test2"]
        assert f"serial={new[0]['serial']}" in sshd.log.read_text()
        with pytest.raises(CertificateRefused):
            async with pool.session("denied-user", sshd):
                pass
    finally:
        await pool.close()


@pytest.fixture
def good() -> Answer:
    """What a certificator answers that signs for whoever asks."""
    authority = CertificateAuthority(asyncssh.generate_private_key("ssh-ed25519"))

    async def answer(head: bytes, body: bytes) -> bytes:
        wish = json.loads(body)
        key = asyncssh.import_public_key(wish["public_key"])
        certificate = await authority.issue(wish["user"], wish["system"], key)
        return http_answer(200, {"certificate": certificate.export_certificate().decode()})

    return answer


async def test_one_connection_for_many_certificates(
    good: Answer, user_key: asyncssh.SSHKey
) -> None:
    async with stranger(good) as other:
        authority = RemoteAuthority(f"{other.url}/", SECRET)
        for _ in range(3):
            await authority.issue(USER, SYSTEM, user_key)
        await authority.close()
        assert (other.requests, other.connections) == (3, 1)


async def test_a_broken_connection_is_tried_once_more(
    good: Answer, user_key: asyncssh.SSHKey, caplog: pytest.LogCaptureFixture
) -> None:
    async def second_time(head: bytes, body: bytes) -> bytes:
        if other.requests == 1:
            return b""
        said = good(head, body)
        return said if isinstance(said, bytes) else await said

    async with stranger(second_time) as other:
        authority = RemoteAuthority(other.url, SECRET)
        await authority.issue(USER, SYSTEM, user_key)
        await authority.close()
        assert other.requests == 2
    assert "no certificate service" not in logged(caplog)
    async with stranger(lambda head, body: b"") as other:
        assert await refused_by(other.url, user_key) == 0
        assert other.requests == 2
    assert "RemoteProtocolError" in logged(caplog)


async def test_silence_ends_in_time_and_is_not_repeated(
    user_key: asyncssh.SSHKey, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for limit in ("_TIME_LIMIT", "_CHECK_LIMIT"):
        monkeypatch.setattr(client, limit, 0.2)

    async def never(head: bytes, body: bytes) -> bytes:
        await asyncio.Event().wait()
        return b""

    async with stranger(never) as other:
        assert await refused_by(other.url, user_key) == 0
        assert other.requests == 1
        authority = RemoteAuthority(other.url, SECRET)
        with pytest.raises(DelegationUnavailable) as error:
            await authority.check()
        assert error.value.status == 0
        await authority.close()
    assert "0.2 s" in logged(caplog) or "ReadTimeout" in logged(caplog)


def signed(key: asyncssh.SSHKey, **options: Any) -> dict[str, str]:
    """An answer with a certificate that is somehow not what was asked for."""
    make = options.pop("make", "generate_user_certificate")
    authority = asyncssh.generate_private_key(options.pop("by", "ssh-ed25519"))
    certificate = getattr(authority, make)(key, "id", **({"principals": [USER]} | options))
    return {"certificate": certificate.export_certificate().decode()}


def nonsense(kind: str, key: asyncssh.SSHKey) -> tuple[bytes, str]:
    """An answer without use, and what the log says of it."""
    good = signed(key)["certificate"]
    other = asyncssh.generate_private_key("ssh-ed25519")
    ecdsa = asyncssh.generate_private_key("ecdsa-sha2-nistp256")
    denied = {"description": "Permission denied for user somebody-else in cluster"}
    decoded, bodies = "cannot be decoded", "without a JSON object"
    known: dict[str, tuple[bytes, str]] = {
        "no HTTP": (b"SSH-2.0-OpenSSH_9.2p1\r\n\r\n", "RemoteProtocolError"),
        "no body": (http_answer(200, b""), bodies),
        "a page": (http_answer(200, b"<html>"), bodies),
        "a list": (http_answer(200, [good]), bodies),
        "deep": (http_answer(200, b"[" * 16000), bodies),
        "no text": (http_answer(200, b"\xff\xfe"), bodies),
        "no gzip": (http_answer(200, b"no gzip at all", "content-encoding: gzip"), "DecodingError"),
        "too long": (http_answer(200, {"certificate": good, "x": "x" * 20000}), "too long"),
        "cut": (
            http_answer(200, {"certificate": good}, "connection: close")[:-9],
            "RemoteProtocolError",
        ),
        "empty": (http_answer(200, {}), "is not of kind"),
        "a number": (http_answer(200, {"certificate": 1}), "is not of kind"),
        "a word": (http_answer(200, {"certificate": "x"}), "is not of kind"),
        "no base64": (http_answer(200, {"certificate": f"{good.split()[0]} é"}), decoded),
        "half": (http_answer(200, {"certificate": good[: len(good) // 2]}), decoded),
        "a key": (
            http_answer(200, {"certificate": key.export_public_key().decode()}),
            "is not of kind",
        ),
        "PEM": (
            http_answer(
                200,
                {
                    "certificate": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
                },
            ),
            "is not of kind",
        ),
        "another key": (http_answer(200, signed(other)), "over another key"),
        "another kind": (http_answer(200, signed(ecdsa)), "is not of kind"),
        "another user": (http_answer(200, signed(key, principals=["root"])), "somebody else"),
        "two users": (http_answer(200, signed(key, principals=[USER, "root"])), "somebody else"),
        "everybody": (http_answer(200, signed(key, principals=[])), "somebody else"),
        "a host": (http_answer(200, signed(key, make="generate_host_certificate")), "not valid"),
        "past": (
            http_answer(200, signed(key, valid_after="-2h", valid_before="-1h")),
            "not valid",
        ),
        "future": (
            http_answer(200, signed(key, valid_after="+1h", valid_before="+2h")),
            "not valid",
        ),
        "refused another": (http_answer(401, denied), "it answered 401"),
        "a crash": (http_answer(500, b"Internal Server Error"), "500 without a JSON object"),
        "busy": (http_answer(503, {"description": "busy"}), "it answered 503: busy"),
        "elsewhere": (http_answer(302, {}, "location: http://127.0.0.1:1/"), "it answered 302"),
        "not there": (http_answer(404, {"description": 1}), "it answered 404: 1"),
    }
    return known[kind] if kind in known else (b"", ",".join(known))


KINDS = nonsense("", asyncssh.generate_private_key("ssh-ed25519"))[1].split(",")


@pytest.mark.parametrize("kind", KINDS)
async def test_nonsense(
    kind: str, user_key: asyncssh.SSHKey, caplog: pytest.LogCaptureFixture
) -> None:
    data, expected = nonsense(kind, user_key)
    async with stranger(lambda head, body: data) as other:
        status = await refused_by(other.url, user_key)
    assert status in (0, 302, 401, 404, 500, 503)
    assert "no certificate service" in logged(caplog)
    assert expected in logged(caplog)
    assert SECRET not in logged(caplog)


async def test_what_is_right_is_accepted_from_anybody(user_key: asyncssh.SSHKey) -> None:
    """The counter-test of all that: an answer of the same making, with nothing wrong."""
    data = http_answer(200, signed(user_key))
    async with stranger(lambda head, body: data) as other:
        authority = RemoteAuthority(other.url, SECRET)
        await authority.issue(USER, SYSTEM, user_key)
        await authority.close()


async def test_a_secret_that_comes_back_is_not_logged(
    user_key: asyncssh.SSHKey, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "f7t")
    async with stranger(lambda head, body: http_answer(500, {"description": str(head)})) as other:
        assert await refused_by(other.url, user_key) == 500
    assert "Bearer …" in caplog.records[-1].__dict__["fields"]["reason"]
    assert SECRET not in logged(caplog)


async def test_nobody_there(user_key: asyncssh.SSHKey, caplog: pytest.LogCaptureFixture) -> None:
    assert await refused_by("http://127.0.0.1:1", user_key) == 0
    assert "ConnectError" in logged(caplog)
    assert await refused_by("http://no-such-host.invalid:5010", user_key) == 0


async def test_proxies_of_the_environment_are_not_used(
    certificator: Certificator, user_key: asyncssh.SSHKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    authority = RemoteAuthority(certificator.url, SECRET)
    await authority.issue(USER, SYSTEM, user_key)
    await authority.close()


async def test_a_check_wants_more_than_an_open_port(remote: RemoteAuthority) -> None:
    await remote.check()
    async with stranger(lambda head, body: http_answer(200, {})) as other:
        authority = RemoteAuthority(other.url, SECRET)
        with pytest.raises(DelegationUnavailable) as error:
            await authority.check()
        await authority.close()
    assert error.value.status == 0

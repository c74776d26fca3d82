"""The certificate authority: what it signs, and for whom it refuses to (delegation.md §3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncssh
import pytest

from f7t.delegation import AccessPolicy, CertificateAuthority, UnsafeKeyFile
from f7t.errors import CertificateRefused
from tests.firecrest.delegation.certificates import described, serial, validity


@pytest.fixture(scope="module")
def ca_key() -> asyncssh.SSHKey:
    return asyncssh.generate_private_key("ssh-ed25519")


@pytest.fixture(scope="module")
def user_key() -> asyncssh.SSHKey:
    return asyncssh.generate_private_key("ssh-ed25519")


async def test_the_certificate_is_for_one_user_for_minutes_and_allows_nothing_else(
    ca_key: asyncssh.SSHKey, user_key: asyncssh.SSHKey, tmp_path: Path
) -> None:
    authority = CertificateAuthority(ca_key)
    before = datetime.now(UTC).replace(microsecond=0)
    lines = described(
        await authority.issue("test1", "cluster", user_key, lifetime=timedelta(minutes=5)), tmp_path
    )
    after = datetime.now(UTC)
    assert "Type: ssh-ed25519-cert-v01@openssh.com user certificate" in lines
    assert lines[lines.index("Principals:") + 1 : lines.index("Critical Options: (none)")] == [
        "test1"
    ]
    assert lines[-1] == "Extensions: (none)"
    start, end = validity(lines)
    minute = timedelta(seconds=60)
    assert before - minute <= start <= after - minute
    assert before + 5 * minute <= end <= after + 5 * minute
    assert serial(lines) > 0
    assert f'Key ID: "user=test1 system=cluster serial={serial(lines)}"' in lines


async def test_every_serial_is_new(
    ca_key: asyncssh.SSHKey, user_key: asyncssh.SSHKey, tmp_path: Path
) -> None:
    authority = CertificateAuthority(ca_key)
    serials = {
        next(
            line
            for line in described(await authority.issue("test1", "cluster", user_key), tmp_path)
            if line.startswith("Serial:")
        )
        for _ in range(5)
    }
    assert len(serials) == 5


@pytest.mark.parametrize(
    "user",
    [
        "",
        "root",
        " test1",
        "test1 ",
        "test 1",
        "test1,root",
        "test1\n",
        "-oProxyCommand=x",
        "..",
        ".ssh",
        "../test1",
        "a/b",
        "täst",
        "test1\x00",
        "*",
        "x" * 65,
    ],
)
async def test_names_that_are_no_safe_login_names_are_refused(
    user: str, ca_key: asyncssh.SSHKey, user_key: asyncssh.SSHKey
) -> None:
    with pytest.raises(CertificateRefused, match="Permission denied for user") as refused:
        await CertificateAuthority(ca_key).issue(user, "cluster", user_key)
    assert refused.value.message.isprintable()
    assert refused.value.message.isascii()


@pytest.mark.parametrize(
    ("policy", "user", "system", "permitted"),
    [
        (AccessPolicy(), "test1", "cluster", True),
        (AccessPolicy(), "service-account-firecrest-sample", "cluster", True),
        (AccessPolicy(denied={"cluster": frozenset({"test2"})}), "test2", "cluster", False),
        (AccessPolicy(denied={"cluster": frozenset({"test2"})}), "test2", "other", True),
        (AccessPolicy(denied={"cluster": frozenset({"test2"})}), "test1", "cluster", True),
        (AccessPolicy(allowed={"cluster": frozenset({"test1"})}), "test1", "cluster", True),
        (AccessPolicy(allowed={"cluster": frozenset({"test1"})}), "test2", "cluster", False),
        (AccessPolicy(allowed={"cluster": frozenset()}), "test1", "cluster", False),
        (AccessPolicy(allowed={"cluster": frozenset({"test1"})}), "test2", "other", True),
        (
            AccessPolicy(
                denied={"cluster": frozenset({"test1"})}, allowed={"cluster": frozenset({"test1"})}
            ),
            "test1",
            "cluster",
            False,
        ),
    ],
)
async def test_authorisation_is_per_system(
    policy: AccessPolicy,
    user: str,
    system: str,
    permitted: bool,
    ca_key: asyncssh.SSHKey,
    user_key: asyncssh.SSHKey,
) -> None:
    authority = CertificateAuthority(ca_key, policy)
    if permitted:
        await authority.issue(user, system, user_key)
        return
    with pytest.raises(CertificateRefused) as refused:
        await authority.issue(user, system, user_key)
    assert refused.value.message == f"Permission denied for user {user} in {system}"


@pytest.mark.parametrize("lifetime", [timedelta(), timedelta(seconds=-1), timedelta(minutes=16)])
async def test_a_lifetime_that_is_not_minutes_is_an_error(
    lifetime: timedelta, ca_key: asyncssh.SSHKey, user_key: asyncssh.SSHKey
) -> None:
    with pytest.raises(ValueError, match="out of range"):
        await CertificateAuthority(ca_key).issue("test1", "cluster", user_key, lifetime=lifetime)


@pytest.mark.parametrize("mode", [0o400, 0o600])
def test_a_private_key_file_is_loaded(mode: int, ca_key: asyncssh.SSHKey, tmp_path: Path) -> None:
    file = tmp_path / "ca"
    ca_key.write_private_key(file)
    file.chmod(mode)
    authority = CertificateAuthority.from_file(file)
    assert (
        authority.public_key.split()[:2] == (ca_key.export_public_key().decode("ascii").split()[:2])
    )


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o610, 0o620, 0o602, 0o601, 0o777])
def test_a_key_file_that_others_can_reach_is_refused(
    mode: int, ca_key: asyncssh.SSHKey, tmp_path: Path
) -> None:
    file = tmp_path / "ca"
    ca_key.write_private_key(file)
    file.chmod(mode)
    with pytest.raises(UnsafeKeyFile, match=f"mode {mode:04o}"):
        CertificateAuthority.from_file(file)


def test_other_kinds_of_keys_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "ca"
    asyncssh.generate_private_key("ecdsa-sha2-nistp256").write_private_key(file)
    file.chmod(0o600)
    with pytest.raises(UnsafeKeyFile, match="ecdsa"):
        CertificateAuthority.from_file(file)
    file.write_text("not a key at all")
    with pytest.raises(UnsafeKeyFile):
        CertificateAuthority.from_file(file)
    with pytest.raises(FileNotFoundError):
        CertificateAuthority.from_file(tmp_path / "absent")

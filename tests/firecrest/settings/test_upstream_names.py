"""An environment file of the original FirecREST starts this one."""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import ValidationError
from pydantic_settings import SettingsError

from f7t.settings import FileSystem, InternalTransferSettings, Settings
from f7t.upstream_names import unused_names
from f7t.upstream_table import NAMES

SECRET = "a-secret-of-the-store"
KEY = base64.b64encode(
    rsa.generate_private_key(public_exponent=65537, key_size=2048)
    .public_key()
    .public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
).decode()
ISSUER = "http://localhost:8080/auth/realms/kcrealm"
TABLE = (
    "{'cluster': [{'name': 'HOME', 'path': '/home', 'description': 'Users home fs'}, "
    "{'name': 'SCRATCH', 'path': '/scratch', 'description': 'scratch fs'}], "
    "'other': [{'path': '/data', 'quota': 5}]}"
)
DEMO = {
    # Whole files of such variables are quoted by some readers, and name systems twice.
    "F7T_SYSTEMS_PUBLIC_NAME": "'cluster;cluster;other'",
    "F7T_SYSTEMS_INTERNAL_ADDR": "'192.168.220.12:22;192.168.220.13:22;\"[fe80::1]:2222\"'",
    "F7T_FILESYSTEMS": f'"{TABLE}"',
    "F7T_COMPUTE_BASE_FS": "/home",
    "F7T_AUTH_TOKEN_ISSUER": ISSUER,
    "F7T_AUTH_PUBLIC_KEYS": KEY,
    "F7T_AUTH_ALGORITHMS": "RS256",
    "F7T_AUTH_TOKEN_AUD": "''",
    "F7T_AUTH_REQUIRED_SCOPE": "firecrest-v1",
    "F7T_AUTH_ROLE": "",
    "F7T_AUTH_HEADER_NAME": "Authorization",
    "F7T_CA_KEY_PATH": "/ca-key",
    "F7T_UTILITIES_TIMEOUT": "7",
    "F7T_UTILITIES_MAX_FILE_SIZE": "'11'",
    "F7T_TAIL_BYTES": "500",
    "F7T_COMPUTE_TASK_EXP_TIME": "100",
    "F7T_COMPUTE_SCHEDULER": "Slurm",
    "F7T_SPANK_PLUGIN_ENABLED": "True",
    "F7T_SPANK_PLUGIN_OPTION": "--nohome",
    "F7T_STORAGE_JOBS_MACHINE": "'cluster;cluster'",
    "F7T_XFER_PARTITION": "xfer",
    "F7T_XFER_CONSTRAINT": "f7t",
    "F7T_USE_SCHED_PROJECT": "True",
    "F7T_RESERVATION_CMD": "sudo rsvmgmt",
    "F7T_RESERVATIONS_TIMEOUT": "20",
    "F7T_OBJECT_STORAGE": "s3v4",
    "F7T_S3_PUBLIC_URL": "http://192.168.220.19:9000",
    "F7T_S3_PRIVATE_URL": "http://minio:9000",
    "F7T_S3_ACCESS_KEY": "storage_access_key",
    "F7T_S3_SECRET_KEY": SECRET,
    "F7T_S3_REGION": "eu-central-2",
    "F7T_STORAGE_TEMPURL_EXP_TIME": "3600",
    "F7T_STORAGE_MAX_FILE_SIZE": "100",
    "F7T_STORAGE_POLLING_INTERVAL": "2",
    "F7T_STORAGE_TASK_EXP_TIME": "200",
    "F7T_PERSIST_HOST": "taskpersistence",
    "F7T_PERSIST_PORT": "6380",
    "F7T_PERSIST_PWD": "rediS2200",
    "F7T_STATUS_SERVICES": "'utilities;compute;tasks'",
    "F7T_GENERAL_INFORMATION": '{"FIRECREST_VERSION": "1.16.1", "FIRECREST_BUILD": "x"}',
    "F7T_DEBUG_MODE": "True",
    "F7T_OPA_ENABLED": "False",
    "F7T_OPA_URL": "http://opa:8181",
    "F7T_GUNICORN_WORKER": "gthread",
    "F7T_SSL_ENABLED": "True",
    "F7T_JAEGER_AGENT": "",
    "F7T_COMPUTE_PORT": "5006",
    "F7T_SSH__KNOWN_HOSTS": "/known_hosts",
}


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The environment of an installation of upstream's, and nothing else of ours."""
    for name in [one for one in os.environ if one.startswith("F7T_")]:
        monkeypatch.delenv(name)
    for name, value in DEMO.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def _read() -> Settings:
    return Settings()


def test_the_whole_file(variables: pytest.MonkeyPatch) -> None:
    settings = _read()
    first, second = settings.systems
    assert (first.name, first.host, first.port) == ("cluster", "192.168.220.12", 22)
    assert (second.name, second.host, second.port) == ("other", "fe80::1", 2222)
    assert {one.job_base for one in settings.systems} == {"/home"}
    assert first.filesystems == (
        FileSystem(name="HOME", path="/home", description="Users home fs"),
        FileSystem(name="SCRATCH", path="/scratch", description="scratch fs"),
    )
    assert second.filesystems == (FileSystem(path="/data"),)
    assert not second.filesystems[0].is_complete
    auth = settings.auth
    assert (auth.issuer, auth.public_keys, auth.jwks_url) == (ISSUER, (KEY,), "")
    assert (auth.audience, auth.required_scope) == ("", "firecrest-v1")
    assert auth.service_account_role == ""
    assert settings.ssh.ca_key == Path("/ca-key")
    assert (settings.utilities.timeout, settings.utilities.max_file_size_mb) == (7, 11)
    assert (settings.compute.tail_bytes, settings.compute.task_lifetime) == (500, 100)
    assert settings.compute.spank_plugin_option == "--nohome"
    assert settings.reservations.argv == ["sudo", "rsvmgmt"]
    assert settings.reservations.timeout == 20
    storage = settings.storage
    assert storage.internal == InternalTransferSettings(
        machine="cluster", partition="xfer", constraint="f7t", use_sched_project=True
    )
    assert storage.public_url == "http://192.168.220.19:9000"
    assert storage.private_url == "http://minio:9000"
    assert (storage.access_key, storage.secret_key) == ("storage_access_key", SECRET)
    assert (storage.region, storage.tempurl_lifetime) == ("eu-central-2", 3600)
    assert (storage.max_file_size_mb, storage.arrival_interval) == (100, 2)
    assert storage.task_lifetime == 200
    assert settings.tasks.redis_url == "redis://taskpersistence:6380/0"
    assert settings.tasks.redis_password == "rediS2200"
    assert settings.services == ("utilities", "compute", "tasks")
    assert (settings.firecrest_version, settings.log_level) == ("1.16.1", "debug")


def test_every_row_with_a_setting_is_tried_here() -> None:
    assert {name.variable for name in NAMES if name.setting} <= set(DEMO)


def test_older_names(variables: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        for older in name.older[:1]:
            variables.setenv(older, DEMO[name.variable])
            variables.delenv(name.variable)
    settings = _read()
    assert [one.name for one in settings.systems] == ["cluster", "other"]
    assert settings.auth.issuer == ISSUER
    assert settings.auth.public_keys == (KEY,)


def test_the_newer_of_two_names_counts(variables: pytest.MonkeyPatch) -> None:
    variables.setenv("F7T_AUTH_ISSUER", "http://elsewhere")
    assert _read().auth.issuer == ISSUER


def test_our_own_names_win(variables: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In the environment and in the file; even a value that could not be read is then no matter."""
    file = tmp_path / "gateway.yaml"
    own = {
        "systems": [{"name": "mine", "host": "login"}],
        "utilities": {"timeout": 3},
        "auth": {"jwks_url": "http://issuer/certs"},
        "ssh": {"certificator_url": "http://delegation:5010"},
    }
    file.write_text(yaml.safe_dump(own))
    variables.setenv("F7T_CONFIG", str(file))
    variables.setenv("F7T_SSH__CERTIFICATOR_SECRET", "a-secret-of-24-characters")
    variables.setenv("F7T_STORAGE__REGION", "here")
    variables.setenv("F7T_SYSTEMS_INTERNAL_ADDR", "nonsense")
    variables.setenv("F7T_UTILITIES_TIMEOUT", "soon")
    variables.delenv("F7T_STORAGE_JOBS_MACHINE")
    settings = _read()
    assert [one.name for one in settings.systems] == ["mine"]
    assert (settings.utilities.timeout, settings.utilities.max_file_size_mb) == (3, 11)
    assert (settings.auth.jwks_url, settings.auth.public_keys) == ("http://issuer/certs", ())
    assert settings.auth.issuer == ISSUER
    assert settings.ssh.ca_key is None
    assert settings.storage.region == "here"


@pytest.mark.parametrize(
    ("variable", "value", "problem"),
    [
        ("F7T_UTILITIES_TIMEOUT", "soon", "valid number"),
        ("F7T_UTILITIES_TIMEOUT", "-1", "greater than or equal to 0"),
        ("F7T_UTILITIES_MAX_FILE_SIZE", "5.5", "valid integer"),
        ("F7T_UTILITIES_MAX_FILE_SIZE", "0", "greater than or equal to 1"),
        ("F7T_STORAGE_TEMPURL_EXP_TIME", "604801", "less than or equal to 604800"),
        ("F7T_GENERAL_INFORMATION", "{}", "JSON object with FIRECREST_VERSION"),
        ("F7T_GENERAL_INFORMATION", "[1]", "JSON object with FIRECREST_VERSION"),
        ("F7T_GENERAL_INFORMATION", "demo", "JSON object with FIRECREST_VERSION"),
        ("F7T_GENERAL_INFORMATION", '{"FIRECREST_VERSION": "demo"}', "PEP 440"),
        ("F7T_FILESYSTEMS", "{'cluster': ", "not a Python literal"),
        ("F7T_FILESYSTEMS", "['/home']", "not a Python literal"),
        ("F7T_FILESYSTEMS", "{'cluster': 5}", "not a Python literal"),
        ("F7T_FILESYSTEMS", "__import__('os').getcwd()", "not a Python literal"),
        ("F7T_SYSTEMS_PUBLIC_NAME", "cluster;", "one of the names is empty"),
        ("F7T_SYSTEMS_INTERNAL_ADDR", "192.168.220.12:22", "1 values for 3 systems"),
        ("F7T_SYSTEMS_INTERNAL_ADDR", "a:22;b:22;c:port", "not host:port"),
        ("F7T_SYSTEMS_INTERNAL_ADDR", "a:22;b:22;c:65536", "not host:port"),
        ("F7T_SYSTEMS_INTERNAL_ADDR", "a:22;b:22;:22", "not host:port"),
        ("F7T_COMPUTE_BASE_FS", "/home;/users", "2 values for 3 systems"),
        ("F7T_PERSIST_PORT", "redis", "number of a port"),
        ("F7T_AUTH_PUBLIC_KEYS", f"{KEY};AAAA", "key 2 is no public key"),
        ("F7T_OPA_ENABLED", "True", "no client for OPA"),
        ("F7T_OBJECT_STORAGE", "swift", "only s3v4"),
        ("F7T_COMPUTE_SCHEDULER", "PBS", "only Slurm"),
        ("F7T_AUTH_HEADER_NAME", "X-Token", "only Authorization"),
    ],
)
def test_what_cannot_be_read_is_named(
    variables: pytest.MonkeyPatch, variable: str, value: str, problem: str
) -> None:
    variables.setenv(variable, value)
    with pytest.raises(SettingsError) as caught:
        _read()
    assert str(caught.value).startswith(f"{variable}: ")
    assert problem in str(caught.value)


def test_the_name_that_was_written_is_the_one_that_is_told(variables: pytest.MonkeyPatch) -> None:
    variables.delenv("F7T_SYSTEMS_PUBLIC_NAME")
    variables.setenv("F7T_SYSTEMS_PUBLIC", "cluster;")
    with pytest.raises(SettingsError, match=r"^F7T_SYSTEMS_PUBLIC: "):
        _read()


def test_all_problems_are_told_at_once(variables: pytest.MonkeyPatch) -> None:
    variables.setenv("F7T_UTILITIES_TIMEOUT", "soon")
    variables.setenv("F7T_OPA_ENABLED", "yes")
    with pytest.raises(SettingsError) as caught:
        _read()
    assert [line.split(":")[0].strip() for line in str(caught.value).splitlines()] == [
        "F7T_UTILITIES_TIMEOUT",
        "F7T_OPA_ENABLED",
    ]


def test_without_keys_or_address_of_keys(variables: pytest.MonkeyPatch) -> None:
    variables.setenv("F7T_AUTH_PUBLIC_KEYS", "")
    with pytest.raises(ValidationError, match="exactly one of jwks_url and public_keys"):
        _read()


@pytest.mark.parametrize("text", ["", "demo", "not defined", "1.16.x", "v 1"])
def test_a_version_that_clients_cannot_parse(variables: pytest.MonkeyPatch, text: str) -> None:
    """D28, contract §8.5."""
    variables.setenv("F7T_FIRECREST_VERSION", text)
    with pytest.raises(ValidationError, match="PEP 440"):
        _read()


def test_what_is_not_used() -> None:
    assert unused_names(DEMO) == [
        "F7T_AUTH_HEADER_NAME",
        "F7T_COMPUTE_PORT",
        "F7T_COMPUTE_SCHEDULER",
        "F7T_GUNICORN_WORKER",
        "F7T_OBJECT_STORAGE",
        "F7T_OPA_ENABLED",
        "F7T_OPA_URL",
        "F7T_SSL_ENABLED",
    ]


def _started(port: int, **environment: str) -> subprocess.CompletedProcess[str]:
    """The gateway as a process, which ends because its port is taken or its settings are wrong."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("F7T_")}
    return subprocess.run(
        [sys.executable, "-m", "f7t", "--port", str(port)],
        env={**kept, **DEMO, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_process_says_once_what_it_does_not_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = _started(taken.getsockname()[1])
    assert done.returncode == 1
    assert "Cannot listen" in done.stderr
    lines = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    told = [line["variables"] for line in lines if line["message"] == "variables not used"]
    assert told == [unused_names(DEMO)]
    assert SECRET not in done.stderr


def test_the_process_ends_with_the_name_of_the_variable() -> None:
    done = _started(0, F7T_TAIL_BYTES="many", F7T_PERSIST_PORT="x")
    assert done.returncode == 1
    assert "  F7T_TAIL_BYTES: " in done.stderr
    assert "  F7T_PERSIST_PORT: " in done.stderr
    assert "Traceback" not in done.stderr
    assert "many" not in done.stderr


def test_a_plugin_that_is_not_enabled_has_no_option(variables: pytest.MonkeyPatch) -> None:
    variables.setenv("F7T_SPANK_PLUGIN_ENABLED", "False")
    assert _read().compute.spank_plugin_option == ""


def test_different_machines_for_jobs_are_refused(variables: pytest.MonkeyPatch) -> None:
    variables.setenv("F7T_STORAGE_JOBS_MACHINE", "cluster;other")
    with pytest.raises(SettingsError, match="F7T_STORAGE_JOBS_MACHINE: only one for all"):
        _read()

"""The certificator's HTTP and process: what it signs, refuses, logs, and how it ends."""

from __future__ import annotations

import json
import signal
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncssh
import httpx
import pytest

from tests.firecrest.delegation.certificates import described, serial, validity
from tests.firecrest.delegation.certificator import SECRET, Certificator, run_certificator


@pytest.fixture
def wish(user_key: asyncssh.SSHKey) -> dict[str, Any]:
    """A body that is granted."""
    public = user_key.export_public_key().decode().strip()
    return {"user": "test1", "system": "cluster", "public_key": public, "lifetime": 300}


def test_a_certificate_for_one_user_for_minutes(
    http: httpx.Client, certificator: Certificator, wish: dict[str, Any], tmp_path: Path
) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    answer = http.post("/certificates", json=wish | {"lifetime": 120})
    after = datetime.now(UTC)
    assert (answer.status_code, set(answer.json())) == (200, {"certificate"})
    text = answer.json()["certificate"]
    assert text.startswith("ssh-ed25519-cert-v01@openssh.com AAAA")
    assert "\n" not in text
    lines = described(asyncssh.import_certificate(text), tmp_path)
    assert lines[lines.index("Principals:") + 1 : -2] == ["test1"]
    assert lines[-2:] == ["Critical Options: (none)", "Extensions: (none)"]
    assert f'Key ID: "user=test1 system=cluster serial={serial(lines)}"' in lines
    end = validity(lines)[1]
    assert before + timedelta(seconds=120) <= end <= after + timedelta(seconds=120)
    [logged] = [
        line for line in certificator.lines("certificate issued") if line["serial"] == serial(lines)
    ]
    assert (logged["level"], logged["user"], logged["system"]) == ("info", "test1", "cluster")
    assert logged["valid_until"] == end.isoformat()


def test_the_comment_of_a_key_is_not_repeated(http: httpx.Client, wish: dict[str, Any]) -> None:
    bare = " ".join(wish["public_key"].split()[:2])
    answer = http.post("/certificates", json=wish | {"public_key": f"{bare} a comment"})
    assert len(answer.json()["certificate"].split()) == 2


@pytest.mark.parametrize(
    ("user", "system", "shown"),
    [
        ("denied-user", "cluster", "denied-user"),
        ("test2", "closed", "test2"),
        ("root", "cluster", "'root'"),
        ("test1,root", "cluster", "'test1,root'"),
        ("", "cluster", "''"),
        ("tést", "cluster", r"'t\xe9st'"),
    ],
)
def test_who_may_not(
    user: str,
    system: str,
    shown: str,
    http: httpx.Client,
    certificator: Certificator,
    wish: dict[str, Any],
) -> None:
    known = len(certificator.lines("certificate refused"))
    answer = http.post("/certificates", json=wish | {"user": user, "system": system})
    description = f"Permission denied for user {shown} in {system}"
    assert (answer.status_code, answer.json()) == (401, {"description": description})
    [line] = certificator.lines("certificate refused")[known:]
    assert (line["user"], line["system"]) == (user, system)


@pytest.mark.parametrize(("user", "system"), [("denied-user", "other"), ("test1", "closed")])
def test_who_may(user: str, system: str, http: httpx.Client, wish: dict[str, Any]) -> None:
    answer = http.post("/certificates", json=wish | {"user": user, "system": system})
    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/certificates", "/public-key"])
@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Authorization", "")],
        [("Authorization", "Bearer")],
        [("Authorization", SECRET)],
        [("Authorization", f"Bearer {SECRET[:-1]}")],
        [("Authorization", f"Bearer {SECRET}x")],
        [("Authorization", f"Basic {SECRET}")],
        [("Authorization", "Bearer é".encode())],
        [("Authorization", f"Bearer {SECRET}"), ("Authorization", "Bearer wrong")],
    ],
)
def test_who_does_not_know_the_secret(
    path: str, headers: list[Any], certificator: Certificator, wish: dict[str, Any]
) -> None:
    content = json.dumps(wish) if path == "/certificates" else None
    method = "POST" if content else "GET"
    url = f"{certificator.url}{path}"
    with httpx.Client(trust_env=False) as client:
        answer = client.request(method, url, headers=headers, content=content)
    description = "The shared secret is missing or wrong"
    assert (answer.status_code, answer.json()) == (401, {"description": description})


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"user": None}, "user: "),
        ({"user": 1}, "user: "),
        ({"system": ""}, "system: "),
        ({"system": "cluster serial=1"}, "system: "),
        ({"system": "x" * 129}, "system: "),
        ({"public_key": ""}, "public_key: "),
        ({"public_key": "ssh-ed25519"}, "public_key: "),
        ({"public_key": "ssh-ed25519 AAAA"}, "public_key: "),
        ({"public_key": "ssh-ed25519 é"}, "public_key: "),
        ({"public_key": "ssh-rsa AAAAB3NzaC1yc2E="}, "public_key: "),
        ({"lifetime": 0}, "lifetime: "),
        ({"lifetime": -1}, "lifetime: "),
        ({"lifetime": 901}, "lifetime: "),
        ({"lifetime": "300"}, "lifetime: "),
        ({"lifetime": True}, "lifetime: "),
        ({"command": "id"}, "command: "),
    ],
)
def test_a_wrong_wish(
    change: dict[str, Any], expected: str, http: httpx.Client, wish: dict[str, Any]
) -> None:
    answer = http.post("/certificates", json=wish | change)
    assert answer.status_code == 400
    assert set(answer.json()) == {"description"}
    assert answer.json()["description"].startswith(expected)


@pytest.mark.parametrize("name", ["user", "system", "public_key", "lifetime"])
def test_a_missing_field(name: str, http: httpx.Client, wish: dict[str, Any]) -> None:
    del wish[name]
    answer = http.post("/certificates", json=wish)
    assert (answer.status_code, answer.json()) == (400, {"description": f"{name}: Field required"})


@pytest.mark.parametrize("kind", ["private", "certificate"])
def test_what_is_no_public_key(
    kind: str, http: httpx.Client, wish: dict[str, Any], certificator: Certificator
) -> None:
    if kind == "private":
        text = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
    else:
        text = http.post("/certificates", json=wish).json()["certificate"]
    answer = http.post("/certificates", json=wish | {"public_key": text})
    assert answer.status_code == 400
    assert answer.json()["description"].startswith("public_key: ")
    for word in text.split():
        assert len(word) < 20 or word not in certificator.log.read_text()


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'"text"', b"[" * 10000, b"\xff\xfe", b'{"user": NaN}'],
    ids=lambda body: repr(body[:8]),
)
def test_what_is_no_json_object(body: bytes, http: httpx.Client) -> None:
    answer = http.post("/certificates", content=body)
    assert answer.status_code == 400
    assert answer.json()["description"]


def test_large_bodies(http: httpx.Client, wish: dict[str, Any]) -> None:
    fits = json.dumps(wish).encode().ljust(16 * 1024)
    assert http.post("/certificates", content=fits).status_code == 200
    refused = {"description": "The body is over 16384 bytes"}
    declared = http.post("/certificates", content=fits + b" ")
    assert (declared.status_code, declared.json()) == (413, refused)
    counted = http.post("/certificates", content=iter([fits, b" "]))
    assert (counted.status_code, counted.json()) == (413, refused)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("POST", "/certificates/", 404),
        ("GET", "/certificates", 405),
        ("POST", "/public-key", 405),
        ("DELETE", "/health/ready", 405),
    ],
)
def test_other_paths_and_methods(method: str, path: str, status: int, http: httpx.Client) -> None:
    answer = http.request(method, path)
    assert (answer.status_code, set(answer.json())) == (status, {"description"})
    assert ("allow" in answer.headers) == (status == 405)


def test_pages(http: httpx.Client, certificator: Certificator) -> None:
    ready = httpx.get(f"{certificator.url}/health/ready", trust_env=False)
    assert (ready.status_code, ready.json()) == (200, {"status": "UP"})
    public = certificator.ca_key.export_public_key().decode().split()[:2]
    assert http.get("/public-key").json()["public_key"].split()[:2] == public


def test_no_secret_in_the_log(http: httpx.Client, certificator: Certificator) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().split()[1]
    wish = {"user": "test1", "system": "cluster", "public_key": f"ssh-ed25519 {key}"}
    granted = http.post("/certificates", json=wish | {"lifetime": 60}).json()["certificate"]
    http.post("/certificates", json=wish | {"lifetime": 0})
    http.post("/certificates", json=wish | {"lifetime": 60, "public_key": f"ssh-rsa {key}"})
    http.post("/certificates", content=key)
    http.get(f"/certificates?{SECRET}")
    http.get("/public-key", headers={"Authorization": f"Bearer wrong-{SECRET}"})
    log = certificator.log.read_text()
    assert '"message":"certificate issued"' in log
    assert '"message":"request refused: The shared secret is missing or wrong"' in log
    private = certificator.ca_key.export_private_key().decode().splitlines()[1]
    for hidden in (SECRET, key, granted.split()[1], private):
        assert hidden not in log


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_whatever_clients_do(
    number: signal.Signals, ca_key: asyncssh.SSHKey, tmp_path: Path
) -> None:
    own = Certificator(tmp_path, ca_key)
    own.start()
    assert own.process is not None
    begun = (
        f"POST /certificates HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {SECRET}\r\n"
        "Content-Length: 100\r\n\r\n{"
    )
    with (
        httpx.Client(base_url=own.url, trust_env=False) as idle,
        socket.create_connection(("127.0.0.1", own.port)) as unfinished,
    ):
        idle.get("/health/ready")
        unfinished.sendall(begun.encode())
        idle.get("/health/ready")
        own.process.send_signal(number)
        assert own.process.wait(30) == 0


@pytest.fixture
def key_file(ca_key: asyncssh.SSHKey, tmp_path: Path) -> Path:
    file = tmp_path / "ca"
    ca_key.write_private_key(file)
    file.chmod(0o600)
    return file


def test_an_unsafe_key_stops_the_start(key_file: Path, tmp_path: Path) -> None:
    settings = {"ca_key": str(key_file), "secret": SECRET}
    key_file.chmod(0o640)
    done = run_certificator(settings, tmp_path, "--port", "0")
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.endswith("ca: mode 0640 gives access to group or others")
    key_file.unlink()
    done = run_certificator(settings, tmp_path, "--port", "0")
    assert (done.returncode, "No such file" in done.stderr) == (1, True)
    assert len(done.stderr.splitlines()) == 1
    key_file.touch(mode=0o600)
    done = run_certificator(settings, tmp_path, "--port", "0")
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, ["ca_key: Field required", "secret: Field required"]),
        ({"ca_key": "x", "secret": "short-hidden"}, ["secret: String should match pattern"]),
        ({"ca_key": "x", "secret": "hidden words" * 3}, ["secret: String should match pattern"]),
        ({"ca_key": "x", "secret": SECRET, "hidden": 1}, ["Extra inputs are not permitted"]),
        ({"ca_key": "x", "secret": SECRET, "denied_users": ["hidden"]}, ["denied_users: "]),
        ({"ca_key": "x", "secret": SECRET, "log_level": "hidden"}, ["log_level: "]),
        ("secret: 'hidden\n", ["the file is not YAML"]),
        ("- hidden\n", ["the file holds no YAML map"]),
    ],
)
def test_wrong_settings(settings: Any, expected: list[str], tmp_path: Path) -> None:
    done = run_certificator(settings, tmp_path, "--port", "0")
    assert done.returncode == 1
    assert done.stderr.startswith("The settings (file named by F7T_CERTIFICATOR_CONFIG")
    for text in expected:
        assert text in done.stderr
    assert "hidden" not in done.stderr.replace("  hidden: Extra", "")
    assert "Traceback" not in done.stderr


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    variables = {"F7T_CERTIFICATOR_CONFIG": str(tmp_path / "absent")}
    done = run_certificator({}, tmp_path, environment=variables)
    assert done.returncode == 1
    assert f"{tmp_path}/absent: there is no such file" in done.stderr


def test_variables_win_over_the_file(key_file: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run_certificator(
            {"ca_key": "/absent", "secret": "x"},
            tmp_path,
            *("--port", str(port)),
            environment={
                "F7T_CERTIFICATOR_CA_KEY": str(key_file),
                "F7T_CERTIFICATOR_SECRET": SECRET,
                "F7T_CERTIFICATOR_DENIED_USERS": '{"cluster": ["test1"]}',
            },
        )
    # It came as far as its port.
    expected = f"Cannot listen on 127.0.0.1:{port}: Address already in use\n"
    assert (done.returncode, done.stderr) == (1, expected)

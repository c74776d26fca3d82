"""The process: how it starts, stops, refuses to start, and what it writes to its log."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from tests.keycloak.conftest import StartIssuer
    from tests.support.issuer import Browser, Names


def _command(names: Names, state: Path, *listen: str) -> list[str]:
    options = ["--realm", str(names.realm_file), "--state", str(state)]
    program = [sys.executable, "-m", "f7t_identity", *options]
    return [*program, "--public-url", f"{names.public_url}/", *listen]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_port_and_clean_stop(names: Names, tmp_path: Path, number: signal.Signals) -> None:
    process = subprocess.Popen(
        _command(names, tmp_path, "--port", "0"),
        env={**os.environ, **names.secrets},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    with process.stderr as log:
        line = json.loads(log.readline())
        address = f"http://127.0.0.1:{line['port']}"
        assert httpx.get(f"{address}/health/ready").status_code == 200
        document = httpx.get(f"{address}/auth/realms/kcrealm/.well-known/openid-configuration")
        assert document.json()["issuer"] == names.iss, "a slash at the end of the URL is no harm"
        with pytest.raises(OSError), socket.create_connection(("127.0.0.2", line["port"]), 5):
            pass
        process.send_signal(number)
        assert process.wait(30) == 0
        assert "Traceback" not in log.read()


@pytest.mark.parametrize("missing", ["F7T_CLIENT_SECRET", "F7T_ROBOT_SECRET"])
def test_missing_secret_stops_the_start(names: Names, tmp_path: Path, missing: str) -> None:
    environment = {**os.environ, **names.secrets}
    del environment[missing]
    command = _command(names, tmp_path / "state", "--port", "0")
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    line = json.loads(done.stderr)
    assert line["message"].endswith(f"environment variable {missing} is not set")
    assert not (tmp_path / "state").exists()


def test_port_in_use(names: Names, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        command = _command(names, tmp_path, "--port", str(taken.getsockname()[1]))
        environment = {**os.environ, **names.secrets}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "cannot listen" in json.loads(done.stderr)["message"]


def test_answers_do_not_wait_for_acknowledgements() -> None:
    """asyncio sets TCP_NODELAY only on sockets that say they speak TCP."""
    from f7t_identity.__main__ import _listener

    with _listener(None, "127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP


def test_another_address(names: Names, tmp_path: Path) -> None:
    process = subprocess.Popen(
        _command(names, tmp_path, "--host", "127.0.0.2", "--port", "0"),
        env={**os.environ, **names.secrets},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    with process.stderr as log:
        port = json.loads(log.readline())["port"]
        assert httpx.get(f"http://127.0.0.2:{port}/health/ready").status_code == 200
        with pytest.raises(OSError), socket.create_connection(("127.0.0.1", port), 5):
            pass
        process.terminate()
        assert process.wait(30) == 0


def test_an_address_and_an_inherited_socket_exclude_each_other(
    names: Names, tmp_path: Path
) -> None:
    command = _command(names, tmp_path, "--host", "127.0.0.1", "--fd", "0")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "argument --host: not allowed with argument --fd" in done.stderr


def test_wrong_usage(names: Names, tmp_path: Path) -> None:
    done = subprocess.run(_command(names, tmp_path), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "--port" in done.stderr


def test_log_has_no_secret(start_issuer: StartIssuer, names: Names, tmp_path: Path) -> None:
    issuer = start_issuer(tmp_path)
    body = issuer.token({**names.password, "scope": "openid"}).json()
    issuer.token({**names.password, "password": "wrong-pass-word"})
    issuer.token({**names.credentials, "client_id": names.sample_secret})
    issuer.token({**names.credentials, "grant_type": names.sample_secret})
    issuer.token({**names.credentials, "scope": names.sample_secret})
    refresh = {"grant_type": "refresh_token", **names.sample}
    issuer.token({**refresh, "refresh_token": body["refresh_token"]})
    header = {"Authorization": f"Bearer {body['access_token']}"}
    issuer.http.get(f"{issuer.oidc}/userinfo", headers=header)
    issuer.http.get(f"{issuer.oidc}/logout", params={"id_token_hint": body["id_token"]})
    assert issuer.stop() == 0
    log = "".join(issuer.lines)
    messages = [json.loads(line)["message"] for line in issuer.lines]
    assert "token issued" in messages
    assert "token refused: invalid_grant (Invalid user credentials)" in messages
    hidden = [*names.secrets.values(), "wrong-pass-word", "test11"]
    hidden += [body[key] for key in ("access_token", "refresh_token", "id_token")]
    assert not [text for text in hidden if text in log]


def test_a_browser_keeps_working_at_the_other_prefix(
    new_browser: Callable[[], Browser],
) -> None:
    browser = new_browser()
    query = {"client_id": "firecrest-sample", "redirect_uri": "http://localhost:7000/cb"}
    path = "/realms/kcrealm/protocol/openid-connect/auth?response_type=code"
    page = browser.open(f"{path}&{httpx.QueryParams(query)}")
    assert browser.submit(page, username="test1", password="test11").status_code == 302

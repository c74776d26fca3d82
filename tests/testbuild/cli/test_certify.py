"""`f7t certify` and `f7t env --conformance`: the suite is told what a testbuild is."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import jwt
import pytest
import requests
from click.testing import Result

from f7t_conformance.configuration import Settings
from f7t_conformance.model import Status
from f7t_conformance.reports import read
from f7t_testbuild import model
from f7t_testbuild.distribution import python_module
from f7t_testbuild.judged import PREFIX, expired_token, suite_environment
from f7t_testbuild.native.ways import WayName, choose_way
from f7t_testbuild.ports import is_free
from f7t_testbuild.remembered import Choices, recall
from f7t_testbuild.runtime import RuntimeName
from tests.support.live import Live, free_port_base, until

F7t = Callable[..., Result]
ONE = ("--only", "F7T-STAT-001", "--workers", "1")


def test_env_tells_the_suite_by_its_own_names(
    f7t: F7t, started_once: model.Testbuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = f7t("env", "--conformance", "--format", "json")
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert settings.target == started_once.gateway_url
    assert settings.identity.secret("client_secret") == "s3cret $HOME 'x'"
    assert settings.second.username == "test2"
    assert settings.identity.username == ""
    assert settings.second.given
    # It is stopped: there is nobody to issue a token.
    assert settings.expired_token is None
    assert all(name.startswith(PREFIX) for name in told)


def test_who_is_denied_is_no_second_identity(started_once: model.Testbuild) -> None:
    told = suite_environment(started_once, Choices(deny=("test2",)))
    assert [name for name in told if "SECOND" in name] == []
    assert f"{PREFIX}IDENTITY__TOKEN_URL" in told


@pytest.mark.parametrize(
    "choices",
    [
        Choices(runtime=RuntimeName.DOCKER.value),
        Choices(identity=model.Identity.KEYCLOAK_FROM_MAVEN.value),
    ],
    ids=["docker", "keycloak"],
)
def test_who_does_not_give_the_key_makes_no_expired_token(live: Live, choices: Choices) -> None:
    assert expired_token(live.testbuild, replace(choices, port_base=live.choices.port_base)) == ""


def test_the_expired_token_is_genuine_but_for_its_times(live: Live) -> None:
    if live.choices.runtime != RuntimeName.NATIVE or live.choices.identity != "embedded":
        pytest.skip("only the embedded issuer's key can be read")
    token = expired_token(live.testbuild, live.choices)
    header = {"Authorization": f"Bearer {token}"}
    answer = requests.get(f"{live.url}/status/systems", headers=header, timeout=30)
    assert answer.status_code == 401
    assert answer.json() == {"exp": "token expired"}
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 300
    assert claims["exp"] < time.time() - 60


def _certify(name: str, root: Path, report: Path, *arguments: str) -> list[str]:
    where = ("--name", name, "--state-root", str(root), "--report", str(report))
    return [*python_module("f7t_testbuild"), "certify", *where, *arguments]


@pytest.mark.timeout(300)
@pytest.mark.long
def test_a_running_testbuild_is_judged_and_keeps_running(live: Live, tmp_path: Path) -> None:
    testbuild = live.testbuild
    argv = _certify(testbuild.name, testbuild.state_root, tmp_path / "report", *ONE)
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = {path.name for path in (tmp_path / "report").iterdir()}
    assert found == {"badge.json", "junit.xml", "report.html", "results.json"}
    results = read(tmp_path / "report")
    assert [one.status for one in results.findings] == [Status.PASS]
    assert results.capabilities is not None
    assert results.profile == "full"
    assert live.get("/status/systems").ok


@pytest.mark.timeout(120)
@pytest.mark.long
def test_the_suites_exit_status_is_its_own(live: Live, tmp_path: Path) -> None:
    testbuild = live.testbuild
    argv = _certify(testbuild.name, testbuild.state_root, tmp_path, "--only", "F7T-NONE")
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no requirement F7T-NONE" in done.stderr


@pytest.fixture
def root() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="f7t-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.mark.timeout(300)
@pytest.mark.long
def test_one_is_started_for_it_and_stopped_again_also_when_interrupted(
    root: Path, tmp_path: Path
) -> None:
    if choose_way().name is WayName.NSS_WRAPPER:
        pytest.skip("only one testbuild at a time is possible without namespaces")
    base = str(free_port_base())
    environment = {**os.environ, "F7T_PORT_BASE": base, "F7T_RUNTIME": RuntimeName.NATIVE.value}
    argv = _certify("certified", root, tmp_path / "report", "--profile", "probe", "--workers", "1")
    with (tmp_path / "said").open("w+") as said:
        process = subprocess.Popen(
            argv, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT
        )
        try:
            until(
                lambda: True if " pass" in _read(tmp_path) or process.poll() is not None else None,
                seconds=200,
                what="the first checks",
            )
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=60) == 130, _read(tmp_path)
        finally:
            process.kill()
            process.wait()
    kept = recall(root, "certified")
    assert kept is not None
    ports = model.Testbuild("certified", kept.port_base, root).ports
    assert [name for name, port in ports.items() if not is_free(port)] == []
    assert read(tmp_path / "report").stopped == "interrupted"
    down = [*python_module("f7t_testbuild"), "down", "--name", "certified", "--purge"]
    subprocess.run([*down, "--state-root", str(root)], check=True, stderr=sys.stderr)


def _read(folder: Path) -> str:
    return (folder / "said").read_text()

"""The images run in a real engine, with nothing but what they say they need."""

from __future__ import annotations

import os
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from f7t_testbuild.images import engine
from f7t_testbuild.images.catalogue import BOOKWORM, TASKPERSISTENCE

ROOT = Path(__file__).resolve().parents[3]
PASSWORD = 'odd "pass\\word" $HOME'
PATIENCE = 60.0
"""Seconds until a container counts as broken."""


def docker(*arguments: str, stdin: str = "", check: bool = True) -> str:
    done = subprocess.run(
        ["docker", *arguments], input=stdin, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 or not check, done.stderr
    return done.stdout


@pytest.fixture(scope="module", autouse=True)
def _an_engine_with_a_base() -> None:
    if os.environ.get("F7T_TEST_DOCKER") != "1":
        pytest.skip("tests with a Docker engine run only with F7T_TEST_DOCKER=1")
    try:
        engine.require_engine()
    except engine.EngineAbsent as absence:
        pytest.skip(f"no Docker engine answers: {absence}")
    if engine.find(BOOKWORM) is None:
        pytest.skip(f"the engine has no {BOOKWORM}: run make images")


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The task store's image, built now."""
    log = tmp_path_factory.mktemp("build") / "log"
    engine.run_logged(TASKPERSISTENCE.build_command(ROOT), log, "docker build")
    return TASKPERSISTENCE.tag


@pytest.fixture
def name() -> Iterator[str]:
    """A name for a container and its volume, which are gone afterwards."""
    name = f"f7t-test-{uuid.uuid4().hex[:12]}"
    yield name
    docker("rm", "--force", "--volumes", name, check=False)
    docker("volume", "rm", "--force", name, check=False)


def start(image: str, name: str, password: Path, *options: str) -> None:
    """Start it as the compose file does: no privilege, no writable file but its volume."""
    docker(
        *("run", "--detach", "--name", name, "--read-only", "--cap-drop", "ALL"),
        *("--security-opt", "no-new-privileges", "--volume", f"{name}:/data"),
        *("--volume", f"{password}:/run/secrets/redis_password:ro"),
        *(*options, image),
    )


def wait_until_healthy(name: str) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        state = docker("inspect", "--format", "{{.State.Health.Status}}", name).strip()
        if state == "healthy":
            return
        assert time.monotonic() < end, docker("logs", name)
        time.sleep(0.1)


@pytest.fixture
def password(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text(PASSWORD)
    path.chmod(0o444)
    return path


def redis(name: str, *command: str, given: str = PASSWORD) -> str:
    # The password as a value of this one process, not as an argument of docker's.
    script = (
        'IFS= read -r REDISCLI_AUTH; export REDISCLI_AUTH; exec redis-cli --no-auth-warning "$@"'
    )
    words = ("exec", "--interactive", name, "bash", "-c", script, "redis", *command)
    return docker(*words, stdin=f"{given}\n", check=False)


def test_a_confirmed_write_outlives_a_kill(image: str, name: str, password: Path) -> None:
    start(image, name, password)
    wait_until_healthy(name)
    assert redis(name, "set", "task", "kept") == "OK\n"

    docker("kill", "--signal", "KILL", name)
    docker("start", name)
    wait_until_healthy(name)

    assert redis(name, "get", "task") == "kept\n"


def test_every_write_is_in_the_file_before_its_answer_and_nothing_is_saved_besides(
    image: str, name: str, password: Path
) -> None:
    start(image, name, password)
    wait_until_healthy(name)

    assert redis(name, "config", "get", "appendfsync").split() == ["appendfsync", "no"]
    assert redis(name, "config", "get", "appendonly").split() == ["appendonly", "yes"]
    assert redis(name, "config", "get", "save").split() == ["save"]


def test_nobody_gets_in_without_the_password_and_nothing_shows_it(
    image: str, name: str, password: Path
) -> None:
    start(image, name, password)
    wait_until_healthy(name)

    assert "PONG" not in redis(name, "ping", given="wrong")
    assert "NOAUTH" in docker("exec", name, "redis-cli", "ping", check=False)
    shown = docker("inspect", name) + docker("top", name, "-eo", "pid,args") + docker("logs", name)
    environment = docker("exec", name, "cat", "/proc/1/environ")
    assert "pass" not in environment.replace("REDIS_PASSWORD_FILE=/run/secrets/redis_password", "")
    assert PASSWORD not in shown
    assert "pass\\word" not in shown


def test_it_runs_as_nobody_in_particular(image: str, name: str, password: Path) -> None:
    start(image, name, password)
    wait_until_healthy(name)
    assert docker("exec", name, "id", "-u").strip() == "10003"


@pytest.mark.parametrize("mode", [0o000, 0o444], ids=["unreadable", "empty"])
def test_without_a_usable_password_it_does_not_start(
    image: str, name: str, tmp_path: Path, mode: int
) -> None:
    path = tmp_path / "password"
    path.write_text("" if mode else PASSWORD)
    path.chmod(mode)

    start(image, name, path)

    assert docker("wait", name).strip() == "1"
    said = subprocess.run(
        ["docker", "logs", name], capture_output=True, text=True, check=True
    ).stderr
    assert "absent, empty or not readable" in said


def test_the_build_context_has_no_more_than_the_dockerfiles_need(tmp_path: Path) -> None:
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text(f"FROM {BOOKWORM}\nCOPY . /context\n")
    tag = f"f7t-test-{uuid.uuid4().hex[:12]}"
    rubbish = ROOT / "firecrest" / "__pycache__" / "f7t-test.pyc"
    rubbish.parent.mkdir(exist_ok=True)
    rubbish.touch()
    try:
        docker("build", "-f", str(dockerfile), "-t", tag, str(ROOT))
        found = docker("run", "--rm", tag, "find", "/context", "-printf", "%P\\n").split("\n")
    finally:
        rubbish.unlink()
        docker("rmi", "--force", tag, check=False)

    top = {path.partition("/")[0] for path in found} - {""}
    assert top == {
        *("cluster", "conformance", "firecrest", "keycloak", "loadtest", "minio", "testbuild"),
        *("pyproject.toml", "uv.lock", "README.md"),
    }
    assert [path for path in found if path.startswith("loadtest/")] == ["loadtest/thresholds.yaml"]
    assert not [path for path in found if path.endswith(".pyc") or "egg-info" in path]

"""What reaches the engine of a checkout: only what Dockerfiles need."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
WANTED = {
    *("cluster", "conformance", "firecrest", "keycloak", "minio", "testbuild"),
    *("loadtest/thresholds.yaml", "pyproject.toml", "uv.lock", "README.md"),
}


def rules() -> list[str]:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_everything_is_left_out_first() -> None:
    assert rules()[0] == "*"


def test_what_comes_in_is_what_dockerfiles_need() -> None:
    assert {rule.removeprefix("!") for rule in rules() if rule.startswith("!")} == WANTED


def test_what_comes_in_exists() -> None:
    assert [name for name in WANTED if not (ROOT / name).exists()] == []


def test_rubbish_inside_is_left_out_after_the_folders_came_in() -> None:
    last = max(index for index, rule in enumerate(rules()) if rule.startswith("!"))
    assert {"**/__pycache__", "**/*.egg-info"} <= set(rules()[last:])

"""Settings of a run: where they come from, which wins, and mistakes that show no secret."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner
from pydantic import ValidationError

from f7t_conformance.cli import FAMILIAR, conformance
from f7t_conformance.configuration import CONFIG_VARIABLE, Identity, Settings

PREFIX = "F7T_CONFORMANCE_"
SECRET = "S3cr3tV4lu3"


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also what the command itself writes into the environment is gone afterwards."""
    for name in [one for one in os.environ if one.startswith(PREFIX) or one in FAMILIAR]:
        monkeypatch.delenv(name)
    for name in (*FAMILIAR.values(), f"{PREFIX}TARGET", CONFIG_VARIABLE):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def test_arguments_win_over_variables_and_these_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(
        "target: file\nsystem: file\ndirectory: /file\n"
        "identity: {token_url: https://file, client_id: file}\nbudget: {jobs: 7}\n"
    )
    monkeypatch.setenv(CONFIG_VARIABLE, str(file))
    monkeypatch.setenv(f"{PREFIX}SYSTEM", "variable")
    monkeypatch.setenv(f"{PREFIX}TARGET", "variable")
    monkeypatch.setenv(f"{PREFIX}IDENTITY__CLIENT_ID", "variable")
    settings = Settings(target="argument")
    assert (settings.target, settings.system, settings.directory) == (
        "argument",
        "variable",
        "/file",
    )
    assert settings.identity.client_id == "variable"
    assert settings.identity.token_url == "https://file"
    assert settings.budget.jobs == 7
    assert settings.budget.seconds == 900


def test_a_file_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CONFIG_VARIABLE, "/nowhere/settings.yaml")
    with pytest.raises(FileNotFoundError, match=r"/nowhere/settings\.yaml"):
        Settings()


@pytest.mark.parametrize(
    "given",
    [
        {"token": "a", "command": "b"},
        {"token_file": "a", "token_url": "https://x", "client_id": "c"},
        {"command": "b", "token_url": "https://x", "client_id": "c"},
        {"token_url": "https://x"},
        {"tokn": "a"},
    ],
)
def test_an_identity_is_given_in_exactly_one_way(given: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Identity.model_validate(given)


@pytest.mark.parametrize(
    ("given", "is_one"),
    [
        ({}, False),
        ({"client_id": "c", "username": "u"}, False),
        ({"token": "a"}, True),
        ({"token_file": "/f"}, True),
        ({"command": "b"}, True),
        ({"token_url": "https://x", "client_id": "c"}, True),
    ],
)
def test_when_an_identity_is_given(given: dict[str, str], is_one: bool) -> None:
    assert Identity.model_validate(given).given is is_one


def test_a_secret_is_read_from_its_field_or_its_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    one = Identity.model_validate({"token": "t", "password_file": file})
    assert one.secret("token") == "t"
    assert one.secret("password") == SECRET
    assert one.secret("client_secret") == ""


def test_settings_are_shown_without_their_secrets() -> None:
    identity = Identity.model_validate({"token": SECRET, "password": SECRET})
    settings = Settings.model_validate({"identity": identity, "expired_token": SECRET})
    assert SECRET not in f"{settings!r} {settings} {settings.model_dump()}"


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({}, "no target"),
        ({"TARGET": "http://127.0.0.1:1"}, "no identity"),
        ({"IDENTITY__TOKEN": SECRET, "IDENTITY__COMMAND": SECRET}, "give one of"),
        ({"BUDGET__SECONDS": "0"}, "budget.seconds"),
        ({"IDENTITY__TOKEN": SECRET, "BUDGET__JOBS": SECRET}, "budget.jobs"),
        ({"IDENTITY__PASSWORT": SECRET}, "identity.passwort"),
    ],
)
def test_mistakes_are_usage_errors_without_values(variables: dict[str, str], told: str) -> None:
    given = {f"{PREFIX}{name}": value for name, value in variables.items()}
    done = CliRunner().invoke(conformance, ["run"], env=given)
    assert done.exit_code == 2
    assert told in done.output
    assert SECRET not in done.output


def test_a_profile_without_the_requirement_is_a_usage_error() -> None:
    given = {f"{PREFIX}TARGET": "http://127.0.0.1:1", f"{PREFIX}IDENTITY__TOKEN": "t"}
    done = CliRunner().invoke(conformance, ["run", "--only", "F7T-NONE"], env=given)
    assert done.exit_code == 2
    assert "no requirement F7T-NONE" in done.output

"""`f7t env` and `f7t token`: what clients and shells read of them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from io import StringIO

import dotenv
import pytest
from click.testing import Result

from f7t_testbuild import model
from f7t_testbuild.commands.access import render
from f7t_testbuild.credentials import Client, CredentialFailure, client_of, issue_token, user_of
from f7t_testbuild.present import client_environment

F7t = Callable[..., Result]

AWKWARD = {
    "PLAIN": "http://127.0.0.1:8000",
    "EMPTY": "",
    "BLANK": "a b",
    "QUOTES": 'it\'s "quoted"',
    "DOLLAR": "$HOME `id` $(id)",
    "BACKSLASH": "C:\\new\\table\\",
    "HASH": "a #b",
}


def test_a_shell_reads_every_value_as_it_is() -> None:
    script = render(AWKWARD, "shell") + "\n/usr/bin/env -0"

    printed = subprocess.run(
        ["sh", "-c", script], capture_output=True, text=True, check=True
    ).stdout

    variables = dict(entry.split("=", 1) for entry in printed.rstrip("\0").split("\0"))
    assert {name: variables[name] for name in AWKWARD} == AWKWARD


def test_a_dotenv_reader_reads_every_value_as_it_is() -> None:
    read = dotenv.dotenv_values(stream=StringIO(render(AWKWARD, "dotenv")), interpolate=True)

    assert read == AWKWARD


def test_json_is_one_object() -> None:
    assert json.loads(render(AWKWARD, "json")) == AWKWARD


def test_env_knows_a_testbuild_by_its_name_only(f7t: F7t, started_once: model.Testbuild) -> None:
    result = f7t("env", "--format", "json")

    assert result.exit_code == 0
    values = json.loads(result.stdout)
    assert values == client_environment(started_once, "s3cret $HOME 'x'")
    assert values["FIRECREST_URL"] == values["FIRECREST_IP"] == "http://127.0.0.1:18000"
    assert values["AUTH_TOKEN_URL"] == (
        "http://localhost:18080/auth/realms/kcrealm/protocol/openid-connect/token"
    )
    assert values["FIRECREST_CLIENT_ID"] == "firecrest-sample"


@pytest.mark.parametrize("command", [("env",), ("token",), ("token", "--user", "test1")])
def test_without_a_first_start_there_are_no_secrets(f7t: F7t, command: tuple[str, ...]) -> None:
    result = f7t(*command)

    assert result.exit_code == 3
    assert "never started" in result.stderr
    assert "f7t up" in result.stderr
    assert result.stdout == ""


@pytest.mark.usefixtures("started_once")
def test_a_token_of_a_stopped_testbuild_says_that_it_is_stopped(f7t: F7t) -> None:
    result = f7t("token")

    assert result.exit_code == 3
    assert "is not running" in result.stderr


@pytest.mark.usefixtures("started_once")
def test_unknown_users_and_clients_are_answered_with_the_known_ones(f7t: F7t) -> None:
    user = f7t("token", "--user", "nobody")
    client = f7t("token", "--client", "nobody")

    assert user.exit_code == client.exit_code == 1
    assert "test1" in user.stderr
    assert "firecrest-sample" in client.stderr


def test_passwords_and_secrets_come_from_realm_and_state(started_once: model.Testbuild) -> None:
    assert user_of("test1").password == "test11"
    assert user_of("test4").password == "test44"
    assert client_of(started_once).secret == "s3cret $HOME 'x'"
    assert client_of(started_once, "firecrest-robot").secret == "r"


def test_a_damaged_secrets_file_is_named(started_once: model.Testbuild) -> None:
    started_once.secrets_file.write_text("{}")

    with pytest.raises(CredentialFailure, match=r"secrets\.json holds no 'client_secret'"):
        client_of(started_once)


def test_a_refused_connection_keeps_the_secret_to_itself(started_once: model.Testbuild) -> None:
    with pytest.raises(CredentialFailure) as failure:
        issue_token(started_once, Client("firecrest-sample", "very-secret"))

    assert "very-secret" not in f"{failure.value} {failure.value.hint}"
    assert "127.0.0.1:18080" in failure.value.message

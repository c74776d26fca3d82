"""Who is loaded, and as whom: variables, a file, the names of other clients."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from f7t_loadtest.settings import BadSettings, read_settings


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the test sets, and what reading sets, is gone afterwards."""
    for name in list(os.environ):
        if name.startswith(("F7T_LOAD_", "FIRECREST_", "AUTH_TOKEN_URL")):
            monkeypatch.delenv(name)
    monkeypatch.setattr(os, "environ", os.environ.copy())


def test_the_names_of_other_clients_are_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "FIRECREST_URL", "https://f7t.example.org")
    monkeypatch.setitem(os.environ, "FIRECREST_CLIENT_ID", "me")
    monkeypatch.setitem(os.environ, "FIRECREST_CLIENT_SECRET", "s3cret")
    monkeypatch.setitem(os.environ, "AUTH_TOKEN_URL", "https://id.example.org/token")
    settings = read_settings()
    (caller,) = settings.callers()
    assert settings.target == "https://f7t.example.org"
    assert (caller.client_id, caller.secret("client_secret")) == ("me", "s3cret")
    assert "s3cret" not in repr(settings)


def test_a_token_wins_over_the_names_of_other_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "FIRECREST_CLIENT_ID", "me")
    monkeypatch.setitem(os.environ, "AUTH_TOKEN_URL", "https://id.example.org/token")
    monkeypatch.setitem(os.environ, "F7T_LOAD_IDENTITY__TOKEN", "t0ken")
    (caller,) = read_settings().callers()
    assert caller.secret("token") == "t0ken"


def test_a_file_of_identities(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "callers.yaml"
    file.write_text("- {token: t0ken}\n- {command: print-a-token}\n")
    monkeypatch.setitem(os.environ, "F7T_LOAD_IDENTITIES_FILE", str(file))
    first, second = read_settings().callers()
    assert first.secret("token") == "t0ken"
    assert second.command == "print-a-token"


@pytest.mark.parametrize(
    "content",
    ["- {token: s3cret, command: also}", "- {tokn: s3cret}", "s3cret", "{s3cret", "- {}", "[]"],
)
def test_mistakes_in_the_file_show_no_secret(
    content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "callers.yaml"
    file.write_text(content)
    monkeypatch.setitem(os.environ, "F7T_LOAD_IDENTITIES_FILE", str(file))
    with pytest.raises(BadSettings) as raised:
        read_settings().callers()
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("IDENTITIES", "[{s3cret"),
        ("IDENTITIES", '[{"tokn": "s3cret"}]'),
        ("IDENTITY__TOKEN_URL", "s3cret"),
    ],
)
def test_mistakes_in_variables_show_no_secret(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, f"F7T_LOAD_{name}", value)
    with pytest.raises(BadSettings) as raised:
        read_settings()
    assert "s3cret" not in str(raised.value)


def test_nobody_is_a_mistake_that_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadSettings, match="F7T_LOAD_IDENTITY__TOKEN"):
        read_settings().callers()
    monkeypatch.setitem(os.environ, "F7T_LOAD_IDENTITIES_FILE", "/nonexistent")
    with pytest.raises(BadSettings, match="No such file"):
        read_settings().callers()

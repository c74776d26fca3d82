"""What a testbuild was started with is known to later commands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from f7t_testbuild import model
from f7t_testbuild.model import CLIENT_ID
from f7t_testbuild.remembered import BadRecord, Choices, known, recall, record_path, remember

F7t = Callable[..., Result]


def test_choices_come_back_as_they_were(state_root: Path) -> None:
    choices = Choices(
        port_base=9000, nodes=4, workers=1, gateways=2, way="rootless", deny=("test1", "test2")
    )

    remember(model.Testbuild("second", 9000, state_root), choices)

    assert recall(state_root, "second") == choices
    assert list(known(state_root)) == ["second"]


def test_choices_as_a_person_reads_them() -> None:
    assert str(Choices(deny=("test1", "test2"))).endswith(", deny test1+test2")
    assert "deny" not in str(Choices())


def test_a_record_of_before_denies_nobody(state_root: Path) -> None:
    path = record_path(state_root, "default")
    path.parent.mkdir(parents=True)
    path.write_text('{"port_base": 9000, "nodes": 2, "workers": 2}')
    assert recall(state_root, "default") == Choices(port_base=9000)


def test_a_name_never_used_has_none(state_root: Path) -> None:
    assert recall(state_root, "nobody") is None
    assert list(known(state_root)) == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"port_base": 1}', '{"port_base": "x"}', "null"])
def test_a_damaged_file_is_named(state_root: Path, text: str) -> None:
    path = record_path(state_root, "default")
    path.parent.mkdir(parents=True)
    path.write_text(text)

    with pytest.raises(BadRecord, match=r"testbuild\.json is damaged"):
        recall(state_root, "default")


def test_a_damaged_file_is_a_readable_failure(state_root: Path, f7t: F7t) -> None:
    path = record_path(state_root, "default")
    path.parent.mkdir(parents=True)
    path.write_text("{")

    result = f7t("status")

    assert result.exit_code == 1
    assert "is damaged" in result.stderr


@pytest.mark.parametrize("name", ["", "../up", "Upper", "a b", "-a", "a-", "ä", "x" * 33, "a/b"])
def test_bad_names_are_refused(f7t: F7t, name: str) -> None:
    result = f7t("status", "--name", name)

    assert result.exit_code == 2
    assert "lower-case letters" in result.stderr


@pytest.mark.parametrize("user", ["nobody", "", "test2,test4", f"service-account-{CLIENT_ID}"])
def test_only_users_that_no_start_needs_can_be_denied(f7t: F7t, user: str) -> None:
    """Every start is proved as the service account."""
    result = f7t("up", "--deny", user)

    assert result.exit_code == 2
    assert "is not one of test1, test2, test4 or none" in result.stderr


@pytest.mark.parametrize("base", ["0", "1023", "64536", "eight"])
def test_bad_port_bases_are_refused(f7t: F7t, base: str) -> None:
    assert f7t("up", "--port-base", base).exit_code == 2

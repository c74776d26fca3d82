"""Parameters as the contract reads them (contract §3)."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import FormData, UploadFile

from f7t.errors import InvalidParameter
from f7t.http.failures import answer_of
from f7t.http.parameters import Form, checked, checked_if_given, is_true, verdict

FORBIDDEN = "<>|;\"'&\\()`" + "".join(map(chr, range(0x20)))
ALLOWED = " $*?~!#%^=+,:@[]{}/._-\x7f" + string.ascii_letters + string.digits + "éß日本\U0001f600"


@pytest.mark.parametrize("character", [*FORBIDDEN, *map(chr, (0xD800, 0xDFFF))])
def test_forbidden_characters(character: str) -> None:
    for value in (character, f"a{character}b", f"{character}a", f"a{character}"):
        assert verdict(value) == "has invalid char"


@pytest.mark.parametrize("character", ALLOWED)
def test_allowed_characters(character: str) -> None:
    assert verdict(f"a{character}b") == ""


@given(st.text(min_size=1))
def test_nothing_else_is_judged(value: str) -> None:
    assert (verdict(value) == "has invalid char") == bool(set(value) & set(FORBIDDEN))


def test_order_of_verdicts() -> None:
    assert verdict(None) == "not specified"
    assert verdict("") == "is empty"


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (None, "'targetPath' not specified"),
        ("", "'targetPath' is empty"),
        ("a;b", "'targetPath' has invalid char"),
    ],
)
def test_checked_names_the_parameter(value: str | None, error: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        checked("targetPath", value, description="Failed to do it")
    answer = answer_of(caught.value)
    assert (answer.status, dict(answer.headers)) == (400, {})
    assert answer.body == {"description": "Failed to do it", "error": error}


def test_checked_lets_pass() -> None:
    assert checked("x", "/home/a b/$HOME") == "/home/a b/$HOME"
    assert checked_if_given("x", None) is None
    with pytest.raises(InvalidParameter):
        checked_if_given("x", "")


@pytest.mark.parametrize("value", ["TRUE", "true", "True", "tRuE", "YES", "yes", "1"])
def test_true(value: str) -> None:
    assert is_true(value)


@pytest.mark.parametrize("value", [None, "", "0", "FALSE", "no", "on", "y", "t", " true", "11"])
def test_everything_else_is_false(value: str | None) -> None:
    assert not is_true(value)


async def test_text_and_files_are_told_apart() -> None:
    import io

    file = UploadFile(io.BytesIO(b"x"), filename="a")
    form = Form(FormData([("file", file), ("text", "value")]))
    assert (form.text("text"), form.text("file"), form.text("absent")) == ("value", None, None)
    assert (form.upload("file"), form.upload("text"), form.upload("absent")) == (file, None, None)
    await file.close()

"""docs/settings.md says what the settings say of themselves."""

from __future__ import annotations

import pytest

from f7t.settings import Settings
from f7t.upstream_names import field_of
from f7t.upstream_table import NAMES
from tests.docs.settings_page import PAGE, all_groups, render

FIELDS = [
    pytest.param(field, id=f"{group.name}.{key}".lstrip("."))
    for group in all_groups()
    for key, field in group.fields.items()
]


def test_page_is_current() -> None:
    assert PAGE.read_text() == render(), "python -m tests.docs.settings_page"


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_is_described(field: object) -> None:
    description = getattr(field, "description", None)
    assert description
    assert description[-1] == ".", "a sentence, or a phrase that ends like one"


def test_groups_of_groups_and_lists_are_there() -> None:
    names = [group.name for group in all_groups()]
    assert {"", "systems[]", "systems[].filesystems[]", "auth", "rate_limit", "certificator"} <= {
        *names
    }


def test_every_row_of_upstreams_names_leads_to_a_setting_or_says_why_not() -> None:
    for name in NAMES:
        if name.setting:
            field_of(Settings, name.setting)
        else:
            assert name.why, name.variable


def test_no_variable_of_upstream_stands_twice() -> None:
    variables = [one for name in NAMES for one in (name.variable, *name.older)]
    assert len(variables) == len(set(variables))

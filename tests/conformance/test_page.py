"""docs/api-coverage.md says what is there; this needs no running testbuild."""

from __future__ import annotations

import pytest

from tests.clients.methods import methods
from tests.conformance.page import PAGE, render
from tests.conformance.tried import documented, seen, tables
from tests.support.contract import Operation, contract

OPERATIONS = contract().operations


def test_page_is_current() -> None:
    assert PAGE.read_text() == render(), "python -m tests.conformance.page"


def test_the_clients_table_has_every_operation() -> None:
    assert set(methods()) == set(OPERATIONS)


def test_there_are_tables() -> None:
    assert len(tables()["utilities_ls"]) > 50


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda one: one.id)
def test_tables_expect_nothing_that_the_contract_does_not_know(operation: Operation) -> None:
    everywhere = {401, 429, 503} | ({413} if "requestBody" not in operation.content else set())
    expected = {one for one in seen(tables().get(operation.id, ())) if one.status >= 400}
    unknown = {one for one in expected if one.status not in everywhere} - documented(operation)
    assert unknown == set()

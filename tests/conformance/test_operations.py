"""The operations that checks go through are all that the contract has."""

from __future__ import annotations

from f7t_conformance.contract import document, operations


def test_all_operations_and_the_alias() -> None:
    assert len(operations()) == len(set(operations())) == 52
    assert {path for _, path in operations()} == set(document()["paths"])
    assert ("DELETE", "/utilities/rm") in operations()

"""Which row of the contract is covered by what; list and explain."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from f7t_conformance import coverage as module
from f7t_conformance.catalogue import catalogue
from f7t_conformance.cli import conformance
from f7t_conformance.contract import document
from f7t_conformance.coverage import astray, cited, contract_rows, coverage
from f7t_conformance.model import Requirement, Source
from tests.conformance.suite.made_up import requirement


def _citing(contract: str, tutorial: str = "") -> Requirement:
    source = Source(contract=contract, tutorial=tutorial)
    return requirement("F7T-UTIL-001").model_copy(update={"source": source})


@pytest.mark.parametrize(
    ("contract", "tutorial", "rows"),
    [
        ("U1", "T10", ["U1", "T10"]),
        ("U1-U3, D03", "", ["U1", "U2", "U3", "D03"]),
        ("C0/C1", "T1–T3", ["C0", "C1", "T01", "T02", "T03"]),
        ("§2.1", "", ["§2.1"]),
        ("storage §3.3, tasks.md §4, README §5", "", ["§5"]),
        ("X1 §3.2", "", ["X1", "§3.2"]),
        ("UTF8 SHA256 X-Amz", "", []),
    ],
)
def test_citations(contract: str, tutorial: str, rows: list[str]) -> None:
    assert list(cited(_citing(contract, tutorial))) == rows


def test_a_section_is_covered_by_its_subsections_and_not_the_other_way() -> None:
    below = {one.row: one for one in coverage([_citing("§3.2")])}
    assert not below["§3"].missing
    assert below["§3.1"].missing
    above = {one.row: one for one in coverage([_citing("§3")])}
    assert above["§3.2"].missing


def test_a_row_is_missing_unless_covered_or_excused() -> None:
    found = {one.row: one for one in coverage([_citing("U1")])}
    assert (found["U1"].ids, found["U1"].missing) == (("F7T-UTIL-001",), False)
    assert found["U2"].missing
    assert found["T52"].reason
    assert not found["T52"].missing


def test_a_row_that_there_is_not_is_astray() -> None:
    assert astray([_citing("U1 U99")]) == (("F7T-UTIL-001", "U99"),)


def test_the_rows_are_those_of_the_contract() -> None:
    """Operations as the OpenAPI document numbers them; the rest has known numbers."""
    operations = {
        str(operation["x-contract"])
        for path in document()["paths"].values()
        for name, operation in path.items()
        if isinstance(operation, dict) and "x-contract" in operation
    }
    rows = set(contract_rows().rows)
    assert {row for row in rows if row[0] in "UCXSKR"} == operations
    assert {f"D{number:02}" for number in range(1, 38)} <= rows
    assert {f"T{number:02}" for number in range(1, 53)} <= rows
    assert {"§1", "§2.1", "§2.4", "§3.1", "§3.2", "§8"} <= rows


def test_the_command_ends_with_1_while_a_row_is_uncovered(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = contract_rows().model_copy(update={"rows": {"S3": "systems"}, "no_requirement": {}})
    monkeypatch.setattr(module, "contract_rows", lambda: rows)
    run = CliRunner()
    told = run.invoke(conformance, ["coverage", "--format", "json"])
    document = json.loads(told.output)
    assert "F7T-STAT-001" in document["rows"][0]["ids"]
    assert document["uncovered"] == []
    rows = rows.model_copy(update={"rows": {"S3": "systems", "U99": "nothing"}})
    told = run.invoke(conformance, ["coverage", "--missing"])
    assert told.exit_code == 1
    assert "U99   nothing" in told.output


def test_list_filters_and_gives_json() -> None:
    run = CliRunner()
    told = run.invoke(conformance, ["list", "--format", "json"])
    assert [one["id"] for one in json.loads(told.output)] == list(catalogue())
    told = run.invoke(conformance, ["list", "--area", "STAT", "--profile", "probe"])
    assert told.output.splitlines()
    assert all(line.startswith("F7T-STAT-") for line in told.output.splitlines())
    nothing = run.invoke(conformance, ["list", "--text", "no such words anywhere"])
    assert nothing.output == ""


def test_explain_tells_the_sentence_and_its_source() -> None:
    one = catalogue()["F7T-STAT-001"]
    told = CliRunner().invoke(conformance, ["explain", "f7t-stat-001"])
    assert one.requirement in told.output
    assert one.source.contract in told.output
    assert CliRunner().invoke(conformance, ["explain", "F7T-STAT-999"]).exit_code == 2

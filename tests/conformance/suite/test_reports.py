"""results.json, junit.xml, badge.json and report.html, of made-up results."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest

from f7t_conformance.model import Capabilities, Profile, Results, Status
from f7t_conformance.reports import Unreadable, read, rendered, write
from f7t_conformance.reports.schema import schema_text
from tests.conformance.suite.made_up import HOSTILE, finding, requirement, results

SCHEMA = Path(__file__).parents[3] / "docs" / "conformance-results.schema.json"


def test_the_schema_is_current_and_results_keep_it() -> None:
    assert SCHEMA.read_text() == schema_text(), (
        "f7t conformance schema > docs/conformance-results.schema.json"
    )
    schema = json.loads(schema_text())
    document = json.loads(rendered(results(text=HOSTILE))["results.json"])
    jsonschema.validate(document, schema)
    del document["findings"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema)


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    write(results(), tmp_path)
    again = read(tmp_path)
    assert again == results()
    assert again == read(tmp_path / "results.json")
    assert sorted(one.name for one in tmp_path.iterdir()) == [
        "badge.json",
        "junit.xml",
        "report.html",
        "results.json",
    ]


def test_a_summary_that_does_not_fit_is_not_believed(tmp_path: Path) -> None:
    write(results(), tmp_path)
    file = tmp_path / "results.json"
    document = json.loads(file.read_text())
    document["summary"] |= {"certified": True, "verdict": "pass"}
    file.write_text(json.dumps(document))
    assert not read(file).summary.certified


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema_version": 2}', "\xff"])
def test_other_files_are_no_results(tmp_path: Path, text: str) -> None:
    file = tmp_path / "other.json"
    file.write_text(text, "latin-1")
    with pytest.raises(Unreadable, match=r"other\.json"):
        read(file)


TOLD = Capabilities(version="1.13.0", reported="1.16.0", systems=("one",), present=())


def test_certified_takes_a_complete_profile_without_unwaived_failures() -> None:
    kept = [finding("F7T-UTIL-001", Status.PASS), finding("F7T-UTIL-002", Status.WAIVED)]
    kept += [finding("F7T-UTIL-003", Status.SKIP), finding("F7T-UTIL-004", Status.WARN)]
    assert results(*kept).summary.certified
    local = finding("F7T-UTIL-005", Status.SKIP).model_copy(update={"local": True})
    for made, doubt in (
        (results(*kept, finding("F7T-UTIL-005", Status.FAIL)), "1 failed"),
        (results(*kept, finding("F7T-UTIL-005", Status.ERROR)), "1 could not be checked"),
        (results(*kept, local), "1 skipped for what this run lacks"),
        (results(*kept[1:]), "nothing passed"),
        (results(*kept, complete=False, stopped="budget"), "the run is not complete (budget)"),
        (
            results(*kept, requirements=(*results(*kept).requirements, requirement("F7T-JOB-001"))),
            "1 of the profile were not run",
        ),
        (
            results(profile=Profile.FUZZ, requirements=(), findings=()),
            "generated requests check no requirement; run the profile core or full for that",
        ),
        (results(*kept, requirements=()), "nothing says what the profile contains"),
        (
            results(*kept, capabilities=TOLD),
            "judged by version 1.13.0, the server reports 1.16.0",
        ),
    ):
        assert made.summary.doubts == (doubt,)
        assert not made.summary.certified


def _cases(made: Results) -> dict[str, ElementTree.Element]:
    root = ElementTree.fromstring(rendered(made)["junit.xml"])
    return {one.attrib["name"]: one for one in root.iter("testcase")}


@pytest.mark.parametrize(
    ("status", "tag"),
    [
        (Status.PASS, None),
        (Status.FAIL, "failure"),
        (Status.ERROR, "error"),
        (Status.SKIP, "skipped"),
        (Status.WAIVED, "skipped"),
        (Status.WARN, "system-out"),
    ],
)
def test_junit_knows_every_status(status: Status, tag: str | None) -> None:
    case = _cases(results(finding("F7T-UTIL-001", status)))["F7T-UTIL-001"]
    assert case.attrib["classname"] == "UTIL"
    assert [one.tag for one in case] == ([tag] if tag else [])


def test_junit_counts_what_it_has_and_bears_any_text() -> None:
    unchecked = (*results().requirements, requirement("F7T-UTIL-099"))
    made = results(text=HOSTILE, requirements=unchecked, complete=False, stopped="interrupted")
    suite = ElementTree.fromstring(rendered(made)["junit.xml"])[0]
    for name, tags in (("tests", "testcase"), ("failures", "failure"), ("errors", "error")):
        assert int(suite.attrib[name]) == sum(1 for _ in suite.iter(tags))
    assert int(suite.attrib["skipped"]) == sum(1 for _ in suite.iter("skipped"))
    assert _cases(made)["F7T-UTIL-099"][0].attrib["message"] == "not run: interrupted"
    messages = [one.attrib["message"] for one in suite.iter("failure")]
    assert all("</script>" in one and "\\u0000\\u001b" in one for one in messages)


@pytest.mark.parametrize(
    ("status", "complete", "message", "colour"),
    [
        (Status.PASS, True, "certified 1/1", "brightgreen"),
        (Status.WAIVED, True, "0/1", "green"),
        (Status.FAIL, True, "0/1", "red"),
        (Status.ERROR, True, "0/1", "orange"),
        (Status.PASS, False, "incomplete 1/1", "lightgrey"),
    ],
)
def test_badge(status: Status, complete: bool, message: str, colour: str) -> None:
    made = results(finding("F7T-UTIL-001", status), complete=complete)
    badge = json.loads(rendered(made)["badge.json"])
    assert badge == {
        "schemaVersion": 1,
        "label": "FirecREST v1 core",
        "message": message,
        "color": colour,
        "isError": status is Status.ERROR,
    }


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_the_page_asks_nobody_and_has_no_tag_of_a_server() -> None:
    tags = _Tags()
    tags.feed(rendered(results(text=HOSTILE))["report.html"])
    plain = _Tags()
    plain.feed(rendered(results())["report.html"])
    assert [tag for tag, _ in tags.found] == [tag for tag, _ in plain.found]
    assert [tag for tag, _ in tags.found].count("script") == 1
    links = [given[name] for _, given in tags.found for name in ("src", "href") if name in given]
    assert links == ["data:,"]
    assert not [given for _, given in tags.found if any(name.startswith("on") for name in given)]

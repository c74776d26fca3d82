"""What is written of a load test: whole, true to the document, and safe whatever a server said."""

from __future__ import annotations

import csv
import json
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner

from f7t_loadtest.model import Failure, Generator, Run
from f7t_loadtest.reading import report, schema
from f7t_loadtest.reports import Unreadable, read, rendered, write
from f7t_loadtest.reports.page import answer
from f7t_loadtest.reports.pictures import over_load
from f7t_loadtest.reports.plots import decades, ticks
from f7t_loadtest.reports.repeating import command
from tests.loadtest import made_up

ROOT = Path(__file__).parents[2]
SVG = re.compile(r"<svg .*?</svg>", re.S)
RUNS = {"closed": made_up.run(), "steps": made_up.steps(), "hostile": made_up.hostile()}
EMPTY = made_up.run().model_copy(update={"stages": [], "timeline": [], "stopped": "interrupted"})


def _page(run: Run) -> str:
    return rendered(run)["report.html"]


class _Strict(HTMLParser):
    """Every element that is opened is closed, in order; keeps names and attributes."""

    VOID = frozenset({"meta", "link"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def _parsed(page: str) -> _Strict:
    parser = _Strict()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    return parser


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    written = write(made_up.steps(), tmp_path / "new")
    assert sorted(path.name for path in written) == [
        "operations.csv", "report.html", "results.json", "timeline.csv",
    ]  # fmt: skip
    assert sorted(written) == sorted((tmp_path / "new").iterdir())
    assert read(tmp_path / "new") == read(tmp_path / "new" / "results.json") == made_up.steps()


@pytest.mark.parametrize("text", ["", "[]", '{"format": "f7t-loadtest/2"}'])
def test_what_is_no_result_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "results.json").write_text(text)
    with pytest.raises(Unreadable, match=r"results\.json holds no results of a load test"):
        read(tmp_path)
    with pytest.raises(Unreadable, match="No such file"):
        read(tmp_path / "absent.json")


@pytest.mark.parametrize("run", [*RUNS.values(), EMPTY], ids=[*RUNS, "empty"])
def test_the_page_is_one_well_formed_file(run: Run) -> None:
    parsed = _parsed(_page(run))
    tags = {tag for tag, _ in parsed.seen}
    assert not tags & {"script", "img", "iframe", "object", "form"}
    for _, attributes in parsed.seen:
        assert not {"src", "style", "onload"} & set(attributes)
        assert attributes.get("href", "data:,") == "data:,"


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_every_plot_has_a_title_and_says_what_it_shows(run: Run) -> None:
    plots = [one for one in SVG.findall(_page(run)) if "aria-hidden" not in one]
    assert len(plots) == (6 if run.mode == "steps" else 4)
    for one in plots:
        element = ET.fromstring(one)
        assert element.get("role") == "img"
        named = {child.get("id"): child.text for child in element if child.get("id")}
        labels = str(element.get("aria-labelledby")).split()
        assert len(labels) == 2
        assert all(named[label] for label in labels)
        assert "nan" not in one
        assert "inf" not in one


def test_lines_over_load_do_not_go_back_where_the_search_did() -> None:
    stages = [made_up.stage(f"step {users}", users=users) for users in (4, 16, 8)]
    plots = over_load(made_up.run(mode="steps", stages=stages))
    assert [[at for at, _ in line.points] for plot in plots for line in plot.series] == [
        [4, 8, 16]
    ] * 5


def test_the_page_tells_what_the_document_holds() -> None:
    page = _page(made_up.steps())
    for words in (
        "It carries 16 users, 346 requests and 39.6 tasks per second",
        "p95 was 212 ms, above 150 ms.",
        "The generator ran on the same machine as the gateway.",
        "cluster:/home/test1/f7t-load-1234",
        "Batch job submission failed",
        "<td>38</td>",
        "SSH connections opened",
        "sbatch, one at a time",
        "f7t load run --target http://127.0.0.1:8000 --scenario tasks --users 1,2,4,8,16,32",
    ):
        assert words in page, words


def test_a_hot_generator_is_told() -> None:
    assert "The generator was nearly as busy" not in _page(made_up.run())
    hot = Generator(cpu_mean=0.9, cpu_maximum=1.0, late_mean=0.1, late_p99=1.0, processes=1)
    page = _page(made_up.run(stages=[made_up.stage(generator=hot)]))
    assert "The generator was nearly as busy" in page


def test_nothing_that_a_server_says_becomes_markup_or_steers() -> None:
    files = rendered(made_up.hostile())
    page = files["report.html"]
    assert "<script" not in page
    assert "\u202e" not in page
    assert "\x1b" not in page
    assert "{{ 7*7 }}" in page
    assert page.count("&lt;script&gt;") > 10


def test_no_secret_is_written() -> None:
    secrets = ["eyJhbGciOi.eyJzdWIiOiJ0.c2lnbmF0dXJl", "hunter2hunter2", "0123456789abcdef"]
    said = (
        f"Bearer {secrets[0]} client_secret={secrets[1]} http://s3/b?X-Amz-Signature={secrets[2]}"
    )
    failure = Failure(stage="closed", operation="GET /x", kind="HTTP 401", count=1, example=said)
    made = made_up.run(failures=[failure], target=f"http://someone:{secrets[1]}@127.0.0.1:8000")
    for name, text in rendered(made).items():
        for secret in secrets:
            assert secret not in text, name
    assert "http://[redacted]127.0.0.1:8000" in _page(made)


def test_tables_hold_every_operation_and_second() -> None:
    files = rendered(made_up.steps())
    operations = list(csv.DictReader(files["operations.csv"].splitlines()))
    assert len(operations) == 6 * 4
    assert operations[0]["operation"] == "POST /compute/jobs"
    assert float(operations[0]["p95"]) > float(operations[0]["p50"]) > 0
    seconds = list(csv.DictReader(files["timeline.csv"].splitlines()))
    assert [one["stage"] for one in seconds[:3]] == ["", "", "1 users"]
    assert len(seconds) == 62


def test_no_cell_is_a_formula() -> None:
    evil = made_up.stage(operations=[made_up.operation("=HYPERLINK(1)")])
    (row,) = csv.DictReader(rendered(made_up.run(stages=[evil]))["operations.csv"].splitlines())
    assert row["operation"] == "'=HYPERLINK(1)"


def test_what_was_not_measured_is_a_dash_and_no_failure() -> None:
    silent = made_up.operation(
        "GET /tasks/{id}", 0, latency=None, histogram=[], bytes_sent=0, bytes_received=0
    )
    made = made_up.stage(operations=[silent], requests=0, latency=None, tasks=None, ssh=None)
    page = _page(made_up.run(stages=[made], timeline=[], floors=[]))
    assert "<td>–</td>" in page
    assert "the gateway's counters were not readable" in page.replace("&#39;", "'")


def test_the_answer_is_no_praise_where_the_objective_was_missed() -> None:
    assert answer(made_up.run()).good
    assert not answer(made_up.run(stages=[made_up.stage(within_objective=False)])).good
    none = made_up.steps()
    assert none.knee is not None
    knee = none.knee.model_copy(update={"carried": None})
    assert "Not even the first step" in answer(none.model_copy(update={"knee": knee})).sentence
    assert answer(EMPTY).seal == "nothing measured"


def test_the_command_repeats_every_setting() -> None:
    settings = {"users": 8, "no_warm_up": True, "keep": False, "seed": None, "note": "a b"}
    assert command(made_up.run(settings=settings)) == (
        "f7t load run --target http://127.0.0.1:8000 --scenario tasks --users 8 --no-warm-up "
        "--note 'a b'"
    )


@pytest.mark.parametrize("high", [0.003, 0.7, 1.0, 7.3, 99.0, 100.0, 12345.0])
def test_ticks_are_few_and_reach_the_top(high: float) -> None:
    found = ticks(0.0, high)
    assert 3 <= len(found) <= 7
    assert found[0] == 0
    assert found[-1] >= high > found[-2]


def test_logarithmic_ticks() -> None:
    assert decades(0.003, 0.06) == pytest.approx([0.005, 0.01, 0.02, 0.05])
    assert decades(0.005, 0.5) == pytest.approx([0.01, 0.03, 0.1, 0.3])
    assert decades(0.001, 10) == pytest.approx([0.001, 0.01, 0.1, 1, 10])


def test_the_report_is_made_again_from_the_document(tmp_path: Path) -> None:
    write(made_up.run(), tmp_path)
    (tmp_path / "report.html").unlink()
    done = CliRunner().invoke(report, [str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "report.html").read_text() == _page(made_up.run())
    assert CliRunner().invoke(report, [str(tmp_path / "absent")]).exit_code == 2


def test_the_schema_page_is_up_to_date_and_holds() -> None:
    text = CliRunner().invoke(schema).output
    page = ROOT / "docs" / "loadtest-results.schema.json"
    assert page.read_text() == text, "f7t load schema > docs/loadtest-results.schema.json"
    validator = jsonschema.Draft202012Validator(json.loads(text))
    for run in RUNS.values():
        validator.validate(json.loads(rendered(run)["results.json"]))
    broken = json.loads(rendered(made_up.run())["results.json"])
    del broken["stages"][0]["rate"]
    assert not validator.is_valid(broken)

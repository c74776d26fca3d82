"""docs/fidelity.md says what accepted.yaml says; this needs no real server."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest

from tests.fidelity import test_identity, test_storage
from tests.fidelity.comparison import Comparison, Scene, differences, load_accepted
from tests.fidelity.page import PAGE, render

NAMES = {
    "identity": [scene.name for scene in test_identity.SCENES],
    "store": [scene.name for scene in test_storage.SCENES],
}


def test_page_is_current() -> None:
    assert PAGE.read_text() == render(), "python -m tests.fidelity.page"


def test_scenes_and_entries_have_names_of_their_own() -> None:
    ids = [entry.id for entry in load_accepted()]
    for names in (*NAMES.values(), ids):
        assert len(names) == len(set(names))


def test_accepted_differences_are_of_scenes_that_exist() -> None:
    for entry in load_accepted():
        for seen in entry.seen:
            assert any(fnmatchcase(name, seen.scene) for name in NAMES[entry.part]), seen.at


def test_differences_are_found_at_every_depth() -> None:
    ours = {"status": 200, "body": {"a": [{"b": 1}], "same": "x", "ours": None}}
    theirs = {"status": 200, "body": {"a": [{"b": "1"}], "same": "x"}}
    found = [(one.path, one.embedded, one.real) for one in differences("scene", ours, theirs)]
    assert found == [("body.a.0.b", "1", '"1"'), ("body.ours", "null", "(absent)")]


def test_answers_of_another_status_differ_in_status_and_error_alone() -> None:
    ours = {"status": 403, "body": {"Error": {"Code": "AccessDenied", "Message": "No."}}}
    found = differences("scene", {"put": ours}, {"put": {"status": 200, "body": {"x": 1}}})
    assert [(one.path, one.embedded, one.real) for one in found] == [
        ("put.status", '"403 AccessDenied"', "200")
    ]


def test_listed_and_gone() -> None:
    """A listed difference is not reported, and one that is no more is."""
    entry = next(entry for entry in load_accepted("identity") if entry.id == "redirect-fragment")
    scene: Scene[int] = Scene(entry.seen[0].scene, lambda status: {"status": status})
    same, other = Comparison(400, 400, [entry]), Comparison(400, 200, [entry])
    assert (other.unlisted(scene), entry.seen[0] in other.gone(entry, [scene])) == ([], False)
    assert (same.unlisted(scene), entry.seen[0] in same.gone(entry, [scene])) == ([], True)
    assert len(Comparison(400, 404, [entry]).unlisted(scene)) == 1


@pytest.mark.parametrize("part", ["identity", "store"])
def test_every_entry_says_why(part: str) -> None:
    assert all(entry.why and entry.seen for entry in load_accepted(part))

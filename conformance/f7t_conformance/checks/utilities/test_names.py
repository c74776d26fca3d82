"""§3.2, U1, U10: names with characters that tools and shells take for something else."""

from __future__ import annotations

from typing import Any

import pytest

from f7t_conformance.api import Api
from f7t_conformance.belongings import Place
from f7t_conformance.binding import requirement
from f7t_conformance.checks.utilities.looking import entry, names, same, tar


def _name(number: str, name: str) -> Any:  # noqa: ANN401
    marked = f"F7T-UTIL-{number}"
    return pytest.param(name, marks=requirement(marked), id=marked)


@pytest.mark.parametrize(
    "name",
    [
        _name("241", "two  blanks in it"),
        _name("242", "$HOME ${HOME} #1"),
        _name("243", "*?"),
        _name("244", "[ab] {a,b}"),
        _name("245", "~"),
        _name("246", "-rf"),
        _name("247", "a:b@c,d=e^f!"),
        _name("248", "100%25+1"),
        _name("249", "Größe 数 ✓"),
        _name("250", "\N{DELETE}"),
    ],
)
def test_life_of_a_file(api: Api, place: Place, name: str) -> None:
    """Every operation takes the name for this file alone, beside others that it could mean."""
    place.write("ab")
    path = place.write(name, b"odd\n")
    same("names", sorted(["ab", name]), sorted(names(api, place.path)))
    same("content", b"odd\n", place.read(name))
    copied, moved = path + ".copy", path + ".moved"
    api.post("/utilities/copy", sourcePath=path, targetPath=copied).expect(201)
    api.put("/utilities/rename", sourcePath=path, targetPath=moved).expect(200)
    api.put("/utilities/chmod", targetPath=moved, mode="0600").expect(200)
    wanted = sorted(["ab", f"{name}.copy", f"{name}.moved"])
    same("names", wanted, sorted(names(api, place.path)))
    for one in (copied, moved):
        api.delete("/utilities/rm", targetPath=one).expect(204)
    same("names after removal", ["ab"], names(api, place.path))


@requirement("F7T-UTIL-251")
def test_names_that_read_like_errors(api: Api, place: Place) -> None:
    wanted = sorted(("No such file or directory", "Permission denied", "cannot open", "overwrite"))
    for name in wanted:
        place.write(name)
    same("names", wanted, sorted(names(api, place.path)))


@requirement("F7T-UTIL-252")
def test_names_that_no_parameter_may_hold(api: Api, place: Place) -> None:
    """They come out of an archive; a listing must not trip over them."""
    wanted = sorted(("it's", 'say "a"', "back\\slash", "two\nlines", "a;b&c|d", "tab\there"))
    archive = place.write("archive.tar", tar(dict.fromkeys(wanted, b"")))
    into = place.directory("into")
    api.post("/utilities/extract", sourcePath=archive, targetPath=into).expect(201)
    same("names", wanted, sorted(names(api, into)))


@requirement("F7T-UTIL-253")
def test_arrows(api: Api, place: Place) -> None:
    """A link that no parameter could make: a listing must not cut its names at the arrow."""
    archive = place.write("archive.tar", tar({}, links={"link -> name": "some -> target"}))
    into = place.directory("into")
    api.post("/utilities/extract", sourcePath=archive, targetPath=into).expect(201)
    one = entry(Place(api, into), "link -> name")
    same("link_target", "some -> target", one["link_target"])

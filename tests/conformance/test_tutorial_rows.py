"""Every assertion of the tutorial's walk is a requirement, or is exempt for a reason."""

from __future__ import annotations

from importlib.resources import files

import yaml

from f7t_conformance.catalogue import catalogue


def test_no_assertion_of_the_walk_is_forgotten() -> None:
    text = files("f7t_conformance").joinpath("catalogue", "tutorial-exempt.yaml").read_text("utf-8")
    exempt = {row["tutorial"]: row["reason"] for row in yaml.safe_load(text)}
    assert all(exempt.values())
    numbers = range(1, 53)
    required = {
        f"T{number:02}"
        for number in numbers
        if (one := catalogue().get(f"F7T-TUT-{number:03}"))
        and one.source.tutorial == f"T{number:02}"
    }
    assert required.isdisjoint(exempt)
    assert required | exempt.keys() == {f"T{number:02}" for number in numbers}

"""What `f7t up` makes of its options, of what was kept, and of what the machine has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from f7t_testbuild import model
from f7t_testbuild.commands.choose import Options, choose
from f7t_testbuild.commands.common import Failure, Selection
from f7t_testbuild.images.record import Record, save
from f7t_testbuild.model import Identity, Store
from f7t_testbuild.remembered import Choices


def _silent(_text: str) -> None: ...


def _fresh(state_root: Path) -> Selection:
    return Selection(model.Testbuild("default", 8000, state_root), Choices(), known=False)


def _kept(state_root: Path, choices: Choices) -> Selection:
    return Selection(model.Testbuild("default", choices.port_base, state_root), choices, known=True)


DOCKER = Choices(runtime="docker", slurm="24.11", identity="keycloak", store="embedded", nodes=3)


def test_natively_everything_is_embedded(state_root: Path) -> None:
    chosen = choose(_fresh(state_root), Options(runtime="native"), _silent)
    assert chosen == Choices()
    assert (chosen.runtime, chosen.identity, chosen.store) == ("native", "embedded", "embedded")


def test_the_number_of_gateways_is_kept_and_in_containers_there_are_two(state_root: Path) -> None:
    assert choose(_fresh(state_root), Options(runtime="native", gateways=3), _silent).gateways == 3
    kept = _kept(state_root, replace(DOCKER, gateways=2))
    assert choose(kept, Options(), _silent).gateways == 2
    assert choose(kept, Options(gateways=1), _silent).gateways == 1
    with pytest.raises(Failure, match="at most 2 gateways"):
        choose(kept, Options(gateways=3), _silent)


@pytest.mark.parametrize("kind", ["keycloak", "keycloak-from-maven"])
def test_natively_there_is_one_real_kind(state_root: Path, kind: str) -> None:
    options = Options(runtime="native", identity=kind, store="minio")
    chosen = choose(_fresh(state_root), options, _silent)
    assert (chosen.identity, chosen.store) == ("keycloak-from-maven", "minio-from-source")


def test_in_containers_everything_is_real_and_the_tutorials(state_root: Path) -> None:
    chosen = choose(_fresh(state_root), Options(runtime="docker"), _silent)
    assert (chosen.slurm, chosen.identity, chosen.store) == ("19.05", "keycloak", "minio")


def test_images_that_were_made_are_the_defaults(state_root: Path) -> None:
    made = Record("2026-01-01T00:00:00+00:00", ("20.11", "22.05"), Identity.KEYCLOAK_FROM_MAVEN)
    save(state_root, made)
    chosen = choose(_fresh(state_root), Options(runtime="docker"), _silent)
    assert chosen.slurm == "22.05"
    assert (chosen.identity, chosen.store) == ("keycloak-from-maven", Store.EMBEDDED)
    asked = Options(runtime="docker", slurm="20.11", identity="embedded")
    chosen = choose(_fresh(state_root), asked, _silent)
    assert (chosen.slurm, chosen.identity) == ("20.11", "embedded")


def test_digests_alone_are_no_images_that_were_made(state_root: Path) -> None:
    save(state_root, Record(digests={"minio/minio:x": "minio/minio@sha256:1"}))
    assert choose(_fresh(state_root), Options(runtime="docker"), _silent).identity == "keycloak"


def test_what_was_kept_holds_unless_told_otherwise(state_root: Path) -> None:
    kept = _kept(state_root, DOCKER)
    assert choose(kept, Options(), _silent) == DOCKER
    chosen = choose(kept, Options(identity="embedded", nodes=1), _silent)
    assert (chosen.identity, chosen.slurm, chosen.nodes) == ("embedded", "24.11", 1)


def test_a_testbuild_keeps_its_runtime(state_root: Path) -> None:
    with pytest.raises(Failure, match="has state of the docker runtime") as refused:
        choose(_kept(state_root, DOCKER), Options(runtime="native"), _silent)
    assert "down --purge" in refused.value.hint


def test_options_of_the_other_runtime_are_refused(state_root: Path) -> None:
    with pytest.raises(Failure, match="--slurm is about the Docker runtime"):
        choose(_fresh(state_root), Options(runtime="native", slurm="22.05"), _silent)
    with pytest.raises(Failure, match="--way is about the native runtime"):
        choose(_fresh(state_root), Options(runtime="docker", way="rootless"), _silent)


def test_who_is_denied_is_kept_until_told_otherwise(state_root: Path) -> None:
    kept = _kept(state_root, Choices(deny=("test2",)))
    assert choose(kept, Options(), _silent).deny == ("test2",)
    assert choose(kept, Options(deny=("test4", "test1", "test4")), _silent).deny == (
        "test1",
        "test4",
    )
    assert choose(kept, Options(deny=("none",)), _silent).deny == ()
    assert choose(_kept(state_root, DOCKER), Options(deny=("test2",)), _silent).deny == ("test2",)
    with pytest.raises(Failure, match="contradict each other"):
        choose(kept, Options(deny=("none", "test1")), _silent)


def test_without_an_engine_it_is_native_and_says_so(
    state_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    told: list[str] = []
    chosen = choose(_fresh(state_root), Options(), told.append)
    assert chosen.runtime == "native"
    assert told[0].startswith("runtime native: no Docker engine")

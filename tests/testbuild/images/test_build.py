"""What is made when something cannot be had: substitutes, reasons, the record.

The engine here is a script that keeps images as files and fails where it is told to, since what
matters is what follows from an engine's answers; real engines are asked in test_real.py.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from f7t_testbuild.cli import main
from f7t_testbuild.commands import images as command
from f7t_testbuild.images import record
from f7t_testbuild.images.catalogue import BOOKWORM, SLURM_BASES, TRIXIE
from f7t_testbuild.model import Identity, Store

KEYCLOAK = "keycloak/keycloak:26.7.3"
MINIO = "minio/minio:RELEASE.2025-09-07T16-13-09Z"

ENGINE = """\
#!/bin/sh
# images/NAME exists: the engine has it, with that digest; cannot/NAME exists: building it fails;
# registry/NAME exists: it can be pulled.
home=$(dirname "$0")
file() { printf %s "$1" | tr /: __; }
case "$1 $2" in
"version "*) echo 20.10 ;;
"image inspect")
    digest=$(cat "$home/images/$(file "$3")") || exit 1
    printf '[{"Id": "sha256:1", "Size": 5, "RepoDigests": [%s], "Config": {"Labels": null}}]' \\
        "${digest:+\\"$digest\\"}" ;;
"pull "*)
    [ -e "$home/registry/$(file "$2")" ] || { echo "no route to registry" >&2; exit 1; }
    cp "$home/registry/$(file "$2")" "$home/images/$(file "$2")" ;;
"build "*)
    echo "building $5"
    [ ! -e "$home/cannot/$(file "$5")" ] || { echo "compiler says no" >&2; exit 1; }
    : >"$home/images/$(file "$5")" ;;
*) echo "unexpected: $*" >&2; exit 9 ;;
esac
"""


class Machine:
    """A machine with that engine, a checkout with all Dockerfiles, and an empty state root."""

    def __init__(self, path: Path) -> None:
        self.state = path / "state"
        self.bin = path / "bin"
        for name in ("images", "cannot", "registry"):
            (self.bin / name).mkdir(parents=True)
        (self.bin / "docker").write_text(ENGINE)
        (self.bin / "docker").chmod(0o755)

    def _file(self, kind: str, image: str) -> Path:
        return self.bin / kind / image.replace("/", "_").replace(":", "_")

    def has(self, *images: str) -> None:
        for image in images:
            self._file("images", image).write_text("")

    def cannot_build(self, *images: str) -> None:
        for image in images:
            self._file("cannot", image).touch()

    def can_pull(self, image: str, digest: str) -> None:
        self._file("registry", image).write_text(digest)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(tmp_path)
    made.has(BOOKWORM, TRIXIE)
    checkout = tmp_path / "checkout"
    for name in (
        *("pyproject.toml", "cluster/Dockerfile", "firecrest/Dockerfile", "keycloak/Dockerfile"),
        *(
            "firecrest/taskpersistence.Dockerfile",
            "firecrest/balancer.Dockerfile",
            "keycloak/from-maven.Dockerfile",
        ),
        *("minio/from-source.Dockerfile", "conformance/Dockerfile"),
    ):
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).touch()
    monkeypatch.setattr(command, "_CHECKOUT", checkout)
    monkeypatch.setenv("PATH", f"{made.bin}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("F7T_STATE_ROOT", str(made.state))
    for variable in ("KEYCLOAK_IMAGE", "MINIO_IMAGE", "F7T_UBUNTU_MIRROR", "F7T_DEBIAN_MIRROR"):
        monkeypatch.delenv(variable, raising=False)
    return made


@pytest.fixture
def make(machine: Machine) -> Callable[..., Result]:
    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["images", *arguments])

    return run


def kept(machine: Machine) -> record.Record:
    found = record.load(machine.state)
    assert found is not None
    return found


Make = Callable[..., Result]


def test_without_a_registry_the_real_parts_are_built_another_way(
    machine: Machine, make: Make
) -> None:
    result = make()

    assert result.exit_code == 0, result.output
    assert kept(machine).slurm == ("22.05",)
    assert kept(machine).identity is Identity.KEYCLOAK_FROM_MAVEN
    assert kept(machine).store is Store.MINIO_FROM_SOURCE
    assert kept(machine).images["firecrest-testbuild/cluster:22.05"].id == "sha256:1"
    assert f"{KEYCLOAK} is not here" in result.stdout
    assert "--ubuntu-mirror" in result.stdout
    assert "made here from" not in result.stdout


SUITE = "firecrest-testbuild/conformance:latest"


def test_the_suite_has_an_image_where_it_is_asked_for(machine: Machine, make: Make) -> None:
    assert SUITE not in make().output
    assert SUITE not in kept(machine).images
    assert SUITE in make("--suite").output
    assert SUITE in kept(machine).images


def test_the_balancer_has_an_image_where_it_is_asked_for(machine: Machine, make: Make) -> None:
    assert "firecrest-testbuild/balancer:latest" not in make().output
    assert "firecrest-testbuild/balancer:latest" in make("--balancer").output


def test_a_suite_that_was_asked_for_and_is_not_built_is_a_failure(
    machine: Machine, make: Make
) -> None:
    machine.cannot_build(SUITE)
    result = make("--suite")
    assert result.exit_code == 1
    assert kept(machine).store is Store.MINIO_FROM_SOURCE


def test_where_the_ubuntu_base_is_the_tutorials_release_is_built(
    machine: Machine, make: Make
) -> None:
    machine.has("ubuntu:20.04")
    make()
    assert kept(machine).slurm == ("19.05",)


def test_releases_of_an_earlier_run_are_remembered_while_they_exist(
    machine: Machine, make: Make
) -> None:
    make("--slurm", "24.11")
    make("--slurm", "22.05")
    assert kept(machine).slurm == ("22.05", "24.11")

    (machine.bin / "images" / "firecrest-testbuild_cluster_24.11").unlink()
    make("--slurm", "22.05")

    assert kept(machine).slurm == ("22.05",)
    assert "firecrest-testbuild/cluster:24.11" not in kept(machine).images


def test_official_images_that_are_there_come_first(machine: Machine, make: Make) -> None:
    machine.has(KEYCLOAK, MINIO)

    make()

    assert kept(machine).identity is Identity.KEYCLOAK
    assert kept(machine).store is Store.MINIO


def test_what_cannot_be_had_is_embedded_and_the_reason_is_told(
    machine: Machine, make: Make
) -> None:
    machine.cannot_build("firecrest-testbuild/keycloak-from-maven:26.7.3")

    result = make("--no-minio")

    assert result.exit_code == 0
    assert kept(machine).identity is Identity.EMBEDDED
    assert kept(machine).store is Store.EMBEDDED
    assert "keycloak-from-maven:26.7.3 failed (1), see" in result.stdout
    assert "not asked for" in result.stdout


def test_what_has_no_substitute_fails_and_the_rest_is_made(machine: Machine, make: Make) -> None:
    machine.has(*SLURM_BASES.values())
    machine.cannot_build("firecrest-testbuild/cluster:20.11")

    result = make("--slurm", "all")

    assert result.exit_code == 1
    assert "compiler says no" in result.stderr
    assert kept(machine).slurm == ("19.05", "22.05", "24.11")
    assert kept(machine).store is Store.MINIO_FROM_SOURCE


def test_a_release_that_was_asked_for_is_not_replaced(machine: Machine, make: Make) -> None:
    assert make("--slurm", "19.05").exit_code == 1
    assert kept(machine).slurm == ()


def test_json_has_every_part_and_the_record(machine: Machine, make: Make) -> None:
    document = json.loads(make("--json", "--no-keycloak").stdout)

    kinds = {entry["part"]: entry["kind"] for entry in document["images"]}
    assert kinds == {
        BOOKWORM: "base",
        TRIXIE: "base",
        "gateway": "own",
        "task store": "real",
        "cluster 19.05": "not built",
        "cluster 22.05": "real",
        "identity": "embedded",
        "staging": "real",
    }
    assert document["record"]["slurm"] == ["22.05"]


def test_a_pull_is_tried_only_when_asked_for(machine: Machine, make: Make) -> None:
    machine.can_pull(KEYCLOAK, "keycloak/keycloak@sha256:a")

    make()
    assert kept(machine).identity is Identity.KEYCLOAK_FROM_MAVEN

    result = make("--pull")

    assert kept(machine).identity is Identity.KEYCLOAK
    assert kept(machine).digests == {KEYCLOAK: "keycloak/keycloak@sha256:a"}
    assert f"pulling {MINIO} failed: no route to registry" in result.stdout


def test_a_changed_official_image_is_warned_of(machine: Machine, make: Make) -> None:
    machine.can_pull(KEYCLOAK, "keycloak/keycloak@sha256:a")
    make("--pull")
    machine.can_pull(KEYCLOAK, "keycloak/keycloak@sha256:b")

    assert f"WARNING: {KEYCLOAK} IS NOT THE IMAGE IT WAS" in make("--pull").stderr
    assert "WARNING" not in make("--pull").stderr


def test_a_damaged_record_stops_before_anything_is_built(machine: Machine, make: Make) -> None:
    machine.state.mkdir()
    (machine.state / record.FILE_NAME).write_text("{")

    result = make()

    assert result.exit_code == 1
    assert "is damaged" in result.stderr
    assert not (machine.state / ".images").exists()


def test_progress_is_told_with_the_log_of_every_build(machine: Machine, make: Make) -> None:
    result = make()

    log = machine.state / ".images" / "firecrest-testbuild_firecrest_latest.log"
    assert f"gateway: building firecrest-testbuild/firecrest:latest (log: {log})" in result.stderr
    assert log.read_text() == "building firecrest-testbuild/firecrest:latest\n"

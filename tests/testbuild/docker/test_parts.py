"""Small things about containers that need none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from docker.models.containers import Container

from f7t_testbuild import model
from f7t_testbuild.docker import parts
from f7t_testbuild.docker.project import ComposeAbsent, Project, compose_command, project_name
from f7t_testbuild.docker.provision import needed
from f7t_testbuild.images import catalogue
from f7t_testbuild.model import Identity, Store, default_state_root


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0", "7.0.15"),
        ("minio version RELEASE.2025-09-07T16-13-09Z (x)", "RELEASE.2025-09-07T16-13-09Z"),
        ("minio version DEVELOPMENT.2026-02-12T20-18-48Z", "DEVELOPMENT.2026-02-12T20-18-48Z"),
        ("nothing of the kind", ""),
    ],
)
def test_versions_are_found_in_what_programs_say(said: str, version: str) -> None:
    assert parts._version_in(said) == version


def test_projects_of_other_state_roots_have_other_names(tmp_path: Path) -> None:
    usual = model.Testbuild("demo", 8000, default_state_root().absolute())
    first, second = tmp_path / "a", tmp_path / "b"
    names = {project_name(model.Testbuild("demo", 8000, root)) for root in (first, second)}
    assert project_name(usual) == "f7t-demo"
    assert len(names) == 2
    assert all(name.startswith("f7t-demo-") for name in names)


def test_compose_gets_nothing_of_the_caller_that_its_file_could_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGING_URL", "http://elsewhere")
    monkeypatch.setenv("DEBIAN_BASE", "other")
    monkeypatch.setenv("DOCKER_HOST", "unix:///x")
    monkeypatch.setenv("MINIO_IMAGE", "mine:1")
    project = Project(
        model.Testbuild("p", 9000, tmp_path), 3, 4, "24.11", Identity.KEYCLOAK, Store.MINIO
    )
    environment = project.environment()
    assert "STAGING_URL" not in environment
    assert "DEBIAN_BASE" not in environment
    assert environment["DOCKER_HOST"] == "unix:///x"
    assert environment["MINIO_IMAGE"] == "mine:1"
    assert environment["SLURM_BASE"] == "debian:trixie-slim"
    assert (environment["NODES"], environment["WORKERS"]) == ("3", "4")
    assert environment["STAGING_PORT"] == "10000"


def test_images_and_ports_of_a_scaled_project(tmp_path: Path) -> None:
    plain = Project(
        model.Testbuild("p", 9000, tmp_path), 1, 1, "22.05", Identity.EMBEDDED, Store.EMBEDDED
    )
    scaled = replace(plain, gateways=2)
    assert [one for one in needed(scaled) if one not in needed(plain)] == [catalogue.BALANCER]
    assert plain.ports == plain.testbuild.ports
    assert scaled.ports.items() - plain.ports.items() == {
        *(("gateway-1", 9002), ("gateway-1-internal", 9003)),
        *(("gateway-2", 9004), ("gateway-2-internal", 9005)),
    }


@pytest.mark.parametrize(
    ("service", "gateways", "address"),
    [
        ("firecrest", 1, "127.0.0.1:8000"),
        ("firecrest", 2, "127.0.0.1:8002"),
        ("firecrest-2", 2, "127.0.0.1:8004"),
        ("balancer", 2, "127.0.0.1:8000"),
        ("cluster", 2, "127.0.0.1:8022"),
        ("minio", 1, "127.0.0.1:9000"),
        ("delegation", 2, "-"),
    ],
)
def test_addresses_of_parts(service: str, gateways: int, address: str) -> None:
    container = Container(
        {
            "Config": {"Labels": {parts.SERVICE_LABEL: service}, "Image": "x:latest"},
            "State": {"Status": "running", "StartedAt": "2026-01-01T00:00:00.0Z"},
        }
    )
    ports = model.Testbuild().ports_with(gateways)
    shown = parts.status_of(container, Identity.EMBEDDED, Store.EMBEDDED, ports)
    assert shown.address == address


def test_an_older_compose_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in {
        "docker": "#!/bin/sh\nexit 1\n",
        "docker-compose": "#!/bin/sh\necho 1.29.2\n",
    }.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    with pytest.raises(ComposeAbsent, match=r"docker-compose is 1\.29\.2"):
        compose_command()
    (tmp_path / "docker-compose").write_text("#!/bin/sh\necho v2.30.1\n")
    assert compose_command() == ("docker-compose",)

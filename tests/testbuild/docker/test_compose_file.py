"""What docker-compose.yml promises, read from the file itself: no engine is needed."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from f7t_testbuild import model
from f7t_testbuild.balancer import IN_CONTAINERS
from f7t_testbuild.docker.parts import MACHINES, ONE_SHOT
from f7t_testbuild.docker.project import Project
from f7t_testbuild.images import catalogue
from f7t_testbuild.images.catalogue import SLURM_BASES
from f7t_testbuild.model import Identity, Store

ROOT = Path(__file__).resolve().parents[3]
TEXT = (ROOT / "docker-compose.yml").read_text()
FILE: dict[str, Any] = yaml.safe_load(TEXT)
VARIANTS = {
    f"{folder}/{file.stem}": yaml.safe_load(file.read_text())["services"][service]
    for folder, service in (("keycloak", "keycloak"), ("minio", "minio"))
    for file in (ROOT / folder / "compose").glob("*.yml")
}
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
EXISTING = ("cluster", "compute", "keycloak", "minio", "taskpersistence", "delegation", "firecrest")
EVERYTHING = {**SERVICES, **VARIANTS}
SECRETS = {"installation", "ca", "delegation", "gateway", "identity", "munge", "ssh", "staging"}
SECRETS |= {"tasks"}
SCALED = {"firecrest-2", "balancer"}
"""Services of the profile `scale`."""


def _volumes(service: str) -> dict[str, str]:
    """Name to the rest of each volume's line."""
    lines = EVERYTHING[service].get("volumes", [])
    return {line.partition(":")[0]: line.partition(":")[2] for line in lines}


def test_the_inhabitants() -> None:
    named = {"cluster", "compute", "keycloak", "minio", "taskpersistence", "delegation"}
    assert SERVICES.keys() - SCALED == {*named, "firecrest", ONE_SHOT}
    assert set(VARIANTS) == {
        *(f"keycloak/{kind}" for kind in Identity),
        *(f"minio/{kind}" for kind in Store),
    }


@pytest.mark.parametrize("service", EVERYTHING)
def test_nothing_is_privileged_or_fixed(service: str) -> None:
    """Two projects live side by side, on a machine that grants nothing beyond the default."""
    forbidden = {"privileged", "cap_add", "ulimits", "devices", "container_name", "pid", "ipc"}
    forbidden |= {"network_mode"} if service != ONE_SHOT else set()
    assert not forbidden & EVERYTHING[service].keys()
    networks = EVERYTHING[service].get("networks", [])
    assert isinstance(networks, list), "a fixed address would be a mapping"


def test_the_set_up_reaches_no_network() -> None:
    assert SERVICES[ONE_SHOT]["network_mode"] == "none"


@pytest.mark.parametrize("service", SERVICES)
def test_capabilities_are_dropped(service: str) -> None:
    dropped = SERVICES[service]["cap_drop"]
    if service in MACHINES:
        needed = {"CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "SETGID", "SETUID", "SYS_CHROOT"}
        assert not needed & set(dropped)
        assert {"NET_RAW", "MKNOD", "SETFCAP"} <= set(dropped)
    elif service == ONE_SHOT:
        assert "SETUID" in dropped
        assert "CHOWN" not in dropped
    else:
        assert dropped == ["ALL"]
        assert "no-new-privileges:true" in SERVICES[service]["security_opt"]


def test_root_file_systems_are_read_only_where_the_image_is_ours() -> None:
    closed = {name for name, service in EVERYTHING.items() if service.get("read_only")}
    assert closed >= {ONE_SHOT, "taskpersistence", "delegation", "firecrest", *SCALED}
    assert closed >= {"keycloak/embedded", "keycloak/keycloak-from-maven", "minio/embedded"}
    assert "minio/minio-from-source" in closed


def test_ports_are_on_loopback_and_configurable() -> None:
    lines = [line for service in SERVICES.values() for line in service.get("ports", [])]
    assert len(lines) == 9
    for line in lines:
        assert re.fullmatch(r"127\.0\.0\.1:\$\{[A-Z_]+_PORT:-\d+\}:\d+", line), line


def test_every_published_port_is_the_testbuilds() -> None:
    shown = dict(re.findall(r"\$\{([A-Z_]+_PORT):-(\d+)\}", TEXT))
    testbuild = model.Testbuild()
    project = Project(testbuild, 2, 2, "22.05", Identity.EMBEDDED, Store.EMBEDDED)
    ours = {key: value for key, value in project.variables.items() if "_PORT" in key}
    assert shown.items() >= ours.items()
    scaled = replace(project, gateways=2)
    assert shown.keys() == {key for key in scaled.variables if "_PORT" in key}
    taken = [scaled.variables[key] for key in shown]
    assert sorted(map(int, taken)) == sorted(scaled.ports.values())


def test_without_the_profile_nothing_is_told_of_it() -> None:
    project = Project(model.Testbuild(), 2, 2, "22.05", Identity.EMBEDDED, Store.EMBEDDED)
    assert not {"COMPOSE_PROFILES", "FIRECREST_URL", "BALANCER_PORT"} & project.variables.keys()
    assert {name for name, one in SERVICES.items() if one.get("profiles")} == SCALED
    assert not any(SCALED & SERVICES[name].get("depends_on", {}).keys() for name in EXISTING)


def test_the_profile_has_a_second_gateway_like_the_first_and_haproxy_at_the_usual_address() -> None:
    first, second = SERVICES["firecrest"], SERVICES["firecrest-2"]
    apart = {"ports", "profiles"}
    assert {key: first[key] for key in first if key not in apart} == {
        key: second[key] for key in second if key not in apart
    }
    needed = SERVICES["balancer"]["depends_on"]
    assert {name: how["condition"] for name, how in needed.items()} == {
        "firecrest": "service_healthy",
        "firecrest-2": "service_healthy",
    }
    assert {one.host for one in IN_CONTAINERS.gateways} == set(needed)
    testbuild = model.Testbuild()
    project = Project(testbuild, 2, 2, "22.05", Identity.EMBEDDED, Store.EMBEDDED, gateways=2)
    told = project.variables
    assert told["COMPOSE_PROFILES"] == "scale"
    assert told["BALANCER_PORT"] == str(testbuild.gateway_port)
    assert told["FIRECREST_URL"] == testbuild.gateway_url


def test_the_set_up_is_told_who_is_denied() -> None:
    project = Project(
        model.Testbuild(), 2, 2, "22.05", Identity.EMBEDDED, Store.EMBEDDED, ("test1", "test2")
    )
    assert project.variables["DENY"] == "test1 test2"
    assert SERVICES[ONE_SHOT]["environment"]["DENY"] == "${DENY:-}"


@pytest.mark.parametrize("service", SERVICES)
def test_who_sees_which_secrets(service: str) -> None:
    """Each part has the volume of its own; delegation alone holds the authority's key."""
    seen = {
        ONE_SHOT: SECRETS,
        "cluster": {"munge", "ssh"},
        "compute": {"munge"},
        "delegation": {"ca", "delegation"},
        "firecrest": {"gateway"},
        "firecrest-2": {"gateway"},
        "taskpersistence": {"tasks"},
    }
    assert SECRETS & _volumes(service).keys() == seen.get(service, set())
    for name in SECRETS & _volumes(service).keys():
        assert service == ONE_SHOT or _volumes(service)[name].endswith(":ro"), name


@pytest.mark.parametrize("variant", VARIANTS)
def test_variants_see_their_own_secrets_only(variant: str) -> None:
    mine = "identity" if variant.startswith("keycloak") else "staging"
    assert SECRETS & _volumes(variant).keys() == {mine}
    assert _volumes(variant)[mine].endswith(":ro")


@pytest.mark.parametrize("service", EVERYTHING)
def test_no_secret_is_a_variable(service: str) -> None:
    environment = EVERYTHING[service].get("environment", {})
    for name, value in environment.items():
        if re.search("SECRET|PASSWORD|KEY", name):
            assert str(value).startswith(("/run/", "/keys")), (name, value)


def test_volumes_are_named_and_declared() -> None:
    used = {name for service in EVERYTHING for name in _volumes(service)}
    assert used == set(FILE["volumes"])
    assert not any(name.startswith((".", "/", "~")) for name in used)


def test_delegation_shares_a_network_with_the_gateway_only() -> None:
    assert FILE["networks"]["delegation"] == {"internal": True}
    members = {
        name for name, service in SERVICES.items() if "delegation" in service.get("networks", [])
    }
    assert members == {"delegation", "firecrest", "firecrest-2"}
    assert "default" not in SERVICES["delegation"]["networks"]


def test_start_order_is_by_health() -> None:
    needed = SERVICES["firecrest"]["depends_on"]
    assert {name: how["condition"] for name, how in needed.items()} == {
        "taskpersistence": "service_healthy",
        "delegation": "service_healthy",
    }
    for name, service in SERVICES.items():
        if name not in {ONE_SHOT, "firecrest", *SCALED}:
            told = service["depends_on"][ONE_SHOT]["condition"]
            assert told == "service_completed_successfully", name


def test_images_and_bases_are_those_of_the_catalogue() -> None:
    tags = {
        catalogue.BALANCER.tag,
        catalogue.FIRECREST.tag,
        catalogue.TASKPERSISTENCE.tag,
        catalogue.keycloak({}).tag,
    }
    tags |= {catalogue.KEYCLOAK_FROM_MAVEN.tag, catalogue.MINIO_FROM_SOURCE.tag}
    tags |= {f"${{MINIO_IMAGE:-{catalogue.official_minio({})}}}"}
    tags |= {"firecrest-testbuild/cluster:${SLURM:-19.05}"}
    assert {it["image"] for it in EVERYTHING.values() if "image" in it} == tags
    assert f"${{SLURM_BASE:-{SLURM_BASES['19.05']}}}" in TEXT


def test_no_architecture_and_no_registry_is_named() -> None:
    for file in [ROOT / "docker-compose.yml", *ROOT.glob("*/compose/*.yml")]:
        assert not re.search(r"amd64|arm64|x86_64|aarch64|docker\.io|quay\.io", file.read_text())

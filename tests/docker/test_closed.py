"""What nobody may see or do: secrets, users, root file systems, networks, ports."""

from __future__ import annotations

import json

import pytest

from f7t_testbuild.docker.setup import DELEGATION_UID, GATEWAY_UID, REDIS_UID, SERVER_UID
from f7t_testbuild.images import catalogue
from tests.docker.conftest import Containers
from tests.support.live import Live

UIDS = {
    "gateway": GATEWAY_UID,
    "delegation": DELEGATION_UID,
    "redis": REDIS_UID,
    "identity": SERVER_UID,
    "staging": SERVER_UID,
}


def test_no_secret_is_shown_by_the_engine_or_logged(live: Live, containers: Containers) -> None:
    shown = {name: json.dumps(one.attrs) for name, one in containers.all().items()}
    shown |= {f"log of {name}": one.logs().decode() for name, one in containers.all().items()}
    shown |= {
        f"image of {name}": json.dumps([one.image.attrs, one.image.history()])
        for name, one in containers.all().items()
        if one.image is not None
    }
    for name, secret in live.secrets.items():
        holders = [place for place, text in shown.items() if secret in text]
        assert holders == [], name


def test_the_cluster_image_holds_no_key_of_a_package(live: Live, containers: Containers) -> None:
    assert live.choices.slurm is not None
    image = catalogue.cluster(live.choices.slurm).tag
    script = "ls /etc/munge/munge.key /etc/ssh/ssh_host_* /var/lib/mysql/* 2>/dev/null | wc -l"
    done = containers.client.containers.run(
        image, ["-c", script], entrypoint="/bin/sh", remove=True, network_mode="none"
    )
    assert done == b"0\n"


@pytest.mark.parametrize("name", UIDS)
def test_parts_run_as_users_without_privilege(containers: Containers, name: str) -> None:
    container = containers.all()[name]
    host = container.attrs["HostConfig"]
    assert host["Privileged"] is False
    assert host["CapAdd"] is None
    assert host["CapDrop"] == ["ALL"]
    table = container.top(ps_args="-eo pid,uid,args")
    uids = {row[1] for row in table["Processes"] if "docker-init" not in row[2]}
    assert uids == {str(UIDS[name])}


@pytest.mark.parametrize("name", ["gateway", "delegation", "redis"])
def test_root_file_systems_cannot_be_written(containers: Containers, name: str) -> None:
    done = containers.all()[name].exec_run(["touch", "/written"], user="0")
    assert done.exit_code != 0
    assert isinstance(done.output, bytes)
    assert b"Read-only file system" in done.output


def test_only_delegation_has_the_authoritys_key(containers: Containers) -> None:
    for name, container in containers.all().items():
        mounted = {mount["Name"].rpartition("_")[2] for mount in container.attrs["Mounts"]}
        assert ("ca" in mounted) is (name in {"setup", "delegation"}), name


def test_delegation_is_out_of_reach_for_all_but_the_gateway(containers: Containers) -> None:
    probe = ("bash", "-c", "exec 3<>/dev/tcp/delegation/5010")
    containers.run("gateway", *probe)
    done = containers.all()["cluster"].exec_run(list(probe))
    assert done.exit_code != 0


def test_ports_are_on_loopback_only(live: Live, containers: Containers) -> None:
    published = [
        (binding["HostIp"], int(binding["HostPort"]))
        for container in containers.all().values()
        for bindings in container.attrs["NetworkSettings"]["Ports"].values()
        for binding in bindings or []
    ]
    assert sorted(published) == sorted(
        ("127.0.0.1", port) for port in live.testbuild.ports.values()
    )

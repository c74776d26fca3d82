"""Which daemons a container of the cluster runs, and what it makes of its surroundings."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from f7t_testbuild.cluster import container
from f7t_testbuild.cluster.container import Settings, UnknownMachine, own_number, seed_of
from f7t_testbuild.cluster.render import Definitions, Network, Ports, Role, render
from f7t_testbuild.cluster.site import load_site
from f7t_testbuild.supervise.part import check_parts

PORTS = Ports(ssh=8022, slurmctld=6817, slurmdbd=6819, first_slurmd=7001)
PLACES = {name: Path(f"/P/{name}") for name in ("etc", "run", "private", "var", "spool")}
WORDS = {
    "python": "/opt/f7t/bin/python3",
    "node_addresses": "p-compute-1 p-compute-2",
    "own_address": "10.0.0.9",
    "staging_port": "9000",
    "staging_address": "minio:9000",
}
HEAD = Role("containers", head=True, nodes=("xfer01",))
NODE = Role("containers", head=False, nodes=("nid02",))


def _defined(role: Role) -> Definitions:
    network = Network(
        PORTS,
        controller="cluster",
        node_addresses={"cluster": "p-compute-1", "nid02": "p-compute-2", "xfer01": "cluster"},
        ssh_listen="0.0.0.0",
        loopback_only=False,
    )
    return render(load_site(2), (22, 5), (9, 2), network, role, PLACES, words=WORDS)


def test_the_head_runs_all_but_the_compute_nodes() -> None:
    parts = {part.name: part for part in _defined(HEAD).parts}
    check_parts(tuple(parts.values()))
    assert parts.keys() == {
        *("munged", "database", "mariadbd", "sshd", "slurmdbd", "accounts", "node-names"),
        *("slurmctld", "controller", "address-xfer01", "slurmd-xfer01", "staging-inside"),
    }
    assert parts["slurmctld"].requires == ("accounts", "node-names")
    assert parts["slurmd-xfer01"].requires == ("munged", "slurmctld", "address-xfer01")


def test_a_compute_node_runs_its_slurmd_and_waits_for_the_controller() -> None:
    parts = {part.name: part for part in _defined(NODE).parts}
    check_parts(tuple(parts.values()))
    assert parts.keys() == {
        *("munged", "controller", "address-nid02", "slurmd-nid02", "staging-inside"),
    }
    assert parts["slurmd-nid02"].requires == ("munged", "address-nid02")
    assert parts["address-nid02"].argv == (
        *("scontrol", "update", "NodeName=nid02", "NodeAddr=10.0.0.9"),
    )
    assert "/dev/tcp/cluster/6817" in parts["controller"].argv[-1]


def test_daemons_find_each_other_over_the_network() -> None:
    texts = {file.name: file.text for file in _defined(NODE).files}
    slurm = texts["slurm.conf"]
    assert "SlurmctldHost=cluster(cluster)\n" in slurm
    assert "AccountingStorageHost=cluster\n" in slurm
    assert "NoInAddrAny" not in slurm + texts["slurmdbd.conf"]
    assert "ListenAddress 0.0.0.0\n" in texts["sshd_config"]
    addresses = [line.split()[2] for line in slurm.splitlines() if line.startswith("NodeName=")]
    assert addresses == [
        *("NodeAddr=p-compute-1", "NodeAddr=p-compute-2", "NodeAddr=cluster"),
    ]


def test_the_number_of_a_compute_container_is_that_of_its_name() -> None:
    own = socket.gethostbyname("localhost")
    assert own_number(["no-such-name.invalid", "localhost"], own) == 1


def test_a_container_that_no_name_leads_to_says_so() -> None:
    with pytest.raises(UnknownMachine, match="is NODES the same everywhere"):
        own_number(["localhost"], "192.0.2.1", timeout=0.3)


def test_settings_come_from_the_environment() -> None:
    values = {
        "NODES": "3",
        "NODE_ADDRESSES": "p-compute-{}",
        "STAGING_PORT": "9000",
        "STAGING_ADDRESS": "minio:9000",
    }
    settings = Settings.of(values)
    assert settings.addresses == ["p-compute-1", "p-compute-2", "p-compute-3"]
    with pytest.raises(KeyError, match="NODES"):
        Settings.of({})


def test_users_files_are_the_heads_and_its_own_root_is_each_machines() -> None:
    site = load_site(2)
    head, node = seed_of(site, HEAD), seed_of(site, NODE)
    assert "/home" in head.user_directories
    assert node.user_directories == {}
    own = {entry["path"] for entry in site.own_root_files}
    assert {entry["path"] for entry in node.files} == own
    assert own < {entry["path"] for entry in head.files}


def test_accounts_are_added_once(tmp_path: Path) -> None:
    file = tmp_path / "passwd"
    file.write_text("root:x:0:0::/root:/bin/sh\ntest2:x:5:5::/:/bin/false\n")
    for _ in range(2):
        container._add_accounts(file, load_site().passwd())
    names = [line.split(":")[0] for line in file.read_text().splitlines()]
    assert names[:2] == ["root", "test2"]
    assert sorted(names) == sorted(set(names))
    assert {"test1", "test4", "service-account-firecrest-sample"} < set(names)


@pytest.mark.parametrize("arguments", [[], ["nobody"], ["ask"], ["head", "x"]])
def test_wrong_usage_is_answered_with_the_right_one(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert container.main(arguments) == 2
    assert "usage: f7t-cluster head|compute|ask" in capsys.readouterr().err

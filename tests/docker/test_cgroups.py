"""The trap of cgroup v2: an unprivileged slurmd dies at once unless cgroup.conf says otherwise.

Simulated, as nearly every user's machine is of that kind and this one may not be: a cgroup2 tree is
mounted read-only over /sys/fs/cgroup.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from f7t_testbuild.cluster.versions import Version, by_version
from f7t_testbuild.distribution import data_path
from f7t_testbuild.images import catalogue, engine
from tests.docker.conftest import Containers

START = """
mkdir -p /etc/slurm /run/munge /var/spool/n
head -c 128 /dev/urandom > /etc/munge.key && chmod 0400 /etc/munge.key
munged --force --key-file /etc/munge.key --socket /run/munge/munge.socket.2
cat > /etc/slurm/slurm.conf <<'CONF'
ClusterName=c
SlurmctldHost=localhost
SlurmUser=root
SlurmdUser=root
AuthInfo=socket=/run/munge/munge.socket.2
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SlurmdSpoolDir=/var/spool/n
SlurmdPidFile=/run/n.pid
NodeName=n1 NodeAddr=localhost CPUs=1
PartitionName=p Nodes=ALL
SlurmdParameters=config_overrides
MailProg=/bin/true
CONF
[ -z "$CGROUP_CONF" ] || printf '%s' "$CGROUP_CONF" > /etc/slurm/cgroup.conf
SLURM_CONF=/etc/slurm/slurm.conf timeout 4 slurmd -D -N n1
echo "status $?"
"""
RELEASES: dict[str, Version] = {"20.11": (20, 11), "22.05": (22, 5), "24.11": (24, 11)}


def _tree() -> str:
    """A cgroup2 tree of this machine."""
    for place in ("/sys/fs/cgroup/unified", "/sys/fs/cgroup"):
        if Path(place, "cgroup.controllers").exists():
            return place
    pytest.skip("this machine has no cgroup2 tree")


def _rule(release: str) -> str:
    """Our cgroup.conf for this release; empty if it has none."""
    files = yaml.safe_load(data_path("cluster/daemons.yaml").read_text())["files"]
    (rules,) = [entry["rules"] for entry in files if entry["name"] == "cgroup.conf"]
    return by_version(rules, RELEASES[release]) or ""


def _started(containers: Containers, release: str, conf: str) -> str:
    tag = catalogue.cluster(release).tag
    if engine.find(tag) is None:
        pytest.skip(f"{tag} is not built here: make images ARGS='--slurm {release}'")
    output = containers.client.containers.run(
        tag,
        ["-c", START],
        entrypoint="/bin/bash",
        environment={"CGROUP_CONF": conf},
        volumes={_tree(): {"bind": "/sys/fs/cgroup", "mode": "ro"}},
        remove=True,
        stderr=True,
    )
    assert isinstance(output, bytes)
    return output.decode(errors="replace")


@pytest.mark.parametrize("release", RELEASES)
def test_slurmd_starts_with_our_configuration(containers: Containers, release: str) -> None:
    said = _started(containers, release, _rule(release))
    assert said.rstrip().endswith("status 124"), said  # it lived until timeout(1) ended it


@pytest.mark.parametrize("release", ["22.05", "24.11"])
def test_without_it_slurmd_dies(containers: Containers, release: str) -> None:
    """So the simulation is one, and the rule is needed."""
    said = _started(containers, release, "")
    assert said.rstrip().endswith("status 1"), said
    assert "cgroup" in said

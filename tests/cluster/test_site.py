"""The site data against what the platform promises (platform.md §2, tutorial-walk.md T12)."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from f7t_testbuild.cluster.seed import Seed, plant
from f7t_testbuild.cluster.site import Site, load_site

USERS = {"test1", "test2", "test4", "service-account-firecrest-sample"}


@pytest.fixture(scope="module")
def site() -> Site:
    return load_site()


def _file(site: Site, path: str) -> str:
    return next(str(entry["content"]) for entry in site.files if entry["path"] == path)


def test_users_have_fixed_numbers_from_10001(site: Site) -> None:
    uids = {user.name: user.uid for user in site.users}

    assert uids.keys() == USERS
    assert min(uids.values()) == 10001
    assert len(set(uids.values())) == len(uids)


def test_account_files(site: Site) -> None:
    passwd = {line.split(":")[0]: line.split(":") for line in site.passwd().splitlines()}
    shadow = {line.split(":")[0]: line.split(":") for line in site.shadow().splitlines()}
    group = {line.split(":")[0]: line.split(":") for line in site.group().splitlines()}

    line = "test1:x:10001:10001:Test user one:/home/test1:/bin/bash"
    assert ":".join(passwd["test1"]) == line
    assert all(len(entry) == 7 for entry in passwd.values())
    assert passwd.keys() == shadow.keys()
    assert {entry[1] for entry in shadow.values()} == {"*"}
    assert group["test4"][2] == passwd["test4"][2] == passwd["test4"][3]
    assert set(group["hpc"][3].split(",")) == USERS


def test_hosts_name_every_node(site: Site) -> None:
    assert "127.0.0.1 cluster nid02 xfer01" in site.hosts().splitlines()


def test_every_user_is_in_the_slurm_account(site: Site) -> None:
    assert site.account.name == "test"
    assert {member for group in site.groups for member in group.members} == USERS


def test_the_batch_script(site: Site) -> None:
    text = _file(site, "/srv/f7t/test_sbatch.sh")
    lines = text.splitlines()
    with_job = [line for line in lines if "job" in line]

    assert text.encode()[:12] == b"#!/bin/bash\n"
    assert text.encode()[-10:] == b"sleep 60s\n"
    assert with_job == ["#SBATCH --job-name=testsbatch"]
    assert with_job[0] in lines[:10]
    assert with_job[0] in lines[-10:]
    for directive in (
        *("--ntasks=1", "--tasks-per-node=1"),
        *("--output=testsbatch.output", "--error=testsbatch.error"),
    ):
        assert f"#SBATCH {directive}" in lines


def test_modes_of_the_shared_files(site: Site) -> None:
    modes = {entry["path"].removeprefix("/srv/f7t"): entry["mode"] for entry in site.files}

    assert modes == {
        "": "0777",
        "/test_sbatch.sh": "0555",
        "/test_sbatch_forbidden.sh": "0700",
        "/test_sbatch_rm.sh": "0777",
        "/test_sbatch_mv.sh": "0777",
        "/test_zip.tar.gz": "0777",
    }


def test_the_home_has_a_file_of_ten_bytes(site: Site) -> None:
    entries = {entry["path"]: entry for entry in site.home}

    assert entries.keys() == {".bashrc", "test_directory", "test_file.txt"}
    assert len(str(entries["test_file.txt"]["content"]).encode()) == 10
    assert entries["test_file.txt"]["mode"] == "0664"
    assert entries["test_directory"]["mode"] == "0775"


def test_names_that_clients_look_for(site: Site) -> None:
    """Upstream's tests: HOME is there, PROJECT is announced and is not."""
    assert [fs.name for fs in site.file_systems] == ["HOME", "SCRATCH"]
    assert [(fs.name, fs.path) for fs in site.absent_file_systems] == [("PROJECT", "/project")]


def test_file_systems(site: Site) -> None:
    assert {fs.path: fs.user_mode for fs in site.file_systems} == {
        "/home": "0700",
        "/scratch": "0755",
    }


@pytest.mark.parametrize(
    ("count", "names"),
    [
        (1, ["cluster", "xfer01"]),
        (2, ["cluster", "nid02", "xfer01"]),
        (4, ["cluster", "nid02", "nid03", "nid04", "xfer01"]),
    ],
)
def test_number_of_compute_nodes(count: int, names: list[str]) -> None:
    assert [node.name for node in load_site(count).nodes] == names


@pytest.mark.parametrize("count", [0, -1])
def test_a_cluster_without_nodes(count: int) -> None:
    with pytest.raises(ValueError, match="at least one compute node"):
        load_site(count)


def test_the_head_node_is_preferred(site: Site) -> None:
    weights = {node.name: node.weight for node in site.nodes if not node.transfer}

    assert weights["cluster"] < min(w for name, w in weights.items() if name != "cluster")


def test_the_archive_is_the_same_every_time(site: Site, tmp_path: Path) -> None:
    """Checksums of it may be compared between two testbuilds."""
    entry = next(entry for entry in site.files if entry.get("type") == "tar.gz")
    seed = Seed(users={}, user_directories={}, home=(), files=(entry,), scratch=())
    digests = set()
    for name in ("one", "two"):
        plant(seed, tmp_path / name)
        path = tmp_path / name / str(entry["path"]).lstrip("/")
        digests.add(hashlib.sha256(path.read_bytes()).hexdigest())

    assert len(digests) == 1

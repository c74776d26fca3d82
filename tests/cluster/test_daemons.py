"""The daemon definitions and configuration templates for all four Slurm versions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from f7t_testbuild.cluster.render import (
    Definitions,
    MissingFile,
    Network,
    Ports,
    Role,
    mariadb_init_sql,
    render,
)
from f7t_testbuild.cluster.site import load_site
from f7t_testbuild.cluster.versions import Version
from f7t_testbuild.supervise.part import CheckKind, check_parts

VERSIONS: list[Version] = [(19, 5), (20, 11), (22, 5), (24, 11)]
PORTS = Ports(ssh=8022, slurmctld=6817, slurmdbd=6819, first_slurmd=7001)
PLACES = {name: Path(f"/P/{name}") for name in ("etc", "run", "private", "var", "spool")}
REMOVED_KEYS = (
    *("AccountingStorageLoc", "FastSchedule", "DefaultStorage", "CacheGroups"),
    *("AccountingStoreJobComment", "SlurmctldPlugstack", "TaskAffinity", "CgroupAutomount"),
    *("accounting_storage/filetxt", "select/cons_res"),
)
"""Gone or fatal in one of the versions (fact sheet §2)."""


def _definitions(
    version: Version = (22, 5),
    nodes: int = 2,
    ssh: Version = (9, 2),
    session: Mapping[str, str] | None = None,
) -> Definitions:
    site = load_site(nodes)
    role = Role("native", head=True, nodes=tuple(node.name for node in site.nodes))
    return render(site, version, ssh, Network(PORTS), role, PLACES, session_extra=session)


def _files(version: Version = (22, 5), nodes: int = 2, ssh: Version = (9, 2)) -> dict[str, str]:
    return {file.name: file.text for file in _definitions(version, nodes, ssh).files}


def _settings(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if re.match(r"\w+=", line))


def test_slurm_conf_is_the_same_on_every_version() -> None:
    assert len({_files(version)["slurm.conf"] for version in VERSIONS}) == 1


@pytest.mark.parametrize("key", REMOVED_KEYS)
def test_no_key_that_some_version_refuses(key: str) -> None:
    assert not any(key in text for version in VERSIONS for text in _files(version).values())


def test_slurm_conf() -> None:
    text = _files()["slurm.conf"]
    settings = _settings(text)

    assert settings["ClusterName"] == "cluster"
    assert settings["SlurmctldHost"] == "cluster(127.0.0.1)"
    assert settings["AuthInfo"] == "socket=/P/run/munge.socket"
    assert settings["AccountingStoragePass"] == "/P/run/munge.socket"
    assert settings["CommunicationParameters"] == "NoInAddrAny,NoCtldInAddrAny"
    assert settings["MinJobAge"] == "30"
    assert settings["SlurmdParameters"] == "config_overrides"
    assert "$" not in text


def test_nodes_and_partitions() -> None:
    lines = _files(nodes=3)["slurm.conf"].splitlines()
    nodes = [line for line in lines if line.startswith("NodeName=")]
    partitions = [line for line in lines if line.startswith("PartitionName=")]

    assert [line.split()[0] for line in nodes] == [
        *("NodeName=cluster", "NodeName=nid02", "NodeName=nid03", "NodeName=xfer01")
    ]
    assert [re.findall(r"Port=(\d+)", line)[0] for line in nodes] == [
        "7001",
        "7002",
        "7003",
        "7004",
    ]
    assert [("Feature=f7t" in line) for line in nodes] == [True, True, True, False]
    assert partitions == [
        "PartitionName=part01 Nodes=cluster,nid02,nid03 Default=YES MaxTime=5-00:00:00 "
        "DefaultTime=00:30:00 State=UP",
        "PartitionName=part02 Nodes=cluster,nid02,nid03 MaxTime=2-00:00:00 "
        "DefaultTime=00:30:00 State=UP",
        "PartitionName=xfer Nodes=xfer01 MaxTime=2-00:00:00 DefaultTime=01:00:00 State=UP",
    ]


@pytest.mark.parametrize(
    ("version", "text"),
    [
        ((19, 5), None),
        ((20, 11), None),
        ((22, 5), "CgroupPlugin=cgroup/v1\n"),
        ((23, 11), "CgroupPlugin=cgroup/v1\n"),
        ((24, 5), "CgroupPlugin=disabled\n"),
        ((24, 11), "CgroupPlugin=disabled\n"),
    ],
)
def test_cgroup_conf_by_version(version: Version, text: str | None) -> None:
    assert _files(version).get("cgroup.conf") == text


@pytest.mark.parametrize(
    ("version", "loopback_only"),
    [((19, 5), False), ((20, 2), False), ((20, 11), True), ((22, 5), True), ((24, 11), True)],
)
def test_slurmdbd_conf_by_version(version: Version, loopback_only: bool) -> None:
    """The key is unknown, hence fatal, before 20.11."""
    settings = _settings(_files(version)["slurmdbd.conf"])

    assert ("CommunicationParameters" in settings) is loopback_only
    assert settings["DbdAddr"] == "127.0.0.1"


def test_secret_files_are_closed() -> None:
    modes = {file.name: file.mode for file in _definitions().files}

    assert modes == {
        "slurm.conf": 0o644,
        "slurmdbd.conf": 0o600,
        "mariadb.cnf": 0o600,
        "sshd_config": 0o600,
        "rsvmgmt": 0o755,
        "cgroup.conf": 0o644,
    }


def test_sshd_config() -> None:
    text = _files()["sshd_config"]
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    settings = dict(line.split(" ", 1) for line in lines)

    assert len(settings) == len(lines)
    assert settings["TrustedUserCAKeys"] == "/P/etc/user_ca.pub"
    assert settings["AuthenticationMethods"] == "publickey"
    assert settings["AuthorizedKeysFile"] == "none"
    assert settings["DisableForwarding"] == "yes"
    assert settings["PermitTTY"] == "no"
    assert settings["ListenAddress"] == "127.0.0.1"
    assert settings["AllowUsers"] == "test1 test2 test4 service-account-firecrest-sample"
    assert "TZ=UTC LC_ALL=C.UTF-8 SLURM_CONF=/P/etc/slurm.conf PATH=" in settings["SetEnv"]


@pytest.mark.parametrize(
    ("ssh", "told"), [((9, 2), False), ((9, 7), False), ((9, 8), True), ((10, 0), True)]
)
def test_sshd_shuts_out_nobody_for_the_failures_of_others(ssh: Version, told: bool) -> None:
    """The key is unknown, hence fatal, before 9.8."""
    assert ("PerSourcePenalties no" in _files(ssh=ssh)["sshd_config"].splitlines()) is told


def test_daemons_and_their_order() -> None:
    parts = {part.name: part for part in _definitions(nodes=3).parts}
    check_parts(tuple(parts.values()))

    assert parts.keys() == {
        *("munged", "database", "mariadbd", "sshd", "slurmdbd", "accounts", "slurmctld"),
        *("slurmd-cluster", "slurmd-nid02", "slurmd-nid03", "slurmd-xfer01"),
    }
    assert parts["slurmdbd"].requires == ("munged", "mariadbd")
    assert parts["slurmctld"].requires == ("accounts",)
    assert parts["slurmd-nid03"].requires == ("munged", "slurmctld")
    assert parts["slurmd-nid03"].argv == ("slurmd", "-D", "-N", "nid03")
    assert parts["slurmd-nid03"].address == "127.0.0.1:7003"
    assert parts["slurmctld"].address == "127.0.0.1:6817"
    assert parts["munged"].address == "unix:/P/run/munge.socket"
    assert parts["sshd"].listeners == ("ssh",)
    assert {part.ready.kind for part in parts.values() if part.oneshot} == {CheckKind.STARTED}
    assert all(part.what for part in parts.values())


def test_no_word_is_left_unfilled() -> None:
    definitions = _definitions()
    texts = [*definitions.environment.values(), *(file.text for file in definitions.files)]
    texts += [word for part in definitions.parts for word in part.argv]

    assert not any("${" in text for text in texts)


def test_session_variables_of_the_runtime_are_added() -> None:
    definitions = _definitions(session={"LD_PRELOAD": "/lib/x.so"})
    sshd = next(file.text for file in definitions.files if file.name == "sshd_config")

    assert sshd.splitlines()[-1].endswith(" LD_PRELOAD=/lib/x.so")


TABLES = ["db", "event", "func", "plugin", "proc", "procs_priv", "servers"]


def test_mariadb_tables_are_the_installed_ones(tmp_path: Path) -> None:
    source = tmp_path / "tables.sql"
    lines = [f"CREATE TABLE IF NOT EXISTS {name} (x int);" for name in [*TABLES, "other"]]
    source.write_text("-- comment\n" + "\n".join(lines))

    sql = mariadb_init_sql([tmp_path / "absent.sql", source]).splitlines()

    assert sql[:2] == ["CREATE DATABASE IF NOT EXISTS mysql;", "USE mysql;"]
    assert sql[2:-1] == [line for line in lines if "other" not in line]
    assert sql[-1] == "CREATE DATABASE IF NOT EXISTS slurm_acct_db;"


def test_mariadb_tables_are_missing(tmp_path: Path) -> None:
    (tmp_path / "tables.sql").write_text("CREATE TABLE IF NOT EXISTS db (x int);\n")

    with pytest.raises(MissingFile, match="mariadb-server-core"):
        mariadb_init_sql([tmp_path / "absent.sql"])
    with pytest.raises(MissingFile, match="table event"):
        mariadb_init_sql([tmp_path / "tables.sql"])

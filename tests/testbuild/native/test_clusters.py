"""The simulated cluster in every way this machine allows: real daemons, real ssh, real jobs."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncssh
import pytest

from f7t_testbuild.keys import ensure_secrets
from f7t_testbuild.native import remains
from f7t_testbuild.native.layout import NSS_ROOT, Layout
from f7t_testbuild.native.runtime import NativeRuntime
from f7t_testbuild.native.ways import WayName
from f7t_testbuild.stores import open_store
from tests.support.live import until
from tests.testbuild.native.clusters import Driven, command_lines

LISTEN = "0A"
LOOPBACK = "0100007F"
"""As proc(5) writes them in net/tcp."""
OF_THE_HOST = (NSS_ROOT, Path("/run/sshd"), Path("/home/test1"))
THERE_BEFORE = [path for path in OF_THE_HOST if path.exists()]
"""Debian 13 makes /run/sshd when it installs sshd."""
DAEMONS = {"munged", "database", "mariadbd", "sshd", "slurmdbd", "accounts", "slurmctld"}
NODES = {"slurmd-cluster", "slurmd-nid02", "slurmd-xfer01"}


def _runtime(cluster: Driven) -> NativeRuntime:
    return NativeRuntime(cluster.testbuild, parts=cluster.parts)


def test_up_chose_the_way_and_every_part_is_ready(cluster: Driven) -> None:
    status = _runtime(cluster).status()

    assert (status.running, status.way) == (True, cluster.way)
    assert {part.name for part in status.parts} == {*cluster.parts, *DAEMONS, *NODES}
    assert {part.state for part in status.parts} == {"ready"}
    assert all(part.version[0].isdigit() and part.since for part in status.parts)
    private = cluster.way is not WayName.NSS_WRAPPER
    addresses = {part.name: part.address for part in status.parts}
    assert addresses["slurmctld"].endswith("(inside)") is private
    assert addresses["sshd"] == f"127.0.0.1:{cluster.testbuild.ssh_port}"


async def test_login_with_a_certificate(cluster: Driven) -> None:
    said = await cluster.shell("id -un; id -gn; id -Gn; hostname; date +%Z; echo $LC_ALL; pwd")

    assert said.split("\n")[:-1] == [
        *("test1", "test1", "test1 hpc", "cluster", "UTC", "C.UTF-8", "/home/test1")
    ]


async def test_every_user_can_log_in(cluster: Driven) -> None:
    for user in ("test2", "test4", "service-account-firecrest-sample"):
        assert await cluster.shell("id -un", user=user) == f"{user}\n"


async def test_a_foreign_authority_and_root_are_refused(cluster: Driven, tmp_path: Path) -> None:
    foreign = tmp_path / "ca"
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(str(foreign))

    with pytest.raises(asyncssh.PermissionDenied):
        await cluster.connect("test1", ca=foreign)
    with pytest.raises(asyncssh.PermissionDenied):
        await cluster.connect("root")


async def test_no_terminal_and_no_forwarding(cluster: Driven) -> None:
    async with await cluster.connect("test1") as connection:
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.create_process("true", term_type="xterm")
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.open_connection("127.0.0.1", cluster.testbuild.ssh_port)


async def test_home_as_the_tutorial_shows_it(cluster: Driven) -> None:
    listing = "stat -c '%A %s %U %G %n' .bashrc test_directory test_file.txt"
    for user in ("test1", "test4"):
        lines = (await cluster.shell(listing, user=user)).splitlines()
        assert lines[0].startswith("-rw-r--r-- ")
        assert lines[1].startswith("drwxrwxr-x ")
        assert lines[1].endswith(f" {user} {user} test_directory")
        assert lines[2] == f"-rw-rw-r-- 10 {user} {user} test_file.txt"


async def test_what_users_may_not_see(cluster: Driven) -> None:
    refused = (
        "! ls /home/test2 2>&1; ! cat /srv/f7t/test_sbatch_forbidden.sh 2>&1; ls -d /scratch/*"
    )
    said = await cluster.shell(refused)

    assert said.count("Permission denied") == 2
    assert "/scratch/test2" in said
    assert "/home/test23" not in said


async def test_files_of_the_machine(cluster: Driven) -> None:
    said = await cluster.shell(
        "cd /srv/f7t; stat -c '%A %U %n' . *; tar -tzf test_zip.tar.gz; sbatch --test-only "
        "test_sbatch.sh 2>&1; echo mine > new"
    )

    assert "drwxrwxrwx root ." in said
    assert "-r-xr-xr-x root test_sbatch.sh" in said
    assert "test_zip/first.txt" in said
    assert "on nodes cluster in partition part01" in said


async def test_a_job_runs_on_the_head_node_and_is_accounted(cluster: Driven) -> None:
    job = (await cluster.shell("sbatch --parsable --job-name=test --wrap hostname")).strip()
    query = f"sacct -XnP -j {job} -o jobname,state,nodelist,partition,user,account"
    row = await cluster.poll(query, contains="test|COMPLETED|cluster|part01")

    assert row == "test|COMPLETED|cluster|part01|test1|test\n"
    assert await cluster.shell(f"cat slurm-{job}.out") == "cluster\n"


async def test_jobs_on_two_nodes_and_on_the_transfer_node(cluster: Driven) -> None:
    both = await cluster.shell("srun -N2 -p part02 printenv SLURMD_NODENAME | sort")
    transfer = await cluster.shell("srun -p xfer printenv SLURMD_NODENAME")

    assert (both, transfer) == ("cluster\nnid02\n", "xfer01\n")


async def test_partitions(cluster: Driven) -> None:
    said = await cluster.shell("sinfo -h -o '%P %a %l %L %D'")

    assert said.splitlines() == [
        "part01* up 5-00:00:00 30:00 2",
        "part02 up 2-00:00:00 30:00 2",
        "xfer up 2-00:00:00 1:00:00 1",
    ]


async def test_the_staging_store_has_the_same_url_inside(cluster: Driven) -> None:
    url = f"{cluster.testbuild.staging_url}/minio/health/ready"

    assert await cluster.shell(f"curl -s -o /dev/null -w '%{{http_code}}' {url}") == "200"


def test_the_users_exist_only_inside(cluster: Driven) -> None:
    with pytest.raises(KeyError):
        pwd.getpwnam("test1")
    assert str(cluster.testbuild.directory) not in Path("/proc/self/mountinfo").read_text()
    if cluster.way != WayName.NSS_WRAPPER:
        assert not Path("/home/test1").exists()
        assert not Path("/srv/f7t").exists()


async def test_the_host_is_read_only_for_the_cluster(cluster: Driven) -> None:
    """Even for its root: the mounts themselves say so; other trees of the host do not exist."""
    if cluster.way == WayName.NSS_WRAPPER:
        pytest.skip("this way has no root file system of its own")
    mounts = [line.split() for line in (await cluster.shell("cat /proc/mounts")).splitlines()]
    options = {point: set(words.split(",")) for _, point, _, words, *_ in mounts}

    assert {"/usr", "/sys", "/proc", "/home", "/tmp"} <= options.keys()
    shown = [p for p in options if p.startswith(("/usr", "/opt", "/sys", "/etc/s", "/etc/a"))]
    assert not [path for path in shown if "ro" not in options[path] and path != "/etc/slurm"]
    assert not {path for path in options if path.startswith(("/root", "/mnt", "/boot", "/.host"))}
    assert await cluster.shell("ls -A /etc/binfmt.d /root 2>/dev/null; true") == "/etc/binfmt.d:\n"


def test_nothing_listens_beyond_loopback(cluster: Driven) -> None:
    """All listeners of the cluster's own network; the known ports where it shares the host's."""
    marked = remains.marked_processes(cluster.testbuild.directory)
    controller = next(pid for pid in marked if _runs(pid, "slurmctld"))
    rows = [line.split() for line in Path(f"/proc/{controller}/net/tcp").read_text().splitlines()]
    listening = [row[1].split(":") for row in rows[1:] if row[3] == LISTEN]
    if cluster.way == WayName.NSS_WRAPPER:
        base = cluster.testbuild.port_base
        known = {f"{port:04X}" for port in (base + 22, base + 217, base + 219, base + 230)}
        listening = [entry for entry in listening if entry[1] in known]

    assert len(listening) >= 4
    assert {address for address, _ in listening} == {LOOPBACK}


async def test_a_killed_daemon_is_started_again(cluster: Driven) -> None:
    runtime = _runtime(cluster)
    before = {part.name: part for part in runtime.status().parts}["slurmctld"]
    marked = remains.marked_processes(cluster.testbuild.directory)
    victim = next(pid for pid in marked if _runs(pid, "slurmctld"))
    os.kill(victim, signal.SIGKILL)

    def restarted() -> bool | None:
        parts = {part.name: part for part in runtime.status().parts}
        now = parts["slurmctld"]
        again = now.restarts > before.restarts and now.state == "ready"
        return True if again and not parts["cluster"].detail else None

    until(restarted, what="slurmctld again, and the cluster no longer says otherwise")
    await cluster.poll("scontrol ping", contains="UP")


def _runs(pid: int, program: str) -> bool:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0] == program.encode()
    except OSError:
        return False


async def test_a_restart_on_demand(cluster: Driven) -> None:
    runtime = _runtime(cluster)
    before = {part.name: part.restarts for part in runtime.status().parts}
    for name in ("sshd", "redis"):
        runtime.restart(name)

        def restarted(name: str = name) -> bool | None:
            now = {part.name: part for part in runtime.status().parts}[name]
            return True if now.restarts > before[name] and now.state == "ready" else None

        until(restarted, what=f"{name} again")
    assert await cluster.shell("id -un") == "test1\n"


async def test_reset(cluster: Driven) -> None:
    job = (await cluster.shell("sbatch --parsable --wrap 'sleep 600'")).strip()
    held = (await cluster.shell("sbatch --parsable --hold --wrap true")).strip()
    await cluster.poll(f"squeue -h -j {job} -o %T", contains="RUNNING")
    await cluster.shell(
        "rm -r test_directory; echo longer text > test_file.txt; mkdir -p a/b; touch a/b/c; "
        "ln -s /home/test1 loop; echo x > /scratch/test1/x; rm -f /srv/f7t/test_sbatch_rm.sh; "
        "echo y > /srv/f7t/y"
    )
    store = open_store(cluster.testbuild)
    store.make_bucket("test1")
    await cluster.shell(f"rsvmgmt -a kept test 1 f7t {_hours(1)} {_hours(2)}")

    cluster.run("reset")

    left = await cluster.shell("ls -A /home/test1 /scratch/test1; cat test_file.txt; ls /srv/f7t")
    assert left.split() == [
        *("/home/test1:", ".bashrc", "test_directory", "test_file.txt", "/scratch/test1:"),
        *("test", "file", "test_sbatch.sh", "test_sbatch_forbidden.sh", "test_sbatch_mv.sh"),
        *("test_sbatch_rm.sh", "test_zip.tar.gz"),
    ]
    assert await cluster.shell("squeue -h") == ""
    assert "No reservations" in await cluster.shell("scontrol show reservation")
    states = await cluster.shell(f"scontrol -o show job {job}; scontrol -o show job {held}")
    assert states.count("JobState=CANCELLED") == 2
    assert store.list_buckets() == []


def _hours(number: int) -> str:
    """A moment so many hours from now, as the cluster writes it."""
    return (datetime.now(UTC) + timedelta(hours=number)).strftime("%Y-%m-%dT%H:%M:%S")


async def test_reservations(cluster: Driven) -> None:
    """The kernel tells users apart in every way, without any set-user-id program."""
    created = await cluster.shell(f"rsvmgmt -a mine test 1 f7t {_hours(1)} {_hours(2)}")
    assert created == "Reservation created: mine\n"
    listed = await cluster.shell("rsvmgmt -l", user="service-account-firecrest-sample")
    assert listed.startswith("ReservationName=mine ")
    refused = await cluster.shell("! SUDO_UID=10001 rsvmgmt -d mine", user="test2")
    assert refused == "rsvmgmt: Error: user id 10002 may not use this program\n"
    assert await cluster.shell("rsvmgmt -d mine") == "Reservation deleted: mine\n"


def test_log_files(cluster: Driven) -> None:
    logs = _runtime(cluster).logs()

    assert {*cluster.parts, *DAEMONS, *NODES, "supervisor"} <= logs.keys()
    assert any("slurmctld" in line for line in logs["slurmctld"].tail(500))


def test_a_crash_of_the_cluster_is_mended(cluster: Driven) -> None:
    """Process 1 dies: everything in it goes, a new one comes, the store gets the new socket."""
    marked = remains.marked_processes(cluster.testbuild.directory)
    inner = [pid for pid in marked if any("native.inner" in c for c in command_lines([pid]))]
    os.kill(max(inner), signal.SIGKILL)

    def mended() -> bool | None:
        parts = {part.name: part for part in _runtime(cluster).status().parts}
        ready = all(part.state == "ready" for part in parts.values())
        return True if ready and parts.keys() >= NODES and parts["cluster"].restarts else None

    until(mended, what="cluster again")
    url = f"{cluster.testbuild.staging_url}/minio/health/ready"
    command = f"curl -s -o /dev/null -w '%{{http_code}}' {url}"
    assert asyncio.run(cluster.shell(command)) == "200"
    # The node takes jobs. It may not be idle: a controller that was killed forgets its last
    # seconds, and has an srun that ended in them in its books for as long as it may run
    # (slurm.conf(5), InactiveLimit).
    asyncio.run(cluster.poll("srun -p xfer printenv SLURMD_NODENAME", contains="xfer01"))


def test_life_kill_and_end(cluster: Driven) -> None:
    """Up twice, killed supervisor, up again with the users' files, down, up, down."""
    directory = cluster.testbuild.directory
    assert "was up already" in cluster.run("up")
    asyncio.run(cluster.shell("echo kept > kept; nohup sleep 1000 >/dev/null 2>&1 & true"))
    asyncio.run(cluster.shell("sbatch --wrap 'trap \"\" TERM; sleep 1000'"))

    os.kill(json.loads((directory / "run" / "supervisor.json").read_text())["pid"], signal.SIGKILL)
    until(lambda: None if remains.marked_processes(directory) else True, what="nothing runs")
    assert not _runtime(cluster).status().running

    cluster.run("up")
    assert asyncio.run(cluster.shell("cat kept")) == "kept\n"

    assert "stopped" in cluster.run("down")
    assert command_lines(remains.marked_processes(directory)) == []
    assert not Layout(directory, WayName(cluster.way)).control.exists()
    assert [path for path in OF_THE_HOST if path.exists()] == THERE_BEFORE
    assert "nothing was running" in cluster.run("down")
    assert ensure_secrets(cluster.testbuild.secrets_file)

    cluster.run("down", "--purge")
    assert not directory.exists()
    assert not list(cluster.testbuild.state_root.iterdir())

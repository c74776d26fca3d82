"""Submissions over a real sshd, to a scheduler that is imitated as real ones seldom are."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from f7t.delegation import AccessPolicy, CertificateAuthority
from f7t.errors import CommandFailed
from f7t.settings import ComputeSettings, SystemSettings
from f7t.slurm.models import FILES_NOT_AVAILABLE, JOB_INFO_RETURNED
from f7t.ssh.pool import SshPool
from f7t.systems import Systems
from f7t.tasks.kinds import Slot, TaskContext
from f7t.tasks.model import Service, new_task
from f7t.tasks.store import TaskStore
from f7t.work.compute.scheduler import Scheduler
from f7t.work.compute.submission import Submissions, submission
from tests.firecrest.slurm.test_scripts import SBATCH
from tests.support.sshd import Sshd

SCRIPT = b"#!/bin/sh\ntrue\n"
USER = "slow"
RECORD = 'echo "JobId=$4 JobName=x Command=/c WorkDir=/w StdErr=/e StdIn=/i StdOut=/o "\n'
TALKING = f"""#!/bin/sh
echo "$$ $*" >> "$STATE/scontrol"
[ -z "$4" ] || {{ {RECORD} exit; }}
while printf 'scontrol: ' && read -r line; do
  case $line in
    show*) set -- -o $line; {RECORD} ;;
    *) echo "invalid keyword: $line" >&2 ;;
  esac
done
"""
MUTE = f"""#!/bin/sh
echo "$$ $*" >> "$STATE/scontrol"
[ -n "$4" ] || exec sleep 60
{RECORD}"""


class Centre:
    """The login node with an imitated scheduler in the user's PATH, and the gateway's work."""

    def __init__(self, home: Path, submissions: Submissions) -> None:
        self.home = home
        self.submissions = submissions

    def scontrol(self, text: str) -> None:
        self._write("scontrol", text)

    def prepare(self) -> None:
        (self.home / "bin").mkdir()
        self._write("sbatch", SBATCH)
        (self.home / "count").write_text("0")
        (self.home / ".bashrc").write_text(f"export STATE={self.home} PATH={self.home}/bin:$PATH\n")
        for path in self.home.rglob("*"):
            os.chown(path, 2005, 2005)

    async def submit(self, script: bytes = SCRIPT) -> dict[str, Any]:
        """Data of the task of a submission."""
        spec = submission("job.sh", script, account=None, environment={})
        task = new_task(USER, Service.COMPUTE, "cluster")
        # Never asked: what is tested here needs nothing of it.
        store = TaskStore("unix:///nowhere", lifetimes={})
        slot = Slot(asyncio.Semaphore(1))
        context = TaskContext(store, task, spec, owner="w", slot=slot, resumed=False)
        outcome = await self.submissions.kinds()[0].run(context)
        assert isinstance(outcome.data, dict)
        assert self.directory(task.id).joinpath("job.sh").read_bytes() == script
        return outcome.data

    def directory(self, task_id: str) -> Path:
        return self.home.parent / USER / "firecrest" / task_id

    def asked(self) -> list[list[str]]:
        """Every start of scontrol: its process, then its arguments."""
        return [line.split() for line in (self.home / "scontrol").read_text().splitlines()]

    def _write(self, name: str, text: str) -> None:
        program = self.home / "bin" / name
        program.write_text(text)
        program.chmod(0o755)


@pytest.fixture
async def centre(sshd: Sshd, ca_key: asyncssh.SSHKey) -> AsyncIterator[Centre]:
    home = sshd.home(USER)
    system = SystemSettings.model_validate(
        {"name": "cluster", "host": sshd.host, "port": sshd.port, "job_base": str(home.parent)}
    )
    pool = SshPool(
        CertificateAuthority(ca_key, AccessPolicy(denied={})), known_hosts=sshd.known_hosts
    )
    scheduler = Scheduler(ComputeSettings(), Systems([system]), pool, 1 << 20)
    made = Centre(home, Submissions(scheduler))
    made.prepare()
    yield made
    await pool.close()
    for path in sorted(home.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()


async def test_one_scontrol_describes_all(centre: Centre) -> None:
    centre.scontrol(TALKING)
    jobs = await asyncio.gather(*(centre.submit() for _ in range(12)))
    assert [job["job_file_out"] for job in jobs] == ["/o"] * 12
    assert {job["job_info_extra"] for job in jobs} == {JOB_INFO_RETURNED}
    assert [words[1:] for words in centre.asked()] == [["-o"]]


async def test_an_scontrol_that_cannot_be_talked_to_is_started_for_each_job(
    centre: Centre,
) -> None:
    """It is asked line by line once, in vain, and then not for a while."""
    centre.scontrol(MUTE)
    jobs = [await centre.submit() for _ in range(3)]
    assert [job["job_file"] for job in jobs] == ["/c"] * 3
    assert [words[1:] for words in centre.asked()] == [
        ["-o"],
        ["-o", "show", "job", "1"],
        ["-o", "show", "job", "2"],
        ["-o", "show", "job", "3"],
    ]


async def test_a_job_is_submitted_although_nothing_describes_it(centre: Centre) -> None:
    job = await centre.submit()
    assert (job["jobid"], job["job_file"]) == (1, FILES_NOT_AVAILABLE.job_file)
    assert "scontrol" in job["job_info_extra"]


@pytest.mark.parametrize("script", [SCRIPT + b"#" * 100_000, SCRIPT + b"\0"], ids=["large", "nul"])
async def test_scripts_that_cannot_be_said_are_copied(centre: Centre, script: bytes) -> None:
    centre.scontrol(TALKING)
    job = await centre.submit(script)
    assert (job["jobid"], job["job_file_err"]) == (1, "/e")
    assert [words[1:] for words in centre.asked()] == [["-o", "show", "job", "1"]]


async def test_a_refusal_fails_the_task(centre: Centre) -> None:
    (centre.home / "bin" / "sbatch").write_text("#!/bin/sh\necho 'sbatch: error: no' >&2\nexit 1\n")
    with pytest.raises(CommandFailed, match=r"^sbatch: error: no$"):
        await centre.submit()

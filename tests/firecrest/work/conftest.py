"""A login node with an imitated scheduler, and the gateway's work there."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from f7t.delegation import AccessPolicy, CertificateAuthority
from f7t.settings import ComputeSettings, SystemSettings
from f7t.ssh.pool import SshPool
from f7t.systems import Systems
from f7t.tasks.kinds import Kind, Slot, TaskContext
from f7t.tasks.model import Service, TaskSpec, new_task
from f7t.tasks.store import TaskStore
from f7t.work.compute.jobs import Jobs, queue_query
from f7t.work.compute.scheduler import Scheduler
from f7t.work.compute.submission import Submissions, submission
from tests.firecrest.slurm.test_scripts import SBATCH
from tests.support.sshd import Sshd

SCRIPT = b"#!/bin/sh\ntrue\n"
USER = "slow"
QUEUED = "\x1e" + "\x1f".join(
    ("{id}", "part01", "{user}", "PENDING", "1", "0:00", "N/A", "10:00", "(None)", "x\n")
)
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

    def __init__(self, home: Path, scheduler: Scheduler) -> None:
        self.home = home
        kinds = (*Submissions(scheduler).kinds(), *Jobs(scheduler).kinds())
        self._kinds: dict[str, Kind] = {kind.name: kind for kind in kinds}

    def scontrol(self, text: str) -> None:
        self.write("scontrol", text)

    def squeue(self, ids: list[str]) -> None:
        """These jobs are pending."""
        (self.home / "queue").write_text("".join(QUEUED.format(id=one, user=USER) for one in ids))
        self.write("squeue", '#!/bin/sh\ncat "$STATE/queue"\n')

    def prepare(self) -> None:
        (self.home / "bin").mkdir()
        self.write("sbatch", SBATCH)
        (self.home / "count").write_text("0")
        (self.home / ".bashrc").write_text(
            f"export STATE={self.home} PATH={self.home}/bin:$PATH\necho begun >> $STATE/shells\n"
        )
        for path in self.home.rglob("*"):
            os.chown(path, 2005, 2005)

    async def submit(self, script: bytes = SCRIPT) -> dict[str, Any]:
        """Data of the task of a submission."""
        spec = submission("job.sh", script, account=None, environment={})
        task_id, data = await self._done(spec)
        assert self.directory(task_id).joinpath("job.sh").read_bytes() == script
        return data

    async def listed(self) -> list[dict[str, Any]]:
        """The rows of a listing."""
        _, data = await self._done(queue_query([], page=None, everybody=False))
        return list(data.values())

    async def _done(self, spec: TaskSpec) -> tuple[str, dict[str, Any]]:
        task = new_task(USER, Service.COMPUTE, "cluster")
        # Never asked: what is tested here needs nothing of it.
        store = TaskStore("unix:///nowhere", lifetimes={})
        slot = Slot(asyncio.Semaphore(1))
        context = TaskContext(store, task, spec, owner="w", slot=slot, resumed=False)
        outcome = await self._kinds[spec.kind].run(context)
        assert isinstance(outcome.data, dict)
        return task.id, outcome.data

    def directory(self, task_id: str) -> Path:
        return self.home.parent / USER / "firecrest" / task_id

    def shells(self) -> int:
        """How often the user's start-up files were read."""
        return len((self.home / "shells").read_text().splitlines())

    def asked(self) -> list[list[str]]:
        """Every start of scontrol: its process, then its arguments."""
        return [line.split() for line in (self.home / "scontrol").read_text().splitlines()]

    def write(self, name: str, text: str) -> None:
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
    made = Centre(home, scheduler)
    made.prepare()
    yield made
    await pool.close()
    for path in sorted(home.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()

"""Internal transfers: jobs that copy, move, delete, pack and unpack (storage.md §6).

Carrying one out is a submission like any other (`work.compute`), so it happens at most once.
"""

from __future__ import annotations

from collections.abc import Sequence

from f7t.slurm.batch import BatchJob, batch_script
from f7t.tasks.model import TaskSpec
from f7t.work.compute import submission

_SCRIPT_NAME = "sbatch-job.sh"


def copy_argv(source: str, target: str) -> list[str]:
    """Copy with everything below, attributes kept, links as links."""
    return ["cp", "--force", "-dR", "--preserve=all", "--", source, target]


def move_argv(source: str, target: str) -> list[str]:
    """Move, whatever is there already."""
    return ["mv", "--force", "--", source, target]


def synchronise_argv(source: str, target: str) -> list[str]:
    """Bring `target` up to date; rsync takes an absolute path for local whatever it holds."""
    return ["rsync", "--archive", "--verbose", "--", source, target]


def remove_argv(target: str) -> list[str]:
    """Delete with everything below; nothing there is success."""
    return ["rm", "--recursive", "--force", "--", target]


def transfer(job: BatchJob, argv: Sequence[str], *, title: str) -> TaskSpec:
    """Submission of a job that runs `argv`; raises ValueError as `batch_script`."""
    script = batch_script(job, argv, title=title)
    return submission(_SCRIPT_NAME, script, account=None, environment={})

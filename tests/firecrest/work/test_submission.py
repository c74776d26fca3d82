"""Submissions over a real sshd, to a scheduler that is imitated as real ones seldom are."""

from __future__ import annotations

import asyncio

import pytest

from f7t.errors import CommandFailed
from f7t.slurm.models import FILES_NOT_AVAILABLE, JOB_INFO_RETURNED
from tests.firecrest.work.conftest import MUTE, SCRIPT, TALKING, Centre

_LINGERING = """#!/bin/sh
echo 7
for n in $(seq 100); do
  [ ! -e "$STATE/shown" ] || exit 0
  sleep 0.1
done
exit 1
"""


async def test_one_scontrol_describes_all(centre: Centre) -> None:
    centre.scontrol(TALKING)
    jobs = await asyncio.gather(*(centre.submit() for _ in range(12)))
    assert [job["job_file_out"] for job in jobs] == ["/o"] * 12
    assert {job["job_info_extra"] for job in jobs} == {JOB_INFO_RETURNED}
    assert [words[1:] for words in centre.asked()] == [["--local", "-o"]]


async def test_an_scontrol_that_cannot_be_talked_to_is_started_for_each_job(
    centre: Centre,
) -> None:
    """It is asked line by line once, in vain, and then not for a while."""
    centre.scontrol(MUTE)
    jobs = [await centre.submit() for _ in range(3)]
    assert [job["job_file"] for job in jobs] == ["/c"] * 3
    assert [words[1:] for words in centre.asked()] == [
        ["--local", "-o"],
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


async def test_the_description_is_asked_for_as_soon_as_the_id_is_known(centre: Centre) -> None:
    """sbatch, which ends only when it was: otherwise it gives up."""
    centre.scontrol(TALKING.replace("show*)", 'show*) echo "$line" >> "$STATE/shown";'))
    centre.write("sbatch", _LINGERING)
    job = await centre.submit()
    assert (job["jobid"], job["job_file"]) == (7, "/c")
    assert (centre.home / "shown").read_text() == "show job 7\n"


async def test_an_id_counts_only_if_sbatch_ends_well(centre: Centre) -> None:
    centre.scontrol(TALKING)
    centre.write("sbatch", "#!/bin/sh\necho 7\nsleep 0.2\necho 'sbatch: error: no' >&2\nexit 1\n")
    with pytest.raises(CommandFailed, match=r"^sbatch: error: no$"):
        await centre.submit()


async def test_the_last_id_is_the_jobs(centre: Centre) -> None:
    """Whatever a site's sbatch says before it."""
    centre.scontrol(TALKING.replace("JobName=x", "JobName=n$4"))
    centre.write("sbatch", "#!/bin/sh\necho 6\nsleep 0.2\necho 7\n")
    job = await centre.submit()
    assert (job["jobid"], job["job_file"]) == (7, "/c")


async def test_of_many_submissions_none_starts_a_process_for_its_directory(centre: Centre) -> None:
    """But the first, which nothing holds up: it does not know that others follow."""
    centre.scontrol(TALKING)
    centre.write("mkdir", '#!/bin/sh\necho "$@" >> "$STATE/made"\nexec /bin/mkdir "$@"\n')
    made = centre.home / "made"
    await asyncio.gather(*(centre.submit() for _ in range(16)))  # the shells of the next ones
    made.write_text("")
    for _ in range(5):
        await asyncio.gather(*(centre.submit() for _ in range(16)))
    assert len(made.read_text().splitlines()) <= 5

"""Listings of jobs over a real sshd, with programs that stay where the scheduler lets them."""

from __future__ import annotations

import pytest

from f7t.errors import CommandFailed
from tests.firecrest.work.conftest import MUTE, TALKING, Centre

_FEW = ["1", "2_3", "4_[1-9]"]
_MANY = [str(number) for number in range(1, 34)]


async def test_listings_begin_no_process_but_squeue(centre: Centre) -> None:
    centre.squeue(_FEW[:1])
    centre.scontrol(TALKING)
    for _ in range(3):
        (row,) = await centre.listed()
        assert (row["jobid"], row["job_file"], row["job_file_out"]) == ("1", "/c", "/o")
    assert centre.shells() == 2  # one for squeue, one for scontrol
    assert [words[1:] for words in centre.asked()] == [["--local", "-o"]]


async def test_many_jobs_are_not_asked_for_one_by_one(centre: Centre) -> None:
    centre.squeue(_MANY)
    centre.scontrol(TALKING)
    assert [row["jobid"] for row in await centre.listed()] == _MANY
    assert [words[1:] for words in centre.asked()] == [["-ao", "show", "job"]]


async def test_an_scontrol_that_cannot_be_talked_to_is_started_for_each_job(
    centre: Centre,
) -> None:
    """It is asked line by line once, in vain; elements of an array are asked for together."""
    centre.squeue(_FEW)
    centre.scontrol(MUTE)
    rows = await centre.listed()
    assert [row["jobid"] for row in rows] == _FEW
    assert rows[0]["job_file"] == "/c"
    assert [words[1:] for words in centre.asked()] == [
        ["--local", "-o"],
        ["-o", "show", "job", "1"],
        ["-o", "show", "job", "2_3"],
        ["-o", "show", "job", "4"],
    ]


async def test_a_squeue_that_fails_fails_the_task(centre: Centre) -> None:
    centre.write("squeue", "#!/bin/sh\necho 'slurm_load_jobs error: no' >&2\nexit 1\n")
    with pytest.raises(CommandFailed, match=r"^slurm_load_jobs error: no$"):
        await centre.listed()

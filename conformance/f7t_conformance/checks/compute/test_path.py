"""C2: submission of a script that lies on the system."""

from __future__ import annotations

import json

import pytest

from f7t_conformance.api import Api, Unexpected
from f7t_conformance.belongings import Belongings, Place
from f7t_conformance.binding import requirement
from f7t_conformance.jobs import Job, printed

_PATH = "/compute/jobs/path"


def _submitted(api: Api, belongings: Belongings, path: str, **form: str) -> Job:
    belongings.spend_job()
    charged = {"account": belongings.account} if belongings.account else {}
    answer = api.post(_PATH, targetPath=path, **charged, **form).expect(201)
    return Job(belongings.accepted(api, answer))


@requirement("F7T-JOB-028")
def test_remote_script_is_submitted(api: Api, belongings: Belongings, place: Place) -> None:
    path = place.write("mine.sh", belongings.script("true", options="--hold"))
    job = _submitted(api, belongings, path)
    if job.data["job_file"] != path or job.data["result"] != "Job submitted":
        raise Unexpected(f"a submitted job with job_file {path}", str(job.data))


@requirement("F7T-JOB-029")
def test_job_runs_in_the_scripts_directory(api: Api, belongings: Belongings, place: Place) -> None:
    path = place.write("mine.sh", belongings.script("echo end", options="--output=here.txt"))
    job = _submitted(api, belongings, path)
    if job.data["job_file_out"] != place / "here.txt":
        raise Unexpected(f"job_file_out {place / 'here.txt'}", str(job.data))
    printed(api, place / "here.txt", "end")


@requirement("F7T-JOB-030")
def test_paths_with_blanks_are_told_whole(api: Api, belongings: Belongings, place: Place) -> None:
    place.directory("with blanks=and more")
    inner = Place(api, place / "with blanks=and more")
    path = inner.write("job.sh", belongings.script("true", options="--hold"))
    job = _submitted(api, belongings, path)
    wanted = (path, inner / f"slurm-{job.id}.out")
    got = (job.data["job_file"], job.data["job_file_out"])
    if got != wanted:
        raise Unexpected(f"job_file and job_file_out {wanted}", str(got))


@requirement("F7T-JOB-031")
def test_variables_reach_the_job(api: Api, belongings: Belongings, place: Place) -> None:
    path = place.write("mine.sh", belongings.script('echo "$F7T_A"\necho end'))
    job = _submitted(api, belongings, path, env=json.dumps({"F7T_A": "b 1"}))
    text = printed(api, job.data["job_file_out"], "end")
    if text.splitlines()[0] != "b 1":
        raise Unexpected("F7T_A=b 1", text)


@pytest.mark.parametrize(
    ("path", "verdict"),
    [
        pytest.param(None, "not specified", marks=requirement("F7T-JOB-032")),
        pytest.param("", "is empty", marks=requirement("F7T-JOB-033")),
        pytest.param("/tmp/a;b", "has invalid char", marks=requirement("F7T-JOB-034")),
    ],
)
def test_path_is_wrong(api: Api, path: str | None, verdict: str) -> None:
    answer = api.post(_PATH, targetPath=path, account="none")
    answer.expect(400, description="Failed to submit job", error=f"'targetPath' {verdict}")


@requirement("F7T-JOB-035")
def test_script_does_not_exist(api: Api, place: Place) -> None:
    path = place / "none.sh"
    api.post(_PATH, targetPath=path).expect(
        400,
        header="X-Invalid-Path",
        value=f"{path} is an invalid path.",
        description="Failed to submit job",
    )


@requirement("F7T-JOB-036")
def test_script_is_a_directory(api: Api, place: Place) -> None:
    api.post(_PATH, targetPath=place.path).expect(
        400,
        header="X-A-Directory",
        value=f"{place.path} is a directory",
        description="Failed to submit job",
    )


@requirement("F7T-JOB-037")
def test_script_is_unreadable(api: Api, belongings: Belongings, place: Place) -> None:
    path = place.write("mine.sh", belongings.script("true"))
    api.put("/utilities/chmod", targetPath=path, mode="000").expect(200)
    api.post(_PATH, targetPath=path).expect(
        400,
        header="X-Permission-Denied",
        value="User does not have permissions to access machine or path",
        description="Failed to submit job",
    )


@requirement("F7T-JOB-038")
def test_variables_are_no_json(api: Api, belongings: Belongings, place: Place) -> None:
    path = place.write("mine.sh", belongings.script("true"))
    answer = api.post(_PATH, targetPath=path, env="{no")
    error = "Invalid JSON environment provided"
    answer.expect(400, description="Failed to submit job", error=error)

"""C0, C1: submission of an uploaded script, and what its task tells."""

from __future__ import annotations

import posixpath

from f7t_conformance.api import Api, Unexpected
from f7t_conformance.belongings import Belongings, created
from f7t_conformance.binding import requirement
from f7t_conformance.jobs import Job, SharedJobs, printed


@requirement("F7T-JOB-001")
def test_submission_creates_a_task(api: Api, belongings: Belongings) -> None:
    belongings.spend_job()
    files = {"file": ("job.sh", belongings.script("true", options="--hold"))}
    form = {"account": belongings.account or None}
    answer = api.call("POST", "/compute/jobs/upload", form=form, files=files)
    task_id = created(answer, 201)
    belongings.accepted(api, answer)
    if not answer.json["task_url"].endswith(f"/tasks/{task_id}"):
        raise Unexpected(f"task_url ending in /tasks/{task_id}", answer.excerpt)


@requirement("F7T-JOB-002")
def test_alias_submits_as_well(api: Api, belongings: Belongings) -> None:
    job = Job(belongings.submit(api, options="--hold", path="/compute/jobs"))
    if posixpath.basename(job.directory) != job.task["hash_id"]:
        raise Unexpected("the script in a directory with the task's id", str(job.data))


@requirement("F7T-JOB-003")
def test_job_id_is_an_integer(api: Api, jobs: SharedJobs) -> None:
    data = jobs.reporting(api).data
    if data["result"] != "Job submitted" or type(data["jobid"]) is not int or data["jobid"] < 1:
        raise Unexpected("result 'Job submitted' and a positive integer jobid", str(data))


@requirement("F7T-JOB-004")
def test_script_is_stored_as_it_was_sent(api: Api, belongings: Belongings) -> None:
    body = "# ünïcode\ntrue"
    job = Job(belongings.submit(api, body, options="--hold", name="kept.sh"))
    if posixpath.basename(job.data["job_file"]) != "kept.sh":
        raise Unexpected("job_file named kept.sh", job.data["job_file"])
    got = api.get("/utilities/download", sourcePath=job.data["job_file"]).expect(200)
    if got.body != belongings.script(body, options="--hold"):
        raise Unexpected("the script's bytes", got.excerpt)


@requirement("F7T-JOB-005")
def test_directory_has_the_tasks_id(api: Api, jobs: SharedJobs) -> None:
    job = jobs.reporting(api)
    wanted = posixpath.join("firecrest", job.task["hash_id"])
    if not job.directory.startswith("/") or not job.directory.endswith(f"/{wanted}"):
        raise Unexpected(f"an absolute job_file in …/{wanted}", job.data["job_file"])


@requirement("F7T-JOB-006")
def test_output_files_are_told(api: Api, jobs: SharedJobs) -> None:
    job = jobs.reporting(api)
    wanted = posixpath.join(job.directory, f"slurm-{job.id}.out")
    got = (job.data["job_file_out"], job.data["job_file_err"])
    if got != (wanted, wanted):
        raise Unexpected(f"job_file_out and job_file_err {wanted}", str(got))


@requirement("F7T-JOB-007")
def test_chosen_output_files_are_told(api: Api, belongings: Belongings) -> None:
    options = "--hold\n--output=words.txt\n--error=trouble.txt"
    job = Job(belongings.submit(api, options=options))
    wanted = tuple(posixpath.join(job.directory, name) for name in ("words.txt", "trouble.txt"))
    got = (job.data["job_file_out"], job.data["job_file_err"])
    if got != wanted:
        raise Unexpected(f"job_file_out and job_file_err {wanted}", str(got))


@requirement("F7T-JOB-008")
def test_data_of_outputs_are_empty_at_submission(api: Api, jobs: SharedJobs) -> None:
    data = jobs.reporting(api).data
    if (data["job_data_out"], data["job_data_err"]) != ("", ""):
        raise Unexpected("empty job_data_out and job_data_err", str(data))


@requirement("F7T-JOB-009")
def test_extra_information_is_told(api: Api, jobs: SharedJobs) -> None:
    data = jobs.reporting(api).data
    if data["job_info_extra"] != "Job info returned successfully":
        raise Unexpected("job_info_extra 'Job info returned successfully'", str(data))


@requirement("F7T-JOB-010")
def test_script_name_loses_odd_characters(api: Api, belongings: Belongings) -> None:
    job = Job(belongings.submit(api, options="--hold", name="my script;.sh"))
    if job.data["job_file"] != posixpath.join(job.directory, "my_script.sh"):
        raise Unexpected("a script named my_script.sh", job.data["job_file"])


@requirement("F7T-JOB-011")
def test_script_name_loses_its_directories(api: Api, belongings: Belongings) -> None:
    job = Job(belongings.submit(api, options="--hold", name="../../up.sh"))
    got = posixpath.split(job.data["job_file"])
    if posixpath.basename(got[0]) != job.task["hash_id"] or not got[1].endswith("up.sh"):
        raise Unexpected("the script in the task's directory", job.data["job_file"])


@requirement("F7T-JOB-012")
def test_job_runs_in_the_tasks_directory(api: Api, jobs: SharedJobs) -> None:
    got = posixpath.basename(jobs.report(api)["directory"])
    if got != jobs.reporting(api).task["hash_id"]:
        raise Unexpected("the task's directory as working directory", got)


@requirement("F7T-JOB-013")
def test_job_runs_as_the_caller(api: Api, jobs: SharedJobs) -> None:
    wanted = api.get("/utilities/whoami").expect(200).json["output"]
    if jobs.report(api)["user"] != wanted:
        raise Unexpected(f"a job of {wanted}", jobs.report(api)["user"])


@requirement("F7T-JOB-014")
def test_both_streams_land_in_the_output_file(api: Api, jobs: SharedJobs) -> None:
    text = printed(api, jobs.reporting(api).data["job_file_out"])
    if "problem" not in text.splitlines():
        raise Unexpected("standard error in the common output file", text)

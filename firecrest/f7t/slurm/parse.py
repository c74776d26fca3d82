"""Scheduler output to records; pure functions of what a command left behind.

All of them raise `CommandFailed` with the scheduler's own text if it refused.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache

from f7t.errors import (
    AlreadyExists,
    CommandFailed,
    IsADirectory,
    NotFound,
    PermissionDenied,
)
from f7t.slurm import scripts
from f7t.slurm.commands import ACCOUNTING_FIELDS, FIELD, RECORD, base_id
from f7t.slurm.details import JobDetails, matching, read_details
from f7t.slurm.models import (
    FILES_NOT_AVAILABLE,
    JOB_INFO_RETURNED,
    AccountedJob,
    CommandResult,
    JobFiles,
    QueuedJob,
    SubmittedJob,
)

_ID = r"\d+(?:_\d+|_\[[^\]\x1f]*\]|\+\d+)?"
_QUEUED = re.compile(rf"(?:^|\n){RECORD}(?={_ID}{FIELD}(?:[^{FIELD}\n]*{FIELD}){{8}})")
_ACCOUNTED = re.compile(
    rf"(?:^|\n)(?={_ID}{FIELD}(?:[^{FIELD}\n]*{FIELD}){{{len(ACCOUNTING_FIELDS) - 2}}})"
)
_PART = re.compile(rf"{scripts.PART}(?=(?:{'|'.join(scripts.PARTS)}) )")
_CANCEL_ERROR = re.compile(r"^scancel: (?:error|fatal): (.*)$", re.MULTILINE)
_NOT_OWNER = 210
_NO_SUBMISSION = "Job submission failed"
_BEGUN = re.compile(rb"\x1ebegun (\d+)(?:;[^\n]*)?\n")
_PROMPT = re.compile(r"^(?:scontrol: )+", re.MULTILINE)
_ECHO = re.compile(r"\Ashow job \S+\n")
_FAILED_STEPS = {
    scripts.MISSING: (NotFound, "No such file or directory"),
    scripts.A_DIRECTORY: (IsADirectory, "Is a directory"),
    scripts.DENIED: (PermissionDenied, "Permission denied"),
    scripts.ALREADY_SUBMITTED: (AlreadyExists, "The job was submitted already"),
}


def text_of(raw: bytes) -> str:
    r"""Scheduler output as text; bytes that are no UTF-8 (in names) appear as `\xNN`."""
    return raw.decode("utf-8", "backslashreplace")


def parse_queue(result: CommandResult) -> list[QueuedJob]:
    """Records of `commands.queue`.

    Raises:
        CommandFailed: e.g. `slurm_load_jobs error: Invalid job id specified` (T27).
    """
    _must_have_succeeded(result)
    jobs = []
    for record in _split(_QUEUED, text_of(result.stdout)):
        job_id, partition, user, state, nodes, used, start, left, nodelist, name = record.split(
            FIELD, 9
        )
        jobs.append(
            QueuedJob(
                job_id=job_id,
                partition=partition,
                name=name,
                user=user,
                state=state,
                nodes=nodes,
                nodelist=nodelist,
                time_used=used,
                start_time=start,
                time_left=left,
            )
        )
    return jobs


def parse_accounting(result: CommandResult) -> list[AccountedJob]:
    """Records of `commands.accounting`."""
    _must_have_succeeded(result)
    jobs = []
    for record in _split(_ACCOUNTED, text_of(result.stdout)):
        fields = record.split(FIELD, len(ACCOUNTING_FIELDS) - 1)
        value = dict(zip(ACCOUNTING_FIELDS, fields, strict=True))
        jobs.append(
            AccountedJob(
                job_id=value["jobid"],
                partition=value["partition"],
                name=value["jobname"],
                user=value["user"],
                state=value["state"],
                nodes=value["nnodes"],
                nodelist=value["nodelist"],
                start_time=value["start"],
                end_time=value["end"],
                elapsed_time=value["elapsed"],
                cpu_time=value["cputime"],
                exit_code=value["exitcode"],
            )
        )
    return jobs


def parse_cancel(result: CommandResult) -> str:
    """What `commands.cancel` did, e.g. `scancel: Terminating job 2`.

    scancel's exit status is 0 even for unknown jobs: its words count.

    Raises:
        CommandFailed: `User does not have permission to cancel job`, or what scancel says of the
            jobs that it did not cancel, e.g. `Kill job error on job id 9: Invalid job id
            specified`; other jobs of the list may have been cancelled.
    """
    text = text_of(result.stderr).strip()
    if result.exit_status == _NOT_OWNER:
        raise CommandFailed(
            "User does not have permission to cancel job", exit_status=result.exit_status
        )
    errors = _CANCEL_ERROR.findall(text)
    if errors:
        raise CommandFailed("\n".join(errors), exit_status=result.exit_status)
    _must_have_succeeded(result)
    return text


def parse_submission(result: CommandResult) -> SubmittedJob:
    """The job of `commands.submit_script` or `commands.submit_path`.

    Raises:
        AlreadyExists: the task's directory exists; look the job up with `find_submission`.
        NotFound, IsADirectory, PermissionDenied: the script on the machine.
        CommandFailed: the scheduler's raw message, what is wrong with the directory, or `Failed to
            upload file`.
    """
    status, parts = result.exit_status, _parts(result)
    message = text_of(result.stderr).strip()
    _must_have_prepared(status)
    if "refused" in parts:
        code = parts["refused"].strip()
        raise CommandFailed(message, exit_status=int(code) if code.isdigit() else None)
    if "job" not in parts:
        raise CommandFailed(message or _NO_SUBMISSION, exit_status=status)
    job_id = _job_id(parts["job"], status)
    return _described(job_id, parts.get("info", ""), parts.get("noinfo", ""))


def parse_begun(result: CommandResult) -> int:
    """The job id of `commands.submit_text`; raises as `parse_submission`."""
    status, parts = result.exit_status, _parts(result)
    message = text_of(result.stderr).strip()
    if "begun" not in parts:
        _must_have_prepared(status)
        raise CommandFailed(message or _NO_SUBMISSION, exit_status=status)
    if status != 0:
        raise CommandFailed(message, exit_status=status)
    return _job_id(parts["begun"], status)


def begun_job(stdout: bytes) -> int | None:
    """The job id in what there is of the output of `commands.submit_text`, None if it is not there.

    It is sbatch's first word and counts for nothing until `parse_begun` has seen the last one.
    """
    found = _BEGUN.search(stdout)
    return int(found[1]) if found else None


def parse_description(job_id: int, result: CommandResult) -> SubmittedJob:
    """What `scontrol` says of a job, also where it was told over its standard input what to show.

    It then prints its prompt, and where it has a line editor the line that it read; other jobs'
    records may be there as well.
    """
    answers = _told(result.stdout)
    own = next((one for one in answers if one.startswith(f"JobId={job_id} ")), "")
    refusals = [one.strip() for one in answers if not one.startswith("JobId=")]
    said = text_of(result.stderr) or "\n".join(filter(None, refusals))
    return _described(job_id, own, said)


def parse_described(result: CommandResult, ids: Sequence[str]) -> dict[str, JobFiles]:
    """Files of jobs with ids as `squeue` shows them, of an `scontrol` that was told
    `commands.asked_of` of them, and perhaps others.

    A job that the controller no longer knows is absent. What begins like a record of another job
    than the answer's first is a part of a job's name.
    """
    groups: dict[str, Sequence[JobDetails]] = {}
    for answer in _told(result.stdout):
        records = read_details(answer)
        for base in _bases(records[0]) if records else ():
            groups.setdefault(base, [one for one in records if base in _bases(one)])
    found = {wanted: matching(groups.get(base_id(wanted), []), wanted) for wanted in ids}
    return {wanted: record.files for wanted, record in found.items() if record}


@lru_cache(4)
def _told(stdout: bytes) -> Sequence[str]:
    """Answers one by one; those who asked together each look for their own in the same text."""
    return [_ECHO.sub("", one) for one in _PROMPT.split(text_of(stdout))]


def _bases(record: JobDetails) -> set[str]:
    """Its own number, and that of what it belongs to."""
    return {str(record.job_id), record.master} - {""}


def _must_have_prepared(status: int) -> None:
    if status in _FAILED_STEPS:
        kind, reason = _FAILED_STEPS[status]
        raise kind(reason)
    if status == scripts.NO_SCRIPT:
        raise CommandFailed("Failed to upload file", exit_status=status)


def _job_id(answer: str, status: int) -> int:
    line = answer.strip().rpartition("\n")[2]
    number = line.partition(";")[0]
    if not number.isdigit():
        raise CommandFailed(line or _NO_SUBMISSION, exit_status=status)
    return int(number)


def parse_found_submission(result: CommandResult) -> SubmittedJob | None:
    """The job that works in the directory of `commands.find_submission`, if there is one.

    A job's script may itself submit from that directory: the first of all is the one.

    Raises:
        CommandFailed: the scheduler does not answer.
    """
    _must_have_succeeded(result)
    parts = _parts(result)
    directory = parts.get("directory", "").rstrip("\n")
    known = [job for job in read_details(parts.get("jobs", "")) if _same(job.work_dir, directory)]
    accounted = []
    for line in parts.get("accounting", "").splitlines():
        job_id, _, work_dir = line.partition(FIELD)
        if job_id.isdigit() and _same(work_dir, directory):
            accounted.append(int(job_id))
    if known and not (accounted and min(accounted) < min(job.job_id for job in known)):
        first = min(known, key=lambda job: job.job_id)
        return SubmittedJob(first.job_id, first.files, JOB_INFO_RETURNED)
    if accounted:
        return SubmittedJob(
            min(accounted), FILES_NOT_AVAILABLE, "The job is no longer known to the controller"
        )
    return None


def parse_job_files(result: CommandResult) -> dict[str, JobFiles]:
    """Files of the jobs of `commands.job_files`, by the ids that were asked for.

    A job that the controller no longer knows is absent.
    """
    _must_have_succeeded(result)
    found: dict[str, JobFiles] = {}
    for part in text_of(result.stdout).split(f"{scripts.PART}files ")[1:]:
        question, _, text = part.partition("\n")
        records = read_details(text)
        for wanted in question.split()[1:]:
            record = matching(records, wanted)
            if record is not None:
                found[wanted] = record.files
    return found


def parse_many_job_files(
    result: CommandResult, ids: Sequence[str]
) -> tuple[dict[str, JobFiles], list[str]]:
    """Files of the jobs of `commands.many_job_files`, and the ids that must be asked for again.

    The controller's records of all jobs hold other users' words too, and a name with a line end in
    it can look like the record of another's job. Where a number occurs twice nobody is believed.
    """
    _must_have_succeeded(result)
    records = read_details(text_of(result.stdout))
    times = Counter(one.job_id for one in records)
    groups: dict[str, list[JobDetails]] = {}
    for one in records:
        for base in _bases(one):
            groups.setdefault(base, []).append(one)
    found: dict[str, JobFiles] = {}
    doubtful = []
    for wanted in ids:
        candidates = groups.get(base_id(wanted), [])
        if _is_doubtful(candidates, times):
            doubtful.append(wanted)
        elif (record := matching(candidates, wanted)) is not None:
            found[wanted] = record.files
    return found, doubtful


def _is_doubtful(records: Sequence[JobDetails], times: Mapping[int, int]) -> bool:
    """Whether one of these records could be made up; `times` is how often each number occurs."""
    elements = Counter((one.master, one.element) for one in records if one.master)
    return (
        any(times[one.job_id] > 1 for one in records)
        or any(count > 1 for count in elements.values())
        or sum(one.pending_elements for one in records) > 1
    )


def _described(job_id: int, info: str, failure: str) -> SubmittedJob:
    record = next((one for one in read_details(info) if one.job_id == job_id), None)
    if record is not None:
        return SubmittedJob(job_id, record.files, JOB_INFO_RETURNED)
    reason = failure.strip() or info.strip() or "The scheduler gave no job info"
    return SubmittedJob(job_id, FILES_NOT_AVAILABLE, reason)


def _parts(result: CommandResult) -> dict[str, str]:
    """Parts of a framed output (see `scripts`), by name; the first of a name counts."""
    parts: dict[str, str] = {}
    for part in _PART.split(text_of(result.stdout)):
        name, _, text = part.partition(" ")
        parts.setdefault(name, text)
    return parts


def _same(work_dir: str, directory: str) -> bool:
    """Whether the scheduler's directory is ours; it shows the path without symbolic links."""
    unique = posixpath.basename(directory)
    return bool(unique) and posixpath.basename(work_dir) == unique


def _split(start: re.Pattern[str], text: str) -> list[str]:
    """Records of `text`; a line that does not begin one continues a name with a line end."""
    places = list(start.finditer(text))
    ends = [*(found.start() for found in places[1:]), len(text)]
    return [
        text[found.end() : end].removesuffix("\n") for found, end in zip(places, ends, strict=False)
    ]


def _must_have_succeeded(result: CommandResult) -> None:
    if result.exit_status != 0:
        message = text_of(result.stderr).strip() or text_of(result.stdout).strip()
        raise CommandFailed(
            message or f"Exit status {result.exit_status}", exit_status=result.exit_status
        )

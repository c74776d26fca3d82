"""C1: account and environment of a job."""

from __future__ import annotations

import json

from f7t_conformance.api import Api, Unexpected
from f7t_conformance.belongings import Belongings, settled
from f7t_conformance.binding import requirement
from f7t_conformance.jobs import PRINTED_BLANKS, Job, SharedJobs, printed

_NO_ACCOUNT = "f7tconformancenone"


@requirement("F7T-JOB-015")
def test_variables_reach_the_job(api: Api, jobs: SharedJobs) -> None:
    if jobs.report(api)["blanks"] != PRINTED_BLANKS:
        raise Unexpected(f"F7T_BLANKS={PRINTED_BLANKS}", jobs.report(api)["blanks"])


@requirement("F7T-JOB-016")
def test_variables_come_in_addition(api: Api, jobs: SharedJobs) -> None:
    report = jobs.report(api)
    if not report["home"].startswith("/") or "/bin" not in report["path"]:
        raise Unexpected("HOME and PATH of the user", str(report))


@requirement("F7T-JOB-017")
def test_commas_and_quotes_in_values_are_literal(api: Api, belongings: Belongings) -> None:
    value = """a,F7T_B=b'c"d$HOME;e"""
    body = """echo "[$F7T_A][$F7T_B]"\necho end"""
    task = belongings.submit(api, body, env=json.dumps({"F7T_A": value}))
    text = printed(api, Job(task).data["job_file_out"], "end")
    if text.splitlines()[0] != f"[{value}][]":
        raise Unexpected(f"[{value}][]", text)


@requirement("F7T-JOB-018")
def test_the_account_is_handed_over(api: Api, jobs: SharedJobs, belongings: Belongings) -> None:
    """The own account may be the default one as well, so another name must make a difference."""
    own = jobs.report(api)["account"] or "none"
    body = """echo "account=$SLURM_JOB_ACCOUNT"\necho end"""
    _must_be_charged(api, Job(belongings.submit(api, body, account=own)), own)
    belongings.spend_job()
    files = {"file": ("job.sh", belongings.script(body))}
    form = {"account": _NO_ACCOUNT}
    answer = api.call("POST", "/compute/jobs/upload", form=form, files=files)
    if settled(api, answer)["status"] != "400":
        # A scheduler that does not look at accounts takes every name.
        _must_be_charged(api, Job(belongings.accepted(api, answer)), _NO_ACCOUNT)


def _must_be_charged(api: Api, job: Job, account: str) -> None:
    text = printed(api, job.data["job_file_out"], "end")
    if f"account={account}" not in text.splitlines():
        raise Unexpected(f"a job of account {account}", text)

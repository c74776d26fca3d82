"""`/storage/xfer-internal`: what the jobs do on the machine (storage.md §6)."""

from __future__ import annotations

import bz2
import gzip
import io
import shlex
import tarfile
import zipfile
from collections.abc import Callable

import pytest

from tests.firecrest.services.internal_jobs import TransferJob, done, ended, finished, submitted
from tests.firecrest.services.jobs import ask, cancel
from tests.firecrest.services.places import content, entries, names, run
from tests.support.live import Live, until

TREE = """
mkdir -p 'a tree/sub/empty'
printf one > 'a tree/file'; chmod 640 'a tree/file'; touch -d 2001-02-03T04:05:06 'a tree/file'
printf two > 'a tree/sub/script'; chmod 755 'a tree/sub/script'
ln -s file 'a tree/link'; ln -s absent 'a tree/broken'; ln -s sub 'a tree/directory'
chmod 2750 'a tree/sub'
"""
NAMES = (
    "a b",
    "$HOME",
    "*",
    "-dash",
    "a:b",
    "~",
    "#x",
    "{a,b}",
    "[x]?",
    "%j",
    "!x",
    "日本",
    "\x7f",
)


@pytest.fixture(scope="module")
def tree(live: Live) -> str:
    """A directory of test1 with files, modes and links, to be read only."""
    return run(live, TREE) + "/a tree"


@pytest.fixture
def place(live: Live) -> str:
    """An empty directory of test1."""
    return run(live, "mkdir here") + "/here"


def put(live: Live, directory: str, name: str, data: bytes) -> str:
    answer = live.post(
        "/utilities/upload", data={"targetPath": directory}, files={"file": (name, data)}
    )
    assert answer.status_code == 201, answer.text
    return f"{directory}/{name}"


def levels(live: Live, path: str) -> dict[str, list[dict[str, str]]]:
    """Entries of a directory tree of `TREE`'s shape, directory by directory."""
    found = {one: entries(live, f"{path}/{one}") for one in ("", "sub/", "sub/empty/")}
    for listing in found.values():
        for entry in listing:
            if entry["type"] != "-":
                entry["last_modified"] = ""
    return found


def test_cp(live: Live, tree: str, place: str) -> None:
    """Modes, times and links are kept; into a directory that is there it goes inside."""
    assert done(live, "cp", sourcePath=tree, targetPath=f"{place}/new") == ""
    assert levels(live, f"{place}/new") == levels(live, tree)
    done(live, "cp", sourcePath=tree, targetPath=place)
    assert sorted(names(live, place)) == ["a tree", "new"]
    [link] = [one for one in entries(live, f"{place}/new") if one["name"] == "broken"]
    assert (link["type"], link["link_target"]) == ("l", "absent")


def test_cp_replaces_what_cannot_be_written(live: Live) -> None:
    place = run(live, "echo new > source; echo old > target; chmod 400 target")
    done(live, "cp", sourcePath=f"{place}/source", targetPath=f"{place}/target")
    assert content(live, f"{place}/target") == b"new\n"


def test_mv(live: Live, place: str) -> None:
    put(live, place, "source", b"moved")
    put(live, place, "target", b"old")
    assert done(live, "mv", sourcePath=f"{place}/source", targetPath=f"{place}/target") == ""
    assert names(live, place) == ["target"]
    assert content(live, f"{place}/target") == b"moved"


def test_rsync(live: Live, tree: str, place: str) -> None:
    """Archive and verbose: what was brought is told, and only that."""
    target = f"{place}/copy"
    said = done(live, "rsync", sourcePath=f"{tree}/", targetPath=target)
    assert "sub/script\n" in said
    assert levels(live, target) == levels(live, tree)
    said = done(live, "rsync", sourcePath=f"{tree}/", targetPath=target)
    assert "sub/script" not in said


def test_rm(live: Live) -> None:
    place = run(live, f"{TREE}\nchmod 400 'a tree/file'; mkdir kept; ln -s ../kept 'a tree/away'")
    assert done(live, "rm", targetPath=f"{place}/a tree") == ""
    assert "a tree" not in names(live, place)
    assert "kept" in names(live, place)
    assert done(live, "rm", targetPath=f"{place}/a tree") == ""


@pytest.mark.parametrize("dereference", ["", "True"])
def test_compress(live: Live, tree: str, place: str, dereference: str) -> None:
    """The archive begins with the last component; links are followed only when asked."""
    source = f"{place}/sources"
    run(live, f"cp -a {shlex.quote(tree)} {source}; rm {source}/broken")
    target = f"{place}/archive.tar.gz"
    fields = {"dereference": dereference} if dereference else {}
    assert done(live, "compress", sourcePath=source, targetPath=target, **fields) == ""
    with tarfile.open(fileobj=io.BytesIO(content(live, target)), mode="r:gz") as archive:
        found = archive.getnames()
        link = archive.getmember("sources/link")
    assert {"sources", "sources/file", "sources/sub/script", "sources/sub/empty"} <= set(found)
    assert link.issym() is not bool(dereference)
    assert ("sources/directory/script" in found) is bool(dereference)
    assert sorted(names(live, place)) == ["archive.tar.gz", "sources"]


def _tar(mode: str) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode=mode) as archive:  # type: ignore[call-overload]
        member = tarfile.TarInfo("inside/file")
        # From the future, which makes tar warn.
        member.size, member.mtime = 4, 4_000_000_000
        archive.addfile(member, io.BytesIO(b"data"))
    return data.getvalue()


def _zip() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("inside/file", b"data")
    return data.getvalue()


ARCHIVES: dict[str, tuple[Callable[[], bytes], str]] = {
    ".zip": (_zip, "inside/file"),
    ".tar": (lambda: _tar("w"), "inside/file"),
    ".tgz": (lambda: _tar("w:gz"), "inside/file"),
    ".tar.gz": (lambda: _tar("w:gz"), "inside/file"),
    ".tar.bz2": (lambda: _tar("w:bz2"), "inside/file"),
    ".gz": (lambda: gzip.compress(b"data"), "an archive"),
    ".bz2": (lambda: bz2.compress(b"data"), "an archive"),
}


@pytest.mark.parametrize("suffix", ARCHIVES)
def test_extract(live: Live, place: str, suffix: str) -> None:
    """By the name, and by either field where the name says nothing (D17)."""
    build, result = ARCHIVES[suffix]
    run(live, f"mkdir {place}/auto {place}/extension {place}/type")
    named = put(live, place, f"an archive{suffix}", build())
    plain = put(live, place, "an archive", build())
    jobs = [
        submitted(live, "extract", sourcePath=source, targetPath=f"{place}/{target}", **fields)
        for target, source, fields in (
            ("auto", named, {}),
            ("extension", plain, {"extension": suffix, "type": "zip"}),
            ("type", plain, {"type": suffix.removeprefix(".")}),
        )
    ]
    for job in jobs:
        finished(live, "extract", job)
    assert content(live, f"{place}/auto/{result}") == b"data"
    single = suffix in (".gz", ".bz2")
    for target in ("extension", "type"):
        # A single file keeps its name, with .out behind it where it has no suffix.
        wanted = "an archive.out" if single else result
        assert content(live, f"{place}/{target}/{wanted}") == b"data"


def test_names_are_data(live: Live) -> None:
    """Whatever a file is called: blanks, variables, patterns, dashes, colons."""
    made = " ".join(f"'{name}'" for name in NAMES)
    place = run(live, f'mkdir from to; for n in {made}; do printf %s "$n" > "from/$n"; done')
    jobs: list[tuple[str, TransferJob]] = []
    for name in NAMES:
        for operation in ("cp", "rsync"):
            target = f"{place}/to/{operation} {name}"
            job = submitted(
                live, operation, sourcePath=f"{place}/from/{name}", targetPath=target, jobName=name
            )
            jobs.append((operation, job))
    for operation, job in jobs:
        finished(live, operation, job)
    expected = {f"{operation} {name}" for name in NAMES for operation in ("cp", "rsync")}
    assert len(names(live, f"{place}/to")) == len(expected)
    for name in NAMES:
        assert content(live, f"{place}/to/cp {name}") == name.encode()
    done(live, "rm", targetPath=f"{place}/from/*")
    assert len(names(live, f"{place}/from", showhidden="true")) == len(NAMES) - 1


def test_relative_paths_begin_at_home(live: Live) -> None:
    """The job works elsewhere; a leading dash is no option."""
    for name in ("relative source", "-rf"):
        run(live, f"printf here > ~/'{name}'")
        done(live, "mv", sourcePath=name, targetPath="relative target")
        assert content(live, "/home/test1/relative target") == b"here"
    done(live, "rm", targetPath="relative target")


def test_the_job(live: Live, place: str) -> None:
    """Where it runs, what it is called, what it asks for."""
    put(live, place, "file", b"")
    paths = {"sourcePath": f"{place}/file", "targetPath": f"{place}/copy"}
    plain = submitted(live, "cp", **paths)
    full = submitted(live, "mv", **paths, jobName="my # job $HOME", time="1-2:3", account="test")
    lower = submitted(live, "rm", targetPath=f"{place}/none", jobname="lower")
    rows = [live.accounted(job.job_id) for job in (plain, full, lower)]
    assert [row["name"] for row in rows] == ["cp-job", "my # job $HOME", "lower"]
    assert {(row["partition"], row["nodelist"], row["nodes"]) for row in rows} == {
        ("xfer", "xfer01", "1")
    }
    script = content(live, full.script).decode().splitlines()
    assert script[:8] == [
        "#! /bin/bash -l",
        "#SBATCH --job-name='my # job $HOME'",
        "#SBATCH --time='1-2:3'",
        "#SBATCH --error='job-%j.err'",
        "#SBATCH --output='job-%j.out'",
        "#SBATCH --ntasks='1'",
        "#SBATCH --partition='xfer'",
        "#SBATCH --account='test'",
    ]
    assert "#SBATCH --time='02:00:00'" in content(live, plain.script).decode()


def test_a_failure_is_the_jobs_and_told_on_stderr(live: Live, place: str) -> None:
    """Paths are not looked at before; accounting says FAILED with the command's status."""
    missing = f"{place}/missing"
    job = submitted(live, "cp", sourcePath=missing, targetPath=f"{place}/x")
    assert ended(live, job) == "FAILED"
    row = live.accounted(job.job_id)
    assert row["exit_code"] == "1:0"
    assert f"cannot stat '{missing}'" in content(live, job.err).decode()
    assert content(live, job.out).decode().endswith("Finished cp\n")
    assert names(live, place) == []


def _gate(live: Live, place: str, then: str) -> str:
    """A job of test1 that waits for the file `go`, then does this; its id."""
    script = (
        f"#!/bin/bash\n#SBATCH --time=5\ncd {place}\nuntil [ -e go ]; do sleep 0.1; done\n{then}\n"
    )
    return str(live.submit(script)["data"]["jobid"])


def _pending_reason(live: Live, job: TransferJob) -> str | None:
    task = ask(live, "/compute/jobs", jobs=str(job.job_id))
    return next(
        (row["nodelist"] for row in task["data"].values() if row["state"] == "PENDING"), None
    )


def test_after_a_job_that_succeeds(live: Live, place: str) -> None:
    first = _gate(live, place, "printf late > source")
    job = submitted(
        live,
        "mv",
        sourcePath=f"{place}/source",
        targetPath=f"{place}/target",
        stageOutJobId=first,
    )
    assert _pending_reason(live, job) == "(Dependency)"
    put(live, place, "go", b"")
    finished(live, "mv", job)
    assert content(live, f"{place}/target") == b"late"


def test_after_a_job_that_fails(live: Live, place: str) -> None:
    """Never begun. Also behind a transfer that fails: its exit status is the command's."""
    put(live, place, "source", b"")
    paths = {"sourcePath": f"{place}/source", "targetPath": f"{place}/target"}
    failing = _gate(live, place, "exit 3")
    job = submitted(live, "cp", **paths, stageOutJobId=failing)
    missing = submitted(
        live,
        "cp",
        sourcePath=f"{place}/missing",
        targetPath=f"{place}/target",
        stageOutJobId=_gate(live, place, "true"),
    )
    behind = submitted(live, "cp", **paths, stageOutJobId=str(missing.job_id))
    put(live, place, "go", b"")
    for one in (job, behind):
        until(
            lambda one=one: _pending_reason(live, one) == "(DependencyNeverSatisfied)" or None,  # type: ignore[misc]
            what=f"refused dependency of job {one.job_id}",
        )
        cancel(live, str(one.job_id))
    assert "target" not in names(live, place)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("account", "no-such-account", "Invalid account"),
        ("account", "a b", "Invalid account"),
    ],
)
def test_the_scheduler_refuses(live: Live, place: str, field: str, value: str, said: str) -> None:
    """The request is right, the job is not: the task fails in the scheduler's words."""
    answer = live.post(
        "/storage/xfer-internal/rm", data={"targetPath": f"{place}/none", field: value}
    )
    assert answer.status_code == 201
    task = live.settled(answer)
    assert task["status"] == "400"
    assert said in task["data"]

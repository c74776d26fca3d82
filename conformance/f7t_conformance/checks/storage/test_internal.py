"""X4 to X9: what internal transfers do."""

from __future__ import annotations

import io
import posixpath
import tarfile
from collections.abc import Callable

import pytest

from f7t_conformance.api import Api, Unexpected
from f7t_conformance.belongings import Belongings, Place, created, settled
from f7t_conformance.binding import requirement
from f7t_conformance.staging import Task
from f7t_conformance.waiting import finished

Transfer = Callable[..., Task]


@pytest.fixture
def transfer(api: Api, belongings: Belongings, deadline: float) -> Transfer:
    """An internal transfer: the settled submission, and by default its job is over."""

    def transfer_one(operation: str, *, over: bool = True, **form: str) -> Task:
        belongings.spend_job()
        account = {"account": belongings.account} if belongings.account else {}
        path = f"/storage/xfer-internal/{operation}"
        task = settled(api, api.post(path, **account, **form), seconds=deadline)
        if task["status"] != "200":
            raise Unexpected("an accepted job", str(task["data"]))
        belongings.own_job(task)
        if over:
            finished(api, str(task["data"]["jobid"]), seconds=deadline)
        return task

    return transfer_one


def archive(**contents: str) -> bytes:
    """A compressed tar of these files."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w:gz") as packed:
        for name, text in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            packed.addfile(member, io.BytesIO(text.encode()))
    return whole.getvalue()


def members(packed: bytes) -> dict[str, str]:
    """Names of an archive with their type: f, d or l."""
    try:
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as found:
            return {one.name: "d" if one.isdir() else "l" if one.issym() else "f" for one in found}
    except (tarfile.TarError, OSError) as error:
        raise Unexpected("a compressed tar", f"{type(error).__name__}: {error}") from error


def tree(place: Place) -> str:
    """A directory with a file and a link to it."""
    path = place.directory("tree")
    below = Place(place.api, path)
    below.write("file", b"in the tree\n")
    below.link("link", "file")
    return path


@requirement("F7T-XFER-091")
def test_a_transfer_is_a_compute_task(api: Api, place: Place, belongings: Belongings) -> None:
    belongings.spend_job()
    answer = api.post(
        "/storage/xfer-internal/cp",
        sourcePath=place.write("a"),
        targetPath=place / "b",
        account=belongings.account or None,
    )
    task_id = created(answer, 201)
    if not str(answer.json.get("task_url")).endswith(f"/tasks/{task_id}"):
        raise Unexpected(f"task_url …/tasks/{task_id}", answer.excerpt)
    task = settled(api, answer)
    if (task["status"], task["service"]) != ("200", "compute"):
        raise Unexpected("a submission of service compute", f"{task['service']} {task['data']}")
    belongings.own_job(task)


@requirement("F7T-XFER-092")
def test_the_script_lies_in_the_tasks_directory(place: Place, transfer: Transfer) -> None:
    task = transfer("cp", sourcePath=place.write("a"), targetPath=place / "b", over=False)
    data, job = task["data"], task["data"]["jobid"]
    got = [posixpath.basename(data[f"job_file{one}"]) for one in ("", "_out", "_err")]
    if got != ["sbatch-job.sh", f"job-{job}.out", f"job-{job}.err"]:
        raise Unexpected(f"sbatch-job.sh, job-{job}.out and job-{job}.err", str(got))
    directories = {posixpath.dirname(data[f"job_file{one}"]) for one in ("", "_out", "_err")}
    if {path.split("/")[-2:] == ["firecrest", task["hash_id"]] for path in directories} != {True}:
        raise Unexpected(f"all of them in firecrest/{task['hash_id']}", str(directories))


@requirement("F7T-XFER-093")
def test_cp_copies_all_below(place: Place, transfer: Transfer) -> None:
    transfer("cp", sourcePath=tree(place), targetPath=place / "copy")
    output = place.api.get("/utilities/ls", targetPath=place / "copy").expect(200).json["output"]
    got = {one["name"]: one["type"] for one in output}
    if got != {"file": "-", "link": "l"} or place.read("copy/file") != b"in the tree\n":
        raise Unexpected("a file and a link that is still one", str(got))
    if "file" not in place.names("tree"):
        raise Unexpected("an untouched source", str(place.names("tree")))


@requirement("F7T-XFER-094")
def test_cp_keeps_modes(place: Place, transfer: Transfer) -> None:
    source = place.write("a")
    place.api.put("/utilities/chmod", targetPath=source, mode="777").expect(200)
    transfer("cp", sourcePath=source, targetPath=place / "b")
    output = place.api.get("/utilities/ls", targetPath=place.path).expect(200).json["output"]
    looks = {one["name"]: (one["permissions"], one["last_modified"]) for one in output}
    if looks.get("b") != looks["a"]:
        raise Unexpected(f"{looks['a']}", str(looks.get("b")))


@requirement("F7T-XFER-095")
def test_mv_moves_and_replaces(place: Place, transfer: Transfer) -> None:
    place.write("b", b"from before\n")
    transfer("mv", sourcePath=place.write("a", b"moved\n"), targetPath=place / "b")
    if place.names() != ["b"] or place.read("b") != b"moved\n":
        raise Unexpected("b with the content of a, and no a", str(place.names()))


@requirement("F7T-XFER-096")
def test_rsync_brings_up_to_date(place: Place, transfer: Transfer) -> None:
    transfer("rsync", sourcePath=tree(place) + "/", targetPath=place.directory("copy"))
    if place.names("copy") != ["file", "link"] or place.read("copy/file") != b"in the tree\n":
        raise Unexpected("what is below the source", str(place.names("copy")))


@requirement("F7T-XFER-097")
def test_rm_removes_all_below(place: Place, transfer: Transfer) -> None:
    place.write("kept")
    transfer("rm", targetPath=tree(place))
    if place.names() != ["kept"]:
        raise Unexpected("what was beside it alone", str(place.names()))


@requirement("F7T-XFER-098")
def test_compress_packs_the_last_component(place: Place, transfer: Transfer) -> None:
    transfer("compress", sourcePath=tree(place), targetPath=place / "tree.tar.gz")
    got = members(place.read("tree.tar.gz"))
    if got != {"tree": "d", "tree/file": "f", "tree/link": "l"}:
        raise Unexpected("tree, tree/file and the link tree/link", str(got))


@requirement("F7T-XFER-099")
def test_compress_follows_links_on_demand(place: Place, transfer: Transfer) -> None:
    target = place / "tree.tar.gz"
    transfer("compress", sourcePath=tree(place), targetPath=target, dereference="true")
    got = members(place.read("tree.tar.gz"))
    if got.get("tree/link") != "f":
        raise Unexpected("a file tree/link", str(got))


@requirement("F7T-XFER-100")
def test_extract_unpacks_by_the_name(place: Place, transfer: Transfer) -> None:
    packed = place.write("a.tar.gz", archive(one="1\n"))
    transfer("extract", sourcePath=packed, targetPath=place.directory("out"))
    if place.names("out") != ["one"] or place.read("out/one") != b"1\n":
        raise Unexpected("the file one", str(place.names("out")))


@requirement("F7T-XFER-101")
def test_extract_unpacks_by_the_extension(place: Place, transfer: Transfer) -> None:
    packed = place.write("a.data", archive(one="1\n"))
    out = place.directory("out")
    transfer("extract", sourcePath=packed, targetPath=out, extension=".tgz")
    if place.names("out") != ["one"]:
        raise Unexpected("the file one", str(place.names("out")))


@requirement("F7T-XFER-102")
def test_a_success_says_nothing_on_the_error_file(place: Place, transfer: Transfer) -> None:
    task = transfer("cp", sourcePath=place.write("a"), targetPath=place / "b")
    path = task["data"]["job_file_err"]
    if place.api.get("/utilities/download", sourcePath=path).expect(200).body:
        raise Unexpected(f"an empty {path}", "content")


@requirement("F7T-XFER-103")
def test_a_failure_shows_in_the_job(place: Place, transfer: Transfer) -> None:
    task = transfer("cp", sourcePath=place / "missing", targetPath=place / "b")
    path = task["data"]["job_file_err"]
    if b"missing" not in place.api.get("/utilities/download", sourcePath=path).expect(200).body:
        raise Unexpected("the tool's complaint on the error file", "none")

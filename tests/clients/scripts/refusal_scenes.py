"""Calls that must fail, by what is wrong; the same for either client."""

import asyncio
import io
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.clients.scripts.driven import MACHINE, Driven, credentials, failure, new_client
from tests.clients.scripts.transfer_scenes import settled

Calls = dict[str, Callable[[], Awaitable[Any]]]
FOREIGN = "/home/test1"
ROOTS = "/srv/f7t/test_sbatch_forbidden.sh"
NO_JOB = 99999999


class Fixed:
    """A token as it is."""

    def get_access_token(self) -> str:
        return "not.a.token"


def _absent(client: Driven, remote: str) -> Calls:
    """Paths that are not there."""
    absent, nested = f"{remote}/absent", f"{remote}/absent/nested"
    file = f"{remote}/file"
    return {
        "ls: absent": lambda: client.list_files(MACHINE, absent),
        "file: absent": lambda: client.file_type(MACHINE, absent),
        "stat: absent": lambda: client.stat(MACHINE, absent),
        "checksum: absent": lambda: client.checksum(MACHINE, absent),
        "head: absent": lambda: client.head(MACHINE, absent),
        "tail: absent": lambda: client.tail(MACHINE, absent),
        "view: absent": lambda: client.view(MACHINE, absent),
        "download: absent": lambda: client.simple_download(MACHINE, absent, io.BytesIO()),
        "chmod: absent": lambda: client.chmod(MACHINE, absent, "600"),
        "chown: absent": lambda: client.chown(MACHINE, absent, group="hpc"),
        "rm: absent": lambda: client.simple_delete(MACHINE, absent),
        "mkdir: no parent": lambda: client.mkdir(MACHINE, nested),
        "symlink: no parent": lambda: client.symlink(MACHINE, file, nested),
        "mv: absent": lambda: client.mv(MACHINE, absent, f"{remote}/new"),
        "mv: no parent": lambda: client.mv(MACHINE, file, nested),
        "copy: absent": lambda: client.copy(MACHINE, absent, f"{remote}/new"),
        "copy: no parent": lambda: client.copy(MACHINE, file, nested),
        "upload: absent": lambda: client.simple_upload(MACHINE, io.BytesIO(), absent, "name"),
        "compress: absent": lambda: client.compress(MACHINE, absent, f"{remote}/new.tar.gz"),
        "extract: absent": lambda: client.extract(MACHINE, f"{absent}.tar.gz", remote),
        "submit: absent": lambda: client.submit(MACHINE, script_remote_path=absent),
        "external upload: absent": lambda: client.external_upload(MACHINE, "name", nested),
        "external download: absent": lambda: client.external_download(MACHINE, absent),
    }


def _denied(client: Driven) -> Calls:
    """Paths of others."""
    return {
        "ls: denied": lambda: client.list_files(MACHINE, FOREIGN),
        "file: denied": lambda: client.file_type(MACHINE, ROOTS),
        "stat: denied": lambda: client.stat(MACHINE, f"{FOREIGN}/.bashrc"),
        "checksum: denied": lambda: client.checksum(MACHINE, ROOTS),
        "head: denied": lambda: client.head(MACHINE, ROOTS),
        "tail: denied": lambda: client.tail(MACHINE, ROOTS),
        "view: denied": lambda: client.view(MACHINE, ROOTS),
        "download: denied": lambda: client.simple_download(MACHINE, ROOTS, io.BytesIO()),
        "chmod: denied": lambda: client.chmod(MACHINE, ROOTS, "777"),
        "chown: denied": lambda: client.chown(MACHINE, ROOTS, group="hpc"),
        "rm: denied": lambda: client.simple_delete(MACHINE, "/etc/hosts"),
        "mkdir: denied": lambda: client.mkdir(MACHINE, f"{FOREIGN}/new"),
        "symlink: denied": lambda: client.symlink(MACHINE, "/tmp", "/etc/new"),
        "mv: denied": lambda: client.mv(MACHINE, "/etc/hosts", "/etc/new"),
        "copy: denied": lambda: client.copy(MACHINE, "/etc/hosts", "/etc/new"),
        "upload: denied": lambda: client.simple_upload(MACHINE, io.BytesIO(), "/etc", "new"),
        "submit: denied": lambda: client.submit(MACHINE, script_remote_path=ROOTS),
        "external upload: denied": lambda: client.external_upload(MACHINE, "name", FOREIGN),
        "external download: denied": lambda: client.external_download(MACHINE, ROOTS),
    }


def _kinds(client: Driven, remote: str) -> Calls:
    """Things of the wrong kind: what exists, directories, no directories, binaries, bad words."""
    file = f"{remote}/file"
    large = f"{remote}/large"
    return {
        "mkdir: exists": lambda: client.mkdir(MACHINE, remote),
        "symlink: exists": lambda: client.symlink(MACHINE, "/tmp", file),
        "stat: below a file": lambda: client.stat(MACHINE, f"{file}/x"),
        "upload: to a file": lambda: client.simple_upload(MACHINE, io.BytesIO(), file, "x"),
        "external upload: below a file": lambda: client.external_upload(
            MACHINE, "name", f"{file}/x/y"
        ),
        "checksum: directory": lambda: client.checksum(MACHINE, remote),
        "download: directory": lambda: client.simple_download(MACHINE, remote, io.BytesIO()),
        "view: directory": lambda: client.view(MACHINE, remote),
        "submit: directory": lambda: client.submit(MACHINE, script_remote_path=remote),
        "external download: directory": lambda: client.external_download(MACHINE, remote),
        "view: binary": lambda: client.view(MACHINE, "/bin/wc"),
        "view: large": lambda: client.view(MACHINE, large),
        "download: large": lambda: client.simple_download(MACHINE, large, io.BytesIO()),
        "upload: large": lambda: client.simple_upload(
            MACHINE, io.BytesIO(bytes(6 * 1024 * 1024)), remote, "new"
        ),
        "submit: large": lambda: client.submit(
            MACHINE, script_str="#!/bin/sh\n" + 6 * 1024 * 1024 * "#"
        ),
        "head: both": lambda: client.head(MACHINE, file, bytes="1", lines="1"),
        "tail: both": lambda: client.tail(MACHINE, file, bytes="1", lines="1"),
        "head: bad number": lambda: client.head(MACHINE, file, lines="many"),
        "chmod: bad mode": lambda: client.chmod(MACHINE, file, "999"),
        "chown: no such group": lambda: client.chown(MACHINE, file, group="nobodys"),
        "chown: no such user": lambda: client.chown(MACHINE, file, owner="nobodys"),
        "extract: bad suffix": lambda: client.extract(MACHINE, file, remote),
        "mkdir: forbidden character": lambda: client.mkdir(MACHINE, f"{remote}/a;b"),
        "upload: forbidden character": lambda: client.simple_upload(
            MACHINE, io.BytesIO(b"x"), remote, "a;b"
        ),
    }


def _jobs(client: Driven, remote: str) -> Calls:
    paths = (MACHINE, f"{remote}/file", f"{remote}/new")
    return {
        "submit: no script": lambda: client.submit(MACHINE, script_str="no script"),
        "poll_active: bad id": lambda: client.poll_active(MACHINE, ["abc"]),
        "poll_active: unknown": lambda: client.poll_active(MACHINE, [NO_JOB]),
        "cancel: unknown": lambda: client.cancel(MACHINE, NO_JOB),
        "poll: bad time": lambda: client.poll(MACHINE, start_time="soon"),
        "nodes: unknown": lambda: client.nodes(MACHINE, ["nowhere"]),
        "cp: bad time": lambda: client.submit_copy_job(*paths, time="soon"),
        "mv: bad name": lambda: client.submit_move_job(*paths, job_name="a;b"),
        "rsync: bad account": lambda: client.submit_rsync_job(*paths, account="a;b"),
        "rm: bad job": lambda: client.submit_delete_job(MACHINE, paths[1], stage_out_job_id="a;b"),
        "compress job: no path": lambda: client.submit_compress_job(MACHINE, paths[1], ""),
        "extract job: bad suffix": lambda: client.submit_extract_job(
            MACHINE, f"{remote}/file", remote
        ),
    }


def _machines(client: Driven) -> Calls:
    """One call of every kind of service to a machine that nobody knows."""
    paths = ("nowhere", "/tmp/a", "/tmp/b")
    return {
        "ls: unknown machine": lambda: client.list_files("nowhere", "/tmp"),
        "submit: unknown machine": lambda: client.submit("nowhere", script_str="#!/bin/sh\n"),
        "nodes: unknown machine": lambda: client.nodes("nowhere"),
        "cp: unknown machine": lambda: client.submit_copy_job(*paths),
        "external upload: unknown machine": lambda: client.external_upload(*paths),
        "external download: unknown machine": lambda: client.external_download("nowhere", "/tmp/a"),
        "reservations: unknown machine": lambda: client.all_reservations("nowhere"),
        "system: unknown": lambda: client.system("nowhere"),
        "service: unknown": lambda: client.service("nowhere"),
        "filesystems: unknown": lambda: client.filesystems("nowhere"),
    }


def _reservations(client: Driven) -> Calls:
    first = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)
    start, end = (f"{first + timedelta(hours=n):%Y-%m-%dT%H:%M:%S}" for n in range(2))
    past = "2020-01-01T00:00:00"

    def create(name: str, *more: str) -> Callable[[], Awaitable[Any]]:
        return lambda: client.create_reservation(MACHINE, name, *more)

    return {
        "create: bad name": create("Bad Name", "test", "1", "f7t", start, end),
        "create: bad number": create("refused", "test", "0", "f7t", start, end),
        "create: too many": create("refused", "test", "1000", "f7t", start, end),
        "create: bad type": create("refused", "test", "1", "gpu", start, end),
        "create: past": create("refused", "test", "1", "f7t", past, end),
        "create: backwards": create("refused", "test", "1", "f7t", end, start),
        "update: unknown": lambda: client.update_reservation(
            MACHINE, "nobodys", "test", "1", "f7t", start, end
        ),
        "delete: unknown": lambda: client.delete_reservation(MACHINE, "nobodys"),
    }


async def refusals(client: Driven, remote: str, local: Path) -> dict[str, Any]:
    kind = type(client.target).__name__
    await client.simple_upload(MACHINE, io.BytesIO(b"content\n"), remote, "file")
    (local / "large").write_bytes(bytes(6 * 1024 * 1024))
    transfer = await client.external_upload(MACHINE, str(local / "large"), remote)
    await transfer.finish_upload()
    await settled(transfer)
    stranger = new_client(kind, Fixed())
    wrong = new_client(kind, credentials("wrong"))
    calls = {
        **_absent(client, remote),
        **_denied(client),
        **_kinds(client, remote),
        **_jobs(client, remote),
        **_machines(client),
        **_reservations(client),
        "bad token": stranger.all_systems,
        "bad secret": wrong.all_systems,
    }
    # One after the other: the client shares state between calls that poll a task.
    seen = {name: await failure(call()) for name, call in calls.items()}
    if kind == "AsyncFirecrest":
        await asyncio.gather(stranger.close_session(), wrong.close_session())
    return seen

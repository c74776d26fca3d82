"""What the cluster runs, run for real: whole or not at all (storage.md §3.5)."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from f7t.staging.area import StagingArea
from f7t.staging.transfer import Transfer, pull_argv, push_argv

TASK = "0123456789abcdef0123456789abcdef"


async def _run(transfer: Transfer) -> subprocess.CompletedProcess[bytes]:
    return await asyncio.to_thread(
        subprocess.run, transfer.argv, input=transfer.stdin, capture_output=True, check=False
    )


@pytest.mark.parametrize(
    "name",
    [
        "plain",
        "a b",
        'it\'s "q" \\ $(touch pwned) `x`',
        "-o",
        "[1-3]{a,b}*?",
        "new\nline",
        "trailing\n",
        "ünïcödé",
        "x" * 255,
        "not utf-8 \udce9",
        "f7t-0123456789abcdef0123456789abcdef.part",
    ],
)
async def test_a_file_goes_up_and_comes_back(
    area: StagingArea, user: str, task_id: str, folder: Path, name: str
) -> None:
    content = os.urandom(300_000)
    source, target = folder / name, folder / "back" / name
    target.parent.mkdir()
    source.write_bytes(content)
    up = await _run(push_argv(await area.upload_url(user, task_id, "o", 60), str(source)))
    assert (up.returncode, up.stderr) == (0, b"")
    assert await area.size_of(user, task_id, "o") == len(content)
    down = await _run(pull_argv(area.internal_get_url(user, task_id, "o", 60), str(target), TASK))
    assert (down.returncode, down.stderr) == (0, b"")
    assert hashlib.sha1(target.read_bytes()).digest() == hashlib.sha1(content).digest()
    assert list(target.parent.iterdir()) == [target]
    assert "pwned" not in os.listdir()  # noqa: PTH208


async def test_an_empty_file_goes_both_ways(
    area: StagingArea, user: str, task_id: str, folder: Path
) -> None:
    (folder / "f").touch()
    up = await _run(push_argv(await area.upload_url(user, task_id, "o", 60), f"{folder}/f"))
    down = await _run(pull_argv(area.internal_get_url(user, task_id, "o", 60), f"{folder}/g", TASK))
    assert (up.returncode, down.returncode) == (0, 0)
    assert (folder / "g").read_bytes() == b""


@pytest.fixture
async def link(area: StagingArea, user: str, task_id: str, folder: Path) -> str:
    """A presigned GET of an object with the content `new`."""
    (folder / "new").write_bytes(b"new")
    await _run(push_argv(await area.upload_url(user, task_id, "o", 60), f"{folder}/new"))
    return area.internal_get_url(user, task_id, "o", 60)


async def test_a_target_is_overwritten_and_its_mode_is_that_of_a_new_file(
    link: str, folder: Path
) -> None:
    target, fresh = folder / "target", folder / "fresh"
    target.write_bytes(b"old and longer")
    fresh.touch()
    assert (await _run(pull_argv(link, str(target), TASK))).returncode == 0
    assert target.read_bytes() == b"new"
    assert target.stat().st_mode == fresh.stat().st_mode


async def test_a_symbolic_link_is_written_through(link: str, folder: Path) -> None:
    real = folder / "scratch" / "real\n"
    real.parent.mkdir()
    real.write_bytes(b"old")
    (folder / "alias").symlink_to("scratch/real\n")
    assert (await _run(pull_argv(link, f"{folder}/alias", TASK))).returncode == 0
    assert real.read_bytes() == b"new"
    assert (folder / "alias").is_symlink()


async def test_a_directory_is_no_target(link: str, folder: Path) -> None:
    (folder / "dir").mkdir()
    done = await _run(pull_argv(link, f"{folder}/dir", TASK))
    assert (done.returncode, done.stderr) == (21, b"target is a directory\n")
    assert not list((folder / "dir").iterdir())


async def test_a_missing_directory_is_curls_failure(link: str, folder: Path) -> None:
    done = await _run(pull_argv(link, f"{folder}/missing/f", TASK))
    assert done.returncode == 23
    assert done.stderr


async def test_a_refused_pull_leaves_the_target_alone(link: str, folder: Path) -> None:
    target = folder / "sub" / "target"
    target.parent.mkdir()
    target.write_bytes(b"old")
    refused = link[:-4] + ("0000" if link[-4:] != "0000" else "1111")
    done = await _run(pull_argv(refused, str(target), TASK))
    assert done.returncode == 22
    assert b"403" in done.stderr
    assert (target.read_bytes(), list(target.parent.iterdir())) == (b"old", [target])


@dataclass
class _HalfSent:
    """A server that sends half an object, and on `go_on` the rest or the end of the connection."""

    url: str
    sent: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)
    rest: bytes = b""


@contextmanager
def _half_an_object() -> Iterator[_HalfSent]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        half = _HalfSent(f"http://127.0.0.1:{listener.getsockname()[1]}/o")

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n")
                connection.sendall(b"x" * 100_000)
                half.sent.set()
                half.go_on.wait(60)
                connection.sendall(half.rest)

        server = threading.Thread(target=serve)
        server.start()
        try:
            yield half
        finally:
            half.go_on.set()
            server.join()


def _pull_begun(half: _HalfSent, target: Path) -> subprocess.Popen[bytes]:
    """A pull that has written a part of its object beside the target."""
    transfer = pull_argv(half.url, str(target), TASK)
    process = subprocess.Popen(
        transfer.argv, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    )
    assert process.stdin is not None
    process.stdin.write(transfer.stdin)
    process.stdin.close()
    assert half.sent.wait(60)
    deadline = time.monotonic() + 60
    while not any(part.stat().st_size for part in target.parent.glob(f".f7t-{TASK}.*")):
        assert time.monotonic() < deadline
        time.sleep(0.01)  # curl tells nobody when it writes
    return process


def _target(folder: Path) -> Path:
    target = folder / "sub" / "target"
    target.parent.mkdir()
    target.write_bytes(b"old")
    return target


def test_a_connection_that_breaks_off_leaves_the_target_alone(folder: Path) -> None:
    target = _target(folder)
    with _half_an_object() as half:
        process = _pull_begun(half, target)
        half.go_on.set()
        assert process.wait(60) == 18
    assert (target.read_bytes(), list(target.parent.iterdir())) == (b"old", [target])


def test_a_pull_that_is_told_to_stop_cleans_up(folder: Path) -> None:
    target = _target(folder)
    with _half_an_object() as half:
        process = _pull_begun(half, target)
        os.killpg(process.pid, signal.SIGTERM)
        assert process.wait(60) == 129
    assert (target.read_bytes(), list(target.parent.iterdir())) == (b"old", [target])


async def test_what_a_killed_pull_left_is_removed_by_the_next(link: str, folder: Path) -> None:
    target = _target(folder)
    other_task = target.parent / ".f7t-ffffffffffffffffffffffffffffffff.1.part"
    other_task.touch()
    with _half_an_object() as half:
        process = await asyncio.to_thread(_pull_begun, half, target)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(60)
    assert len(list(target.parent.iterdir())) == 3
    assert target.read_bytes() == b"old"
    assert (await _run(pull_argv(link, str(target), TASK))).returncode == 0
    assert target.read_bytes() == b"new"
    assert set(target.parent.iterdir()) == {target, other_task}


def test_a_pull_that_outlived_its_worker_does_not_disturb_the_next_one(folder: Path) -> None:
    """The worker died, its command went on: it ends while the second one is half done."""
    target = _target(folder)
    with _half_an_object() as early, _half_an_object() as late:
        early.rest = late.rest = b"y" * 100_000
        first = _pull_begun(early, target)
        second = _pull_begun(late, target)
        early.go_on.set()
        assert first.wait(60) != 0
        assert target.read_bytes() == b"old"
        late.go_on.set()
        assert second.wait(60) == 0
    assert target.read_bytes() == b"x" * 100_000 + b"y" * 100_000
    assert list(target.parent.iterdir()) == [target]


async def test_a_source_that_cannot_be_read_is_curls_failure(
    area: StagingArea, user: str, task_id: str, folder: Path
) -> None:
    url = await area.upload_url(user, task_id, "o", 60)
    done = await _run(push_argv(url, f"{folder}/missing"))
    assert done.returncode == 26
    assert await area.size_of(user, task_id, "o") is None


async def test_a_refused_push_is_curls_failure(
    area: StagingArea, user: str, task_id: str, folder: Path
) -> None:
    (folder / "f").write_bytes(b"content")
    url = await area.upload_url(user, task_id, "o", 60)
    done = await _run(push_argv(url.replace("/o?", "/p?"), f"{folder}/f"))
    assert done.returncode == 22
    assert await area.size_of(user, task_id, "p") is None


async def test_a_users_curlrc_changes_nothing(
    link: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / ".curlrc").write_text("include\n")
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("CURL_HOME", str(folder))
    assert (await _run(pull_argv(link, f"{folder}/target", TASK))).returncode == 0
    assert (folder / "target").read_bytes() == b"new"


def test_the_url_is_in_no_argument_list() -> None:
    url = "http://s3/bucket/key?X-Amz-Signature=abc"
    for transfer in (pull_argv(url, "/t", TASK), push_argv(url, "/s")):
        assert transfer.stdin == f'url = "{url}"\n'.encode()
        assert not any("X-Amz" in word for word in transfer.argv)


@pytest.mark.parametrize("path", ["", "relative", "/dir/", "/nul\0"])
def test_only_absolute_paths_of_files_are_transferred(path: str) -> None:
    with pytest.raises(ValueError, match="absolute"):
        pull_argv("http://s3/o", path, TASK)
    with pytest.raises(ValueError, match="absolute"):
        push_argv("http://s3/o", path)


@pytest.mark.parametrize("url", ['http://s3/o\noutput = "/etc/passwd"', "http://s3/é"])
def test_a_url_cannot_smuggle_options(url: str) -> None:
    with pytest.raises(ValueError, match="URL"):
        pull_argv(url, "/t", TASK)

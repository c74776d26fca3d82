"""The store as a process: sockets, shutdown, memory, durability, logs."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from minio import Minio
from minio.commonconfig import ENABLED, Filter
from minio.error import S3Error
from minio.lifecycleconfig import Expiration, LifecycleConfig, Rule

pytestmark = pytest.mark.usefixtures("embedded_only")

Launch = Callable[..., tuple["subprocess.Popen[bytes]", list[str]]]
ClientFor = Callable[..., Minio]
KEYS = ("storage_access_key", "not-a-real-secret")
MIB = 1024 * 1024


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Return once `condition` holds; there is nothing to be notified by in another process."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def put(client: Minio, key: str, content: bytes) -> None:
    client.put_object("bucket", key, io.BytesIO(content), len(content))


def get(client: Minio, key: str) -> bytes:
    with client.get_object("bucket", key) as answer:
        content: bytes = answer.read()
    return content


def files(folder: Path) -> list[int]:
    """The sizes of the files in a folder."""
    return [path.stat().st_size for path in folder.iterdir()]


@pytest.fixture
def half_sent(client_for: ClientFor) -> Iterator[Callable[[str, str], socket.socket]]:
    """half_sent(url, key): a connection on which half of an upload to `key` has been sent."""
    opened: list[socket.socket] = []

    def send(url: str, key: str) -> socket.socket:
        target = urlsplit(client_for(url, *KEYS).presigned_put_object("bucket", key))
        connection = socket.create_connection((str(target.hostname), int(target.port or 0)))
        opened.append(connection)
        head = f"PUT {target.path}?{target.query} HTTP/1.1\r\nHost: {target.netloc}\r\n"
        connection.sendall(f"{head}Content-Length: {16 * MIB}\r\n\r\n".encode())
        connection.sendall(b"n" * (8 * MIB))
        return connection

    yield send
    for connection in opened:
        connection.close()


def test_kill_in_the_middle_of_an_overwrite(
    launch: Launch,
    client_for: ClientFor,
    half_sent: Callable[[str, str], socket.socket],
    tmp_path: Path,
) -> None:
    process, (url,) = launch(tmp_path)
    client = client_for(url, *KEYS)
    client.make_bucket("bucket")
    put(client, "key", b"the old version")
    half_sent(url, "key")
    wait_until(lambda: sum(files(tmp_path / "tmp")) > MIB, "the upload reaches the disk")
    process.kill()
    process.wait()
    assert len(files(tmp_path / "tmp")) == 1

    _, (url,) = launch(tmp_path)
    assert get(client_for(url, *KEYS), "key") == b"the old version"
    assert files(tmp_path / "tmp") == []
    assert files(tmp_path / "blobs") == [len(b"the old version")]


def test_what_was_acknowledged_survives_a_kill(
    launch: Launch, client_for: ClientFor, tmp_path: Path
) -> None:
    process, (url,) = launch(tmp_path)
    client = client_for(url, *KEYS)
    client.make_bucket("bucket")
    acknowledged: dict[str, int] = {}
    enough = threading.Event()

    def overwrite(key: str) -> None:
        own = client_for(url, *KEYS)
        for version in range(1, 10_000):
            url_to_put = own.presigned_put_object("bucket", key)
            try:
                answer = requests.put(url_to_put, data=f"{version:06}".encode() * 5000, timeout=30)
            except requests.ConnectionError:
                return
            assert answer.status_code == 200
            acknowledged[key] = version
            if version == 15:
                enough.set()

    writers = [threading.Thread(target=overwrite, args=(f"key{n}",)) for n in range(4)]
    for writer in writers:
        writer.start()
    assert enough.wait(60)
    process.kill()
    for writer in writers:
        writer.join()

    _, (url,) = launch(tmp_path)
    client = client_for(url, *KEYS)
    assert len(acknowledged) == 4
    for key, version in acknowledged.items():
        content = get(client, key)
        assert len(content) == 30_000
        assert content == content[:6] * 5000
        assert int(content[:6]) in (version, version + 1)
    assert files(tmp_path / "blobs") == [30_000] * 4


def test_broken_upload_leaves_nothing(
    launch: Launch,
    client_for: ClientFor,
    half_sent: Callable[[str, str], socket.socket],
    tmp_path: Path,
) -> None:
    _, (url,) = launch(tmp_path)
    client_for(url, *KEYS).make_bucket("bucket")
    connection = half_sent(url, "key")
    wait_until(lambda: sum(files(tmp_path / "tmp")) > MIB, "the upload reaches the disk")
    connection.close()
    wait_until(lambda: files(tmp_path / "tmp") == [], "the temporary file is removed")
    assert files(tmp_path / "blobs") == []


def test_reader_keeps_the_version_it_started_with(
    launch: Launch, client_for: ClientFor, tmp_path: Path
) -> None:
    _, (url,) = launch(tmp_path)
    client = client_for(url, *KEYS)
    client.make_bucket("bucket")
    old = secrets.token_bytes(MIB) * 24
    put(client, "key", old)
    with requests.get(client.presigned_get_object("bucket", "key"), stream=True, timeout=30) as got:
        pieces = got.iter_content(MIB)
        first = next(pieces)
        put(client, "key", b"new")
        client.remove_object("bucket", "key")
        assert first + b"".join(pieces) == old
    wait_until(lambda: files(tmp_path / "blobs") == [], "the old blob goes with its reader")


def test_two_sockets_one_store(launch: Launch, client_for: ClientFor, tmp_path: Path) -> None:
    _, urls = launch(tmp_path, sockets=2)
    one, other = (client_for(url, *KEYS) for url in urls)
    one.make_bucket("bucket")
    put(one, "key", b"content")
    assert get(other, "key") == b"content"
    for url in urls:
        for path in ("live", "ready"):
            assert requests.get(f"{url}/minio/health/{path}", timeout=30).status_code == 200


def test_connections_are_kept(launch: Launch, tmp_path: Path) -> None:
    _, (url,) = launch(tmp_path)
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    with contextlib.closing(connection):
        for path in ("/", "/bucket", "/minio/health/live"):
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            assert not answer.will_close


def test_refusal_reaches_clients_that_send_everything_first(
    launch: Launch, client_for: ClientFor, tmp_path: Path
) -> None:
    _, (url,) = launch(tmp_path)
    answer = requests.put(f"{url}/bucket/key", data=b"\0" * (64 * MIB), timeout=30)
    assert answer.status_code == 403
    assert "<Code>AccessDenied</Code>" in answer.text


def test_memory_stays_flat(
    launch: Launch,
    client_for: ClientFor,
    form_for: Callable[..., dict[str, str]],
    s3_keys: tuple[str, str],
    curl_form: Callable[..., list[str]],
    tmp_path: Path,
) -> None:
    process, (url,) = launch(tmp_path / "data", keys=s3_keys)
    client = client_for(url)
    client.make_bucket("bucket")
    file = tmp_path / "sparse"
    with file.open("wb") as out:
        out.truncate(300 * MIB)
    command = curl_form(f"{url}/bucket", form_for("bucket", "key"), file)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(
        ["curl", "-sf", "-o", os.devnull, client.presigned_get_object("bucket", "key")], check=True
    )
    assert client.stat_object("bucket", "key").size == 300 * MIB
    status = Path(f"/proc/{process.pid}/status").read_text()
    peak_kib = int(status.partition("VmHWM:")[2].split()[0])
    assert peak_kib < 150 * 1024


def test_terminate_is_a_clean_end(launch: Launch, client_for: ClientFor, tmp_path: Path) -> None:
    process, (url,) = launch(tmp_path)
    client_for(url, *KEYS).make_bucket("bucket")
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0
    process, (url,) = launch(tmp_path)
    assert client_for(url, *KEYS).bucket_exists("bucket")


def test_data_folder_belongs_to_one_process(launch: Launch, tmp_path: Path) -> None:
    launch(tmp_path)
    second = start(tmp_path, "--port", "0")
    assert second.returncode not in (0, 2)
    assert "in use by another process" in second.stderr


def test_wrong_usage_is_explained(tmp_path: Path) -> None:
    assert (
        "F7T_STAGING_ACCESS_KEY must be set" in start(tmp_path, "--port", "0", keys=("", "")).stderr
    )
    short = start(tmp_path, "--port", "0", keys=("key", "short"))
    assert (short.returncode, "at least 8" in short.stderr) == (2, True)
    with socket.socket() as unbound:
        refused = start(tmp_path, "--fd", str(unbound.fileno()), pass_fds=(unbound.fileno(),))
    assert (refused.returncode, "not a listening socket" in refused.stderr) == (2, True)


def test_another_address(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "f7t_staging", "--data", str(tmp_path)]
    process = subprocess.Popen(
        [*command, "--host", "127.0.0.2", "--port", "0"],
        env=os.environ | {"F7T_STAGING_ACCESS_KEY": KEYS[0], "F7T_STAGING_SECRET_KEY": KEYS[1]},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    with process.stderr as log:
        address = json.loads(log.readline())["message"].rpartition(" ")[2]
        host, _, port = address.partition(":")
        assert host == "127.0.0.2"
        ready = requests.get(f"http://{address}/minio/health/ready", timeout=30)
        assert ready.status_code == 200
        with pytest.raises(OSError), socket.create_connection(("127.0.0.1", int(port)), 5):
            pass
        process.terminate()
        assert process.wait(timeout=30) == 0


def test_an_address_and_an_inherited_socket_exclude_each_other(tmp_path: Path) -> None:
    refused = start(tmp_path, "--host", "127.0.0.1", "--fd", "0")
    assert refused.returncode == 2
    assert "argument --host: not allowed with argument --fd" in refused.stderr


def start(
    data: Path,
    *options: str,
    keys: tuple[str, str] = KEYS,
    pass_fds: tuple[int, ...] = (),
) -> subprocess.CompletedProcess[str]:
    """Run a store that is expected to end by itself."""
    return subprocess.run(
        [sys.executable, "-m", "f7t_staging", "--data", str(data), *options],
        env=os.environ | {"F7T_STAGING_ACCESS_KEY": keys[0], "F7T_STAGING_SECRET_KEY": keys[1]},
        pass_fds=pass_fds,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_no_secret_in_the_logs(
    launch: Launch,
    client_for: ClientFor,
    form_for: Callable[..., dict[str, str]],
    s3_keys: tuple[str, str],
    tmp_path: Path,
) -> None:
    log = tmp_path / "log"
    process, (url,) = launch(tmp_path / "data", keys=s3_keys, log=log)
    client = client_for(url)
    client.make_bucket("bucket")
    put(client, "key", b"content")
    form = form_for("bucket", "form key")
    for fields in (form, form | {"key": "another"}):
        requests.post(f"{url}/bucket", data=fields, files={"file": b"x"}, timeout=30)
    presigned = client.presigned_get_object("bucket", "key")
    for address in (presigned, presigned[:-1], presigned.replace("/key", "/absent")):
        requests.get(address, timeout=30)
    process.terminate()
    process.wait(timeout=30)
    text = log.read_text()
    assert '"path": "/bucket/key", "status": 200' in text
    assert '"status": 403' in text
    for secret in (
        s3_keys[1],
        presigned.partition("X-Amz-Signature=")[2],
        form["x-amz-signature"],
        form["policy"],
        "X-Amz-",
    ):
        assert secret not in text


def test_expired_objects_are_swept(launch: Launch, client_for: ClientFor, tmp_path: Path) -> None:
    _, (url,) = launch(tmp_path, options=("--sweep-seconds", "0.05"))
    client = client_for(url, *KEYS)
    client.make_bucket("bucket")
    put(client, "tmp/key", b"content")
    put(client, "kept", b"content")
    rule = Rule(
        status=ENABLED,
        rule_filter=Filter(prefix="tmp/"),
        expiration=Expiration(date=datetime(2020, 1, 1, tzinfo=UTC)),
    )
    client.set_bucket_lifecycle("bucket", LifecycleConfig([rule]))

    def gone() -> bool:
        try:
            client.stat_object("bucket", "tmp/key")
        except S3Error as error:
            return error.code == "NoSuchKey"
        return False

    wait_until(gone, "the expired object is removed")
    assert get(client, "kept") == b"content"
    wait_until(lambda: len(files(tmp_path / "blobs")) == 1, "its blob is removed")

"""Emptying the task store and the staging area for a reset."""

from __future__ import annotations

import socket
from pathlib import Path

from minio import Minio
from minio.deleteobjects import DeleteObject

from f7t_testbuild.keys import ensure_secrets
from f7t_testbuild.model import ACCESS_KEY, REGION, Testbuild

TIMEOUT = 10.0


def flush_redis(path: Path) -> None:
    """FLUSHALL over the unix socket; raises `OSError` if Redis refuses or does not answer."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(TIMEOUT)
        connection.connect(str(path))
        connection.sendall(b"FLUSHALL\r\n")
        answer = connection.recv(200)
    if not answer.startswith(b"+OK"):
        raise OSError(f"Redis answered FLUSHALL with {answer!r}")


def open_store(testbuild: Testbuild) -> Minio:
    """A client of the staging store."""
    return Minio(
        f"127.0.0.1:{testbuild.staging_port}",
        access_key=ACCESS_KEY,
        secret_key=ensure_secrets(testbuild.secrets_file)["staging_secret_key"],
        secure=False,
        region=REGION,
    )


def empty_buckets(testbuild: Testbuild) -> None:
    """Delete every object and bucket of the staging store; raises `OSError` if one stays."""
    store = open_store(testbuild)
    for bucket in store.list_buckets():
        names = (
            DeleteObject(item.object_name)
            for item in store.list_objects(bucket.name, recursive=True)
            if item.object_name
        )
        for error in store.remove_objects(bucket.name, names):
            raise OSError(f"cannot delete {bucket.name}/{error.name}: {error.message}")
        store.remove_bucket(bucket.name)

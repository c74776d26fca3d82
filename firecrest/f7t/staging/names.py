"""How users and files are called in the object store (storage.md §1). Pure."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import PurePosixPath

_BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_OWN_PREFIX = "f7t-"
_RESERVED_PREFIXES = (_OWN_PREFIX, "xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_SUFFIXES = ("-s3alias", "--ol-s3", "--x-s3", "--table-s3")
# MinIO keeps this name for its own routes.
_RESERVED = frozenset({"minio"})
_LONGEST_BUCKET = 63
_LONGEST_KEY = 1024
_TASK_ID = re.compile(r"[0-9a-z]{1,64}")


def bucket_of(user: str) -> str:
    """The user's bucket: the user name where S3 allows it (`test4`), else a name of our own.

    Two users never share a bucket: our own names start with `f7t-`, which no user name passes for,
    and hold the whole user name in base 32 (or its SHA-256 when that is too long).

    Raises:
        ValueError: an empty user name.
    """
    if not user:
        raise ValueError("a user without name has no bucket")
    if (
        _BUCKET.fullmatch(user)
        and user not in _RESERVED
        and not user.startswith(_RESERVED_PREFIXES)
        and not user.endswith(_RESERVED_SUFFIXES)
    ):
        return user
    name = user.encode("utf-8", "surrogatepass")
    bucket = f"{_OWN_PREFIX}u-{_base32(name)}"
    if len(bucket) <= _LONGEST_BUCKET:
        return bucket
    return f"{_OWN_PREFIX}h-{_base32(hashlib.sha256(name).digest())}"


def object_name(source_path: str) -> str:
    """The last component of a path on the client's side.

    Raises:
        ValueError: there is none, or it is `.` or `..`.
    """
    name = PurePosixPath(source_path).name
    if name in {"", ".", ".."}:
        raise ValueError("the path names no file")
    return name


def object_key(task_id: str, name: str) -> str:
    """`<task_id>/<file name>`.

    Raises:
        ValueError: the name has several components or the key is longer than S3 allows.
    """
    key = task_prefix(task_id) + name
    if object_name(name) != name or len(key.encode("utf-8", "surrogatepass")) > _LONGEST_KEY:
        raise ValueError("the file name cannot be the name of an object")
    return key


def task_prefix(task_id: str) -> str:
    """What the keys of all objects of a task begin with.

    Raises:
        ValueError: not a task id; an empty one would mean every object of the bucket.
    """
    if not _TASK_ID.fullmatch(task_id):
        raise ValueError("not a task id")
    return f"{task_id}/"


def _base32(value: bytes) -> str:
    return base64.b32encode(value).decode().rstrip("=").lower()

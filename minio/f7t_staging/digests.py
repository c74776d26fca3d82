"""What an uploaded body must hash to, and the running digests that prove it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from f7t_staging.errors import S3Error
from f7t_staging.sigv4 import same

CHECKSUM_PREFIX = "x-amz-checksum-"
_CHECKSUM_SETTINGS = {"x-amz-checksum-algorithm", "x-amz-checksum-mode", "x-amz-checksum-type"}


class _Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


def _new_digest(algorithm: str) -> _Digest:
    if algorithm == "crc32":
        return _Crc32()
    if algorithm in ("sha1", "sha256"):
        return hashlib.new(algorithm, usedforsecurity=False)
    raise S3Error("NotImplemented", f"Checksums of the kind '{algorithm}' are not implemented")


@dataclass(slots=True)
class Expectation:
    """Digests announced for a body; `checksums` maps an algorithm to its base64 value.

    A trailer fills `checksums` only after the body has passed, hence not frozen; `trailing`
    names the algorithms that are still to come.
    """

    sha256: str | None = None
    md5: bytes | None = None
    checksums: dict[str, str] = field(default_factory=dict)
    trailing: tuple[str, ...] = ()


class RunningDigests:
    """All digests of one body: MD5 always (it becomes the ETag), others as expected.

    `update` releases the interpreter lock for large pieces and is made for a worker thread.
    """

    def __init__(self, expectation: Expectation) -> None:
        self._expectation = expectation
        self._md5 = hashlib.md5(usedforsecurity=False)
        names = {*expectation.checksums, *expectation.trailing}
        self._checksums = {name: _new_digest(name) for name in names}
        self._sha256 = hashlib.sha256() if expectation.sha256 else None
        self._all: list[_Digest] = [self._md5, *self._checksums.values()]
        if self._sha256 is not None:
            self._all.append(self._sha256)

    def update(self, data: bytes) -> None:
        for digest in self._all:
            digest.update(data)

    @property
    def etag(self) -> str:
        """The MD5 in hexadecimal."""
        return self._md5.hexdigest()

    def verify(self) -> None:
        """Raise S3Error unless every announced digest is the one of the bytes seen."""
        wanted = self._expectation
        if self._sha256 is not None and not same(wanted.sha256 or "", self._sha256.hexdigest()):
            raise S3Error("XAmzContentSHA256Mismatch")
        if wanted.md5 is not None and wanted.md5 != self._md5.digest():
            raise S3Error("BadDigest")
        for name, digest in self._checksums.items():
            value = base64.b64encode(digest.digest()).decode()
            if wanted.checksums.get(name) != value:
                raise S3Error("XAmzContentChecksumMismatch")


def expectation_from_headers(headers: Mapping[str, str]) -> Expectation:
    """What the plain headers announce: Content-MD5, x-amz-checksum-*, x-amz-trailer.

    Raises S3Error InvalidDigest, InvalidArgument (no checksum) or NotImplemented (checksum kinds
    without a fast implementation in the standard library: crc32c, crc64nvme).
    """
    trailing = tuple(
        name.strip().removeprefix(CHECKSUM_PREFIX)
        for name in headers.get("x-amz-trailer", "").lower().split(",")
        if name.strip().startswith(CHECKSUM_PREFIX)
    )
    checksums = {
        name.removeprefix(CHECKSUM_PREFIX): value
        for name, value in headers.items()
        if name.startswith(CHECKSUM_PREFIX) and name not in _CHECKSUM_SETTINGS
    }
    for algorithm, value in checksums.items():
        _check_checksum(algorithm, value)
    md5 = headers.get("content-md5")
    return Expectation(None, _decode_md5(md5) if md5 else None, checksums, trailing)


def _check_checksum(algorithm: str, value: str) -> None:
    try:
        size = len(base64.b64decode(value, validate=True))
    except (binascii.Error, ValueError):
        size = 0
    if size != len(_new_digest(algorithm).digest()):
        raise S3Error("InvalidArgument", "Invalid checksum provided.")


def _decode_md5(value: str) -> bytes:
    try:
        digest = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise S3Error("InvalidDigest") from error
    if len(digest) != 16:
        raise S3Error("InvalidDigest")
    return digest

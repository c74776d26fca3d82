"""The body of an upload: its size, its verified content, and what it must hash to."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

from f7t_staging import awschunked
from f7t_staging.digests import Expectation, RunningDigests, expectation_from_headers
from f7t_staging.errors import S3Error
from f7t_staging.http import Request
from f7t_staging.sigv4 import UNSIGNED_PAYLOAD, Proof

MAX_UPLOAD = 5 * 1024**3


@dataclass(frozen=True, slots=True)
class Upload:
    """Content on its way in, which has to hash to `expectation`.

    It has exactly `announced` bytes; or, with `limits`, from the first to the second number of
    bytes, and `announced` is only what the client will send at most.
    """

    pieces: AsyncIterator[bytes]
    announced: int
    expectation: Expectation
    limits: tuple[int, int] | None = None


def upload_of(request: Request, proof: Proof) -> Upload:
    """The upload in a PUT request, before its first byte is read.

    Raises S3Error MissingContentLength, EntityTooLarge (beyond 5 GiB), InvalidDigest,
    InvalidArgument (unknown x-amz-content-sha256), NotImplemented (checksum kind).
    """
    streaming = proof.payload in awschunked.MODES
    size = _decoded_length(request) if streaming else request.content_length
    if size is None:
        raise S3Error("MissingContentLength")
    if size > MAX_UPLOAD:
        raise S3Error("EntityTooLarge")
    expectation = expectation_from_headers(request.headers)
    pieces = request.body.stream()
    if streaming:
        decoder = awschunked.ChunkedDecoder(pieces, proof.payload, proof, expectation)
        return Upload(decoder.decoded(), size, expectation)
    expectation.sha256 = declared_sha256(proof)
    return Upload(pieces, size, expectation)


def declared_sha256(proof: Proof) -> str | None:
    """The SHA-256 the signature declares for the body, None if it declares none.

    Raises S3Error InvalidArgument for a value that is neither a hash nor a known word.
    """
    if proof.payload == UNSIGNED_PAYLOAD:
        return None
    if not re.fullmatch("[0-9a-f]{64}", proof.payload):
        raise S3Error(
            "InvalidArgument",
            "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, one of the STREAMING values, or a "
            "valid sha256 value.",
        )
    return proof.payload


def _decoded_length(request: Request) -> int | None:
    value = request.header("x-amz-decoded-content-length")
    if value is None or not re.fullmatch("[0-9]{1,18}", value):
        return None
    return int(value)


def require_digest(request: Request) -> None:
    """Raises S3Error MissingContentMD5 unless the headers announce a digest of the body."""
    announced = expectation_from_headers(request.headers)
    if not (announced.md5 or announced.checksums or announced.trailing):
        raise S3Error("MissingContentMD5")


async def read_document(request: Request, proof: Proof, limit: int = 1024 * 1024) -> bytes:
    """A whole small body, verified; empty if there is none.

    Raises S3Error MalformedXML beyond `limit` bytes, or what the digests say.
    """
    if request.body.complete:
        expectation = expectation_from_headers(request.headers)
        expectation.sha256 = declared_sha256(proof)
        pieces: list[bytes] = []
    else:
        upload = upload_of(request, proof)
        if upload.announced > limit:
            raise S3Error("MalformedXML")
        expectation = upload.expectation
        pieces = [piece async for piece in upload.pieces]
    digests = RunningDigests(expectation)
    for piece in pieces:
        digests.update(piece)
    digests.verify()
    return b"".join(pieces)

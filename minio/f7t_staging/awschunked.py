"""The `aws-chunked` body encoding: chunks with signatures of their own, and trailers.

Source: "Signature calculations for the Authorization header: transferring payload in multiple
chunks" (signed chunks, signed trailers) and the unsigned form with trailing checksum.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator

from f7t_staging.digests import CHECKSUM_PREFIX, Expectation
from f7t_staging.errors import S3Error
from f7t_staging.sigv4 import EMPTY_SHA256, Proof, same, sign

SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
MODES = (SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER)

_MAX_LINE = 4096
_MAX_TRAILERS = 16
_CHUNK_HEADER = re.compile(r"([0-9a-fA-F]{1,16})(?:;chunk-signature=([0-9a-f]{64}))?")
_TRAILER_SIGNATURE = "x-amz-trailer-signature"


class _ByteReader:
    """Lines and counted bytes out of a stream of pieces."""

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self._pieces = pieces
        self._buffer = b""

    async def _more(self) -> None:
        try:
            self._buffer += await anext(self._pieces)
        except StopAsyncIteration:
            raise S3Error("IncompleteBody") from None

    async def line(self) -> str:
        """The next line without its CR LF."""
        while (end := self._buffer.find(b"\r\n")) < 0:
            if len(self._buffer) > _MAX_LINE:
                raise S3Error("IncompleteBody")
            await self._more()
        line, self._buffer = self._buffer[:end], self._buffer[end + 2 :]
        return line.decode("latin-1")

    async def take(self, count: int) -> AsyncIterator[bytes]:
        """The next `count` bytes, in pieces as they come."""
        while count:
            if not self._buffer:
                await self._more()
            piece, self._buffer = self._buffer[:count], self._buffer[count:]
            count -= len(piece)
            yield piece


class ChunkedDecoder:
    """Decodes one aws-chunked body; signatures are checked before the body's end is reported."""

    def __init__(
        self, pieces: AsyncIterator[bytes], mode: str, proof: Proof, expectation: Expectation
    ) -> None:
        self._reader = _ByteReader(pieces)
        self._pieces = pieces
        self._signed = mode != UNSIGNED_TRAILER
        self._trailers = mode != SIGNED
        self._proof = proof
        self._previous = proof.signature
        self._expectation = expectation

    async def decoded(self) -> AsyncIterator[bytes]:
        """The payload; raises S3Error IncompleteBody or SignatureDoesNotMatch."""
        size = None
        while size != 0:
            size, signature = self._parse_header(await self._reader.line())
            digest = hashlib.sha256()
            async for piece in self._reader.take(size):
                if self._signed:
                    digest.update(piece)
                yield piece
            if self._signed:
                self._check("AWS4-HMAC-SHA256-PAYLOAD", f"{EMPTY_SHA256}\n", digest, signature)
            # The last chunk is followed by the trailers, or by the final empty line.
            if size and await self._reader.line():
                raise S3Error("IncompleteBody")
        await self._read_trailers()
        async for _ in self._pieces:
            raise S3Error("IncompleteBody")

    def _parse_header(self, line: str) -> tuple[int, str]:
        found = _CHUNK_HEADER.fullmatch(line)
        if found is None:
            raise S3Error("IncompleteBody")
        return int(found[1], 16), found[2] or ""

    def _check(self, kind: str, prefix: str, digest: hashlib._Hash, signature: str) -> None:
        proof = self._proof
        text = (
            f"{kind}\n{proof.timestamp}\n{proof.scope}\n{self._previous}\n"
            f"{prefix}{digest.hexdigest()}"
        )
        self._previous = sign(proof.key, text)
        if not same(self._previous, signature):
            raise S3Error("SignatureDoesNotMatch")

    async def _read_trailers(self) -> None:
        found: dict[str, str] = {}
        while line := await self._reader.line():
            name, separator, value = line.partition(":")
            if not self._trailers or not separator or len(found) == _MAX_TRAILERS:
                raise S3Error("IncompleteBody")
            found[name.strip().lower()] = value.strip()
        signature = found.pop(_TRAILER_SIGNATURE, "")
        if self._signed and self._trailers:
            canonical = "".join(f"{name}:{value}\n" for name, value in sorted(found.items()))
            digest = hashlib.sha256(canonical.encode())
            self._check("AWS4-HMAC-SHA256-TRAILER", "", digest, signature)
        for name, value in found.items():
            if name.removeprefix(CHECKSUM_PREFIX) in self._expectation.trailing:
                self._expectation.checksums[name.removeprefix(CHECKSUM_PREFIX)] = value

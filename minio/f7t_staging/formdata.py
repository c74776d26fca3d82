"""A streaming reader for multipart/form-data (RFC 7578) as browsers and curl send it to S3.

Fields come first and are small; the part called `file` ends them, its content streams through and
whatever follows it is ignored. The content is only searched for the delimiter, never parsed.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

from f7t_staging.errors import S3Error

MAX_FIELD = 1024 * 1024
MAX_ALL_FIELDS = 4 * 1024 * 1024
MAX_PARTS = 1000
_MAX_PART_HEADER = 16 * 1024
_PARAMETER = re.compile(r';\s*([\w!#$&+.^`|~*-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;"]*)')


@dataclass(frozen=True, slots=True)
class FormFields:
    """The fields before the file by name in lower case, and the file's own name."""

    values: dict[str, str]
    file_name: str


def boundary_of(content_type: str) -> bytes:
    """The boundary of a multipart/form-data content type; raises S3Error MalformedPOSTRequest."""
    kind, _, parameters = content_type.partition(";")
    boundary = header_parameters(f";{parameters}").get("boundary", "")
    if kind.strip().lower() != "multipart/form-data" or not 1 <= len(boundary) <= 200:
        raise malformed("no multipart boundary param in Content-Type")
    return boundary.encode("utf-8", "surrogateescape")


def header_parameters(text: str) -> dict[str, str]:
    """The `; name=value` parameters of a header value; quoted values lose quotes and escapes.

    Only escaped quotes and backslashes are unescaped: some clients send Windows paths as they are.
    """
    return {
        name.lower(): re.sub(r'\\(["\\])', r"\1", value[1:-1])
        if value.startswith('"')
        else value.strip()
        for name, value in _PARAMETER.findall(text)
    }


class FormReader:
    """Reads one form: first `fields`, then `file`."""

    def __init__(self, pieces: AsyncIterator[bytes], boundary: bytes) -> None:
        self._pieces = pieces
        self._delimiter = b"\r\n--" + boundary
        # The first delimiter stands at the very start, without a line end before it.
        self._buffer = b"\r\n"

    async def fields(self) -> FormFields:
        """Everything up to the content of the file.

        Raises S3Error MalformedPOSTRequest for anything that is no form, has no file, repeats a
        field, or has more or larger fields than MAX_PARTS, MAX_FIELD and MAX_ALL_FIELDS allow.
        """
        values: dict[str, str] = {}
        size = 0
        await self._until(self._delimiter, _MAX_PART_HEADER)
        for _ in range(MAX_PARTS):
            name, file_name = await self._part_header()
            if name == "file":
                return FormFields(values, file_name)
            content = await self._until(self._delimiter, MAX_FIELD)
            size += len(content)
            if name in values or size > MAX_ALL_FIELDS:
                break
            values[name] = _text(content)
        raise S3Error("MalformedPOSTRequest")

    async def file(self) -> AsyncIterator[bytes]:
        """The content of the file; raises S3Error IncompleteBody if the form ends before it."""
        # The end of each piece is held back: a delimiter may lie across two of them.
        keep = len(self._delimiter) - 1
        window, self._buffer = self._buffer, b""
        while (end := window.find(self._delimiter)) < 0:
            if len(window) > keep:
                yield window[:-keep]
                window = window[-keep:]
            window += await self._next(S3Error("IncompleteBody"))
        yield window[:end]
        async for _ in self._pieces:
            pass

    async def _next(self, end: S3Error) -> bytes:
        """The next piece of the body; raises `end` if there is none."""
        try:
            return await anext(self._pieces)
        except StopAsyncIteration:
            raise end from None

    async def _until(self, mark: bytes, limit: int) -> bytes:
        """What comes before `mark`, which is consumed; at most `limit` bytes."""
        searched = 0
        while (end := self._buffer.find(mark, searched)) < 0:
            if len(self._buffer) > limit + len(mark):
                raise S3Error("MalformedPOSTRequest")
            searched = max(0, len(self._buffer) - len(mark) + 1)
            self._buffer += await self._next(malformed("unexpected EOF"))
        if end > limit:
            raise S3Error("MalformedPOSTRequest")
        content, self._buffer = self._buffer[:end], self._buffer[end + len(mark) :]
        return content

    async def _part_header(self) -> tuple[str, str]:
        """Name in lower case and file name of the part that starts here."""
        # Blanks may follow the boundary; two dashes there mean that no part is left.
        behind = (await self._until(b"\r\n", 100)).strip(b" \t")
        if behind == b"--":
            raise malformed("The file or text content is missing")
        if behind:
            raise S3Error("MalformedPOSTRequest")
        self._buffer = b"\r\n" + self._buffer
        header = await self._until(b"\r\n\r\n", _MAX_PART_HEADER)
        for line in _text(header).split("\r\n"):
            key, _, value = line.partition(":")
            if key.strip().lower() == "content-disposition":
                kind, separator, rest = value.partition(";")
                parameters = header_parameters(separator + rest)
                if kind.strip().lower() == "form-data" and parameters.get("name"):
                    return parameters["name"].lower(), parameters.get("filename", "")
        raise S3Error("MalformedPOSTRequest")


def malformed(detail: str) -> S3Error:
    """MalformedPOSTRequest with a word about what is wrong."""
    text = "The body of your POST request is not well-formed multipart/form-data."
    return S3Error("MalformedPOSTRequest", f"{text} ({detail})")


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise S3Error("MalformedPOSTRequest") from error

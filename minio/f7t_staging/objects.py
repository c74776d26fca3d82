"""Operations on objects: put, get, head, delete, copy, and deletion of many at once."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from urllib.parse import unquote

from f7t_staging.blobs import Blob
from f7t_staging.body import read_document, require_digest, upload_of
from f7t_staging.errors import S3Error
from f7t_staging.http import Request, Response, http_date, parse_http_date, xml_response
from f7t_staging.index import IndexReader, IndexWriter, StoredObject
from f7t_staging.listing import iso_time
from f7t_staging.names import check_header, metadata_of
from f7t_staging.sigv4 import Proof
from f7t_staging.store import OpenObject, Store
from f7t_staging.xmlio import (
    S3_NAMESPACE,
    MalformedDocument,
    child_text,
    document,
    element,
    parse,
)

MAX_DELETIONS = 1000
_MAX_DELETE_DOCUMENT = 4 * 1024 * 1024
_COPY_ONTO_ITSELF = (
    "This copy request is illegal because it is trying to copy an object to itself without "
    "changing the object's metadata, storage class, website redirect location or encryption "
    "attributes."
)
_CONDITIONAL_PUT = ("if-match", "if-none-match", "x-amz-write-offset-bytes")


async def put_object(request: Request, proof: Proof, store: Store) -> Response:
    """PUT object; raises S3Error NoSuchBucket or what name, headers and body deserve."""
    metadata = _put_metadata(request)
    store.index.bucket(request.bucket)
    blob = await store.blobs.store(upload_of(request, proof))
    await store.change_or_discard(
        [blob.name],
        IndexWriter.put_object,
        request.bucket,
        request.key,
        blob.etag,
        [blob],
        metadata,
    )
    return Response(headers={"ETag": f'"{blob.etag}"'})


async def copy_object(request: Request, store: Store) -> Response:
    """PUT object with x-amz-copy-source: the blobs are linked, not copied.

    Raises S3Error NoSuchBucket, NoSuchKey, InvalidArgument, PreconditionFailed, InvalidRequest
    (a copy onto itself that changes nothing).
    """
    given = _put_metadata(request)
    source = unquote(request.header("x-amz-copy-source") or "").removeprefix("/")
    bucket, _, key = source.partition("/")
    directive = request.header("x-amz-metadata-directive") or "COPY"
    if not key:
        text = "Copy Source must mention the source bucket and key: sourcebucket/sourcekey."
        raise S3Error("InvalidArgument", text)
    if directive not in ("COPY", "REPLACE"):
        raise S3Error("InvalidArgument", "Unknown metadata directive.")
    if directive == "COPY" and (bucket, key) == (request.bucket, request.key):
        raise S3Error("InvalidRequest", _COPY_ONTO_ITSELF)
    store.index.bucket(request.bucket)
    with store.open_object(bucket, key) as opened:
        _check_conditions(request, opened.info, "x-amz-copy-source-")
        names = await store.blobs.link(name for name, _ in opened.blobs)
    sizes = [size for _, size in opened.blobs]
    copies = [Blob(name, size, "") for name, size in zip(names, sizes, strict=True)]
    metadata = given if directive == "REPLACE" else opened.info.metadata
    etag = opened.info.etag
    await store.change_or_discard(
        names, IndexWriter.put_object, request.bucket, request.key, etag, copies, metadata
    )
    copied = store.index.object(request.bucket, request.key)
    root = element(
        "CopyObjectResult",
        element("LastModified", iso_time(copied.modified)),
        element("ETag", f'"{etag}"'),
        namespace=S3_NAMESPACE,
    )
    answer = xml_response(document(root))
    return replace(answer, headers={**answer.headers, "ETag": f'"{etag}"'})


def get_object(request: Request, store: Store) -> Response:
    """GET object, whole or one range.

    Raises S3Error NoSuchBucket, NoSuchKey, InvalidRange, PreconditionFailed, NotImplemented.
    """
    if request.parameter("partNumber") is not None:
        raise S3Error("NotImplemented")
    with ExitStack() as stack:
        opened = stack.enter_context(store.open_object(request.bucket, request.key))
        info = opened.info
        headers = _object_headers(info) | _overrides(request)
        if not _check_conditions(request, info):
            return _not_modified(headers)
        start, length = 0, info.size
        status = 200
        if (wanted := parse_range(request.header("range"), info.size)) is not None:
            start, length = wanted
            status = 206
            headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{info.size}"
        headers["Content-Length"] = str(length)
        body = _content(request, store, opened, start, length)
        return Response(status, headers, body, stack.pop_all().close)


def head_object(request: Request, index: IndexReader) -> Response:
    """HEAD object; raises S3Error NoSuchBucket, NoSuchKey, InvalidRange, PreconditionFailed."""
    info = index.object(request.bucket, request.key)
    headers = _object_headers(info) | _overrides(request)
    if not _check_conditions(request, info):
        return _not_modified(headers)
    headers["Content-Length"] = str(info.size)
    if (wanted := parse_range(request.header("range"), info.size)) is None:
        return Response(200, headers)
    start, length = wanted
    headers["Content-Length"] = str(length)
    headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{info.size}"
    return Response(206, headers)


async def delete_object(request: Request, store: Store) -> Response:
    """DELETE object; an absent one is deleted already. Raises S3Error NoSuchBucket."""
    await store.change(IndexWriter.delete_objects, request.bucket, [request.key])
    return Response(204)


async def delete_objects(request: Request, proof: Proof, store: Store) -> Response:
    """POST bucket?delete; raises S3Error NoSuchBucket, MalformedXML or MissingContentMD5."""
    require_digest(request)
    body = await read_document(request, proof, _MAX_DELETE_DOCUMENT)
    try:
        root = parse(body, "Delete")
        keys = [child_text(node, "Key") for node in root.findall("Object")]
        quiet = child_text(root, "Quiet") == "true"
    except MalformedDocument as error:
        raise S3Error("MalformedXML") from error
    names = [key for key in keys if key]
    if not names or len(names) < len(keys) or len(names) > MAX_DELETIONS:
        raise S3Error("MalformedXML")
    await store.change(IndexWriter.delete_objects, request.bucket, names)
    deleted = () if quiet else (element("Deleted", element("Key", key)) for key in names)
    return xml_response(document(element("DeleteResult", *deleted, namespace=S3_NAMESPACE)))


def parse_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Start and length of the one range asked for; None if the whole object is the answer.

    Several ranges, other units and malformed headers are ignored (RFC 9110 §14.2). Raises S3Error
    InvalidRange if no byte of the object is in the range, or if it ends before it starts.
    """
    found = re.fullmatch(r"bytes=([0-9]{0,19})-([0-9]{0,19})", header or "")
    if found is None or found[0] == "bytes=-":
        return None
    first, last = found[1], found[2]
    if not first:
        length = min(int(last), size)
        if not length:
            raise S3Error("InvalidRange")
        return size - length, length
    if int(first) >= size or (last and int(last) < int(first)):
        raise S3Error("InvalidRange")
    end = min(int(last), size - 1) if last else size - 1
    return int(first), end - int(first) + 1


async def _content(
    request: Request, store: Store, opened: OpenObject, start: int, length: int
) -> AsyncGenerator[bytes]:
    """The bytes, as long as somebody reads them: a server's send does not tell."""
    gone = asyncio.create_task(request.body.wait_for_disconnect())
    pieces = store.read(opened, start, length)
    try:
        async for piece in pieces:
            if gone.done():
                return
            yield piece
    finally:
        gone.cancel()
        await pieces.aclose()


def _put_metadata(request: Request) -> dict[str, str]:
    if any(name in request.headers for name in _CONDITIONAL_PUT):
        raise S3Error("NotImplemented")
    return metadata_of(request.headers)


def _not_modified(headers: Mapping[str, str]) -> Response:
    """304 with what RFC 9110 §15.4.5 lets it have; the rest describes a body."""
    kept = ("Cache-Control", "ETag", "Expires", "Last-Modified")
    return Response(304, {name: headers[name] for name in kept if name in headers})


def _object_headers(info: StoredObject) -> dict[str, str]:
    return {
        **info.metadata,
        "ETag": f'"{info.etag}"',
        "Last-Modified": http_date(info.modified),
    }


def _overrides(request: Request) -> dict[str, str]:
    """Response headers replaced by the (signed) response-* parameters of the query."""
    names = (
        "Cache-Control",
        "Content-Disposition",
        "Content-Encoding",
        "Content-Language",
        "Content-Type",
        "Expires",
    )
    found = {name: request.parameter(f"response-{name.lower()}") for name in names}
    given = {name: value.strip() for name, value in found.items() if value}
    for name, value in given.items():
        check_header(name, value)
    return given


def _check_conditions(request: Request, info: StoredObject, prefix: str = "") -> bool:
    """False if the client has the object already; raises S3Error PreconditionFailed.

    Order and precedence of RFC 9110 §13.2.2; the ETag conditions make those by date void.
    """
    modified = int(info.modified)
    match = request.header(f"{prefix}if-match")
    unmodified = parse_http_date(request.header(f"{prefix}if-unmodified-since") or "")
    none_match = request.header(f"{prefix}if-none-match")
    since = parse_http_date(request.header(f"{prefix}if-modified-since") or "")
    if match is not None:
        if not _etag_matches(match, info.etag):
            raise S3Error("PreconditionFailed")
    elif unmodified is not None and modified > unmodified:
        raise S3Error("PreconditionFailed")
    if none_match is not None:
        fresh = _etag_matches(none_match, info.etag)
    else:
        fresh = since is not None and modified <= since
    if fresh and prefix:
        raise S3Error("PreconditionFailed")
    return not fresh


def _etag_matches(header: str, etag: str) -> bool:
    given = [word.strip().removeprefix("W/").strip('"') for word in header.split(",")]
    return "*" in given or etag in given

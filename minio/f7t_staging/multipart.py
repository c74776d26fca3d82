"""Multipart uploads: initiate, upload part, complete, abort, list parts, list uploads."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from dataclasses import replace
from itertools import pairwise
from xml.etree.ElementTree import Element

from f7t_staging.body import read_document, upload_of
from f7t_staging.errors import S3Error
from f7t_staging.http import Request, Response, xml_response
from f7t_staging.index import IndexReader, IndexWriter, Part, PendingUpload
from f7t_staging.listing import integer_parameter, iso_time, owner_element, page_size
from f7t_staging.names import metadata_of
from f7t_staging.sigv4 import Proof
from f7t_staging.store import Store
from f7t_staging.xmlio import (
    S3_NAMESPACE,
    MalformedDocument,
    Xml,
    child_text,
    document,
    element,
    parse,
)

MAX_PARTS = 10_000
MIN_PART_SIZE = 5 * 1024 * 1024
# 10 000 parts with a checksum each.
_MAX_COMPLETE_DOCUMENT = 4 * 1024 * 1024


async def initiate(request: Request, store: Store) -> Response:
    """POST object?uploads; raises S3Error NoSuchBucket or what the names and headers deserve."""
    upload = PendingUpload(
        secrets.token_hex(16),
        request.bucket,
        request.key,
        time.time(),
        metadata_of(request.headers),
    )
    await store.change(IndexWriter.create_upload, upload)
    root = element(
        "InitiateMultipartUploadResult",
        element("Bucket", upload.bucket),
        element("Key", upload.key),
        element("UploadId", upload.id),
        namespace=S3_NAMESPACE,
    )
    return xml_response(document(root))


async def upload_part(request: Request, proof: Proof, store: Store) -> Response:
    """PUT object?partNumber&uploadId.

    Raises S3Error NoSuchUpload, InvalidArgument (part number), NotImplemented (copying a part),
    or what the body deserves.
    """
    if request.header("x-amz-copy-source") is not None:
        raise S3Error("NotImplemented")
    number = request.parameter("partNumber") or ""
    if not re.fullmatch("[0-9]{1,5}", number) or int(number) == 0:
        raise S3Error("InvalidPart")
    if int(number) > MAX_PARTS:
        text = f"Part number must be an integer between 1 and {MAX_PARTS}, inclusive"
        raise S3Error("InvalidArgument", text)
    upload = _pending(request, store.index)
    blob = await store.blobs.store(upload_of(request, proof))
    await store.change_or_discard([blob.name], IndexWriter.put_part, upload.id, int(number), blob)
    return Response(headers={"ETag": f'"{blob.etag}"'})


async def complete(request: Request, proof: Proof, store: Store) -> Response:
    """POST object?uploadId.

    Raises S3Error NoSuchUpload, MalformedXML, InvalidPart, InvalidPartOrder, EntityTooSmall
    (a part below 5 MiB that is not the last one).
    """
    upload = _pending(request, store.index)
    body = await read_document(request, proof, _MAX_COMPLETE_DOCUMENT)
    parts = _chosen_parts(_requested_parts(body), store.index.parts(upload.id))
    digest = hashlib.md5(b"".join(bytes.fromhex(p.etag) for p in parts), usedforsecurity=False)
    etag = f"{digest.hexdigest()}-{len(parts)}"
    await store.change(IndexWriter.complete_upload, upload, etag, parts)
    root = element(
        "CompleteMultipartUploadResult",
        element("Location", f"{request.base_url}/{upload.bucket}/{upload.key}"),
        element("Bucket", upload.bucket),
        element("Key", upload.key),
        element("ETag", f'"{etag}"'),
        namespace=S3_NAMESPACE,
    )
    answer = xml_response(document(root))
    return replace(answer, headers={**answer.headers, "ETag": f'"{etag}"'})


async def abort(request: Request, store: Store) -> Response:
    """DELETE object?uploadId; what is not there is aborted already."""
    try:
        await store.change(IndexWriter.abort_upload, _pending(request, store.index).id)
    except S3Error as error:
        if error.code != "NoSuchUpload":
            raise
    return Response(204)


def list_parts(request: Request, index: IndexReader) -> Response:
    """GET object?uploadId; raises S3Error NoSuchUpload or InvalidArgument."""
    upload = _pending(request, index)
    limit = page_size(request, "max-parts", MAX_PARTS)
    marker = integer_parameter(request, "part-number-marker", 0)
    parts = [part for part in index.parts(upload.id) if part.number > marker]
    page = parts[:limit]
    root = element(
        "ListPartsResult",
        element("Bucket", upload.bucket),
        element("Key", upload.key),
        element("UploadId", upload.id),
        owner_element("Initiator"),
        owner_element("Owner"),
        element("StorageClass", "STANDARD"),
        element("PartNumberMarker", marker),
        element("NextPartNumberMarker", page[-1].number if page and len(parts) > limit else 0),
        element("MaxParts", limit),
        element("IsTruncated", str(len(parts) > limit > 0).lower()),
        *(_part_element(part) for part in page),
        namespace=S3_NAMESPACE,
    )
    return xml_response(document(root))


def list_uploads(request: Request, index: IndexReader) -> Response:
    """GET bucket?uploads: the pending uploads behind the two markers."""
    index.bucket(request.bucket)
    if request.parameter("delimiter"):
        raise S3Error("NotImplemented")
    prefix = request.parameter("prefix") or ""
    limit = page_size(request, "max-uploads")
    key_marker = request.parameter("key-marker") or ""
    id_marker = request.parameter("upload-id-marker") or ""
    uploads = [u for u in index.uploads(request.bucket) if u.key.startswith(prefix)]
    if id_marker:
        uploads = [u for u in uploads if (u.key, u.id) > (key_marker, id_marker)]
    elif key_marker:
        uploads = [u for u in uploads if u.key > key_marker]
    page = uploads[:limit]
    root = element(
        "ListMultipartUploadsResult",
        element("Bucket", request.bucket),
        element("KeyMarker", key_marker),
        element("UploadIdMarker", id_marker),
        element("NextKeyMarker", page[-1].key if page else ""),
        element("NextUploadIdMarker", page[-1].id if page else ""),
        element("Prefix", prefix),
        element("MaxUploads", limit),
        element("IsTruncated", str(len(uploads) > limit > 0).lower()),
        *(_upload_element(upload) for upload in page),
        namespace=S3_NAMESPACE,
    )
    return xml_response(document(root))


def _pending(request: Request, index: IndexReader) -> PendingUpload:
    index.bucket(request.bucket)
    return index.upload(request.bucket, request.key, request.parameter("uploadId") or "")


def _no_part() -> S3Error:
    return S3Error("InvalidRequest", "You must specify at least one part")


def _requested_parts(body: bytes) -> list[tuple[int, str]]:
    if not body:
        raise _no_part()
    try:
        root = parse(body, "CompleteMultipartUpload")
        wanted = [_requested_part(node) for node in root.findall("Part")]
    except MalformedDocument as error:
        raise S3Error("MalformedXML") from error
    if not wanted:
        raise _no_part()
    if len(wanted) > MAX_PARTS:
        raise S3Error("MalformedXML")
    if any(one >= other for (one, _), (other, _) in pairwise(wanted)):
        raise S3Error("InvalidPartOrder")
    return wanted


def _requested_part(node: Element) -> tuple[int, str]:
    number, etag = child_text(node, "PartNumber"), child_text(node, "ETag")
    if number is None or etag is None or not re.fullmatch("[0-9]{1,5}", number):
        raise MalformedDocument("a part needs PartNumber and ETag")
    return int(number), etag.strip().strip('"')


def _chosen_parts(wanted: list[tuple[int, str]], present: list[Part]) -> list[Part]:
    by_number = {part.number: part for part in present}
    chosen: list[Part] = []
    for number, etag in wanted:
        part = by_number.get(number)
        if part is None or part.etag != etag:
            raise S3Error("InvalidPart")
        chosen.append(part)
    if any(part.size < MIN_PART_SIZE for part in chosen[:-1]):
        raise S3Error("EntityTooSmall")
    return chosen


def _part_element(part: Part) -> Xml:
    return element(
        "Part",
        element("PartNumber", part.number),
        element("LastModified", iso_time(part.modified)),
        element("ETag", f'"{part.etag}"'),
        element("Size", part.size),
    )


def _upload_element(upload: PendingUpload) -> Xml:
    return element(
        "Upload",
        element("Key", upload.key),
        element("UploadId", upload.id),
        owner_element("Initiator"),
        owner_element("Owner"),
        element("StorageClass", "STANDARD"),
        element("Initiated", iso_time(upload.started)),
    )

"""Listing the objects of a bucket, versions 1 and 2, page by page."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from f7t_staging.errors import S3Error
from f7t_staging.http import Request, Response, xml_response
from f7t_staging.index import IndexReader, StoredObject
from f7t_staging.xmlio import S3_NAMESPACE, Xml, document, element

MAX_KEYS = 1000
OWNER_ID = "02d6176db174dc93cb1b899f7c6078f08654445fe8cf1b6ce98d8855f66bdbf4"


@dataclass(frozen=True, slots=True)
class Page:
    """One page: objects and common prefixes, each in key order; `last` is the last of both."""

    objects: tuple[StoredObject, ...]
    prefixes: tuple[str, ...]
    last: str
    truncated: bool


def iso_time(timestamp: float) -> str:
    """Seconds since the epoch as `2026-01-31T12:00:00.000Z`."""
    moment = datetime.fromtimestamp(timestamp, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


def successor(prefix: str) -> str | None:
    """The smallest string after every string that starts with `prefix`; None if there is none."""
    for position in range(len(prefix) - 1, -1, -1):
        code = ord(prefix[position])
        if code < 0x10FFFF:
            # Surrogates are no characters of their own and have no UTF-8 form.
            following = 0xE000 if code == 0xD7FF else code + 1
            return prefix[:position] + chr(following)
    return None


def list_page(
    index: IndexReader, bucket: str, prefix: str, delimiter: str, after: str, limit: int
) -> Page:
    """At most `limit` entries behind `after` (a key or a common prefix; `""` = from the start)."""
    objects: list[StoredObject] = []
    prefixes: list[str] = []
    last = after
    for entry in _entries(index, bucket, prefix, delimiter, after):
        if len(objects) + len(prefixes) == limit:
            return Page(tuple(objects), tuple(prefixes), last, truncated=limit > 0)
        if isinstance(entry, str):
            prefixes.append(entry)
            last = entry
        else:
            objects.append(entry)
            last = entry.key
    return Page(tuple(objects), tuple(prefixes), last, truncated=False)


def _entries(
    index: IndexReader, bucket: str, prefix: str, delimiter: str, after: str
) -> Iterator[StoredObject | str]:
    """Objects, and common prefixes as strings; whole groups are skipped, not walked through."""
    end = successor(prefix) if prefix else None
    start: str | None = prefix
    if after >= prefix and after:
        # A key of our own making cannot lie between a key and the key with a NUL behind it.
        start = f"{after}\0"
        if delimiter and common_prefix(after, prefix, delimiter) == after:
            start = successor(after)
    while start is not None:
        rows = index.objects(bucket, start, end)
        start = None
        for row in rows:
            group = common_prefix(row.key, prefix, delimiter)
            if group is not None:
                yield group
                start = successor(group)
                break
            yield row


def common_prefix(key: str, prefix: str, delimiter: str) -> str | None:
    """`key` up to and with the first delimiter behind `prefix`; None without one."""
    if not delimiter:
        return None
    head, found, _ = key[len(prefix) :].partition(delimiter)
    return prefix + head + delimiter if found else None


def list_objects(request: Request, index: IndexReader) -> Response:
    """GET bucket: ListObjects, or ListObjectsV2 with `list-type=2`.

    Raises S3Error NoSuchBucket or InvalidArgument.
    """
    index.bucket(request.bucket)
    version_2 = request.parameter("list-type") == "2"
    encoding = request.parameter("encoding-type")
    if encoding not in (None, "", "url"):
        raise S3Error("InvalidArgument", "Invalid Encoding Method specified in Request")
    prefix = request.parameter("prefix") or ""
    delimiter = request.parameter("delimiter") or ""
    limit = page_size(request, "max-keys")
    after = _after_v2(request) if version_2 else request.parameter("marker") or ""
    page = list_page(index, request.bucket, prefix, delimiter, after, limit)
    encode = quote if encoding == "url" else str
    common = (
        element("Name", request.bucket),
        element("Prefix", encode(prefix)),
        element("Delimiter", encode(delimiter)) if delimiter else None,
        element("MaxKeys", integer_parameter(request, "max-keys", MAX_KEYS)),
        element("EncodingType", "url") if encoding == "url" else None,
        element("IsTruncated", str(page.truncated).lower()),
    )
    version = _v2_elements(request, page) if version_2 else _v1_elements(request, page)
    owner = not version_2 or request.parameter("fetch-owner") == "true"
    root = element(
        "ListBucketResult",
        *common,
        *version,
        *(_contents(found, encode(found.key), owner=owner) for found in page.objects),
        *(element("CommonPrefixes", element("Prefix", encode(p))) for p in page.prefixes),
        namespace=S3_NAMESPACE,
    )
    return xml_response(document(root))


def page_size(request: Request, name: str, most: int = MAX_KEYS) -> int:
    """The page size asked for, at most `most`; raises S3Error InvalidArgument."""
    return min(integer_parameter(request, name, most), most)


def integer_parameter(request: Request, name: str, default: int) -> int:
    """A query parameter from 0 to 2147483647; raises S3Error InvalidArgument."""
    value = request.parameter(name)
    if not value:
        return default
    if not re.fullmatch("[0-9]{1,10}", value) or int(value) > 2147483647:
        raise S3Error(
            "InvalidArgument",
            f"Argument {_camel(name)} must be an integer between 0 and 2147483647",
        )
    return int(value)


def _camel(name: str) -> str:
    first, *others = name.split("-")
    return first + "".join(word.capitalize() for word in others)


def _after_v2(request: Request) -> str:
    token = request.parameter("continuation-token")
    if token is None:
        return request.parameter("start-after") or ""
    try:
        after = base64.b64decode(token, validate=True).decode()
    except (binascii.Error, ValueError):
        after = ""
    if not after:
        raise S3Error("InvalidArgument", "The continuation token provided is incorrect")
    return after


def _v1_elements(request: Request, page: Page) -> list[Xml | None]:
    encode = quote if request.parameter("encoding-type") == "url" else str
    return [
        element("Marker", encode(request.parameter("marker") or "")),
        element("NextMarker", encode(page.last)) if page.truncated else None,
    ]


def _v2_elements(request: Request, page: Page) -> list[Xml | None]:
    encode = quote if request.parameter("encoding-type") == "url" else str
    token = request.parameter("continuation-token")
    start = request.parameter("start-after")
    following = base64.b64encode(page.last.encode()).decode()
    return [
        element("KeyCount", len(page.objects) + len(page.prefixes)),
        element("ContinuationToken", token) if token else None,
        element("StartAfter", encode(start)) if start else None,
        element("NextContinuationToken", following) if page.truncated else None,
    ]


def _contents(found: StoredObject, key: str, *, owner: bool) -> Xml:
    return element(
        "Contents",
        element("Key", key),
        element("LastModified", iso_time(found.modified)),
        element("ETag", f'"{found.etag}"'),
        element("Size", found.size),
        owner_element("Owner") if owner else None,
        element("StorageClass", "STANDARD"),
    )


def owner_element(name: str) -> Xml:
    """The one owner of everything, under the element name the document asks for."""
    return element(name, element("ID", OWNER_ID), element("DisplayName", "minio"))

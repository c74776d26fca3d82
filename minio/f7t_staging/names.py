"""Which names buckets and objects may have, and which metadata an object may carry."""

from __future__ import annotations

import re
from collections.abc import Mapping

from f7t_staging.errors import S3Error

_BUCKET = re.compile(r"(?!.*(?:\.\.|\.-|-\.))[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_IP_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")
_HEADER_NAME = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_MAX_KEY_BYTES = 1024
_MAX_SEGMENT_BYTES = 255
_MAX_METADATA_BYTES = 8 * 1024
_USER_PREFIX = "x-amz-meta-"
_STANDARD_METADATA = {
    "cache-control": "Cache-Control",
    "content-disposition": "Content-Disposition",
    "content-encoding": "Content-Encoding",
    "content-language": "Content-Language",
    "content-type": "Content-Type",
    "expires": "Expires",
}
_REFUSED_PREFIXES = (
    "x-amz-bucket-object-lock",
    "x-amz-grant-",
    "x-amz-object-lock-",
    "x-amz-server-side-encryption",
    "x-amz-tagging",
    "x-amz-website-redirect-location",
)


def check_bucket_name(name: str) -> None:
    """Raises S3Error InvalidBucketName, or AllAccessDisabled for the reserved `minio`."""
    if name == "minio":
        raise S3Error("AllAccessDisabled")
    if not _BUCKET.fullmatch(name) or _IP_ADDRESS.fullmatch(name):
        raise S3Error("InvalidBucketName")


def check_key(key: str) -> None:
    """Raises S3Error KeyTooLongError (1024 bytes) or XMinioInvalidObjectName.

    `.` and `..` as path segments are refused: HTTP clients rewrite such paths on their way. So is
    what could not be a path of a file system (`//`, segments of more than 255 bytes), as by MinIO.
    """
    if len(key.encode()) > _MAX_KEY_BYTES:
        raise S3Error("KeyTooLongError")
    segments = key.split("/")
    too_long = any(len(segment.encode()) > _MAX_SEGMENT_BYTES for segment in segments)
    if "\0" in key or "//" in key or too_long or {".", ".."} & set(segments):
        raise S3Error("XMinioInvalidObjectName")


def check_header(name: str, value: str) -> None:
    """Raises S3Error InvalidArgument for what could not be sent back as a response header.

    Headers of a request are fine already, form fields and query parameters may hold anything.
    """
    if not _HEADER_NAME.fullmatch(name) or _CONTROL.search(value):
        raise S3Error("InvalidArgument", "Header names and values must not be malformed")


def metadata_of(headers: Mapping[str, str]) -> dict[str, str]:
    """The response headers an object uploaded with `headers` gets (names in lower case).

    Raises S3Error NotImplemented for features nobody would notice were missing, such as
    encryption, InvalidStorageClass, MetadataTooLarge.
    """
    for name, value in headers.items():
        if name.startswith(_REFUSED_PREFIXES) or (name == "x-amz-acl" and value != "private"):
            raise S3Error("NotImplemented")
    if headers.get("x-amz-storage-class", "STANDARD") not in ("STANDARD", "REDUCED_REDUNDANCY"):
        raise S3Error("InvalidStorageClass")
    metadata = {
        _STANDARD_METADATA[n]: v.strip() for n, v in headers.items() if n in _STANDARD_METADATA
    }
    encoding = [
        word
        for word in re.split(r"\s*,\s*", metadata.pop("Content-Encoding", ""))
        if word and word != "aws-chunked"
    ]
    if encoding:
        metadata["Content-Encoding"] = ",".join(encoding)
    metadata.setdefault("Content-Type", "binary/octet-stream")
    metadata |= {n: v.strip() for n, v in headers.items() if n.startswith(_USER_PREFIX)}
    for name, value in metadata.items():
        check_header(name, value)
    if sum(len(name) + len(value) for name, value in metadata.items()) > _MAX_METADATA_BYTES:
        raise S3Error("MetadataTooLarge")
    return metadata

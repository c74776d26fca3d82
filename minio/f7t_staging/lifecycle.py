"""Lifecycle rules of a bucket: expiry of objects and of abandoned multipart uploads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from xml.etree.ElementTree import Element

from f7t_staging.body import read_document, require_digest
from f7t_staging.errors import S3Error
from f7t_staging.http import Request, Response, xml_response
from f7t_staging.index import Bucket, IndexReader, IndexWriter
from f7t_staging.sigv4 import Proof
from f7t_staging.store import Store
from f7t_staging.xmlio import MalformedDocument, child_text, parse

# Uploads nobody completed or aborted are dropped after a day, rule or no rule.
STALE_UPLOAD = timedelta(days=1)
_MAX_RULES = 1000
_NO_RULE_OF_OURS = (
    "The XML you provided was not well-formed or did not validate against our published schema"
)
_DELETE_BATCH = 500
_RULE_CHILDREN = {
    "ID",
    "Status",
    "Prefix",
    "Filter",
    "Expiration",
    "AbortIncompleteMultipartUpload",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: what starts with `prefix` expires after `days`, or from `date` on."""

    enabled: bool
    prefix: str
    days: int | None
    date: datetime | None
    abort_days: int | None

    def expires(self, key: str, modified: float, now: datetime) -> bool:
        """True if an object of that key and age (seconds since the epoch) has expired at `now`."""
        if not self.enabled or not key.startswith(self.prefix):
            return False
        if self.days is not None:
            return now >= expiry(modified, self.days)
        return self.date is not None and now >= self.date

    def aborts(self, key: str, started: float, now: datetime) -> bool:
        """The same for a pending upload."""
        return (
            self.enabled
            and self.abort_days is not None
            and key.startswith(self.prefix)
            and now >= expiry(started, self.abort_days)
        )


def expiry(start: float, days: int) -> datetime:
    """The end of the lifetime: `days` later, rounded up to the next midnight UTC, as S3 does."""
    moment = datetime.fromtimestamp(start, UTC) + timedelta(days=days + 1)
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def parse_rules(body: bytes) -> tuple[Rule, ...]:
    """The rules of a LifecycleConfiguration.

    Raises S3Error MalformedXML, InvalidArgument, or NotImplemented for what is not done here
    (transitions, tags, sizes, versions).
    """
    try:
        root = parse(body, "LifecycleConfiguration")
        nodes = root.findall("Rule")
        if not nodes:
            text = "Lifecycle configuration should have at least one rule"
            raise S3Error("InvalidArgument", text)
        if len(nodes) > _MAX_RULES:
            raise S3Error(
                "InvalidArgument", "Lifecycle configuration allows a maximum of 1000 rules"
            )
        return tuple(_parse_rule(node) for node in nodes)
    except MalformedDocument as error:
        raise S3Error("MalformedXML") from error


def _parse_rule(node: Element) -> Rule:
    if {child.tag for child in node} - _RULE_CHILDREN:
        raise S3Error("NotImplemented")
    status = child_text(node, "Status")
    expiration = node.find("Expiration")
    abort = node.find("AbortIncompleteMultipartUpload")
    if status not in ("Enabled", "Disabled"):
        text = "Status must be set to either Enabled or Disabled"
        raise S3Error("InvalidArgument", text)
    if expiration is None and abort is None:
        raise _invalid()
    days, date = _parse_expiration(expiration) if expiration is not None else (None, None)
    abort_days = None
    if abort is not None:
        abort_days = _positive(child_text(abort, "DaysAfterInitiation"))
    return Rule(status == "Enabled", _parse_prefix(node), days, date, abort_days)


def _parse_expiration(node: Element) -> tuple[int | None, datetime | None]:
    if {child.tag for child in node} - {"Days", "Date"}:
        raise S3Error("NotImplemented")
    days, date = child_text(node, "Days"), child_text(node, "Date")
    if (days is None) == (date is None):
        raise _invalid()
    if days is not None:
        return _positive(days), None
    try:
        given = datetime.fromisoformat(date or "")
    except ValueError as error:
        text = "Date must be provided in ISO 8601 format"
        raise S3Error("InvalidArgument", text) from error
    moment = given.astimezone(UTC) if given.tzinfo else given.replace(tzinfo=UTC)
    if (moment.hour, moment.minute, moment.second, moment.microsecond) != (0, 0, 0, 0):
        raise S3Error("InvalidArgument", "'Date' must be at midnight GMT")
    return None, moment


def _parse_prefix(node: Element) -> str:
    """The prefix in the filter, or the older one directly in the rule, but not both."""
    flat = child_text(node, "Prefix")
    narrowed = node.find("Filter")
    if narrowed is None:
        return flat or ""
    if flat is not None:
        raise _invalid()
    if {child.tag for child in narrowed} - {"Prefix"}:
        raise S3Error("NotImplemented")
    return child_text(narrowed, "Prefix") or ""


def _positive(value: str | None) -> int:
    if value is None or not re.fullmatch("-?[0-9]{1,6}", value.strip()):
        raise S3Error("MalformedXML")
    if int(value) <= 0:
        text = "Days must be positive integer when used with Expiration"
        raise S3Error("InvalidArgument", text)
    return int(value)


def _invalid() -> S3Error:
    """The document is XML, but the rule makes no sense."""
    return S3Error("InvalidArgument", _NO_RULE_OF_OURS)


async def put_lifecycle(request: Request, proof: Proof, store: Store) -> Response:
    """PUT bucket?lifecycle; raises S3Error NoSuchBucket, MissingContentMD5 or as `parse_rules`."""
    require_digest(request)
    body = await read_document(request, proof)
    store.index.bucket(request.bucket)
    parse_rules(body)
    await store.change(IndexWriter.set_lifecycle, request.bucket, body)
    return Response()


def get_lifecycle(request: Request, index: IndexReader) -> Response:
    """GET bucket?lifecycle; raises S3Error NoSuchBucket or NoSuchLifecycleConfiguration."""
    document = index.bucket(request.bucket).lifecycle
    if document is None:
        raise S3Error("NoSuchLifecycleConfiguration")
    return xml_response(document)


async def delete_lifecycle(request: Request, store: Store) -> Response:
    """DELETE bucket?lifecycle; raises S3Error NoSuchBucket."""
    await store.change(IndexWriter.set_lifecycle, request.bucket, None)
    return Response(204)


async def sweep(store: Store, now: datetime) -> int:
    """Remove what has expired at `now`; the number of objects and uploads removed."""
    removed = 0
    for bucket in store.index.buckets():
        rules = parse_rules(bucket.lifecycle) if bucket.lifecycle else ()
        removed += await _sweep_uploads(store, bucket, rules, now)
        expired = list(_expired(store.index, bucket, rules, now))
        for start in range(0, len(expired), _DELETE_BATCH):
            batch = expired[start : start + _DELETE_BATCH]
            await store.change(IndexWriter.delete_expired, bucket.name, batch)
        removed += len(expired)
    return removed


def _expired(
    index: IndexReader, bucket: Bucket, rules: tuple[Rule, ...], now: datetime
) -> Iterator[int]:
    if not any(rule.enabled and (rule.days or rule.date) for rule in rules):
        return
    for found in index.objects(bucket.name, "", None):
        if any(rule.expires(found.key, found.modified, now) for rule in rules):
            yield found.id


async def _sweep_uploads(
    store: Store, bucket: Bucket, rules: tuple[Rule, ...], now: datetime
) -> int:
    removed = 0
    for upload in store.index.uploads(bucket.name):
        stale = now - datetime.fromtimestamp(upload.started, UTC) > STALE_UPLOAD
        if stale or any(rule.aborts(upload.key, upload.started, now) for rule in rules):
            await store.change(IndexWriter.abort_upload, upload.id)
            removed += 1
    return removed

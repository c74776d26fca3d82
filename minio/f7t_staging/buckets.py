"""Operations on buckets: list, create, head, location, delete."""

from __future__ import annotations

from f7t_staging.body import read_document
from f7t_staging.errors import S3Error
from f7t_staging.http import Request, Response, xml_response
from f7t_staging.index import IndexReader, IndexWriter
from f7t_staging.listing import iso_time, owner_element
from f7t_staging.names import check_bucket_name, metadata_of
from f7t_staging.sigv4 import Proof
from f7t_staging.store import Store
from f7t_staging.xmlio import (
    S3_NAMESPACE,
    MalformedDocument,
    child_text,
    document,
    element,
    parse,
)

NO_LOCATION = "us-east-1"


def list_buckets(index: IndexReader) -> Response:
    """GET service."""
    buckets = (
        element("Bucket", element("Name", b.name), element("CreationDate", iso_time(b.created)))
        for b in index.buckets()
    )
    root = element(
        "ListAllMyBucketsResult",
        owner_element("Owner"),
        element("Buckets", *buckets),
        namespace=S3_NAMESPACE,
    )
    return xml_response(document(root))


async def create_bucket(request: Request, proof: Proof, store: Store, region: str) -> Response:
    """PUT bucket.

    Raises S3Error InvalidBucketName, BucketAlreadyOwnedByYou, InvalidRegion, MalformedXML.
    """
    check_bucket_name(request.bucket)
    metadata_of(request.headers)
    body = await read_document(request, proof)
    if body:
        try:
            wanted = child_text(parse(body, "CreateBucketConfiguration"), "LocationConstraint")
        except MalformedDocument as error:
            raise S3Error("MalformedXML") from error
        if wanted not in (None, "", region):
            raise S3Error("InvalidRegion", f"Region does not match; expecting '{region}'.")
    await store.change(IndexWriter.create_bucket, request.bucket)
    return Response(headers={"Location": f"/{request.bucket}"})


def head_bucket(request: Request, index: IndexReader) -> Response:
    """HEAD bucket; raises S3Error NoSuchBucket."""
    index.bucket(request.bucket)
    return Response(headers={"Content-Type": "application/xml"})


def bucket_location(request: Request, index: IndexReader, region: str) -> Response:
    """GET bucket?location; the region all others start from is written as nothing."""
    index.bucket(request.bucket)
    shown = "" if region == NO_LOCATION else region
    return xml_response(document(element("LocationConstraint", shown, namespace=S3_NAMESPACE)))


async def delete_bucket(request: Request, store: Store) -> Response:
    """DELETE bucket; raises S3Error NoSuchBucket or BucketNotEmpty."""
    await store.change(IndexWriter.delete_bucket, request.bucket)
    return Response(204)

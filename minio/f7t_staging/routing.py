"""From request to operation. What is not in the table is refused, never half understood."""

from __future__ import annotations

from datetime import UTC, datetime

from f7t_staging import buckets, formpost, lifecycle, listing, multipart, objects
from f7t_staging.errors import S3Error
from f7t_staging.http import Request, Response
from f7t_staging.names import check_bucket_name, check_key
from f7t_staging.sigv4 import Credentials, Proof, authenticate
from f7t_staging.store import Store

_SIGNATURE_PARAMETERS = {
    "X-Amz-Algorithm",
    "X-Amz-Content-Sha256",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-Signature",
    "X-Amz-SignedHeaders",
}
# Some clients name the operation here, for the server's log only.
_MEANINGLESS = {"x-id"}
_LISTING = {
    "continuation-token",
    "delimiter",
    "encoding-type",
    "fetch-owner",
    "list-type",
    "marker",
    "max-keys",
    "prefix",
    "start-after",
}
_LISTING_UPLOADS = {
    "delimiter",
    "encoding-type",
    "key-marker",
    "max-uploads",
    "prefix",
    "upload-id-marker",
    "uploads",
}
_READING = {
    "partNumber",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
}


async def dispatch(request: Request, store: Store, credentials: Credentials) -> Response:
    """Authenticate and answer one S3 request; raises S3Error."""
    now = datetime.now(UTC)
    _check_components(request)
    if _is_form(request):
        return await formpost.post_object(request, store, credentials, now)
    proof = authenticate(request, credentials, now)
    if not request.bucket:
        return _service(request, store)
    if not request.key:
        return await _bucket(request, proof, store, credentials.region)
    return await _object(request, proof, store)


def _check_components(request: Request) -> None:
    """Raises S3Error XMinioInvalidResourceName for `.` or `..` as a segment, before all else."""
    for text in (request.path, *(value for _, value in request.query)):
        if any(segment.strip() in (".", "..") for segment in text.split("/")):
            raise S3Error("XMinioInvalidResourceName")


def _is_form(request: Request) -> bool:
    content_type = request.header("content-type") or ""
    return (
        request.method == "POST"
        and bool(request.bucket)
        and not request.query
        and content_type.lower().startswith("multipart/form-data")
    )


def _only(request: Request, allowed: set[str]) -> None:
    """Raises S3Error NotImplemented if the query asks for more than `allowed`."""
    known = allowed | _SIGNATURE_PARAMETERS | _MEANINGLESS
    if any(name not in known for name, _ in request.query):
        raise S3Error("NotImplemented")


def _unsupported(request: Request) -> S3Error:
    text = f"An unsupported API call for method: {request.method} at '{request.path}'"
    return S3Error("BadRequest", text)


def _selects(request: Request) -> str:
    """The sub-resource that selects the operation, `""` for the resource itself."""
    names = ("location", "lifecycle", "uploads", "delete", "uploadId")
    return next((name for name in names if request.parameter(name) is not None), "")


def _service(request: Request, store: Store) -> Response:
    _only(request, set())
    if request.method != "GET":
        raise _unsupported(request)
    return buckets.list_buckets(store.index)


async def _bucket(request: Request, proof: Proof, store: Store, region: str) -> Response:
    check_bucket_name(request.bucket)
    match request.method, _selects(request):
        case "GET", "location":
            _only(request, {"location"})
            return buckets.bucket_location(request, store.index, region)
        case "GET", "uploads":
            _only(request, _LISTING_UPLOADS)
            return multipart.list_uploads(request, store.index)
        case "GET", "":
            _only(request, _LISTING)
            return listing.list_objects(request, store.index)
        case "POST", "delete":
            _only(request, {"delete"})
            return await objects.delete_objects(request, proof, store)
        case method, "lifecycle":
            _only(request, {"lifecycle"})
            return await _lifecycle(method, request, proof, store)
    _only(request, set())
    match request.method:
        case "PUT":
            return await buckets.create_bucket(request, proof, store, region)
        case "HEAD":
            return buckets.head_bucket(request, store.index)
        case "DELETE":
            return await buckets.delete_bucket(request, store)
    raise _unsupported(request)


async def _lifecycle(method: str, request: Request, proof: Proof, store: Store) -> Response:
    match method:
        case "PUT":
            return await lifecycle.put_lifecycle(request, proof, store)
        case "GET":
            return lifecycle.get_lifecycle(request, store.index)
        case "DELETE":
            return await lifecycle.delete_lifecycle(request, store)
    raise _unsupported(request)


async def _object(request: Request, proof: Proof, store: Store) -> Response:
    check_key(request.key)
    if request.parameter("uploads") is not None or request.parameter("uploadId") is not None:
        return await _multipart(request, proof, store)
    match request.method:
        case "GET":
            _only(request, _READING)
            return objects.get_object(request, store)
        case "HEAD":
            _only(request, _READING)
            return objects.head_object(request, store.index)
    _only(request, set())
    match request.method:
        case "PUT" if request.header("x-amz-copy-source") is not None:
            return await objects.copy_object(request, store)
        case "PUT":
            return await objects.put_object(request, proof, store)
        case "DELETE":
            return await objects.delete_object(request, store)
    raise _unsupported(request)


async def _multipart(request: Request, proof: Proof, store: Store) -> Response:
    match request.method, _selects(request):
        case "POST", "uploads":
            _only(request, {"uploads"})
            return await multipart.initiate(request, store)
        case "PUT", "uploadId":
            _only(request, {"uploadId", "partNumber"})
            return await multipart.upload_part(request, proof, store)
        case "POST", "uploadId":
            _only(request, {"uploadId"})
            return await multipart.complete(request, proof, store)
        case "DELETE", "uploadId":
            _only(request, {"uploadId"})
            return await multipart.abort(request, store)
        case "GET", "uploadId":
            _only(request, {"uploadId", "max-parts", "part-number-marker", "encoding-type"})
            return multipart.list_parts(request, store.index)
    raise _unsupported(request)

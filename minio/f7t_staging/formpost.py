"""POST bucket: an upload by form, allowed by a signed policy instead of a signed request."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit

from f7t_staging.blobs import Blob
from f7t_staging.body import MAX_UPLOAD, Upload
from f7t_staging.digests import expectation_from_headers
from f7t_staging.errors import S3Error
from f7t_staging.formdata import FormFields, FormReader, boundary_of, malformed
from f7t_staging.http import Request, Response
from f7t_staging.index import IndexWriter
from f7t_staging.names import check_key, metadata_of
from f7t_staging.postpolicy import Policy, check_policy, parse_policy
from f7t_staging.sigv4 import Credentials, credential_date, same, sign, signing_key
from f7t_staging.store import Store
from f7t_staging.xmlio import document, element


async def post_object(
    request: Request, store: Store, credentials: Credentials, now: datetime
) -> Response:
    """Check and store a form.

    Raises S3Error: EmptyRequestBody (no Content-Length), EntityTooLarge (beyond 5 GiB or the
    policy), EntityTooSmall, MalformedPOSTRequest, AccessDenied, SignatureDoesNotMatch,
    InvalidAccessKeyId, PostPolicyInvalidKeyName, NoSuchBucket, NotImplemented.
    """
    if request.content_length is None:
        raise S3Error("EmptyRequestBody")
    if request.content_length > MAX_UPLOAD + 8 * 1024 * 1024:
        raise S3Error("EntityTooLarge")
    boundary = boundary_of(request.header("content-type") or "")
    reader = FormReader(request.body.stream(), boundary)
    form = await reader.fields()
    if request.key:
        raise S3Error("MethodNotAllowed")
    key = _key(form)
    policy = _verified_policy(form, credentials)
    check_policy(policy, form.values | {"bucket": request.bucket, "key": key}, now)
    if not key:
        raise malformed("The name of the uploaded key is missing")
    check_key(key)
    store.index.bucket(request.bucket)
    metadata = metadata_of(form.values)
    if "tagging" in form.values or form.values.get("acl", "private") != "private":
        raise S3Error("NotImplemented")
    redirect = _redirect_target(form)
    upload = Upload(
        reader.file(),
        request.content_length,
        expectation_from_headers(form.values),
        (policy.smallest, policy.largest),
    )
    blob = await store.blobs.store(upload)
    await store.change_or_discard(
        [blob.name], IndexWriter.put_object, request.bucket, key, blob.etag, [blob], metadata
    )
    return _answer(request, form, key, blob, redirect)


def _key(form: FormFields) -> str:
    """The key with `${filename}` filled in; raises S3Error MalformedPOSTRequest without one."""
    # Some clients send the whole path as file name, with the separators of their system.
    base_name = form.file_name.replace("\\", "/").rpartition("/")[2]
    if "key" not in form.values:
        raise malformed("The name of the uploaded key is missing")
    return form.values["key"].replace("${filename}", base_name).lstrip("/")


def _verified_policy(form: FormFields, credentials: Credentials) -> Policy:
    """The policy of the form, once its signature has been verified."""
    fields = form.values
    date = credential_date(fields.get("x-amz-credential", ""), credentials)
    key = signing_key(credentials.secret_key, date, credentials.region)
    policy = fields.get("policy", "")
    if not policy or not same(sign(key, policy), fields.get("x-amz-signature", "")):
        raise S3Error("SignatureDoesNotMatch")
    try:
        return parse_policy(base64.b64decode(policy, validate=True))
    except binascii.Error as error:
        raise S3Error("MalformedPOSTRequest") from error


def _redirect_target(form: FormFields) -> SplitResult | None:
    """Where a browser wants to be sent afterwards; raises S3Error MalformedPOSTRequest."""
    target = form.values.get("success_action_redirect") or form.values.get("redirect")
    if not target:
        return None
    try:
        return urlsplit(target)
    except ValueError as error:
        raise S3Error("MalformedPOSTRequest") from error


def _answer(
    request: Request, form: FormFields, key: str, blob: Blob, redirect: SplitResult | None
) -> Response:
    etag = f'"{blob.etag}"'
    if redirect is not None:
        query = parse_qsl(redirect.query, keep_blank_values=True)
        query += [("bucket", request.bucket), ("etag", etag), ("key", key)]
        target = redirect._replace(query=urlencode(sorted(query))).geturl()
        return Response(303, {"ETag": etag, "Location": quote(target, safe="%/:?#[]@!$&'()*+,;=")})
    location = f"{request.base_url}/{request.bucket}/{quote(key, safe='/$&+,:;=@')}"
    headers = {"ETag": etag, "Location": location}
    status = form.values.get("success_action_status", "")
    if status == "201":
        root = element(
            "PostResponse",
            element("Location", location),
            element("Bucket", request.bucket),
            element("Key", key),
            element("ETag", etag),
        )
        return Response(201, headers | {"Content-Type": "application/xml"}, document(root))
    return Response(200 if status == "200" else 204, headers)

"""AWS Signature Version 4: verification of signed headers, presigned URLs and POST forms.

Source: the public description "Signature Version 4 signing process"; refusals as MinIO's.
Everything here is pure: time and credentials come in, an exception or the proof goes out.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from f7t_staging.errors import S3Error
from f7t_staging.http import Request

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
MAX_CLOCK_SKEW = timedelta(minutes=15)
MAX_EXPIRY_SECONDS = 7 * 24 * 3600

_QUERY_FIELDS = (
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Signature",
    "X-Amz-Date",
    "X-Amz-SignedHeaders",
    "X-Amz-Expires",
)
_UNSUPPORTED = (
    f"The authorization mechanism you have provided is not supported. Please use {ALGORITHM}."
)


@dataclass(frozen=True, slots=True)
class Credentials:
    """The one key pair of the store and the region it is valid in."""

    access_key: str
    secret_key: str = field(repr=False)
    region: str


@dataclass(frozen=True, slots=True)
class Proof:
    """A verified signature: what the body still has to be checked against.

    `payload` is the declared x-amz-content-sha256; the rest seeds the chain of chunk signatures.
    """

    payload: str
    signature: str
    timestamp: str
    scope: str
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Claim:
    """What a request says about its signature, before anything is believed."""

    credential: str
    signed_headers: tuple[str, ...]
    signature: str
    timestamp: str
    payload: str


def signing_key(secret: str, date: str, region: str) -> bytes:
    """The derived key of one day (`yyyymmdd`) and region for service s3."""
    key = f"AWS4{secret}".encode()
    for part in (date, region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def sign(key: bytes, text: str) -> str:
    """Hexadecimal HMAC-SHA256 of `text`."""
    return hmac.digest(key, text.encode("utf-8", "surrogateescape"), "sha256").hex()


def same(one: str, other: str) -> bool:
    """Constant-time equality; unlike `hmac.compare_digest` also for text beyond ASCII."""
    return hmac.compare_digest(
        one.encode("utf-8", "surrogateescape"), other.encode("utf-8", "surrogateescape")
    )


def authenticate(request: Request, credentials: Credentials, now: datetime) -> Proof:
    """Verify the signature in the headers or the query.

    Raises S3Error: AccessDenied (anonymous, expired), SignatureDoesNotMatch, InvalidAccessKeyId,
    RequestTimeTooSkewed, AuthorizationHeaderMalformed, AuthorizationQueryParametersError.
    """
    authorization = request.header("authorization")
    presigned = request.parameter("X-Amz-Credential") is not None
    if authorization is not None and presigned:
        raise S3Error("InvalidRequest", "Only one authorization mechanism is allowed.")
    if presigned:
        return _verify_query(request, credentials, now)
    if authorization is not None:
        return _verify_header(request, authorization, credentials, now)
    if request.parameter("Signature") is not None:
        raise S3Error("InvalidRequest", _UNSUPPORTED)
    raise S3Error("AccessDenied")


def credential_date(credential: str, credentials: Credentials, *, any_region: bool = False) -> str:
    """The day (`yyyymmdd`) of a credential `key/day/region/s3/aws4_request`.

    Raises S3Error AuthorizationQueryParametersError (shape, day, end), AuthorizationHeaderMalformed
    (region), AuthorizationParametersError (service) or InvalidAccessKeyId, in this order.
    """
    parts = credential.rsplit("/", 4)
    if len(parts) != 5:
        raise _bad_credential(
            "the Credential is mal-formed; expecting "
            '"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'
        )
    access_key, date, region, service, end = parts
    if not re.fullmatch("[0-9]{8}", date):
        raise _bad_credential(
            'incorrect date format. This date in the credential must be in the format "yyyyMMdd".'
        )
    # Clients that look for the region sign the question with the region all others start from.
    allowed = {credentials.region, "us-east-1"} if any_region else {credentials.region}
    if region not in allowed:
        raise S3Error(
            "AuthorizationHeaderMalformed",
            "The authorization header is malformed; the region is wrong; "
            f"expecting '{credentials.region}'.",
        )
    if service != "s3":
        raise S3Error("AuthorizationParametersError")
    if end != "aws4_request":
        raise _bad_credential('incorrect terminal. This endpoint uses "aws4_request".')
    if not same(access_key, credentials.access_key):
        raise S3Error("InvalidAccessKeyId")
    return date


def _bad_credential(reason: str) -> S3Error:
    text = f"Error parsing the X-Amz-Credential parameter; {reason}"
    return S3Error("AuthorizationQueryParametersError", text)


def _verify_header(
    request: Request, authorization: str, credentials: Credentials, now: datetime
) -> Proof:
    algorithm, _, rest = authorization.partition(" ")
    if algorithm == "Bearer":
        raise S3Error("AccessDenied")
    if algorithm != ALGORITHM:
        raise S3Error("InvalidRequest", _UNSUPPORTED)
    fields = dict(re.findall(r"(\w+)=([^,\s]+)", rest))
    if set(fields) != {"Credential", "SignedHeaders", "Signature"}:
        raise S3Error("MissingFields")
    timestamp = _header_timestamp(request)
    if abs(now - timestamp) > MAX_CLOCK_SKEW:
        raise S3Error("RequestTimeTooSkewed")
    claim = _Claim(
        fields["Credential"],
        tuple(fields["SignedHeaders"].split(";")),
        fields["Signature"],
        timestamp.strftime("%Y%m%dT%H%M%SZ"),
        request.header("x-amz-content-sha256") or EMPTY_SHA256,
    )
    return _verify(request, claim, credentials)


def _header_timestamp(request: Request) -> datetime:
    value = request.header("x-amz-date")
    if value is None:
        raise S3Error(
            "AccessDenied",
            "AWS authentication requires a valid Date or x-amz-date header",
            status=400,
        )
    try:
        return _parse_timestamp(value)
    except ValueError as error:
        raise S3Error("MalformedDate") from error


def _verify_query(request: Request, credentials: Credentials, now: datetime) -> Proof:
    code = "AuthorizationQueryParametersError"
    values = {name: [v for k, v in request.query if k == name] for name in _QUERY_FIELDS}
    if any(len(found) != 1 for found in values.values()):
        raise S3Error(
            code,
            "Query-string authentication version 4 requires the X-Amz-Algorithm, "
            "X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and "
            "X-Amz-Expires parameters.",
        )
    fields = {name: found[0] for name, found in values.items()}
    if fields["X-Amz-Algorithm"] != ALGORITHM:
        raise S3Error(code, f'X-Amz-Algorithm only supports "{ALGORITHM}".')
    if not fields["X-Amz-SignedHeaders"] or not fields["X-Amz-Signature"]:
        raise S3Error("MissingFields")
    payload = request.parameter("X-Amz-Content-Sha256") or request.header("x-amz-content-sha256")
    claim = _Claim(
        fields["X-Amz-Credential"],
        tuple(fields["X-Amz-SignedHeaders"].split(";")),
        fields["X-Amz-Signature"],
        fields["X-Amz-Date"],
        payload or UNSIGNED_PAYLOAD,
    )
    _check_validity(fields["X-Amz-Date"], fields["X-Amz-Expires"], now)
    return _verify(request, claim, credentials)


def _check_validity(date: str, expires: str, now: datetime) -> None:
    code = "AuthorizationQueryParametersError"
    if not re.fullmatch(r"-?[0-9]{1,18}", expires):
        raise S3Error(code, "X-Amz-Expires should be a number")
    if int(expires) < 0:
        raise S3Error(code, "X-Amz-Expires must be non-negative")
    if int(expires) > MAX_EXPIRY_SECONDS:
        raise S3Error(
            code,
            "X-Amz-Expires must be less than a week (in seconds); that is, the given "
            f"X-Amz-Expires must be less than {MAX_EXPIRY_SECONDS} seconds",
        )
    try:
        signed_at = _parse_timestamp(date)
    except ValueError as error:
        text = """X-Amz-Date must be in the ISO8601 Long Format "yyyyMMdd'T'HHmmss'Z'\""""
        raise S3Error(code, text) from error
    if signed_at - now > MAX_CLOCK_SKEW:
        raise S3Error("AccessDenied", "Request is not valid yet")
    if now - signed_at > timedelta(seconds=int(expires)):
        raise S3Error("AccessDenied", "Request has expired")


def _parse_timestamp(value: str) -> datetime:
    """Raises ValueError."""
    return datetime.strptime(value, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def _verify(request: Request, claim: _Claim, credentials: Credentials) -> Proof:
    any_region = request.method == "GET" and request.parameter("location") is not None
    date = credential_date(claim.credential, credentials, any_region=any_region)
    if not claim.timestamp.startswith(f"{date}T"):
        raise S3Error("SignatureDoesNotMatch")
    canonical = _canonical_request(request, claim)
    region = claim.credential.split("/")[-3]
    scope = f"{date}/{region}/s3/aws4_request"
    digest = hashlib.sha256(canonical.encode("utf-8", "surrogateescape")).hexdigest()
    key = signing_key(credentials.secret_key, date, region)
    expected = sign(key, f"{ALGORITHM}\n{claim.timestamp}\n{scope}\n{digest}")
    if not same(expected, claim.signature):
        raise S3Error("SignatureDoesNotMatch")
    return Proof(claim.payload, expected, claim.timestamp, scope, key)


def _canonical_request(request: Request, claim: _Claim) -> str:
    headers = _signed_header_lines(request.headers, claim)
    query = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in request.query
        if name != "X-Amz-Signature"
    )
    return "\n".join(
        (
            request.method,
            quote(request.path, safe="/-_.~"),
            "&".join(f"{name}={value}" for name, value in query),
            *headers,
            "",
            ";".join(claim.signed_headers),
            claim.payload,
        )
    )


def _signed_header_lines(headers: Mapping[str, str], claim: _Claim) -> list[str]:
    """The canonical header lines; raises S3Error AccessDenied if the signature covers too little.

    Every x-amz-* header must be signed: otherwise the holder of a presigned PUT could add, for
    example, x-amz-copy-source and read what was never shared with him.
    """
    must = {"host", *(name for name in headers if name.startswith("x-amz-"))}
    if claim.payload == UNSIGNED_PAYLOAD:
        must.discard("x-amz-content-sha256")
    if not must <= set(claim.signed_headers) or not set(claim.signed_headers) <= set(headers):
        raise S3Error(
            "AccessDenied",
            "There were headers present in the request which were not signed",
            status=400,
        )
    return [f"{name}:{' '.join(headers[name].split())}" for name in claim.signed_headers]

"""S3 errors: code, HTTP status and message as MinIO answers them, and their XML body."""

from __future__ import annotations

from f7t_staging.xmlio import document, element

_TABLE: dict[str, tuple[int, str]] = {
    "AccessDenied": (403, "Access Denied."),
    "AllAccessDisabled": (403, "All access to this resource has been disabled."),
    "AuthorizationHeaderMalformed": (400, "The authorization header is malformed."),
    "AuthorizationParametersError": (
        400,
        "Error parsing the Credential/X-Amz-Credential parameter; incorrect service. This "
        'endpoint belongs to "s3".',
    ),
    "AuthorizationQueryParametersError": (400, "Error parsing the X-Amz query parameters."),
    "BadRequest": (400, "400 BadRequest"),
    "BadDigest": (400, "The Content-Md5 you specified did not match what we received."),
    "BucketAlreadyOwnedByYou": (
        409,
        "Your previous request to create the named bucket succeeded and you already own it.",
    ),
    "BucketNotEmpty": (409, "The bucket you tried to delete is not empty"),
    "EmptyRequestBody": (400, "Request body cannot be empty."),
    "EntityTooLarge": (400, "Your proposed upload exceeds the maximum allowed object size."),
    "EntityTooSmall": (
        400,
        "Your proposed upload is smaller than the minimum allowed object size.",
    ),
    "IncompleteBody": (
        400,
        "You did not provide the number of bytes specified by the Content-Length HTTP header.",
    ),
    "InternalError": (500, "We encountered an internal error, please try again."),
    "InvalidAccessKeyId": (403, "The Access Key Id you provided does not exist in our records."),
    "InvalidArgument": (400, "Invalid Argument"),
    "InvalidBucketName": (400, "The specified bucket is not valid."),
    "InvalidDigest": (400, "The Content-Md5 you specified is not valid."),
    "InvalidPart": (
        400,
        "One or more of the specified parts could not be found.  The part may not have been "
        "uploaded, or the specified entity tag may not match the part's entity tag.",
    ),
    "InvalidPartOrder": (
        400,
        "The list of parts was not in ascending order. The parts list must be specified in "
        "order by part number.",
    ),
    "InvalidRange": (416, "The requested range is not satisfiable"),
    "InvalidRegion": (400, "Region does not match."),
    "InvalidRequest": (400, "Invalid Request"),
    "InvalidStorageClass": (400, "Invalid storage class."),
    "InvalidURI": (400, "Could not parse the specified URI."),
    "KeyTooLongError": (400, "Your key is too long"),
    "MalformedPOSTRequest": (
        400,
        "The body of your POST request is not well-formed multipart/form-data.",
    ),
    "MalformedXML": (
        400,
        "The XML you provided was not well-formed or did not validate against our published "
        "schema.",
    ),
    "MetadataTooLarge": (
        400,
        "Your metadata headers exceed the maximum allowed metadata size.",
    ),
    "MissingContentMD5": (
        400,
        "Missing or invalid required header for this request: Content-Md5 or Amz-Content-Checksum",
    ),
    "MalformedDate": (
        400,
        "Invalid date format header, expected to be in ISO8601, RFC1123 or RFC1123Z time format.",
    ),
    "MethodNotAllowed": (405, "The specified method is not allowed against this resource."),
    "MissingFields": (400, "Missing fields in request."),
    "MissingContentLength": (411, "You must provide the Content-Length HTTP header."),
    "NoSuchBucket": (404, "The specified bucket does not exist"),
    "NoSuchKey": (404, "The specified key does not exist."),
    "NoSuchLifecycleConfiguration": (404, "The lifecycle configuration does not exist"),
    "NoSuchUpload": (
        404,
        "The specified multipart upload does not exist. The upload ID may be invalid, or the "
        "upload may have been aborted or completed.",
    ),
    "NotImplemented": (501, "A header you provided implies functionality that is not implemented"),
    "PostPolicyInvalidKeyName": (
        403,
        "Invalid according to Policy: Policy Condition failed",
    ),
    "PreconditionFailed": (412, "At least one of the pre-conditions you specified did not hold"),
    "RequestTimeTooSkewed": (
        403,
        "The difference between the request time and the server's time is too large.",
    ),
    "SignatureDoesNotMatch": (
        403,
        "The request signature we calculated does not match the signature you provided. Check "
        "your key and signing method.",
    ),
    "XAmzContentChecksumMismatch": (
        400,
        "The provided 'x-amz-checksum' header does not match what was computed.",
    ),
    "XAmzContentSHA256Mismatch": (
        400,
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
    ),
    "XMinioInvalidObjectName": (400, "Object name contains unsupported characters."),
    "XMinioInvalidResourceName": (
        400,
        'Resource name contains bad components such as ".." or ".".',
    ),
    "XMinioStorageFull": (
        507,
        "Storage backend has reached its minimum free drive threshold. Please delete a few "
        "objects to proceed.",
    ),
}


class S3Error(Exception):
    """A refusal in S3's terms; `code` must be in the table, which gives status and message."""

    def __init__(self, code: str, message: str | None = None, *, status: int | None = None) -> None:
        table_status, table_message = _TABLE[code]
        self.code = code
        self.status = status or table_status
        self.message = message or table_message
        super().__init__(f"{code}: {self.message}")


class ClientDisconnected(Exception):
    """The client went away in the middle of its request; there is nobody left to answer."""


def error_body(
    error: S3Error,
    *,
    bucket: str,
    key: str,
    resource: str,
    region: str,
    request_id: str,
    host_id: str,
) -> bytes:
    """The `<Error>` document of `error`, elements in MinIO's order."""
    return document(
        element(
            "Error",
            element("Code", error.code),
            element("Message", error.message),
            element("Key", key) if key else None,
            element("BucketName", bucket) if bucket else None,
            element("Resource", resource),
            element("Region", region),
            element("RequestId", request_id),
            element("HostId", host_id),
        )
    )

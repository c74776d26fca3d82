"""Scenes of the store: multipart uploads and sub-resources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.fidelity.comparison import Scene
from tests.fidelity.object_scenes import Play, StorageScene, document
from tests.fidelity.storage import StorageServer

_FIVE_MIB = b"5" * (5 * 1024 * 1024)
_NO_UPLOAD = "0" * 32


def _started(server: StorageServer, key: str) -> str:
    answer = server.signed("POST", f"/@/{key}?uploads")
    return answer.body.decode().partition("<UploadId>")[2].partition("<")[0]


def _parts(*parts: tuple[object, str]) -> bytes:
    inner = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
        for number, etag in parts
    )
    return f"<CompleteMultipartUpload>{inner}</CompleteMultipartUpload>".encode()


def _whole(server: StorageServer) -> Any:
    first = server.signed("POST", "/@/mp/whole?uploads", headers={"content-type": "text/x-parts"})
    upload = first.body.decode().partition("<UploadId>")[2].partition("<")[0]
    target = f"/@/mp/whole?uploadId={upload}"
    sent = [
        server.signed("PUT", f"{target}&partNumber={number}", content)
        for number, content in ((1, _FIVE_MIB), (2, b"last"))
    ]
    listed = [server.signed("GET", f"{target}{more}") for more in ("", "&max-parts=1")]
    uploads = server.signed("GET", "/@?uploads&prefix=mp/whole")
    done = server.signed(
        "POST", target, _parts(*((n, part.headers["etag"]) for n, part in enumerate(sent, 1)))
    )
    again = server.signed("POST", target, _parts((1, sent[0].headers["etag"])))
    return {
        "initiated": server.seen(first),
        "parts": [server.seen(part) for part in sent],
        "listed": [server.seen(one) for one in listed],
        "uploads": server.seen(uploads),
        "completed": server.seen(done),
        "completed again": server.seen(again),
        "read": server.seen(server.signed("HEAD", "/@/mp/whole")),
    }


def _completed(*wanted: tuple[object, object]) -> Play:
    """Two small parts are sent; `wanted` gives number and, by number, whose ETag is told."""

    def play(server: StorageServer) -> Any:
        target = f"/@/mp/bad?uploadId={_started(server, 'mp/bad')}"
        etags: dict[object, str] = {
            number: server.signed("PUT", f"{target}&partNumber={number}", b"small").headers["etag"]
            for number in (1, 2)
        }
        body = _parts(*((number, etags.get(whose, str(whose))) for number, whose in wanted))
        answer = server.signed("POST", target, body)
        server.signed("DELETE", target)
        return server.seen(answer)

    return play


def _raw_completion(body: bytes) -> Play:
    def play(server: StorageServer) -> Any:
        target = f"/@/mp/raw?uploadId={_started(server, 'mp/raw')}"
        answer = server.signed("POST", target, body)
        server.signed("DELETE", target)
        return server.seen(answer)

    return play


def _part(number: str, headers: Mapping[str, str] | None = None) -> Play:
    def play(server: StorageServer) -> Any:
        target = f"/@/mp/part?uploadId={_started(server, 'mp/part')}"
        answer = server.signed("PUT", f"{target}&partNumber={number}", b"x", headers)
        server.signed("DELETE", target)
        return server.seen(answer)

    return play


def _without_upload(method: str, more: str = "", body: bytes = b"") -> Play:
    target = f"/@/mp/none?uploadId={_NO_UPLOAD}{more}"
    return lambda server: server.seen(server.signed(method, target, body))


def _aborted(server: StorageServer) -> Any:
    target = f"/@/mp/gone?uploadId={_started(server, 'mp/gone')}"
    return [server.seen(server.signed("DELETE", target)) for _ in range(2)]


MULTIPART_SCENES: tuple[StorageScene, ...] = (
    Scene("multipart: whole", _whole),
    Scene("multipart: aborted", _aborted),
    Scene("multipart: order", _completed((2, 2), (1, 1))),
    Scene("multipart: unknown part", _completed((1, 1), (3, 1))),
    Scene("multipart: other ETag", _completed((1, "0" * 32))),
    Scene("multipart: too small", _completed((1, 1), (2, 2))),
    Scene("multipart: number zero", _completed((0, 1))),
    Scene("multipart: no part", _raw_completion(_parts())),
    Scene("multipart: nonsense", _raw_completion(b"nonsense")),
    Scene("multipart: nothing", _raw_completion(b"")),
    *(Scene(f"multipart: part {number}", _part(number)) for number in ("0", "10001", "-1", "x")),
    Scene("multipart: wrong digest", _part("1", {"content-md5": "AAAAAAAAAAAAAAAAAAAAAA=="})),
    Scene("multipart: no upload to fill", _without_upload("PUT", "&partNumber=1", b"x")),
    Scene("multipart: no upload to list", _without_upload("GET")),
    Scene("multipart: no upload to end", _without_upload("POST", "", _parts((1, "0" * 32)))),
    Scene("multipart: no upload to abort", _without_upload("DELETE")),
)

_OF_BUCKETS = (
    *("accelerate", "acl", "cors", "encryption", "inventory", "logging", "metrics"),
    *("notification", "object-lock", "ownershipControls", "policy", "policyStatus"),
    *("replication", "requestPayment", "tagging", "versioning", "versions", "website", "odd"),
)
_OF_OBJECTS = ("acl", "attributes", "legal-hold", "retention", "tagging", "torrent", "odd")


def _verdict(method: str, target: str) -> Play:
    return lambda server: server.verdict(server.signed(method, target))


SUBRESOURCE_SCENES: tuple[StorageScene, ...] = (
    *(Scene(f"sub-resource: bucket {name}", _verdict("GET", f"/@?{name}")) for name in _OF_BUCKETS),
    *(
        Scene(f"sub-resource: object {name}", _verdict("GET", f"/@/key?{name}"))
        for name in _OF_OBJECTS
    ),
    Scene("sub-resource: part", _verdict("GET", "/@/key?partNumber=1")),
    Scene("sub-resource: version", _verdict("GET", "/@/key?versionId=null")),
    Scene("sub-resource: put acl", document("PUT", "/@?acl", "<a/>")),
    Scene("sub-resource: put website", document("PUT", "/@?website", "<a/>")),
)

"""Scenes of the store: buckets, objects, listing, multipart uploads, lifecycle rules."""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from tests.fidelity.comparison import Scene
from tests.fidelity.storage import CONTENT, StorageServer, md5_of

Play = Callable[[StorageServer], Any]
StorageScene = Scene[StorageServer]
_ETAG = md5_of(CONTENT)


def ask(
    method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> Play:
    """A request with a good signature."""
    return lambda server: server.seen(server.signed(method, target, body, headers))


def document(method: str, target: str, body: str) -> Play:
    """A request with an XML document and the digest that S3 asks for."""
    content = body.encode()
    return ask(method, target, content, {"content-md5": md5_of(content)})


def _then(*plays: Play) -> Play:
    """Several requests in order."""
    return lambda server: [play(server) for play in plays]


def _put_get_delete(target: str) -> Play:
    return _then(ask("PUT", target, b"x"), ask("GET", target), ask("DELETE", target))


def _length(target: str, method: str = "GET", **headers: str) -> Play:
    """A read whose announced length matters."""

    def play(server: StorageServer) -> Any:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = server.signed(method, target, headers=sent)
        seen = server.seen(answer)
        if answer.status < 300:
            seen["headers"]["content-length"] = answer.headers.get("content-length")
        return seen

    return play


def _etag(server: StorageServer) -> str:
    return server.signed("HEAD", "/@/key").headers["etag"]


def _conditional(header: str, value: str, method: str = "GET") -> Play:
    """A read under a condition; ETAG stands for the object's own."""
    return lambda server: _length(
        "/@/key", method, **{header: value.replace("ETAG", _etag(server))}
    )(server)


def _copied(headers: Mapping[str, str], target: str = "/@/copy") -> Play:
    def play(server: StorageServer) -> Any:
        sent = {name: server.path(value) for name, value in headers.items()}
        return server.seen(server.signed("PUT", target, headers=sent))

    return play


def _list_buckets(server: StorageServer) -> Any:
    seen = server.seen(server.signed("GET", "/"))
    buckets = seen["body"]["ListAllMyBucketsResult"].pop("Buckets")["Bucket"]
    names = [buckets] if isinstance(buckets, dict) else buckets
    return seen | {"bucket": next(one for one in names if one["Name"] == "<bucket>")}


def _without_length(server: StorageServer) -> Any:
    extra = {"transfer-encoding": "chunked", "content-length": ""}
    headers = {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}
    return server.verdict(
        server.signed("PUT", "/@/chunked", b"1\r\nx\r\n0\r\n\r\n", headers, extra=extra)
    )


def _keys(query: str) -> Play:
    """The keys alone that a listing shows."""
    return lambda server: re.findall(
        r"<Key>([^<]+)<", server.signed("GET", f"/@?{query}").body.decode()
    )


def _pages(query: str, marker: str, following: str) -> Play:
    """Every page of a listing: keys and prefixes, and what tells the next."""

    def play(server: StorageServer) -> Any:
        pages, after = [], ""
        for _ in range(10):
            answer = server.signed("GET", f"/@?{query}{after}")
            text = answer.body.decode()
            pages.append(re.findall(r"<(?:Key|Prefix)>([^<]+)<", text))
            found = re.search(f"<{following}>([^<]+)<", text)
            if found is None:
                break
            after = f"&{marker}={found[1]}"
        return pages

    return play


_MISSING = "/no-such-bucket-here"
_CRC = base64.b64encode(zlib.crc32(CONTENT).to_bytes(4, "big")).decode()

BUCKET_SCENES: tuple[StorageScene, ...] = (
    Scene("service: list", _list_buckets),
    *(
        Scene(f"bucket: create {name}", ask("PUT", f"/{name}"))
        for name in ("ab", "User1", "a_b", "a..b", "-ab", "192.168.1.1", "x" * 64, "minio")
    ),
    Scene("bucket: create again", ask("PUT", "/@")),
    Scene(
        "bucket: other region",
        ask(
            "PUT",
            "/@-new",
            b"<CreateBucketConfiguration><LocationConstraint>eu-west-9</LocationConstraint>"
            b"</CreateBucketConfiguration>",
        ),
    ),
    Scene("bucket: create from nonsense", ask("PUT", "/@-new", b"nonsense")),
    Scene("bucket: create and delete", _then(ask("PUT", "/@-new"), ask("DELETE", "/@-new"))),
    Scene("bucket: head", ask("HEAD", "/@")),
    Scene("bucket: head missing", ask("HEAD", _MISSING)),
    Scene("bucket: get missing", ask("GET", _MISSING)),
    Scene("bucket: delete missing", ask("DELETE", _MISSING)),
    Scene("bucket: delete full", ask("DELETE", "/@")),
    Scene("bucket: location", ask("GET", "/@?location")),
    Scene("bucket: location missing", ask("GET", f"{_MISSING}?location")),
    *(Scene(f"bucket: {method}", ask(method, "/@")) for method in ("POST", "PATCH", "OPTIONS")),
    *(
        Scene(f"service: {method}", ask(method, "/"))
        for method in ("PUT", "POST", "DELETE", "HEAD")
    ),
)

_RANGES = (
    *("bytes=10-19", "bytes=-7", "bytes=90-", "bytes=90-999", "bytes=0-0", "bytes=100-"),
    *("bytes=-0", "bytes=20-10", "bytes=nonsense", "lines=1-2", "bytes=0-1,5-6", "bytes=-"),
    *("bytes=200-300", "bytes=-200", "bytes= 1-2"),
)
_CONDITIONS = (
    *(("if-match", "ETAG"), ("if-match", '"0123"'), ("if-match", "*"), ("if-none-match", "ETAG")),
    *(("if-none-match", '"0123"'), ("if-none-match", "*"), ("if-modified-since", "soon")),
    ("if-modified-since", "Tue, 01 Jan 2030 00:00:00 GMT"),
    ("if-modified-since", "Tue, 01 Jan 2019 00:00:00 GMT"),
    ("if-unmodified-since", "Tue, 01 Jan 2019 00:00:00 GMT"),
)
_COPY = {"x-amz-copy-source": "/@/key"}
_PUT_HEADERS: tuple[Mapping[str, str], ...] = (
    {"content-md5": md5_of(CONTENT)},
    {"content-md5": md5_of(b"other")},
    {"content-md5": "nonsense"},
    {"x-amz-checksum-crc32": _CRC},
    {"x-amz-checksum-crc32": "AAAAAA=="},
    {"x-amz-checksum-crc32": "nonsense"},
    {"x-amz-content-sha256": "0" * 64},
    {"x-amz-storage-class": "GLACIER"},
    {"x-amz-acl": "public-read"},
    {"x-amz-acl": "private"},
    {"x-amz-server-side-encryption": "AES256"},
    {"x-amz-tagging": "a=b"},
    {"x-amz-meta-long": "x" * 9000},
    {"if-none-match": "*"},
    {"content-encoding": "gzip"},
)

OBJECT_SCENES: tuple[StorageScene, ...] = (
    Scene("object: get", _length("/@/key")),
    Scene("object: head", _length("/@/key", "HEAD")),
    Scene("object: get empty", _length("/@/empty")),
    Scene("object: get missing", ask("GET", "/@/absent")),
    Scene("object: get in missing bucket", ask("GET", f"{_MISSING}/key")),
    Scene("object: head missing", ask("HEAD", "/@/absent")),
    Scene("object: head in missing bucket", ask("HEAD", f"{_MISSING}/key")),
    Scene("object: put in missing bucket", ask("PUT", f"{_MISSING}/key", b"x")),
    Scene("object: put empty", ask("PUT", "/@/empty")),
    Scene("object: put without a length", _without_length),
    *(Scene(f"range: {value}", _length("/@/key", range=value)) for value in _RANGES),
    *(
        Scene(f"range: head {value}", _length("/@/key", "HEAD", range=value))
        for value in _RANGES[:6]
    ),
    Scene("range: of nothing", _length("/@/empty", range="bytes=0-")),
    *(
        Scene(f"condition: {name} {value}", _conditional(name.replace("-", "_"), value))
        for name, value in _CONDITIONS
    ),
    *(
        Scene(
            f"condition: head {name} {value}", _conditional(name.replace("-", "_"), value, "HEAD")
        )
        for name, value in _CONDITIONS[:4]
    ),
    *(
        Scene(f"override: {name}", ask("GET", f"/@/key?response-{name}=Tue%2C%20x%2Fy"))
        for name in (
            *("cache-control", "content-disposition", "content-encoding", "content-language"),
            *("content-type", "expires"),
        )
    ),
    *(
        Scene(
            f"put: {next(iter(headers))} {next(iter(headers.values()))[:9]}",
            ask("PUT", "/@/put", CONTENT, headers),
        )
        for headers in _PUT_HEADERS
    ),
    *(
        Scene(f"key: {name}", _put_get_delete(f"/@/{key}"))
        for name, key in (
            ("of 255", "k" * 255),
            ("of 256", "k" * 256),
            ("of 1000", "k" * 1000),
            ("of 1025", "k/" * 512 + "k"),
            ("dot dot", "a/%2e%2e/b"),
            ("dot", "a/./b"),
            ("double slash", "a//b"),
            ("leading slash", "/b"),
            ("trailing slash", "folder/"),
            ("backslash", "a%5Cb"),
            ("control character", "a%01b"),
            ("not UTF-8", "a%FFb"),
        )
    ),
    Scene(
        "key: below an object",
        _then(
            ask("PUT", "/@/path", b"x"),
            ask("PUT", "/@/path/y", b"x"),
            _keys("prefix=path"),
            ask("DELETE", "/@/path/y"),
            ask("DELETE", "/@/path"),
        ),
    ),
    Scene("object: delete missing", ask("DELETE", "/@/absent")),
    Scene("object: delete in missing bucket", ask("DELETE", f"{_MISSING}/key")),
    Scene("object: POST", ask("POST", "/@/key")),
    Scene("object: PATCH", ask("PATCH", "/@/key")),
    Scene("copy", _then(_copied(_COPY), _length("/@/copy"))),
    Scene(
        "copy: replace",
        _then(_copied({**_COPY, "x-amz-metadata-directive": "REPLACE"}), _length("/@/copy")),
    ),
    Scene("copy: odd directive", _copied({**_COPY, "x-amz-metadata-directive": "ODD"})),
    Scene("copy: onto itself", _copied(_COPY, "/@/key")),
    Scene("copy: missing", _copied({"x-amz-copy-source": "/@/absent"})),
    Scene("copy: missing bucket", _copied({"x-amz-copy-source": f"{_MISSING}/key"})),
    Scene("copy: no key", _copied({"x-amz-copy-source": "@"})),
    Scene("copy: condition", _copied({**_COPY, "x-amz-copy-source-if-none-match": "*"})),
    Scene("copy: condition fails", _copied({**_COPY, "x-amz-copy-source-if-match": '"0"'})),
    *(
        Scene(f"delete many: {name}", document("POST", "/@?delete", body))
        for name, body in (
            ("one", "<Delete><Object><Key>gone</Key></Object></Delete>"),
            ("two", "<Delete><Object><Key>a</Key></Object><Object><Key>b</Key></Object></Delete>"),
            ("quiet", "<Delete><Quiet>true</Quiet><Object><Key>a</Key></Object></Delete>"),
            ("none", "<Delete></Delete>"),
            ("empty key", "<Delete><Object><Key></Key></Object></Delete>"),
            ("other root", "<Other><Object><Key>a</Key></Object></Other>"),
            ("nonsense", "nonsense"),
        )
    ),
    Scene("delete many: no digest", ask("POST", "/@?delete", b"<Delete></Delete>")),
    Scene("delete many: nothing", ask("POST", "/@?delete")),
    Scene(
        "delete many: missing bucket",
        document("POST", f"{_MISSING}?delete", "<Delete><Object><Key>a</Key></Object></Delete>"),
    ),
)

LISTING_SCENES: tuple[StorageScene, ...] = (
    *(
        Scene(f"list: {query}", ask("GET", f"/@?{query}"))
        for query in (
            *("prefix=list/", "prefix=list/&delimiter=/", "prefix=list/&max-keys=2"),
            *("prefix=list/&delimiter=/&max-keys=1", "prefix=list/&max-keys=0", "max-keys=-1"),
            *("max-keys=x", "prefix=key&max-keys=5000", "prefix=list/&encoding-type=url"),
            *("encoding-type=odd", "prefix=list/&marker=list/b/c", "prefix=list/b&delimiter=b/"),
            *("prefix=none", "prefix=list/&delimiter=/&marker=list/b/"),
            *("list-type=2&prefix=list/", "list-type=2&prefix=list/&delimiter=/"),
            *(
                "list-type=2&prefix=list/&max-keys=2",
                "list-type=2&prefix=list/&start-after=list/b/c",
            ),
            *("list-type=2&continuation-token=nonsense", "list-type=2&continuation-token="),
            *("list-type=2&prefix=list/&fetch-owner=true", "list-type=2&max-keys=0"),
            *(
                "list-type=2&prefix=list/&encoding-type=url",
                "list-type=3&prefix=key",
                "list-type=&prefix=key",
            ),
            *(
                "list-type=2&prefix=//",
                "list-type=2&prefix=%2F%2F&encoding-type=url",
                "prefix=a/../b",
                "marker=zz&prefix=list/",
                "list-type=2&prefix=key",
            ),
        )
    ),
    Scene("list: missing bucket", ask("GET", f"{_MISSING}?prefix=x")),
    Scene("list: pages", _pages("prefix=list/&max-keys=1", "marker", "NextMarker")),
    Scene(
        "list: pages with delimiter",
        _pages("prefix=list/&delimiter=/&max-keys=1", "marker", "NextMarker"),
    ),
    Scene(
        "list: pages of version 2",
        _pages(
            "list-type=2&prefix=list/&max-keys=1", "continuation-token", "NextContinuationToken"
        ),
    ),
)


def _rule(inner: str) -> str:
    return f"<LifecycleConfiguration><Rule>{inner}</Rule></LifecycleConfiguration>"


_DAYS = "<Expiration><Days>7</Days></Expiration>"
_ON = "<Status>Enabled</Status><Filter></Filter>"
_RULES = {
    "filter": f"<ID>ttl</ID><Status>Enabled</Status><Filter><Prefix></Prefix></Filter>{_DAYS}",
    "prefix": f"<ID>ttl</ID><Prefix>a</Prefix><Status>Enabled</Status>{_DAYS}",
    "no id": f"<Status>Enabled</Status><Filter><Prefix>a</Prefix></Filter>{_DAYS}",
    "neither": f"<Status>Enabled</Status>{_DAYS}",
    "both": f"<Prefix>a</Prefix><Status>Enabled</Status><Filter><Prefix>a</Prefix></Filter>{_DAYS}",
    "disabled": f"<Status>Disabled</Status><Filter></Filter>{_DAYS}",
    "odd status": f"<Status>Maybe</Status><Filter></Filter>{_DAYS}",
    "no action": _ON,
    "empty expiration": f"{_ON}<Expiration></Expiration>",
    **{
        f"days {days}": f"{_ON}<Expiration><Days>{days}</Days></Expiration>"
        for days in ("0", "-1", "x")
    },
    **{
        f"date {date}": f"{_ON}<Expiration><Date>{date}</Date></Expiration>"
        for date in ("2030-01-01T00:00:00Z", "2030-01-01T12:00:00Z", "soon")
    },
}

LIFECYCLE_SCENES: tuple[StorageScene, ...] = (
    *(
        Scene(
            f"lifecycle: {name}",
            _then(
                document("PUT", "/@?lifecycle", _rule(inner)),
                ask("GET", "/@?lifecycle"),
                ask("DELETE", "/@?lifecycle"),
            ),
        )
        for name, inner in _RULES.items()
    ),
    Scene("lifecycle: none", ask("GET", "/@?lifecycle")),
    Scene("lifecycle: delete none", ask("DELETE", "/@?lifecycle")),
    Scene(
        "lifecycle: no rule",
        document("PUT", "/@?lifecycle", "<LifecycleConfiguration></LifecycleConfiguration>"),
    ),
    Scene("lifecycle: nonsense", document("PUT", "/@?lifecycle", "nonsense")),
    Scene("lifecycle: other root", document("PUT", "/@?lifecycle", "<a></a>")),
    Scene("lifecycle: no digest", ask("PUT", "/@?lifecycle", _rule(_RULES["filter"]).encode())),
    Scene(
        "lifecycle: wrong digest",
        ask("PUT", "/@?lifecycle", b"<a/>", {"content-md5": md5_of(b"x")}),
    ),
    Scene("lifecycle: missing bucket", ask("GET", f"{_MISSING}?lifecycle")),
)

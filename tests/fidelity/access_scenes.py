"""Scenes of the store: signatures in headers and addresses, and early refusals."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.fidelity.comparison import Scene
from tests.fidelity.object_scenes import Play, StorageScene
from tests.fidelity.storage import CONTENT, StorageServer

_OTHER_DAY = "20200101"


def _anonymous(method: str, target: str) -> Play:
    return lambda server: server.seen(server.send(method, server.path(target)))


def _authorized(value: str, **headers: str) -> Play:
    """A request with this Authorization header; KEY stands for the access key, DAY for today."""

    def play(server: StorageServer) -> Any:
        now = datetime.now(UTC)
        word = value.replace("KEY", server.access).replace("DAY", f"{now:%Y%m%d}")
        sent = {"x-amz-date": f"{now:%Y%m%dT%H%M%SZ}", "x-amz-content-sha256": "UNSIGNED-PAYLOAD"}
        sent |= {name.replace("_", "-"): text for name, text in headers.items()}
        sent = {name: text for name, text in sent.items() if text}
        return server.seen(
            server.send("GET", server.path("/@/key"), headers={"authorization": word, **sent})
        )

    return play


_CREDENTIAL = "AWS4-HMAC-SHA256 Credential="
_REST = ", SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=" + "0" * 64
_SCOPE = "KEY/DAY/us-east-1/s3/aws4_request"


def _signed(**how: Any) -> Play:
    return lambda server: server.seen(server.signed("GET", "/@/key", **how))


def _stranger(server: StorageServer) -> Any:
    return server.seen(server.signed("GET", "/@/key", keys=("stranger-key", "x" * 20)))


def _wrong_secret(server: StorageServer) -> Any:
    return server.seen(server.signed("GET", "/@/key", keys=(server.access, "x" * 20)))


HEADER_SCENES: tuple[StorageScene, ...] = (
    *(
        Scene(f"anonymous: {method} {target}", _anonymous(method, target))
        for method, target in (
            *(("GET", "/@/key"), ("HEAD", "/@/key"), ("PUT", "/@/new"), ("DELETE", "/@/key")),
            *(("GET", "/@"), ("HEAD", "/@"), ("PUT", "/@-new"), ("DELETE", "/@"), ("GET", "/")),
            *(("GET", "/@/absent"), ("GET", "/no-such-bucket-here"), ("POST", "/@/key?uploads")),
        )
    ),
    Scene("header: wrong secret", _wrong_secret),
    Scene("header: unknown key", _stranger),
    Scene("header: other region", _signed(region="eu-west-9")),
    Scene("header: other service", _signed(service="ec2")),
    *(
        Scene(f"header: {name}", _authorized(value))
        for name, value in {
            "bearer": "Bearer abc",
            "basic": "Basic eDp5",
            "version 2": "AWS KEY:signature",
            "nothing behind": "AWS4-HMAC-SHA256",
            "empty": " ",
            "zero signature": f"{_CREDENTIAL}{_SCOPE}{_REST}",
            "short credential": f"{_CREDENTIAL}KEY/DAY{_REST}",
            "no credential": f"AWS4-HMAC-SHA256 {_REST[2:]}",
            "no signature": f"{_CREDENTIAL}{_SCOPE}, SignedHeaders=host",
            "host unsigned": f"{_CREDENTIAL}{_SCOPE}, SignedHeaders=x-amz-date, Signature=0",
            "odd end": f"{_CREDENTIAL}KEY/DAY/us-east-1/s3/odd{_REST}",
            "other day": f"{_CREDENTIAL}KEY/{_OTHER_DAY}/us-east-1/s3/aws4_request{_REST}",
            "odd day": f"{_CREDENTIAL}KEY/someday/us-east-1/s3/aws4_request{_REST}",
        }.items()
    ),
    Scene("header: no date", _authorized(f"{_CREDENTIAL}{_SCOPE}{_REST}", x_amz_date="")),
    Scene("header: odd date", _authorized(f"{_CREDENTIAL}{_SCOPE}{_REST}", x_amz_date="today")),
    Scene(
        "header: old date",
        _authorized(f"{_CREDENTIAL}{_SCOPE}{_REST}", x_amz_date="20200101T000000Z"),
    ),
    Scene("header: unsigned amz header", _signed(extra={"x-amz-meta-colour": "blue"})),
    Scene("header: odd payload", _signed(headers={"x-amz-content-sha256": "odd"})),
)

_NAMES = ("Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature")


def _bent(bend: Callable[[str], str], method: str = "GET", **headers: str) -> Play:
    """A presigned GET whose target has been changed."""

    def play(server: StorageServer) -> Any:
        target = bend(server.presigned("GET", "/@/key"))
        return server.seen(server.send(method, target, headers=headers))

    return play


def _set(name: str, value: str) -> Callable[[str], str]:
    return lambda target: re.sub(f"(X-Amz-{name}=)[^&]*", lambda found: found[1] + value, target)


def _drop(name: str) -> Callable[[str], str]:
    return lambda target: re.sub(f"X-Amz-{name}=[^&]*&?", "", target).rstrip("&")


def _in_credential(old: str, new: str) -> Callable[[str], str]:
    """Change a part of the credential's scope; DAY stands for today."""

    def bend(target: str) -> str:
        return target.replace(old.replace("DAY", f"{datetime.now(UTC):%Y%m%d}"), new, 1)

    return bend


def _moment(ahead: timedelta) -> Callable[[str], str]:
    return lambda target: _set("Date", f"{datetime.now(UTC) + ahead:%Y%m%dT%H%M%SZ}")(target)


def _expired(server: StorageServer) -> Any:
    target = server.presigned("GET", "/@/key", expires=1)
    deadline = time.monotonic() + 10
    answer = server.send("GET", target)
    while answer.status == 200 and time.monotonic() < deadline:
        time.sleep(0.2)
        answer = server.send("GET", target)
    return server.seen(answer)


def _copied_unsigned(server: StorageServer) -> Any:
    target = server.presigned("PUT", "/@/stolen")
    headers = {"x-amz-copy-source": server.path("/@/key")}
    answer = server.send("PUT", target, headers=headers)
    stolen = server.signed("GET", "/@/stolen").body == CONTENT
    return {"put": server.seen(answer), "the other object was copied": stolen}


def _with_header_too(server: StorageServer) -> Any:
    target = server.presigned("GET", "/@/key")
    return server.seen(server.send("GET", target, headers={"authorization": f"{_CREDENTIAL}x"}))


ADDRESS_SCENES: tuple[StorageScene, ...] = (
    Scene("presigned: fine", _bent(lambda target: target)),
    Scene("presigned: other key", _bent(lambda target: target.replace("/key?", "/other?"))),
    Scene("presigned: missing key", _bent(lambda target: target.replace("/key?", "/absent?"))),
    *(
        Scene(f"presigned: {method}", _bent(lambda t: t, method))
        for method in ("PUT", "HEAD", "DELETE")
    ),
    Scene("presigned: other host", _bent(lambda t: t, host="localhost:1")),
    Scene("presigned: more query", _bent(lambda target: target + "&response-expires=x")),
    Scene("presigned: twice the same", _bent(lambda target: target + "&X-Amz-Expires=3600")),
    *(Scene(f"presigned: no {name}", _bent(_drop(name))) for name in _NAMES),
    *(Scene(f"presigned: empty {name}", _bent(_set(name, ""))) for name in _NAMES),
    *(
        Scene(f"presigned: {name} {value[:24]}", _bent(_set(name, value)))
        for name, value in (
            *(("Algorithm", "AWS4-HMAC-SHA512"), ("Algorithm", "odd"), ("Credential", "odd")),
            *(("Date", "odd"), ("Date", "20200101T000000Z"), ("SignedHeaders", "x-amz-date")),
            *(("SignedHeaders", "host%3Bx-amz-acl"), ("Signature", "0" * 64), ("Signature", "odd")),
            *(("Expires", value) for value in ("3599", "0", "-1", "604800", "604801", "x")),
        )
    ),
    *(
        Scene(f"presigned: credential {name}", _bent(_in_credential(old, new)))
        for name, old, new in (
            ("day", "DAY%2F", f"{_OTHER_DAY}%2F"),
            ("odd day", "DAY%2F", "someday%2F"),
            ("region", "us-east-1", "eu-west-9"),
            ("service", "%2Fs3%2F", "%2Fec2%2F"),
            ("end", "aws4_request", "odd"),
        )
    ),
    Scene(
        "presigned: unknown key", _bent(lambda t: re.sub("Credential=[^%]+", "Credential=who", t))
    ),
    Scene("presigned: from the future", _bent(_moment(timedelta(minutes=30)))),
    Scene("presigned: a little old", _bent(_moment(timedelta(minutes=-5)))),
    Scene("presigned: expired", _expired),
    Scene("presigned: header too", _with_header_too),
    Scene("presigned: unsigned copy source", _copied_unsigned),
)


def _waiting(target: str, length: int = 1, *, good: bool = True, more: bool = True) -> Play:
    """A PUT that waits for leave to send: the statuses that come back."""

    def play(server: StorageServer) -> Any:
        address = server.presigned("PUT", target)
        if not good:
            address = _set("Signature", "0" * 64)(address)
        lines = [f"PUT {address} HTTP/1.1", f"Host: {server.host}"]
        lines += [f"Content-Length: {length}", "Expect: 100-continue"]
        name, _, port = server.host.partition(":")
        with socket.create_connection((name, int(port)), timeout=30) as connection:
            connection.sendall("\r\n".join([*lines, "", ""]).encode())
            stream = connection.makefile("rb")
            with stream:
                first = stream.readline().decode().split(" ")[1]
                if first != "100":
                    return {"first": first}
                if not more:
                    return {"first": first}
                stream.readline()
                connection.sendall(b"x")
                return {"first": first, "then": stream.readline().decode().split(" ")[1]}

    return play


EXPECT_SCENES: tuple[StorageScene, ...] = (
    Scene("expect: fine", _waiting("/@/expected")),
    Scene("expect: wrong signature", _waiting("/@/expected", good=False)),
    Scene("expect: missing bucket", _waiting("/no-such-bucket-here/x")),
    Scene("expect: too large", _waiting("/@/x", 6 * 1024**3, more=False)),
    Scene("health: live", lambda server: server.send("GET", "/minio/health/live").status),
    Scene("health: ready", lambda server: server.send("GET", "/minio/health/ready").status),
)

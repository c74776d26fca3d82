"""Scenes of the store: uploads by form, the order of checks and the words of refusals."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from tests.fidelity.comparison import Scene
from tests.fidelity.object_scenes import Play, StorageScene
from tests.fidelity.storage import BOUNDARY, CONTENT, StorageServer

_KEY = {"key": "form"}
_PAST = timedelta(seconds=-5)


def _posted(
    fields: Mapping[str, str] = _KEY, conditions: list[Any] | None = None, **how: Any
) -> Play:
    """A signed form and its answer, and whether the object is there afterwards."""

    def play(server: StorageServer) -> Any:
        return server.seen(server.post(server.form(fields, conditions, **how)))

    return play


def _changed(change: Mapping[str, str | None], **how: Any) -> Play:
    """A signed form with fields changed, added, or left out (None)."""

    def play(server: StorageServer) -> Any:
        fields: dict[str, str | None] = {**server.form(_KEY, **how), **change}
        return server.seen(server.post({n: v for n, v in fields.items() if v is not None}))

    return play


def _policy(text: str | Callable[[StorageServer], str], **change: str) -> Play:
    """A form whose policy is this text, well signed."""

    def play(server: StorageServer) -> Any:
        told = text if isinstance(text, str) else text(server)
        return server.seen(server.post({**server.form(_KEY, policy=told), **change}))

    return play


def _members(**members: Any) -> Callable[[StorageServer], str]:
    def build(server: StorageServer) -> str:
        whole: dict[str, Any] = {
            "expiration": "2090-01-01T00:00:00.000Z",
            "conditions": [{"bucket": server.bucket}, _KEY, *_LOOSE],
        }
        return json.dumps({k: v for k, v in {**whole, **members}.items() if v is not None})

    return build


_LOOSE: list[Any] = [
    ["starts-with", "$x-amz-meta-any", ""],
    ["eq", "$x-amz-algorithm", "AWS4-HMAC-SHA256"],
]


def _sizes(smallest: object, largest: object) -> list[Any]:
    return [_KEY, ["content-length-range", smallest, largest]]


def _content(body: bytes, kind: str = f"multipart/form-data; boundary={BOUNDARY}") -> Play:
    return lambda server: server.seen(
        server.send("POST", server.path("/@"), body, {"content-type": kind})
    )


def _elsewhere(target: str) -> Play:
    return lambda server: server.seen(server.post(server.form(_KEY), target=target))


def _no_file(server: StorageServer) -> Any:
    return server.seen(server.post(server.form(_KEY), None))


def _after_the_file(server: StorageServer) -> Any:
    return server.seen(server.post(server.form(_KEY), after={"surprise": "x"}))


def _key_after_the_file(server: StorageServer) -> Any:
    fields = {name: value for name, value in server.form(_KEY).items() if name != "key"}
    return server.seen(server.post(fields, after=_KEY))


def _kept(server: StorageServer) -> Any:
    fields = {"key": "kept/${filename}", "Content-Type": "text/x-form", "x-amz-meta-colour": "red"}
    conditions = [["starts-with", "$key", "kept/"], *({n: v} for n, v in list(fields.items())[1:])]
    answer = server.post(server.form(fields, conditions))
    stored = server.signed("GET", "/@/kept/the%20file.txt")
    return {"posted": server.seen(answer), "stored": server.seen(stored)}


def _redirected(target: str) -> Play:
    return _posted({"key": "form", "success_action_redirect": target})


_HEAD = f"--{BOUNDARY}\r\nContent-Disposition: form-data; "

FORM_SCENES: tuple[StorageScene, ...] = (
    Scene("form: fine", _posted()),
    Scene("form: with slash", _elsewhere("/@/")),
    Scene("form: to a key", _elsewhere("/@/key")),
    Scene("form: with a query", _elsewhere("/@?odd=1")),
    Scene("form: to a missing bucket", _elsewhere("/no-such-bucket-here")),
    *(
        Scene(f"form: status {value}", _posted({**_KEY, "success_action_status": value}))
        for value in ("200", "201", "204", "500", "odd")
    ),
    *(
        Scene(f"form: redirect {target}", _redirected(target))
        for target in ("http://example.invalid/done?x=1", "/relative", "odd", "http://[")
    ),
    Scene("form: metadata and file name", _kept),
    Scene("form: slash before the key", _posted({"key": "/form"})),
    Scene("form: odd key", _posted({"key": "a b/é+&"})),
    Scene("form: dots in key", _posted({"key": "a/../b"})),
    Scene("form: double slash in key", _posted({"key": "a//b"})),
    Scene("form: no field", lambda server: server.seen(server.post({}))),
    Scene("form: only a key", lambda server: server.seen(server.post(_KEY))),
    Scene("form: no file", _no_file),
    Scene("form: after the file", _after_the_file),
    Scene("form: key after the file", _key_after_the_file),
    *(
        Scene(f"form: no {name}", _changed({name: None}))
        for name in (
            "key",
            "policy",
            "x-amz-signature",
            "x-amz-credential",
            "x-amz-date",
            "x-amz-algorithm",
        )
    ),
    *(
        Scene(f"form: {name} is {value[:20]}", _changed({name: value}))
        for name, value in (
            *(("x-amz-signature", "0" * 64), ("x-amz-signature", "é"), ("x-amz-signature", "")),
            *(("x-amz-credential", "odd"), ("x-amz-date", "odd"), ("x-amz-algorithm", "odd")),
            ("x-amz-credential", "who/20260101/us-east-1/s3/aws4_request"),
            ("x-amz-credential", "who/20260101/eu-west-9/s3/aws4_request"),
            *(("policy", "e30="), ("policy", "!"), ("key", "other"), ("key", "")),
            *(("surprise", "x"), ("x-amz-meta-extra", "x"), ("x-ignore-me", "x")),
            *(("bucket", "other"), ("acl", "public-read"), ("tagging", "x")),
        )
    ),
    Scene("form: expired", _posted(lasts=_PAST)),
    Scene("form: expired, wrong signature", _posted(lasts=_PAST, secret="x")),
    Scene("form: expired, other key", _changed({"key": "other"}, lasts=_PAST)),
    Scene("form: wrong secret", _posted(secret="x")),
    *(
        Scene(f"form: sizes {smallest!r} to {largest!r}", _posted(_KEY, _sizes(smallest, largest)))
        for smallest, largest in (
            *((1, 100), (1, 99), (101, 200), ("1", "100"), ("x", 100), (100, 1), (-5, 100)),
            *((1.5, 100), (0, 6 * 1024**3)),
        )
    ),
    *(
        Scene(f"form: condition {json.dumps(condition)}", _posted(_KEY, [_KEY, condition]))
        for condition in (
            *(["odd", "$key", "form"], ["eq", "key", "form"], ["eq", "$key"], ["eq", "$key", 1]),
            *(
                ["starts-with", "$key", "fo"],
                ["EQ", "$key", "form"],
                ["starts-with", "$bucket", ""],
            ),
            *(["eq", "$x-amz-meta-absent", "x"], {"key": 1}, {}, [], "odd", ["eq", "$KEY", "form"]),
        )
    ),
    Scene("form: bucket not in policy", _policy(_members(conditions=[_KEY]))),
    Scene("form: policy is no JSON", _policy("odd")),
    Scene("form: policy is a list", _policy("[]")),
    Scene("form: policy is empty", _policy("{}")),
    Scene("form: policy without expiration", _policy(_members(expiration=None))),
    Scene("form: policy without conditions", _policy(_members(conditions=None))),
    Scene("form: policy with odd member", _policy(_members(odd=1))),
    Scene("form: policy with odd expiration", _policy(_members(expiration="soon"))),
    Scene("form: policy with day", _policy(_members(expiration="2090-01-01"))),
    Scene(
        "form: policy with a member twice",
        _policy('{"expiration":"2090-01-01T00:00:00.000Z","conditions":[],"conditions":[]}'),
    ),
    Scene("form: nonsense", _content(b"no form at all")),
    Scene("form: empty", _content(f"--{BOUNDARY}--\r\n".encode())),
    Scene("form: no boundary", _content(b"--x\r\n", "multipart/form-data")),
    Scene("form: cut off", _content(f'{_HEAD}name="key"\r\n\r\nk'.encode())),
    Scene("form: cut off in the file", _content(f'{_HEAD}name="file"\r\n\r\n'.encode() + CONTENT)),
    Scene("form: field of 2 MiB", _changed({"x-ignore-long": "x" * (2 * 1024 * 1024)})),
    Scene("form: urlencoded", _content(b"key=form", "application/x-www-form-urlencoded")),
)

"""One request to the FirecREST under load, measured and judged."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlencode

from locust.contrib.fasthttp import FastHttpSession
from locust.exception import RescheduleTask
from urllib3 import encode_multipart_formdata

from f7t_conformance.redaction import redacted
from f7t_loadtest.callers import Tokens
from f7t_loadtest.recorder import Recorder

_KINDS = {
    "ConnectionRefusedError": "connection refused",
    "ConnectionResetError": "connection reset",
    "BrokenPipeError": "connection reset",
    "HTTPConnectionClosed": "connection closed",
    "TimeoutError": "timeout",
    "Timeout": "timeout",
    "timeout": "timeout",
    "gaierror": "name not known",
}
"""What the document calls a connection error, by the exception's name."""


class Unserved(RescheduleTask):
    """The call failed, and has been counted; this visit is over, the next one may begin."""


@dataclass(frozen=True)
class Answer:
    """An answer that was accepted."""

    status: int
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401
        """The body; it has been read as JSON before, if that was asked for."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Calls:
    """How one visitor calls.

    Attributes:
        http: the visitor's own connections.
        tokens: of the identity that it calls as.
        system: value of `X-Machine-Name`.
        recorder: None for preparing and cleaning up, which nobody counts.
    """

    http: FastHttpSession
    tokens: Tokens
    system: str
    recorder: Recorder | None

    def call(
        self,
        method: str,
        path: str,
        *,
        operation: str = "",
        due: float | None = None,
        query: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        file: tuple[str, bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        token: str = "",
        wants: str = "",
        refuse: Callable[[Any], str] | None = None,
    ) -> Answer:
        """One request.

        Args:
            operation: its name in the document; empty: method and path.
            due: when it should have been sent, seconds since the run's start; None: now.
            query, form: parameters.
            file: name and content of the part `file`; makes the form multipart.
            headers: in addition.
            token: another one than the identity's present one.
            wants: a key that the answer's JSON object must have.
            refuse: asked with that object what is wrong with it; an empty text is nothing.

        Raises:
            Unserved: it failed; it is counted.
        """
        body, content_type = _body(form, file)
        sent = {
            "Authorization": f"Bearer {token or self.tokens.present}",
            **({"X-Machine-Name": self.system} if self.system else {}),
            **content_type,
            **(headers or {}),
        }
        name = operation or f"{method} {path}"
        url = f"{path}?{urlencode(query)}" if query else path
        now = self.recorder.now() if self.recorder else 0.0
        # Bytes go out as they are, whatever the annotation says.
        payload = cast("str | None", body)
        got = self.http.request(method, url, name=name, data=payload, headers=sent)
        content = got.content or b""
        failure = _failure(got, content, wants, refuse)
        if self.recorder:
            self.recorder.request(
                name,
                now if due is None else due,
                now,
                sent=len(body or b""),
                received=len(content),
                failure=failure,
            )
        if failure:
            raise Unserved(f"{name}: {failure[0]}: {failure[1]}")
        return Answer(got.status_code, content)


def _body(
    form: Mapping[str, str] | None, file: tuple[str, bytes] | None
) -> tuple[bytes | None, dict[str, str]]:
    if file is not None:
        fields: dict[str, Any] = {**(form or {}), "file": file}
        encoded, content_type = encode_multipart_formdata(fields)
        return encoded, {"Content-Type": content_type}
    if form is not None:
        return urlencode(form).encode(), {"Content-Type": "application/x-www-form-urlencoded"}
    return None, {}


def _failure(
    got: Any,  # noqa: ANN401
    content: bytes,
    wants: str,
    refuse: Callable[[Any], str] | None,
) -> tuple[str, str] | None:
    """Kind and words of what is wrong with an answer; None if nothing is."""
    if not got.status_code:
        return kind_of(got.error), redacted(str(got.error))
    said = content[:2000].decode("utf-8", "replace")
    if got.status_code >= 300:
        return f"HTTP {got.status_code}", redacted(said)
    if not wants:
        return None
    try:
        document = json.loads(content)
    except ValueError:
        return "no JSON", redacted(said)
    if not isinstance(document, dict) or wants not in document:
        return "unexpected answer", redacted(f"no {wants!r} in {said}")
    wrong = refuse(document) if refuse else ""
    return (wrong, redacted(said)) if wrong else None


def kind_of(error: BaseException | None) -> str:
    """What the document calls this connection error."""
    name = type(error).__name__
    return _KINDS.get(name, name)

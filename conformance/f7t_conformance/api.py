"""How a check talks to the server: every call is recorded and held against the contract."""

from __future__ import annotations

import json
import shlex
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests

from f7t_conformance.contract import violations
from f7t_conformance.identity import Caller
from f7t_conformance.model import Exchange
from f7t_conformance.redaction import redacted

_CALL_LIMIT = 90
_BODY_LIMIT = 4096
_KEPT_EXCHANGES = 12


class Unexpected(AssertionError):
    """The server did something else than the requirement says."""

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(f"expected {expected}; got {got}")
        self.expected = expected
        self.got = got


class OutOfBudget(Exception):
    """The run has used what it may use; the remaining requirements are not checked."""


@dataclass(frozen=True)
class Answer:
    """An answer of the server.

    Attributes:
        status: HTTP status code.
        headers: in the order and capitalisation of the wire.
        body: bytes.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """Value of the header with exactly this capitalisation (D01), None if absent."""
        return dict(self.headers).get(name)

    @property
    def json(self) -> Any:  # noqa: ANN401
        """The body; raises `Unexpected` if it is no JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise Unexpected("a JSON body", self.excerpt) from None

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    @property
    def excerpt(self) -> str:
        """Status and beginning of the body, for messages."""
        return f"{self.status} {self.text[:300]}"

    def expect(
        self,
        *status: int,
        header: str = "",
        value: str | None = None,
        **body: Any,  # noqa: ANN401
    ) -> Answer:
        """This answer, if it is as described.

        Args:
            status: allowed status codes.
            header: must be there, in this capitalisation.
            value: of that header, exactly.
            body: keys of the JSON body with their exact values.

        Raises:
            Unexpected: with what was expected and what came.
        """
        if self.status not in status:
            raise Unexpected(f"status {' or '.join(map(str, status))}", self.excerpt)
        if header and self.header(header) is None:
            names = ", ".join(name for name, _ in self.headers)
            raise Unexpected(f"header {header} (in this capitalisation)", f"headers {names}")
        if value is not None and self.header(header) != value:
            raise Unexpected(f"{header}: {value}", f"{header}: {self.header(header)}")
        for key, wanted in body.items():
            got = self.json.get(key) if isinstance(self.json, dict) else None
            if got != wanted:
                raise Unexpected(f"{key} = {wanted!r}", self.excerpt)
        return self


class Pace:
    """At most so many requests a second, over all threads of this process."""

    def __init__(self, per_second: float, deadline: float) -> None:
        self._pause = 1 / per_second
        self._next = 0.0
        self._deadline = deadline
        self._lock = threading.Lock()

    def without_end(self) -> Pace:
        """The same pace for what must be done after the run's time."""
        return Pace(1 / self._pause, float("inf"))

    def wait(self) -> None:
        """Returns when the next request may go; raises `OutOfBudget` after the run's time."""
        with self._lock:
            now = time.monotonic()
            if now > self._deadline:
                raise OutOfBudget("the run's time is used up (budget.seconds)")
            at = max(now, self._next)
            self._next = at + self._pause
        time.sleep(max(0.0, at - now))


@dataclass
class Api:
    """Calls of one caller to one server.

    Attributes:
        target: base URL without trailing slash.
        caller: whose token is sent; None sends none.
        system: value of `X-Machine-Name`.
        pace: shared by all.
        exchanges: what was said, without secrets; the last ones are kept.
    """

    target: str
    caller: Caller | None
    system: str
    pace: Pace
    exchanges: list[Exchange] = field(default_factory=list)
    http: requests.Session = field(default_factory=requests.Session)

    def recording(self) -> Api:
        """The same with a record of its own, for one check."""
        return Api(self.target, self.caller, self.system, self.pace, [], self.http)

    def unhurried(self) -> Api:
        """The same for cleaning up: it may go on when the run's time is used up."""
        return Api(self.target, self.caller, self.system, self.pace.without_end(), [], self.http)

    def get(self, path: str, **query: str | None) -> Answer:
        """GET with these query parameters; None leaves one out."""
        return self.call("GET", path, query=query)

    def post(self, path: str, **form: str | None) -> Answer:
        """POST with these form fields; None leaves one out."""
        return self.call("POST", path, form=form)

    def put(self, path: str, **form: str | None) -> Answer:
        """PUT with these form fields; None leaves one out."""
        return self.call("PUT", path, form=form)

    def delete(self, path: str, **form: str | None) -> Answer:
        """DELETE with these form fields; None leaves one out."""
        return self.call("DELETE", path, form=form)

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | None] | None = None,
        form: Mapping[str, str | None] | None = None,
        files: Mapping[str, tuple[str, bytes]] | None = None,
        data: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str | None] | None = None,
        contract: bool = True,
    ) -> Answer:
        """One request.

        Args:
            method: also methods that HTTP does not know.
            path: of the API, percent-encoded where needed.
            query, form: parameters; None leaves one out.
            files: part name to file name and content; makes the form multipart.
            data: a raw body instead of a form; anything but bytes is sent in chunks.
            headers: in addition to token and machine; None removes one of these.
            contract: False for a call whose answer the contract says nothing about.

        Raises:
            Unexpected: no answer, or one that breaks the contract.
            OutOfBudget: the run's time is used up.
            NoToken: the caller's identity does not work.
        """
        self.pace.wait()
        sent = _present({**self._own_headers(), **(headers or {})})
        fields = _present(form or {})
        request = requests.Request(
            method,
            self.target + path,
            headers=sent,
            params=urlencode(_present(query or {})) or None,
            data=data if data is not None else fields or None,
            files=dict(files) if files else None,
        )
        prepared = self.http.prepare_request(request)
        prepared.method = method
        got, answer = self._exchanged(prepared)
        if contract:
            broken = violations(got, urlsplit(path).path)
            if broken:
                raise Unexpected("an answer as the contract describes it", "\n".join(broken))
        return answer

    def outside(
        self,
        method: str,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        files: Mapping[str, tuple[str, bytes]] | None = None,
    ) -> Answer:
        """One request to another server, such as the staging area: no token, no contract.

        Raises:
            Unexpected: no answer.
            OutOfBudget: the run's time is used up.
        """
        self.pace.wait()
        _, answer = self._exchanged(requests.Request(method, url, data=form, files=files).prepare())
        return answer

    def _exchanged(self, sent: requests.PreparedRequest) -> tuple[requests.Response, Answer]:
        started = time.monotonic()
        try:
            got = self.http.send(sent, timeout=_CALL_LIMIT, allow_redirects=False)
        except requests.RequestException as error:
            raise Unexpected("an answer", f"{type(error).__name__}: {error}") from error
        answer = Answer(got.status_code, tuple(got.raw.headers.items()), got.content)
        self._record(sent, answer, time.monotonic() - started)
        return got, answer

    def _own_headers(self) -> dict[str, str | None]:
        own: dict[str, str | None] = {"X-Machine-Name": self.system}
        if self.caller is not None:
            own["Authorization"] = f"Bearer {self.caller.token}"
        return own

    def _record(self, sent: requests.PreparedRequest, answer: Answer, seconds: float) -> None:
        given = sent.body.encode() if isinstance(sent.body, str) else sent.body
        body = given if isinstance(given, bytes) else b""
        shown = redacted(_cut(body))
        self.exchanges.append(
            Exchange(
                method=sent.method or "",
                url=redacted(sent.url or ""),
                request_headers=_shown(sent.headers.items()),
                request_body=shown,
                status=answer.status,
                response_headers=_shown(answer.headers),
                response_body=redacted(_cut(answer.body)),
                seconds=round(seconds, 4),
                curl=_curl(sent, shown),
            )
        )
        del self.exchanges[:-_KEPT_EXCHANGES]


def _present(values: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value is not None}


def _cut(body: bytes) -> str:
    text = body[:_BODY_LIMIT].decode("utf-8", "backslashreplace")
    return text if len(body) <= _BODY_LIMIT else f"{text}… ({len(body)} bytes)"


def _shown(headers: Any) -> tuple[tuple[str, str], ...]:  # noqa: ANN401
    return tuple((str(name), redacted(str(value))) for name, value in headers)


_IMPLIED = frozenset({"authorization", "user-agent", "accept", "accept-encoding", "connection"})


def _curl(sent: requests.PreparedRequest, body: str) -> str:
    """A shell line that repeats the request; `$TOKEN` stands for the bearer token."""
    words = ["curl", "-i", "-X", sent.method or "GET"]
    for name, value in sent.headers.items():
        if name.lower() not in _IMPLIED and name.lower() != "content-length":
            words += ["-H", f"{name}: {redacted(str(value))}"]
    if body:
        words += ["--data-binary", body]
    line = shlex.join([*words, redacted(sent.url or "")])
    if "Authorization" in sent.headers:
        line = line.replace("curl -i", 'curl -i -H "Authorization: Bearer $TOKEN"', 1)
    return line

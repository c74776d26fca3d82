"""HTTP/1.1 on the wire: a parser in C, and header names that keep their capitalisation (D01).

uvicorn's protocol over llhttp costs a fraction of the one over h11, but writes header names in
lower case, and llhttp refuses what it does not know: other methods, some targets that RFC 3986
allows. Neither does it answer HTTP/1.0 rightly when the length is not known. Such a request is
rare: its connection is handed to h11, which takes it as it is.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

import httptools
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from f7t.joining import Joining

HEAD_LIMIT = 64 * 1024
"""Bytes of a request line and its headers; a longer head is answered 400."""


class HeaderName(bytes):
    """A header's name that stays as it is where a server lower-cases names before it writes them.

    Compares without regard to case, as names do (RFC 9110 §5.1).
    """

    __slots__ = ()

    def lower(self) -> bytes:
        """Itself: nobody changes its case."""
        return self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, bytes) and bytes.lower(self) == bytes.lower(other)

    def __hash__(self) -> int:
        return hash(bytes.lower(self))


class _ForH11(Exception):
    """llhttp takes this request, but uvicorn would not answer it rightly."""


class _TooLong(Exception):
    """The head is over the limit."""


class CaseKeeping(HttpToolsProtocol):
    """A connection. `_head` holds what came of a request until its head is complete."""

    _head = b""
    _between = True
    _heads_begun = 0
    _answering = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has connected."""
        super().connection_made(cast("asyncio.Transport", Joining(transport, self.loop)))

    def data_received(self, data: bytes) -> None:
        """Parse; what llhttp does not take is given to h11 from the request's first byte on."""
        self._unset_keepalive_if_required()
        self._heads_begun = 0
        self._head = data if self._between else self._head + data if self._head else b""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            if not self._hand_over():
                self._refuse()
            return
        if len(self._head) > HEAD_LIMIT:
            self._refuse()

    def on_message_begin(self) -> None:
        """A request begins."""
        self._between = self._answering = False
        self._heads_begun += 1
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Its head is complete: the application is called."""
        length = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if length > HEAD_LIMIT:
            self._head = b""
            raise _TooLong
        if self.parser.should_upgrade() or self.parser.get_http_version() != "1.1":
            raise _ForH11
        super().on_headers_complete()
        self._answering = True
        self._head = b""

    def on_message_complete(self) -> None:
        """The request is complete, though perhaps not its answer."""
        self._between = True
        super().on_message_complete()

    def _refuse(self) -> None:
        self.send_400_response("Invalid HTTP request received.")

    def _hand_over(self) -> bool:
        """Whether h11 has the connection now: only if it can be given the whole request."""
        busy = self.cycle is not None and not self.cycle.response_complete
        if not self._head or self._answering or busy or self._heads_begun > 1:
            return False
        self.connections.discard(self)
        successor = H11Protocol(self.config, self.server_state, self.app_state, self.loop)
        self.transport.set_protocol(successor)
        successor.connection_made(self.transport)
        successor.data_received(self._head)
        return True


def serving(app: ASGIApp, **options: Any) -> uvicorn.Config:  # noqa: ANN401
    """How the gateway is served, for `uvicorn.Server`; `options` as `uvicorn.Config` has them."""
    return uvicorn.Config(
        app,
        http=CaseKeeping,
        loop="uvloop",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=HEAD_LIMIT,
        **options,
    )

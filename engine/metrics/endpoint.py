"""The HTTP endpoint of Prometheus and of health checks: an asyncio protocol on the daemon's loop, no thread.

    GET /metrics   everything, as text or OpenMetrics by the Accept header
    GET /healthz   200 while the loop turns
    GET /readyz    200, or 503 with a line for everything that is missing for work

Answers GET, HEAD and OPTIONS, HTTP/1.1 and 1.0 (`engine.metrics.http_request`). Every connection has a bounded head, a
bounded time for each request and for reading its answer, and a bounded number of answers; connections are bounded in
number. Requests sent ahead are answered in their order, one at a time, and no more of them is read meanwhile than one
head and one piece from the socket. A request's body is not read: the connection ends behind the answer. Nothing is
compressed, whatever Accept-Encoding says: that is work for this loop, which has orders to serve. An endpoint that fails
answers 500; it never stops the engine. What is long is made in pieces, between which the loop turns.

Reference: RFC 9110 and 9112 (HTTP); Prometheus exposition formats.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from typing import Final, Protocol, cast

from engine.errors import StartError
from engine.metrics.http_request import (
    METHODS,
    Refusal,
    Request,
    end_of_head,
    may_begin,
    read_head,
    without_empty_lines,
)

log = logging.getLogger(__name__)

HEAD_BYTES_MAX: Final = 16_384
"""Bytes of a request line with its fields."""
LINE_BYTES_MAX: Final = 8192
"""Bytes of a request line."""
REQUEST_S_MAX: Final = 10.0
"""Seconds a request may take to arrive, however it trickles, and its answer to be read."""
LINGER_S_MAX: Final = 2.0
"""Seconds for a client to close after its last answer: what it still sends must not cost it that answer."""
IDLE_S_MAX: Final = 75.0
"""Seconds a connection may wait for its next request: longer than a usual scrape interval."""
CONNECTIONS_MAX: Final = 16
ANSWERS_MAX: Final = 1000
"""Requests of one connection before it has to connect anew."""

_ALLOW: Final = ", ".join(METHODS)
_TEXT: Final = "text/plain; charset=utf-8"


class Exposition(Protocol):
    """What there is to show: `engine.metrics.collector.Metrics`."""

    def exposition(self, accept: str = "") -> tuple[Iterator[bytes], str]:
        """The text in pieces, each made when it is asked for, and its Content-Type."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one endpoint allows its clients. Seconds are real."""

    head_bytes_max: int = HEAD_BYTES_MAX
    line_bytes_max: int = LINE_BYTES_MAX
    request_s_max: float = REQUEST_S_MAX
    linger_s_max: float = LINGER_S_MAX
    idle_s_max: float = IDLE_S_MAX
    connections_max: int = CONNECTIONS_MAX
    answers_max: int = ANSWERS_MAX


@dataclass(frozen=True, slots=True)
class _Answer:
    status: HTTPStatus
    body: Iterable[bytes]
    content_type: str = _TEXT
    fields: tuple[str, ...] = ()
    """Field lines of its own."""


class MetricsEndpoint:
    """`readiness` says what is missing for work, in words; nothing when ready. Port 0 takes any free one."""

    def __init__(
        self,
        host: str,
        port: int,
        metrics: Exposition,
        readiness: Callable[[], Sequence[str]],
        bounds: Bounds | None = None,
    ) -> None:
        self.host = host
        self.port = port
        """The port that is listened on, once started."""
        self.bounds = bounds if bounds is not None else Bounds()
        self._metrics = metrics
        self._readiness = readiness
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()

    async def start(self) -> None:
        """Listen. Raises StartError where that is not possible."""
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(lambda: _Connection(self), self.host, self.port)
        except OSError as error:
            raise StartError(
                f"metrics.port: cannot listen on {self.host}:{self.port}: {error.strerror or error}; "
                "is another rfqd running? Choose another port (0 takes any free one) or stop what is using it"
            ) from error
        self.port = self._server.sockets[0].getsockname()[1]
        log.info("metrics endpoint listening url=http://%s:%d/metrics", self.host, self.port)

    def close(self) -> None:
        """Stop listening and drop every connection, at once."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in list(self._connections):
            connection.drop()

    # --- what its connections ask ------------------------------------------------------------------

    def admit(self, connection: _Connection) -> bool:
        """Is there room for one more?"""
        if len(self._connections) >= self.bounds.connections_max:
            return False
        self._connections.add(connection)
        return True

    def forget(self, connection: _Connection) -> None:
        self._connections.discard(connection)

    def answer(self, request: Request) -> _Answer:
        if request.path == "*":
            return _Answer(HTTPStatus.NO_CONTENT, (), fields=(f"Allow: {_ALLOW}",))
        resource = {"/metrics": self._show, "/healthz": self._healthy, "/readyz": self._ready}.get(request.path)
        if request.method not in METHODS and (resource is not None or not request.path):
            return _Answer(HTTPStatus.METHOD_NOT_ALLOWED, (f"{_ALLOW} only\n".encode(),), fields=(f"Allow: {_ALLOW}",))
        if resource is None:
            return _said(HTTPStatus.NOT_FOUND, "not found: /metrics, /healthz and /readyz are what there is")
        if request.method == "OPTIONS":
            return _Answer(HTTPStatus.NO_CONTENT, (), fields=(f"Allow: {_ALLOW}",))
        return resource(request)

    def _show(self, request: Request) -> _Answer:
        body, content_type = self._metrics.exposition(request.accept)
        return _Answer(HTTPStatus.OK, body, content_type, ("Vary: Accept",))

    def _healthy(self, request: Request) -> _Answer:
        return _said(HTTPStatus.OK, "ok")

    def _ready(self, request: Request) -> _Answer:
        missing = self._readiness()
        if missing:
            return _said(HTTPStatus.SERVICE_UNAVAILABLE, "\n".join(missing))
        return _said(HTTPStatus.OK, "ready")


class _Connection(asyncio.Protocol):
    """One client. A single timer runs at any time: for its next request, or for the end of this one."""

    def __init__(self, endpoint: MetricsEndpoint) -> None:
        self._endpoint = endpoint
        self._bounds = endpoint.bounds
        self._loop = asyncio.get_running_loop()
        self._buffer = b""
        self._answers = 0
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._making = False
        """An answer is being made."""
        self._unread = False
        """Much of an answer has not left yet: the client does not read."""
        self._ended = False
        """The last answer was written: what still comes is dropped."""
        self._said_all = False
        """The client will send nothing more."""
        self._held = False
        """Nothing is read from the socket: enough waits here."""

    # --- what the loop calls -----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance.
        self._wait(self._bounds.request_s_max)
        if not self._endpoint.admit(self):
            self._end(_said(HTTPStatus.SERVICE_UNAVAILABLE, "too many connections"))

    def data_received(self, data: bytes) -> None:
        if self._gone:
            return
        was_idle = not self._busy and not self._buffer
        self._buffer += data
        if self._busy:
            self._hold(len(self._buffer) > self._bounds.head_bytes_max)
            return
        self._buffer = without_empty_lines(self._buffer)
        if was_idle and self._buffer and self._answers:
            self._wait(self._bounds.request_s_max)  # Idle until now: the next request has begun.
        self._read()

    def eof_received(self) -> bool:
        """Whoever has said all that there is to say still gets the answers: True keeps the connection for them."""
        self._said_all = True
        return self._busy and not self._ended

    def pause_writing(self) -> None:
        self._unread = True
        self._wait(self._bounds.request_s_max)

    def resume_writing(self) -> None:
        self._unread = False
        self._rest()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
        self._endpoint.forget(self)

    # --- what it does ------------------------------------------------------------------------------

    @property
    def _busy(self) -> bool:
        return self._making or self._unread

    @property
    def _gone(self) -> bool:
        return self._ended or self._transport is None or self._transport.is_closing()

    def drop(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _read(self) -> None:
        """Answer the request in the buffer, if it is whole."""
        bounds, buffer = self._bounds, self._buffer
        if not may_begin(buffer):
            self._end(_said(HTTPStatus.BAD_REQUEST, "HTTP is spoken here, and no TLS"))
            return
        end = end_of_head(buffer)
        line = buffer.find(b"\n", 0, bounds.line_bytes_max + 2)
        if line < 0 and len(buffer) > bounds.line_bytes_max:
            text = f"a request line of at most {bounds.line_bytes_max} bytes is read"
            self._end(_said(HTTPStatus.REQUEST_URI_TOO_LONG, text))
            return
        if (end[0] if end else len(buffer) - 3) > bounds.head_bytes_max:  # Up to 3 bytes may be of the end.
            text = f"a request head of at most {bounds.head_bytes_max} bytes is read"
            self._end(_said(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, text))
            return
        if end is None:
            return
        request = read_head(buffer[: end[0]])
        if isinstance(request, Refusal):
            self._end(_said(request.status, request.text))
            return
        self._buffer = without_empty_lines(buffer[end[1] :])
        self._answers += 1
        last = not request.keep_alive or request.has_body or self._answers >= bounds.answers_max
        self._making = True
        try:
            answer = self._endpoint.answer(request)
        except Exception:
            self._failed(request)
            return
        self._loop.call_soon(self._make, request, answer, iter(answer.body), [], last)

    def _make(self, request: Request, answer: _Answer, rest: Iterator[bytes], made: list[bytes], last: bool) -> None:
        """One piece more of the answer; the loop turns before the next."""
        if self._gone:
            return
        try:
            piece = next(rest, None)
        except Exception:
            self._failed(request)
            return
        if piece is None:
            self._send(_written(answer, b"".join(made), last=last, bare=request.method == "HEAD"), last=last)
        else:
            made.append(piece)
            self._loop.call_soon(self._make, request, answer, rest, made, last)

    def _failed(self, request: Request) -> None:
        """Whoever looks on must not stop what they look at: the loop goes on, the log says why."""
        log.exception("metrics endpoint failed path=%s: this is a bug of the engine", request.path)
        text = "this could not be shown: see the daemon's log"
        self._end(_said(HTTPStatus.INTERNAL_SERVER_ERROR, text), bare=request.method == "HEAD")

    def _end(self, answer: _Answer, *, bare: bool | None = None) -> None:
        """Give the last answer. That to HEAD has no body, whatever it says and as far as its head was read."""
        if bare is None:
            bare = self._buffer.startswith(b"HEAD ")
        self._send(_written(answer, b"".join(answer.body), last=True, bare=bare), last=True)

    def _send(self, data: bytes, *, last: bool) -> None:
        assert self._transport is not None
        self._making = False
        self._ended = last
        self._transport.write(data)
        if last:
            self._buffer = b""
            # 9112-9.6: closed with something unread, the network would take the answer back. What comes is dropped.
            self._transport.write_eof()
            self._hold(False)
        if not self._unread:
            self._rest()

    def _rest(self) -> None:
        """An answer has left: wait for the end or the next request, or go on with what came meanwhile."""
        if self._ended:
            self._wait(self._bounds.linger_s_max)
            return
        self._wait(self._bounds.request_s_max if self._buffer else self._bounds.idle_s_max)
        if self._buffer:
            self._read()
        if self._said_all and not self._busy and not self._ended and self._transport is not None:
            self._transport.close()
        self._hold(self._busy and len(self._buffer) > self._bounds.head_bytes_max)

    def _hold(self, held: bool) -> None:
        """Have the socket read no further, or again."""
        if self._transport is None or self._transport.is_closing() or held == self._held:
            return
        self._held = held
        if held:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _wait(self, seconds: float) -> None:
        """Start the one timer anew."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, self._time_is_over)

    def _time_is_over(self) -> None:
        if self._gone or self._busy or not self._buffer:
            self.drop()
        else:
            self._end(_said(HTTPStatus.REQUEST_TIMEOUT, "the request did not arrive in time"))


def _said(status: HTTPStatus, text: str) -> _Answer:
    return _Answer(status, (f"{text}\n".encode(),))


def _written(answer: _Answer, body: bytes, *, last: bool, bare: bool) -> bytes:
    """The bytes of an answer; `bare` is one to HEAD."""
    lines = [
        f"HTTP/1.1 {answer.status.value} {answer.status.phrase}",
        f"Date: {formatdate(usegmt=True)}",
        "Cache-Control: no-store",
        f"Connection: {'close' if last else 'keep-alive'}",
        *answer.fields,
    ]
    if answer.status is not HTTPStatus.NO_CONTENT:  # 9110-8.6: which has no length.
        lines += [f"Content-Type: {answer.content_type}", f"Content-Length: {len(body)}"]
    return "\r\n".join((*lines, "", "")).encode("latin-1") + (b"" if bare else body)

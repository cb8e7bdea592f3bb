"""The HTTP endpoint of Prometheus and of health checks: an asyncio protocol on the daemon's loop, no thread.

    GET /metrics   everything, as text or OpenMetrics by the Accept header
    GET /healthz   200 while the loop turns
    GET /readyz    200, or 503 with a line for everything that is missing for work

Answers GET and HEAD, HTTP/1.1 and 1.0. Every connection has a bounded head, a bounded time for each request and for
reading its answer, and a bounded number of answers; connections are bounded in number. A request body, or a second
request sent before the first is answered, is not read: the connection closes behind the answer. An endpoint that fails
answers 500; it never stops the engine. What is long is made in pieces, between which the loop turns.

Reference: RFC 9112 (HTTP/1.1); Prometheus exposition formats.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Protocol, cast

from engine.errors import StartError

log = logging.getLogger(__name__)

HEAD_BYTES_MAX: Final = 8192
"""Bytes of a request line with its headers."""
REQUEST_S_MAX: Final = 10.0
"""Seconds a request may take to arrive, however it trickles, and its answer to be read."""
IDLE_S_MAX: Final = 75.0
"""Seconds a connection may wait for its next request: longer than a usual scrape interval."""
CONNECTIONS_MAX: Final = 16
ANSWERS_MAX: Final = 1000
"""Requests of one connection before it has to connect anew."""

_HEAD_END: Final = b"\r\n\r\n"
_TEXT: Final = "text/plain; charset=utf-8"


class Exposition(Protocol):
    """What there is to show: `engine.metrics.collector.Metrics`."""

    def exposition(self, accept: str = "") -> tuple[Iterator[bytes], str]:
        """The text in pieces, each made when it is asked for, and its Content-Type."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one endpoint allows its clients. Seconds are real."""

    head_bytes_max: int = HEAD_BYTES_MAX
    request_s_max: float = REQUEST_S_MAX
    idle_s_max: float = IDLE_S_MAX
    connections_max: int = CONNECTIONS_MAX
    answers_max: int = ANSWERS_MAX


@dataclass(frozen=True, slots=True)
class _Answer:
    status: HTTPStatus
    body: Iterable[bytes]
    content_type: str = _TEXT
    allow: str = ""


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    accept: str
    keep_alive: bool
    has_body: bool


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

    def answer(self, request: _Request) -> _Answer:
        resource = {"/metrics": self._show, "/healthz": self._healthy, "/readyz": self._ready}.get(request.path)
        if resource is None:
            return _said(HTTPStatus.NOT_FOUND, "not found: /metrics, /healthz and /readyz are what there is")
        if request.method not in ("GET", "HEAD"):
            return _Answer(HTTPStatus.METHOD_NOT_ALLOWED, (b"GET and HEAD only\n",), allow="GET, HEAD")
        return resource(request)

    def _show(self, request: _Request) -> _Answer:
        body, content_type = self._metrics.exposition(request.accept)
        return _Answer(HTTPStatus.OK, body, content_type)

    def _healthy(self, request: _Request) -> _Answer:
        return _said(HTTPStatus.OK, "ok")

    def _ready(self, request: _Request) -> _Answer:
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

    # --- what the loop calls -----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance.
        self._wait(self._bounds.request_s_max)
        if not self._endpoint.admit(self):
            self._end(_said(HTTPStatus.SERVICE_UNAVAILABLE, "too many connections"))

    def data_received(self, data: bytes) -> None:
        if self._gone:
            return
        if not self._busy and not self._buffer and self._answers:
            self._wait(self._bounds.request_s_max)  # Idle until now: the next request has begun.
        # One byte over the bound is enough to know that it is.
        self._buffer += data[: self._bounds.head_bytes_max + len(_HEAD_END) + 1 - len(self._buffer)]
        if not self._busy:
            self._read()

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
        return self._transport is None or self._transport.is_closing()

    def drop(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _read(self) -> None:
        """Answer the request in the buffer, if it is whole."""
        end = self._buffer.find(_HEAD_END)
        if end > self._bounds.head_bytes_max or (end < 0 and len(self._buffer) > self._bounds.head_bytes_max):
            text = f"a request head of at most {self._bounds.head_bytes_max} bytes is read"
            self._end(_said(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, text))
            return
        if end < 0:
            return
        head, more = self._buffer[:end], self._buffer[end + len(_HEAD_END) :]
        self._buffer = b""
        request = _parse(head)
        if isinstance(request, _Answer):
            self._end(request)
            return
        self._answers += 1
        last = not request.keep_alive or request.has_body or bool(more) or self._answers >= self._bounds.answers_max
        self._making = True
        try:
            answer = self._endpoint.answer(request)
        except Exception:
            self._failed(request)
            return
        self._make(request, answer, iter(answer.body), [], last)

    def _make(self, request: _Request, answer: _Answer, rest: Iterator[bytes], made: list[bytes], last: bool) -> None:
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

    def _failed(self, request: _Request) -> None:
        """Whoever looks on must not stop what they look at: the loop goes on, the log says why."""
        log.exception("metrics endpoint failed path=%s: this is a bug of the engine", request.path)
        self._end(_said(HTTPStatus.INTERNAL_SERVER_ERROR, "this could not be shown: see the daemon's log"))

    def _end(self, answer: _Answer) -> None:
        self._buffer = b""
        self._send(_written(answer, b"".join(answer.body), last=True, bare=False), last=True)

    def _send(self, data: bytes, *, last: bool) -> None:
        assert self._transport is not None
        self._making = False
        self._transport.write(data)
        if last:
            self._wait(self._bounds.request_s_max)
            self._transport.close()
        elif not self._unread:
            self._rest()

    def _rest(self) -> None:
        """An answer has left: wait for the next request, or go on with what came meanwhile."""
        self._wait(self._bounds.request_s_max if self._buffer or self._gone else self._bounds.idle_s_max)
        if self._buffer and not self._gone:
            self._read()

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


def _parse(head: bytes) -> _Request | _Answer:
    """A request, or the answer to what is none."""
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not all(words) or not words[2].startswith("HTTP/"):
        return _said(HTTPStatus.BAD_REQUEST, "expected a request line such as 'GET /metrics HTTP/1.1'")
    method, target, version = words
    if version not in ("HTTP/1.1", "HTTP/1.0"):
        return _said(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "HTTP/1.1 and HTTP/1.0 are spoken here")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            return _said(HTTPStatus.BAD_REQUEST, "expected headers such as 'Host: localhost'")
        name, value = name.lower(), value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    if version == "HTTP/1.1" and "host" not in headers:
        return _said(HTTPStatus.BAD_REQUEST, "HTTP/1.1 needs a Host header")
    wishes = {wish.strip().lower() for wish in headers.get("connection", "").split(",")}
    keep_alive = "close" not in wishes if version == "HTTP/1.1" else "keep-alive" in wishes
    has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
    return _Request(method, target.partition("?")[0], headers.get("accept", ""), keep_alive, has_body)


def _said(status: HTTPStatus, text: str) -> _Answer:
    return _Answer(status, (f"{text}\n".encode(),))


def _written(answer: _Answer, body: bytes, *, last: bool, bare: bool) -> bytes:
    """The bytes of an answer; `bare` is one to HEAD."""
    lines = [
        f"HTTP/1.1 {answer.status.value} {answer.status.phrase}",
        f"Content-Type: {answer.content_type}",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        f"Connection: {'close' if last else 'keep-alive'}",
    ]
    if answer.allow:
        lines.append(f"Allow: {answer.allow}")
    return "\r\n".join(lines).encode("latin-1") + _HEAD_END + (b"" if bare else body)

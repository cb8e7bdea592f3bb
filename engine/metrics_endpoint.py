"""The HTTP endpoint of Prometheus and of health checks: an asyncio protocol on the daemon's loop, no thread.

    GET /metrics   everything, as text or OpenMetrics by the Accept header
    GET /healthz   200 while the loop turns
    GET /readyz    200, or 503 with a line for everything that is missing for work

Answers GET and HEAD, HTTP/1.1 and 1.0. Every connection has a bounded head, a bounded time for each request and for
reading its answer, and a bounded number of answers; connections are bounded in number. A request body, or a second
request sent before the first is answered, is not read: the connection closes behind the answer. An endpoint that fails
answers 500; it never stops the engine.

Reference: RFC 9112 (HTTP/1.1); Prometheus exposition formats.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
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

_TEXT: Final = "text/plain; charset=utf-8"


class Exposition(Protocol):
    """What there is to show: `engine.metrics.Metrics`."""

    def exposition(self, accept: str = "") -> tuple[bytes, str]: ...


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
    body: bytes
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

    @property
    def connection_count(self) -> int:
        return len(self._connections)

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
            return _Answer(HTTPStatus.METHOD_NOT_ALLOWED, b"GET and HEAD only\n", allow="GET, HEAD")
        try:
            return resource(request)
        except Exception:
            # Whoever looks on must not stop what they look at: the loop goes on, the log says why.
            log.exception("metrics endpoint failed path=%s: this is a bug of the engine", request.path)
            return _said(HTTPStatus.INTERNAL_SERVER_ERROR, "this could not be shown: see the daemon's log")

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
        self._draining = False

    # --- what the loop calls -----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance.
        # A high mark of 0: `pause_writing` says that an answer has not been read yet.
        self._transport.set_write_buffer_limits(high=0)
        self._wait(self._bounds.request_s_max)
        if not self._endpoint.admit(self):
            self._end(_said(HTTPStatus.SERVICE_UNAVAILABLE, "too many connections"))

    def data_received(self, data: bytes) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if self._draining:
            self._buffer += data[: self._bounds.head_bytes_max + 1 - len(self._buffer)]
            return
        if not self._buffer and self._answers:
            self._wait(self._bounds.request_s_max)  # Idle until now: the next request has begun.
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0 and len(self._buffer) <= self._bounds.head_bytes_max:
            return
        if end < 0 or end > self._bounds.head_bytes_max:
            text = f"a request head of at most {self._bounds.head_bytes_max} bytes is read"
            self._end(_said(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, text))
            return
        head, more = self._buffer[:end], self._buffer[end + 4 :]
        self._buffer = b""
        request = _parse(head)
        if isinstance(request, _Answer):
            self._end(request)
            return
        self._answers += 1
        answer = self._endpoint.answer(request)
        last = not request.keep_alive or request.has_body or bool(more) or self._answers >= self._bounds.answers_max
        self._send(answer, last=last, body=request.method != "HEAD")

    def pause_writing(self) -> None:
        self._draining = True
        self._wait(self._bounds.request_s_max)

    def resume_writing(self) -> None:
        self._draining = False
        self._wait(self._bounds.idle_s_max)
        if self._buffer:
            # What came while the last answer was still on its way.
            early, self._buffer = self._buffer, b""
            self.data_received(early)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
        self._endpoint.forget(self)

    # --- what it does ------------------------------------------------------------------------------

    def drop(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _send(self, answer: _Answer, *, last: bool, body: bool = True) -> None:
        assert self._transport is not None
        self._wait(self._bounds.request_s_max if last else self._bounds.idle_s_max)
        self._transport.write(_written(answer, last=last, body=body))
        if last:
            self._transport.close()

    def _end(self, answer: _Answer) -> None:
        self._buffer = b""
        self._send(answer, last=True)

    def _wait(self, seconds: float) -> None:
        """Start the one timer anew."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, self._time_is_over)

    def _time_is_over(self) -> None:
        transport = self._transport
        if transport is None:
            return
        if self._draining or transport.is_closing() or not self._buffer:
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
    return _Answer(status, f"{text}\n".encode())


def _written(answer: _Answer, *, last: bool, body: bool) -> bytes:
    lines = [
        f"HTTP/1.1 {answer.status.value} {answer.status.phrase}",
        f"Content-Type: {answer.content_type}",
        f"Content-Length: {len(answer.body)}",
        "Cache-Control: no-store",
        f"Connection: {'close' if last else 'keep-alive'}",
    ]
    if answer.allow:
        lines.append(f"Allow: {answer.allow}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (answer.body if body else b"")

"""The endpoint over true sockets: what it answers, and what it does not put up with."""

from __future__ import annotations

import asyncio
import errno
import inspect
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import uvloop
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families

from engine.errors import StartError
from engine.metrics.collector import Metrics
from engine.metrics.endpoint import Bounds, MetricsEndpoint

HANG_S = 20.0
"""Nothing here takes that long: a test that waits longer has found something that never answers."""


@dataclass
class Response:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass
class Client:
    """One connection, and what comes back over it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def ask(
        self, method: str = "GET", path: str = "/metrics", *headers: str, version: str = "HTTP/1.1"
    ) -> Response:
        lines = (f"{method} {path} {version}", "Host: localhost", *headers)
        self.writer.write("\r\n".join((*lines, "", "")).encode())
        return await self.answer(has_body=method != "HEAD")

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, *, has_body: bool = True) -> Response:
        async with asyncio.timeout(HANG_S):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:-2])}
            size = int(headers.get("content-length", 0)) if has_body else 0
            return Response(int(head[0].split(" ")[1]), headers, await self.reader.readexactly(size))

    async def closed(self) -> bytes:
        """Wait until the other side has closed; what still came before that."""
        async with asyncio.timeout(HANG_S):
            try:
                return await self.reader.read()
            except ConnectionResetError:
                return b""


class Endpoint(MetricsEndpoint):
    """One that tells when a connection has left it."""

    left: asyncio.Queue[None]

    def forget(self, connection: Any) -> None:
        super().forget(connection)
        self.left.put_nowait(None)


@dataclass
class Served:
    """A started endpoint and the clients made for it."""

    endpoint: Endpoint
    metrics: Metrics
    missing: list[str]
    clients: list[Client] = field(default_factory=list)

    async def client(self) -> Client:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.endpoint.port)
        self.clients.append(Client(reader, writer))
        return self.clients[-1]

    async def one_left(self) -> None:
        async with asyncio.timeout(HANG_S):
            await self.endpoint.left.get()


Start = Callable[..., Awaitable[Served]]


@asynccontextmanager
async def serving() -> AsyncIterator[Start]:
    """Starts endpoints on free ports, with bounds of the test's own."""
    started: list[Served] = []

    async def start(**bounds: float) -> Served:
        metrics, missing = Metrics("9.9"), list[str]()
        endpoint = Endpoint("127.0.0.1", 0, metrics, lambda: missing, Bounds(**{"linger_s_max": 0.2, **bounds}))  # type: ignore[arg-type]
        endpoint.left = asyncio.Queue()
        await endpoint.start()
        started.append(Served(endpoint, metrics, missing))
        return started[-1]

    try:
        yield start
    finally:
        for served in started:
            served.endpoint.close()
            for client in served.clients:
                client.writer.close()


def on_the_daemons_loop(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """The test on uvloop, whose transports differ from asyncio's own. `serve` is its first argument."""

    def run(**fixtures: Any) -> None:
        async def scenario() -> None:
            async with serving() as serve:
                await test(serve, **fixtures)

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(scenario())

    run.__name__, run.__doc__ = getattr(test, "__name__", "test"), test.__doc__
    signature = inspect.signature(test)
    run.__signature__ = signature.replace(parameters=list(signature.parameters.values())[1:])  # type: ignore[attr-defined]
    return run


# --- what it answers -----------------------------------------------------------------------------


@on_the_daemons_loop
async def test_metrics_as_text_and_as_openmetrics(serve: Start) -> None:
    served = await serve()
    served.metrics.commit_failed()
    client = await served.client()
    text = await client.ask()
    assert (text.status, text.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    families = {family.name: family for family in text_string_to_metric_families(text.text)}
    assert [s.value for s in families["db_write_errors"].samples] == [1]
    wished = await client.ask("GET", "/metrics", "Accept: application/openmetrics-text;version=1.0.0;q=0.9")
    assert wished.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    families = {family.name: family for family in openmetrics_parser.text_string_to_metric_families(wished.text)}
    assert [s.value for s in families["db_write_errors"].samples] == [1]


@on_the_daemons_loop
async def test_healthy_while_the_loop_turns(serve: Start) -> None:
    served = await serve()
    served.missing.append("everything")
    response = await (await served.client()).ask("GET", "/healthz")
    assert (response.status, response.text) == (200, "ok\n")


@on_the_daemons_loop
async def test_ready_says_what_is_missing_a_line_each(serve: Start) -> None:
    served = await serve()
    client = await served.client()
    response = await client.ask("GET", "/readyz")
    assert (response.status, response.text) == (200, "ready\n")
    served.missing += ["no dealer session is up", "the journal is slow"]
    response = await client.ask("GET", "/readyz")
    assert (response.status, response.text) == (503, "no dealer session is up\nthe journal is slow\n")


@pytest.mark.parametrize("path", ["/metrics", "/readyz", "/nothing"])
@on_the_daemons_loop
async def test_head_has_the_length_and_no_body(serve: Start, path: str) -> None:
    client = await (await serve()).client()
    full = await client.ask("GET", path)
    head = await client.ask("HEAD", path)
    assert head.status == full.status
    assert abs(int(head.headers["content-length"]) - len(full.body)) < 100, "process metrics change between two scrapes"
    assert (await client.ask("GET", "/healthz")).text == "ok\n", "the connection goes on behind the bare head"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("GET", "/", 404, id="nothing at the root"),
        pytest.param("GET", "/metrics/", 404, id="no folder"),
        pytest.param("POST", "/nothing", 404, id="unknown before method"),
        pytest.param("POST", "/metrics", 405, id="POST"),
        pytest.param("DELETE", "/healthz", 405, id="DELETE"),
        pytest.param("CONNECT", "x:80", 405, id="CONNECT"),
        pytest.param("TRACE", "/readyz", 405, id="TRACE"),
        pytest.param("OPTIONS", "/metrics", 204, id="OPTIONS"),
        pytest.param("OPTIONS", "*", 204, id="OPTIONS of the server"),
        pytest.param("OPTIONS", "/nothing", 404, id="OPTIONS of nothing"),
        pytest.param("GET", "http://localhost/metrics", 200, id="absolute form"),
        pytest.param("GET", "HTTP://elsewhere:1/healthz?x", 200, id="absolute form, whatever the host"),
        pytest.param("GET", "/%6detrics", 200, id="a needless escape"),
        pytest.param("GET", "/metrics?name[]=x", 200, id="a query is ignored"),
    ],
)
@on_the_daemons_loop
async def test_paths_and_methods(serve: Start, method: str, path: str, status: int) -> None:
    response = await (await (await serve()).client()).ask(method, path)
    assert response.status == status
    assert response.headers.get("allow") == ("GET, HEAD, OPTIONS" if status in (204, 405) else None)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        pytest.param(b"GET /metrics\r\n\r\n", 400, id="no version"),
        pytest.param(b"\x16\x03\x01\x02\x00\r\n\r\n", 400, id="TLS"),
        pytest.param(b"GET  /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 400, id="two spaces"),
        pytest.param(b"GET /metrics HTTP/1.1\r\n\r\n", 400, id="no Host"),
        pytest.param(b"GET /metrics HTTP/1.1\r\nHost: x\r\nnonsense\r\n\r\n", 400, id="no header"),
        pytest.param(b"GET /metrics HTTP/1.1\r\nHost: x\r\n folded: y\r\n\r\n", 400, id="a folded header"),
        pytest.param(b"GET /metrics HTTP/2.0\r\nHost: x\r\n\r\n", 505, id="another version"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 505, id="the preface of HTTP/2"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01", 400, id="TLS, of which no line ends"),
        pytest.param(b"get /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 501, id="methods are case-sensitive"),
        pytest.param(b"GET /" + b"x" * 8192, 414, id="a target without end"),
        pytest.param(b"GET /" + b"x" * 8192 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, id="a target too long"),
    ],
)
@on_the_daemons_loop
async def test_what_is_no_request_is_told_so_and_closed(serve: Start, request_: bytes, status: int) -> None:
    client = await (await serve()).client()
    await client.send(request_)
    response = await client.answer()
    assert (response.status, response.headers["connection"]) == (status, "close")
    assert await client.closed() == b""


@on_the_daemons_loop
async def test_the_bytes_of_a_request_may_come_one_by_one(serve: Start) -> None:
    client = await (await serve()).client()
    for byte in b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n":
        await client.send(bytes((byte,)))
    assert (await client.answer()).text == "ok\n"


@on_the_daemons_loop
async def test_a_failure_in_here_is_500_and_the_endpoint_lives_on(
    serve: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    served = await serve()

    def late(accept: str) -> tuple[Iterator[bytes], str]:
        return (b"%d" % (1 // number) for number in (1, 0)), "text/plain"

    for failing in (lambda accept: 1 / 0, late):
        caplog.clear()
        monkeypatch.setattr(served.metrics, "exposition", failing)
        client = await served.client()
        assert (await client.ask()).status == 500
        assert await client.closed() == b""
        assert "ZeroDivisionError" in caplog.text
    assert (await (await served.client()).ask("GET", "/healthz")).status == 200


@on_the_daemons_loop
async def test_the_loop_turns_while_an_answer_is_made(serve: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    served = await serve()
    turns, seen = [0], list[int]()

    def turn() -> None:
        turns[0] += 1
        asyncio.get_running_loop().call_soon(turn)

    def pieces(accept: str) -> tuple[Iterator[bytes], str]:
        def each() -> Iterator[bytes]:
            for _ in range(5):
                seen.append(turns[0])
                yield b"x"

        return each(), "text/plain"

    monkeypatch.setattr(served.metrics, "exposition", pieces)
    client = await served.client()
    turn()
    assert (await client.ask()).text == "xxxxx"
    assert len(set(seen)) == 5, "every piece was made in another turn of the loop"


@on_the_daemons_loop
async def test_a_client_that_leaves_while_its_answer_is_made(serve: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    served = await serve()
    made = asyncio.Event()
    pieces = [0]

    def endless(accept: str) -> tuple[Iterator[bytes], str]:
        def each() -> Iterator[bytes]:
            while True:
                made.set()
                pieces[0] += 1
                yield b""

        return each(), "text/plain"

    monkeypatch.setattr(served.metrics, "exposition", endless)
    client = await served.client()
    await client.send(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    async with asyncio.timeout(HANG_S):
        await made.wait()
    client.writer.transport.abort()
    await served.one_left()
    before = pieces[0]
    for _ in range(10):
        await asyncio.sleep(0)
    assert pieces[0] <= before + 1


@on_the_daemons_loop
async def test_a_request_that_comes_while_the_last_is_answered_waits(
    serve: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = await serve()
    made = asyncio.Event()
    begun, begun_at_end = [0], list[int]()

    def long(accept: str) -> tuple[Iterator[bytes], str]:
        def each() -> Iterator[bytes]:
            begun[0] += 1
            for _ in range(3000):
                made.set()
                yield b""
            begun_at_end.append(begun[0])

        return each(), "text/plain"

    monkeypatch.setattr(served.metrics, "exposition", long)
    client = await served.client()
    for _ in range(2):
        await client.send(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        async with asyncio.timeout(HANG_S):
            await made.wait()
    assert [(await client.answer()).status for _ in range(2)] == [200, 200]
    assert begun_at_end == [1, 2]


# --- connections ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "header", "kept"),
    [
        pytest.param("HTTP/1.1", "X: y", True, id="1.1 keeps"),
        pytest.param("HTTP/1.1", "Connection: close", False, id="1.1 asked to close"),
        pytest.param("HTTP/1.1", "Connection: TE, Close", False, id="close among others"),
        pytest.param("HTTP/1.0", "X: y", False, id="1.0 closes"),
        pytest.param("HTTP/1.0", "Connection: keep-alive", True, id="1.0 asked to keep"),
    ],
)
@on_the_daemons_loop
async def test_keeping_a_connection(serve: Start, version: str, header: str, kept: bool) -> None:
    client = await (await serve()).client()
    response = await client.ask("GET", "/healthz", header, version=version)
    assert response.headers["connection"] == ("keep-alive" if kept else "close")
    if kept:
        assert (await client.ask("GET", "/healthz")).status == 200
    else:
        assert await client.closed() == b""


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", id="a body"),
        pytest.param(b"GET /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", id="chunks"),
        pytest.param(
            b"GET /healthz HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n", id="expected"
        ),
        pytest.param(b"PUT /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n" + b"y" * 900_000, id="long"),
    ],
)
@on_the_daemons_loop
async def test_what_would_have_to_be_read_behind_a_request_is_not(serve: Start, data: bytes) -> None:
    client = await (await serve()).client()
    await client.send(data)
    response = await client.answer()
    assert response.headers["connection"] == "close"
    assert await client.closed() == b"", "one answer, whatever else was sent"


@pytest.mark.parametrize(
    "requests",
    [
        pytest.param(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 300, id="whole"),
        pytest.param(b"GET /healthz HTTP/1.1\nHost: x\n\n" * 300, id="bare line feeds"),
        pytest.param(b"\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 300, id="empty lines before"),
        pytest.param(b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n" * 300, id="answers without a body"),
        pytest.param((b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 9000 + b"\r\n\r\n") * 300, id="2.7 MB"),
    ],
)
@on_the_daemons_loop
async def test_requests_sent_ahead_are_answered_in_their_order(serve: Start, requests: bytes) -> None:
    client = await (await serve()).client()
    client.writer.write(requests)
    statuses = [(await client.answer()).status for _ in range(300)]
    assert statuses == [204 if requests.startswith(b"OPTIONS") else 200] * 300
    assert (await client.ask("GET", "/healthz")).status == 200


@on_the_daemons_loop
async def test_no_more_is_read_ahead_than_a_head_and_a_piece(serve: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    served = await serve()
    gate = [True]

    def held(accept: str) -> tuple[Iterator[bytes], str]:
        def each() -> Iterator[bytes]:
            while gate[0]:
                yield b""

        return each(), "text/plain"

    monkeypatch.setattr(served.metrics, "exposition", held)
    client = await served.client()
    client.writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" + b"x" * 20_000_000)
    [connection] = served.endpoint._connections
    for _ in range(int(HANG_S / 0.001)):
        if connection._held:
            break
        await asyncio.sleep(0.001)
    await asyncio.sleep(0.05)
    assert connection._held
    assert len(connection._buffer) < 1_000_000
    gate[0] = False
    assert (await client.answer()).status == 200
    assert (await client.answer()).status == 414


@on_the_daemons_loop
async def test_who_has_said_all_still_gets_the_answers(serve: Start) -> None:
    client = await (await serve()).client()
    client.writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    client.writer.write_eof()
    assert [(await client.answer()).status for _ in range(2)] == [200, 200]
    assert await client.closed() == b""


@on_the_daemons_loop
async def test_empty_lines_do_not_keep_a_connection(serve: Start) -> None:
    served = await serve(idle_s_max=0.3)
    client = await served.client()
    assert (await client.ask("GET", "/healthz")).status == 200
    left = asyncio.ensure_future(served.one_left())
    while not left.done():
        client.writer.write(b"\r\n")
        await asyncio.sleep(0.02)
    await left


@on_the_daemons_loop
async def test_an_answer_has_its_date_and_no_more_than_its_status_allows(serve: Start) -> None:
    client = await (await serve()).client()
    shown = await client.ask()
    assert parsedate_to_datetime(shown.headers["date"]).tzinfo is UTC
    assert shown.headers["vary"] == "Accept"
    nothing = await client.ask("OPTIONS", "*")
    assert not {"content-length", "content-type", "transfer-encoding"} & nothing.headers.keys()


@on_the_daemons_loop
async def test_the_answer_to_a_head_that_is_refused_has_no_body(serve: Start) -> None:
    client = await (await serve()).client()
    await client.send(b"HEAD /metrics HTTP/1.1\r\n\r\n")
    assert (await client.answer(has_body=False)).status == 400
    assert await client.closed() == b""


@on_the_daemons_loop
async def test_what_is_excluded_is_not_sent_and_nothing_is_compressed(serve: Start) -> None:
    client = await (await serve()).client()
    accept = "Accept: application/openmetrics-text;q=0, text/plain"
    response = await client.ask("GET", "/metrics", accept, "Accept-Encoding: gzip, deflate")
    assert response.headers["content-type"].startswith("text/plain")
    assert "content-encoding" not in response.headers
    assert list(text_string_to_metric_families(response.text))


@on_the_daemons_loop
async def test_a_connection_ends_after_so_many_answers(serve: Start) -> None:
    client = await (await serve(answers_max=3)).client()
    ends = [(await client.ask("GET", "/healthz")).headers["connection"] for _ in range(3)]
    assert ends == ["keep-alive", "keep-alive", "close"]
    assert await client.closed() == b""


@on_the_daemons_loop
async def test_one_connection_too_many_is_told_so_and_room_is_made_when_one_leaves(serve: Start) -> None:
    served = await serve(connections_max=2)
    first, second = await served.client(), await served.client()
    assert [(await each.ask("GET", "/healthz")).status for each in (first, second)] == [200, 200]
    third = await served.client()
    assert (await third.answer()).status == 503
    assert await third.closed() == b""
    assert (await first.ask("GET", "/healthz")).status == 200
    await served.one_left()
    second.writer.close()
    await served.one_left()
    assert (await (await served.client()).ask("GET", "/healthz")).status == 200


# --- bounds --------------------------------------------------------------------------------------


@pytest.mark.parametrize("finished", [True, False])
@on_the_daemons_loop
async def test_a_head_that_is_too_long(serve: Start, finished: bool) -> None:
    client = await (await serve(head_bytes_max=1000)).client()
    await client.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 2000 + (b"\r\n\r\n" if finished else b""))
    assert (await client.answer()).status == 431
    await client.closed()


@on_the_daemons_loop
async def test_a_head_of_just_the_bound_is_read(serve: Start) -> None:
    client = await (await serve(head_bytes_max=1000)).client()
    start = b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: "
    await client.send(start + b"y" * (1000 - len(start)) + b"\r\n\r\n")
    assert (await client.answer()).status == 200


@on_the_daemons_loop
async def test_a_request_that_trickles_is_cut_off(serve: Start) -> None:
    """Every byte comes in good time, the whole does not."""
    served = await serve(request_s_max=0.2)
    loop = asyncio.get_running_loop()
    transport, kept = await loop.create_connection(Kept, "127.0.0.1", served.endpoint.port)
    async with asyncio.timeout(HANG_S):
        while not kept.over.is_set():
            transport.write(b"x")
            await asyncio.sleep(0.02)
    assert kept.data.startswith(b"HTTP/1.1 408 ")


class Kept(asyncio.Protocol):
    """Keeps what came, however the connection ended: a byte more that it sends is answered by a reset."""

    def __init__(self) -> None:
        self.data = b""
        self.over = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        self.data += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.over.set()


@on_the_daemons_loop
async def test_silence_is_cut_off_before_a_first_request_and_between_two(serve: Start) -> None:
    assert await (await (await serve(request_s_max=0.1)).client()).closed() == b""
    client = await (await serve(idle_s_max=0.1)).client()
    assert (await client.ask("GET", "/healthz")).status == 200
    assert await client.closed() == b""


@on_the_daemons_loop
async def test_a_next_request_that_trickles_is_cut_off_before_idling_would_be(serve: Start) -> None:
    served = await serve(idle_s_max=10 * HANG_S)
    client = await served.client()
    assert (await client.ask("GET", "/healthz")).status == 200
    [connection] = served.endpoint._connections
    connection._bounds = replace(connection._bounds, request_s_max=0.1)  # The first one had all the time it wanted.
    await client.send(b"G")
    assert (await client.answer()).status == 408
    await client.closed()


@on_the_daemons_loop
async def test_an_answer_that_nobody_reads_is_given_up(serve: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """And no further one is made for that client meanwhile."""
    served = await serve()
    big = b"x" * 16_000_000
    asked = list[str]()

    def exposition(accept: str) -> tuple[Iterator[bytes], str]:
        asked.append(accept)
        return iter([big]), "text/plain"

    monkeypatch.setattr(served.metrics, "exposition", exposition)
    loop = asyncio.get_running_loop()
    with socket.socket() as deaf:
        deaf.setblocking(False)
        await loop.sock_connect(deaf, ("127.0.0.1", served.endpoint.port))
        for _ in range(2):
            await loop.sock_sendall(deaf, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            assert len(await loop.sock_recv(deaf, 1)) == 1, "the first answer is on its way"
        [connection] = served.endpoint._connections
        assert connection._unread
        # To a millisecond: whoever adds the two another time may get another last digit.
        assert connection._timer.when() - loop.time() <= connection._bounds.request_s_max + 0.001
        connection._time_is_over()
        await served.one_left()
    assert len(asked) == 1


@on_the_daemons_loop
async def test_an_early_request_waits_for_the_last_answer_to_be_read(
    serve: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = await serve()
    big = b"x" * 20_000_000
    monkeypatch.setattr(served.metrics, "exposition", lambda accept: (iter([big]), "text/plain"))
    client = await served.client()
    await client.send(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    async with asyncio.timeout(HANG_S):
        await client.reader.readuntil(b"\r\n\r\n")  # The answer is on its way, most of it unread.
    await client.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    async with asyncio.timeout(HANG_S):
        assert await client.reader.readexactly(len(big)) == big
    assert (await client.answer()).text == "ok\n"


# --- start and end -------------------------------------------------------------------------------


@on_the_daemons_loop
async def test_any_free_port_is_taken_and_said(serve: Start, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "engine.metrics.endpoint")
    served = await serve()
    assert served.endpoint.port > 0
    assert f"url=http://127.0.0.1:{served.endpoint.port}/metrics" in caplog.text


@on_the_daemons_loop
async def test_a_port_that_is_taken(serve: Start) -> None:
    served = await serve()
    second = MetricsEndpoint("127.0.0.1", served.endpoint.port, served.metrics, list)
    with pytest.raises(
        StartError, match=rf"metrics.port: cannot listen on 127.0.0.1:{served.endpoint.port}: .*another"
    ):
        await second.start()
    second.close()


@on_the_daemons_loop
async def test_a_host_that_is_not_ours(serve: Start) -> None:
    endpoint = MetricsEndpoint("192.0.2.1", 0, Metrics("9.9"), list)
    with pytest.raises(StartError, match=r"192\.0\.2\.1") as raised:
        await endpoint.start()
    assert isinstance(raised.value.__cause__, OSError)
    assert raised.value.__cause__.errno == errno.EADDRNOTAVAIL


@on_the_daemons_loop
async def test_closing_drops_everyone_at_once(serve: Start) -> None:
    served = await serve()
    client = await served.client()
    await client.ask("GET", "/healthz")
    served.endpoint.close()
    served.endpoint.close()
    assert await client.closed() == b""
    with pytest.raises(OSError, match="onnect"):
        await served.client()

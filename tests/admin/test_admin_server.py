"""The admin socket over real unix sockets: who may come in, what is answered, and every bound reached."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest

from engine.admin.client import AdminClient
from engine.admin.listening import listen
from engine.admin.server import AdminServer, Watcher
from engine.config.tables import AdminConfig, AdminPerson, Role
from engine.desk.notices import Notice, Topic
from engine.errors import CommandError, StartError

OWN_UID = os.getuid()


@dataclass
class Desk:
    """Answers at once, refuses, fails, or holds its answers back until told."""

    calls: list[tuple[str, dict[str, Any], str, str]] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    watchers: list[Watcher] = field(default_factory=list)
    seq: int = 0
    """Of the last event."""

    async def submit(self, name: str, params: Mapping[str, Any], actor: str, role: str) -> Any:
        self.calls.append((name, dict(params), actor, role))
        if name == "refuse":
            raise CommandError("not now", code="state")
        if name == "fail":
            raise RuntimeError("our own mistake")
        if name == "hold":
            await self.gate.wait()
        if name == "large":
            return {"text": "x" * params["bytes"]}
        return {"name": name, "seq": len(self.calls)}

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        self.watchers.append(watcher)
        return lambda: self.watchers.remove(watcher)

    def tell(self, topic: str, **body: Any) -> None:
        self.seq += 1
        for watcher in self.watchers:
            watcher(1_795_446_000_000_000_000, Notice(self.seq, Topic(topic), body))


class Line:
    """One connection that speaks lines."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, request_id: int, method: str, **params: Any) -> None:
        self.raw(orjson.dumps({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}) + b"\n")
        await self.writer.drain()

    def raw(self, data: bytes) -> None:
        self.writer.write(data)

    async def read(self) -> Any:
        line = await asyncio.wait_for(self.reader.readline(), 20)
        return orjson.loads(line) if line else None

    async def ask(self, method: str, **params: Any) -> Any:
        await self.send(1, method, **params)
        return await self.read()


@asynccontextmanager
async def serving(tmp_path: Path, desk: Desk, **changes: Any) -> AsyncIterator[AdminServer]:
    bounds = {name: changes.pop(name) for name in list(changes) if name.endswith("_max") and name != "connections_max"}
    config = AdminConfig(socket=tmp_path / "run" / "rfqd.sock", **changes)
    server = AdminServer(config, desk.submit, desk, **bounds)
    await server.start()
    try:
        yield server
    finally:
        server.close()


async def line_to(server: AdminServer) -> Line:
    return Line(*await asyncio.open_unix_connection(str(server.config.socket), limit=1 << 24))


async def until(holds: Callable[[], Any]) -> None:
    """Let the loop turn until it is so."""
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 (what is waited for is the server's own state)
            await asyncio.sleep(0)


# --- requests ------------------------------------------------------------------------------------


async def test_a_command_is_submitted_as_the_person_at_the_other_end(tmp_path: Path) -> None:
    desk = Desk()
    kim = AdminPerson(uid=OWN_UID, actor="k.im", role=Role.TRADER)
    async with serving(tmp_path, desk, people=(kim,)) as server:
        line = await line_to(server)
        answer = await line.ask("orders", state="open")
        assert answer == {"jsonrpc": "2.0", "id": 1, "result": {"name": "orders", "seq": 1}}
        assert desk.calls == [("orders", {"state": "open"}, "k.im", "trader")]


async def test_the_daemons_own_user_needs_no_entry(tmp_path: Path) -> None:
    desk = Desk()
    async with serving(tmp_path, desk, own_role=Role.VIEWER) as server:
        await (await line_to(server)).ask("status")
        assert desk.calls[0][2:] == ("local", "viewer")


async def test_a_stranger_is_told_and_shown_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    monkeypatch.setattr("engine.admin.server.peer_of", lambda _: (1, OWN_UID + 4711, 1))
    async with serving(tmp_path, desk) as server:
        line = await line_to(server)
        refused = await line.read()
        assert refused["error"]["data"]["code"] == "forbidden"
        assert f"user {OWN_UID + 4711} is not known here" in refused["error"]["message"]
        assert await line.read() is None
        assert desk.calls == []


@pytest.mark.parametrize(
    ("method", "code", "word", "text"),
    [
        pytest.param("refuse", -32000, "state", "not now", id="refused by the desk"),
        pytest.param("fail", -32603, "bug", "fail failed inside the daemon: see its log", id="our own mistake"),
    ],
)
async def test_what_goes_wrong_is_answered_and_the_connection_lives(
    tmp_path: Path, method: str, code: int, word: str, text: str
) -> None:
    async with serving(tmp_path, Desk()) as server:
        line = await line_to(server)
        answer = await line.ask(method)
        assert answer["error"] == {"code": code, "message": text, "data": {"code": word}}
        assert (await line.ask("status"))["result"]["name"] == "status"


@pytest.mark.parametrize(
    ("data", "code", "text"),
    [
        pytest.param(b"{not json}\n", -32700, "not JSON", id="not JSON"),
        pytest.param(b"\xff\xfe\n", -32700, "not JSON", id="not text"),
        pytest.param(b"[]\n", -32600, "one JSON object a line", id="a batch"),
        pytest.param(b'{"jsonrpc":"2.0","method":"status"}\n', -32600, "expected an 'id'", id="no id"),
        pytest.param(b'{"id":7,"method":"status"}\n', -32600, "'jsonrpc' to be '2.0'", id="no version"),
        pytest.param(b'{"jsonrpc":"2.0","id":7}\n', -32600, "expected a 'method'", id="no method"),
        pytest.param(b'{"jsonrpc":"2.0","id":7,"method":"a","params":[1]}\n', -32602, "by name", id="by position"),
    ],
)
async def test_a_line_that_is_no_request(tmp_path: Path, data: bytes, code: int, text: str) -> None:
    desk = Desk()
    async with serving(tmp_path, desk) as server:
        line = await line_to(server)
        line.raw(data)
        answer = await line.read()
        assert (answer["error"]["code"], text in answer["error"]["message"]) == (code, True)
        assert desk.calls == []
        assert (await line.ask("status"))["result"]


async def test_lines_may_come_in_any_pieces(tmp_path: Path) -> None:
    desk = Desk()
    requests = b"".join(
        orjson.dumps({"jsonrpc": "2.0", "id": n, "method": f"m{n}"}) + (b"\r\n" if n % 2 else b"\n\n") for n in range(8)
    )
    for step in (1, 7, len(requests)):
        async with serving(tmp_path, desk) as server:
            line = await line_to(server)
            for start in range(0, len(requests), step):
                line.raw(requests[start : start + step])
                await line.writer.drain()
            assert [(await line.read())["id"] for _ in range(8)] == list(range(8))


async def test_who_closes_his_side_still_gets_his_answer(tmp_path: Path) -> None:
    """`echo ... | nc -U rfqd.sock`."""
    desk = Desk()
    async with serving(tmp_path, desk) as server:
        line = await line_to(server)
        await line.send(1, "hold")
        line.writer.write_eof()
        await until(lambda: desk.calls)
        desk.gate.set()
        assert (await line.read())["result"]["name"] == "hold"
        assert await line.read() is None


async def test_answers_come_when_they_are_ready_and_nobody_waits_for_another(tmp_path: Path) -> None:
    desk = Desk()
    async with serving(tmp_path, desk) as server:
        line = await line_to(server)
        await line.send(1, "hold")
        await line.send(2, "status")
        assert (await line.read())["id"] == 2
        desk.gate.set()
        assert (await line.read())["id"] == 1


async def test_who_hangs_up_does_not_undo_what_was_asked(tmp_path: Path) -> None:
    desk = Desk()
    async with serving(tmp_path, desk) as server:
        line = await line_to(server)
        await line.send(1, "hold")
        await until(lambda: desk.calls)
        line.writer.transport.abort()
        desk.gate.set()
        await until(lambda: not server.connections)
        assert (await (await line_to(server)).ask("status"))["result"]


# --- bounds --------------------------------------------------------------------------------------


async def test_connections_have_a_bound(tmp_path: Path) -> None:
    async with serving(tmp_path, Desk(), connections_max=2) as server:
        lines = [await line_to(server) for _ in range(2)]
        for line in lines:
            await line.ask("status")
        third = await line_to(server)
        assert "2 connections are open, admin.connections_max" in (await third.read())["error"]["message"]
        assert await third.read() is None
        lines[0].writer.close()
        await until(lambda: len(server.connections) < 2)
        assert (await (await line_to(server)).ask("status"))["result"]


async def test_requests_in_flight_have_a_bound(tmp_path: Path) -> None:
    desk = Desk()
    async with serving(tmp_path, desk, in_flight_max=3) as server:
        line = await line_to(server)
        for request_id in range(4):
            await line.send(request_id, "hold")
        refused = await line.read()
        assert (refused["id"], refused["error"]["data"]["code"]) == (3, "busy")
        assert len(desk.calls) == 3
        desk.gate.set()
        assert {(await line.read())["id"] for _ in range(3)} == {0, 1, 2}
        assert (await line.ask("status"))["result"]


@pytest.mark.parametrize("end", [b"", b"\n"], ids=["without an end", "with one"])
async def test_a_line_has_a_bound(tmp_path: Path, end: bytes) -> None:
    desk = Desk()
    async with serving(tmp_path, desk, line_bytes_max=4096) as server:
        line = await line_to(server)
        line.raw(b"x" * 5000 + end)
        assert "at most 4096 bytes" in (await line.read())["error"]["message"]
        assert await line.read() is None
        assert desk.calls == []


async def test_a_reader_that_does_not_read_is_dropped_and_the_others_are_not(tmp_path: Path) -> None:
    desk = Desk()
    async with serving(tmp_path, desk, output_bytes_max=65_536) as server:
        slow, quick = await line_to(server), await line_to(server)
        for line in (slow, quick):
            await line.ask("subscribe")
        slow.reader._transport.pause_reading()  # type: ignore[attr-defined]
        told = 0
        while server.dropped_total == 0 and told < 10_000:
            desk.tell("fill", text="y" * 1000, number=told)
            notice = await quick.read()
            assert notice["params"]["body"]["number"] == told
            told += 1
        assert server.dropped_total == 1
        desk.tell("fill", number=-1)
        assert (await quick.read())["params"]["body"] == {"number": -1}
        assert (await quick.ask("status"))["result"]
        assert server.subscribers == 1


async def test_a_single_large_answer_is_no_slow_reader(tmp_path: Path) -> None:
    async with serving(tmp_path, Desk(), output_bytes_max=65_536) as server:
        line = await line_to(server)
        answer = await line.ask("large", bytes=1_000_000)
        assert len(answer["result"]["text"]) == 1_000_000
        assert (await line.ask("status"))["result"]
        assert server.dropped_total == 0


# --- subscriptions -------------------------------------------------------------------------------


async def test_subscribers_hear_what_they_asked_for(tmp_path: Path) -> None:
    desk = Desk()
    async with serving(tmp_path, desk) as server:
        everything, fills, nothing = [await line_to(server) for _ in range(3)]
        assert (await everything.ask("subscribe"))["result"] == {"topics": "all", "seq": 0}
        assert (await fills.ask("subscribe", topics=["fill"]))["result"] == {"topics": ["fill"], "seq": 0}
        desk.tell("quote", dealer="ash")
        desk.tell("fill", dealer="oak")
        heard = await everything.read()
        assert heard == {
            "jsonrpc": "2.0",
            "method": "notice",
            "params": {"topic": "quote", "time": "2026-11-23T15:00:00.000Z", "seq": 1, "body": {"dealer": "ash"}},
        }
        assert (await everything.read())["params"]["topic"] == "fill"
        assert (await fills.read())["params"]["body"] == {"dealer": "oak"}
        assert (await nothing.ask("status"))["result"]
        assert [call[0] for call in desk.calls] == ["status"]  # subscribing is no command of the desk


@pytest.mark.parametrize("params", [{"topics": "fill"}, {"topic": ["fill"]}, {"topics": ["t"] * 65}])
async def test_a_wrong_subscription_is_refused(tmp_path: Path, params: dict[str, Any]) -> None:
    async with serving(tmp_path, Desk()) as server:
        answer = await (await line_to(server)).ask("subscribe", **params)
        assert answer["error"]["data"]["code"] == "params"
        assert not server.subscribers


async def test_a_feed_hears_nothing(tmp_path: Path) -> None:
    async with serving(tmp_path, Desk(), own_role=Role.FEED) as server:
        answer = await (await line_to(server)).ask("subscribe")
        assert answer["error"]["data"]["code"] == "role"


# --- the socket file -----------------------------------------------------------------------------


async def test_the_socket_is_private_and_taken_away_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "run" / "rfqd.sock"
    async with serving(tmp_path, Desk()):
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o750
    assert not path.exists()


async def test_a_live_daemon_is_not_pushed_aside(tmp_path: Path) -> None:
    desk = Desk()
    async with serving(tmp_path, desk) as server:
        with pytest.raises(StartError, match=rf"socket in use: another rfqd \(pid {os.getpid()}\) answers on"):
            await AdminServer(server.config, desk.submit, desk).start()
        assert (await (await line_to(server)).ask("status"))["result"]


async def test_what_a_dead_daemon_left_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "run" / "rfqd.sock"
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    assert path.exists()
    async with serving(tmp_path, Desk()) as server:
        assert (await (await line_to(server)).ask("status"))["result"]


async def test_closing_leaves_a_successors_socket_alone(tmp_path: Path) -> None:
    desk = Desk()
    async with serving(tmp_path, desk) as server:
        path = server.config.socket
        os.unlink(path)
        successor = listen(path, None)
        try:
            server.close()
            assert path.exists()
        finally:
            successor.close()


@pytest.mark.parametrize(
    ("prepare", "group", "words"),
    [
        pytest.param(lambda path: path.write_text("notes"), None, "is no socket: move it away", id="a file"),
        pytest.param(lambda path: path.mkdir(), None, "is no socket", id="a folder"),
        pytest.param(lambda path: None, "no-such-group-here", "no group 'no-such-group-here'", id="no such group"),
    ],
)
def test_what_is_in_the_way_is_named(tmp_path: Path, prepare: Callable[[Path], Any], group: str, words: str) -> None:
    path = tmp_path / "rfqd.sock"
    prepare(path)
    with pytest.raises(StartError, match=words):
        listen(path, group)


def test_a_path_longer_than_a_socket_can_have(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"cannot listen on .*too long"):
        listen(tmp_path / ("x" * 120), None)


# --- the client ----------------------------------------------------------------------------------


@pytest.fixture
def live(tmp_path: Path) -> Any:
    """A server in a thread of its own, for the blocking client; gives the server, the desk and a way to its loop."""
    started = threading.Event()
    held: dict[str, Any] = {}

    async def serve() -> None:
        held["desk"], held["end"], held["loop"] = Desk(), asyncio.Event(), asyncio.get_running_loop()
        async with serving(tmp_path, held["desk"]) as server:
            held["server"] = server
            started.set()
            await held["end"].wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert started.wait(20)
    yield held
    held["loop"].call_soon_threadsafe(held["end"].set)
    thread.join(20)
    assert not thread.is_alive()


def test_the_client_calls_and_hears(live: dict[str, Any]) -> None:
    with AdminClient(live["server"].config.socket) as desk:
        assert desk.call("status")["name"] == "status"
        desk.subscribe("fill")
        assert desk.hear(0) is None
        live["loop"].call_soon_threadsafe(lambda: live["desk"].tell("fill", dealer="ash"))
        heard = desk.hear(20)
        assert heard is not None
        assert (heard.topic, heard.body, heard.time) == ("fill", {"dealer": "ash"}, "2026-11-23T15:00:00.000Z")


def test_notices_between_a_call_and_its_answer_are_kept(live: dict[str, Any]) -> None:
    with AdminClient(live["server"].config.socket) as desk:
        desk.subscribe()

        def tell_then_let_go() -> None:
            live["desk"].tell("fill", number=1)
            live["desk"].gate.set()

        live["loop"].call_soon_threadsafe(tell_then_let_go)
        desk.call("hold")
        heard = desk.hear(20)
        assert heard is not None
        assert heard.body == {"number": 1}


def test_the_client_raises_what_the_desk_said(live: dict[str, Any]) -> None:
    with AdminClient(live["server"].config.socket) as desk:
        with pytest.raises(CommandError, match="not now") as caught:
            desk.call("refuse")
        assert caught.value.code == "state"
        assert desk.call("status")


def test_the_client_does_not_wait_for_ever(live: dict[str, Any]) -> None:
    with (
        AdminClient(live["server"].config.socket, timeout_s=0.05) as desk,
        pytest.raises(CommandError, match="no answer within") as caught,
    ):
        desk.call("hold")
    assert caught.value.code == "timeout"


def test_without_a_daemon_the_client_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "rfqd.sock"
    with pytest.raises(StartError, match=rf"no daemon answers on {path}: start it with rfqd"):
        AdminClient(path)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    with pytest.raises(StartError, match="no daemon answers"):
        AdminClient(path)


def test_a_daemon_that_ends_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen(1)
        with AdminClient(path) as desk:
            peer, _ = listening.accept()
            peer.close()
            with pytest.raises(CommandError) as caught:
                desk.call("status")
            assert caught.value.code == "lost"

"""What the journal's file answers over a real socket: events from a cursor, executions, the history of a dealer."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from desk_scene import BOND, MM, Scene, scene

from engine.admin import record as recording
from engine.admin.record import Record
from engine.admin.server import AdminServer
from engine.clock import NS_PER_S, iso_timestamp
from engine.config.tables import AdminConfig, AdminPerson, Role
from engine.desk.notices import Notice
from engine.domain import events as e
from engine.journal.batch import EventRow, StagedTurn, TextRow
from engine.journal.event_codec import Codec, event_types
from engine.journal.reader import JournalReader
from engine.journal.writer import Journal

pytestmark = pytest.mark.starts("noon")
CODEC = Codec(event_types(vars(e), e.Event))
SECRET = "the-password-of-nobody"


class Kept:
    """A journal that a test writes events to, and a desk behind the socket that knows its last one."""

    def __init__(self, folder: Path, world: Scene) -> None:
        self.world = world
        self.journal = Journal(folder / "journal.db", "normal", reserve_bytes=0)
        self.seq = 0

    def write(self, *events: e.Event, texts: tuple[TextRow, ...] = ()) -> None:
        rows = []
        for event in events:
            self.seq += 1
            name, version, body = CODEC.encode(event)
            rows.append(EventRow(self.seq, self.seq, name, version, event.at_ns, body))
        first = rows[0]
        turn = StagedTurn(first.seq, first.utc_ns, "timer", "", "", events=(first,), texts=texts)
        self.journal.commit(
            [turn, *(StagedTurn(row.seq, row.utc_ns, "timer", "", "", events=(row,)) for row in rows[1:])]
        )

    async def submit(self, *asked: Any) -> Any:
        raise AssertionError(f"a question of the record came to the desk: {asked}")

    def watch(self, watcher: Callable[[int, Notice], None]) -> Callable[[], None]:
        return lambda: None


class Line:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, request_id: int, method: str, **params: Any) -> None:
        self.writer.write(
            orjson.dumps({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}) + b"\n"
        )

    async def ask(self, method: str, **params: Any) -> Any:
        self.send(1, method, **params)
        found = orjson.loads(await asyncio.wait_for(self.reader.readline(), 20))
        return found.get("result", found.get("error"))


@asynccontextmanager
async def serving(
    folder: Path, kept: Kept, role: Role = Role.FEED, **bounds: int
) -> AsyncIterator[tuple[AdminServer, Line]]:
    people = (AdminPerson(uid=os.getuid(), actor="tape", role=role),)
    reader = await JournalReader.open(folder / "journal.db")
    record = Record(reader, lambda: kept.seq, kept.world.state)
    config = AdminConfig(socket=folder / "run" / "rfqd.sock", people=people)
    server = AdminServer(config, kept.submit, kept, record=record, **bounds)
    await server.start()
    try:
        streams = await asyncio.open_unix_connection(config.socket, limit=64 * 1_048_576)
        yield server, Line(*streams)
        streams[1].close()
    finally:
        server.close()
        await reader.close()
        kept.journal.close()


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    """An order that was filled."""
    world = scene()
    order = world.order(BOND, "buy", MM, account="PARALLEL")
    for dealer, price in (("ash", "99.95"), ("beech", "99.97"), ("cedar", "100.05")):
        world.quote(dealer, price, order_id=order)
    world.command("execute", order=order)
    world.fill(order)
    journal = Kept(tmp_path, world)
    journal.write(*world.before, *world.events)
    return journal


# --- events --------------------------------------------------------------------------------------


async def test_pages_of_any_size_tell_every_event_once_in_order(kept: Kept, tmp_path: Path) -> None:
    async with serving(tmp_path, kept) as (_, line):
        for limit in (1, 3, 500):
            found: list[Any] = []
            after = 0
            while True:
                page = await line.ask("events", after=after, limit=limit)
                if not page["events"]:
                    break
                found += page["events"]
                after = page["next"]
            assert [each["seq"] for each in found] == list(range(1, kept.seq + 1))
            events = [*kept.world.before, *kept.world.events]
            assert [each["type"] for each in found] == [type(each).__name__ for each in events]
            assert found[0]["body"] == orjson.loads(CODEC.encode(events[0])[2])
            assert (page["next"], page["last"]) == (kept.seq, kept.seq)


async def test_events_of_some_types_alone_and_the_cursor_goes_on_past_the_others(kept: Kept, tmp_path: Path) -> None:
    async with serving(tmp_path, kept) as (_, line):
        page = await line.ask("events", types=["FillBooked", "OrderReceived"])
        assert [each["type"] for each in page["events"]] == ["OrderReceived", "FillBooked"]
        assert page["next"] == kept.seq
        first = await line.ask("events", types=["FillBooked", "OrderReceived"], limit=1)
        assert first["next"] == first["events"][0]["seq"]
        again = await line.ask("events", types=["FillBooked", "OrderReceived"], after=first["next"])
        assert [each["type"] for each in again["events"]] == ["FillBooked"]


async def test_a_call_ends_though_it_found_nothing_and_says_where_it_stands(
    kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "SEQS_A_READ", 2)
    monkeypatch.setattr(recording, "READS_A_CALL", 3)
    async with serving(tmp_path, kept) as (_, line):
        page = await line.ask("events", types=["EngineStopped"])
        assert (page["events"], page["next"], page["last"]) == ([], 6, kept.seq)


async def test_an_answer_has_a_bound_in_bytes(kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "BYTES_A_CALL", 1)
    async with serving(tmp_path, kept) as (_, line):
        page = await line.ask("events")
        assert (len(page["events"]), page["next"]) == (1, 1)


async def test_it_waits_for_the_next_one_and_no_longer(kept: Kept, tmp_path: Path) -> None:
    async with serving(tmp_path, kept) as (_, line):
        asked = asyncio.create_task(line.ask("events", after=kept.seq, wait_s=20))
        await asyncio.sleep(0.15)
        assert not asked.done()
        kept.write(e.EngineStopped(7, "over"))
        page = await asked
        assert [(each["seq"], each["type"]) for each in page["events"]] == [(kept.seq, "EngineStopped")]
        begun = asyncio.get_running_loop().time()
        empty = await line.ask("events", after=kept.seq, wait_s=1)
        assert (empty["events"], empty["next"]) == ([], kept.seq)
        assert asyncio.get_running_loop().time() - begun >= 0.9


async def test_what_was_decided_and_is_not_durable_is_not_told(kept: Kept, tmp_path: Path) -> None:
    async with serving(tmp_path, kept) as (_, line):
        durable = kept.seq
        kept.seq += 1  # Decided; the disk has not got it.
        page = await line.ask("events", after=durable, wait_s=1)
        assert (page["events"], page["next"], page["last"]) == ([], durable, durable)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        pytest.param({"after": 10**6}, "is beyond the last event, ", id="a cursor of another journal"),
        pytest.param({"types": ["FillBoked"]}, "no event 'FillBoked' (did you mean 'FillBooked'?)", id="no such event"),
        pytest.param({"after": -1}, "a whole number from 0", id="before the first"),
        pytest.param({"limit": 501}, "a whole number from 1 to 500", id="too many"),
        pytest.param({"wait_s": 61}, "a whole number from 0 to 60", id="too long"),
        pytest.param({"kinds": []}, "unknown parameter 'kinds'", id="unknown"),
    ],
)
async def test_wrong_questions(kept: Kept, tmp_path: Path, params: dict[str, Any], words: str) -> None:
    async with serving(tmp_path, kept) as (_, line):
        assert words in (await line.ask("events", **params))["message"]


async def test_a_viewer_and_a_trader_do_not_get_the_feeds(kept: Kept, tmp_path: Path) -> None:
    async with serving(tmp_path, kept, Role.TRADER) as (_, line):
        for method in ("events", "executions"):
            assert "needs role feed" in (await line.ask(method))["message"]


async def test_no_secret_is_told(kept: Kept, tmp_path: Path) -> None:
    kept.write(e.InputRefused(7, "oms", f"8=FIX.4.4|35=A|554={SECRET}|10=000|", "ValueError: x"))
    async with serving(tmp_path, kept) as (_, line):
        page = await line.ask("events", types=["InputRefused"])
        assert len(page["events"]) == 1
        assert SECRET not in str(page)


async def test_a_feed_that_never_reads_is_dropped_and_others_go_on(kept: Kept, tmp_path: Path) -> None:
    kept.write(*(e.MessageIgnored(7 + at, "ash", "B", "x" * 1_500) for at in range(400)))
    async with serving(tmp_path, kept, output_bytes_max=1_000_000) as (server, line):
        deaf = await asyncio.open_unix_connection(server.config.socket)
        deaf[1].transport.pause_reading()
        for number in range(30):
            deaf[1].write(orjson.dumps({"jsonrpc": "2.0", "id": number, "method": "events", "params": {}}) + b"\n")
        for _ in range(200):
            if server.dropped_total:
                break
            page = await line.ask("events", limit=1)
            assert page["next"] == 1
        assert server.dropped_total == 1
        assert (await line.ask("events", after=kept.seq))["next"] == kept.seq
        deaf[1].close()


# --- executions ----------------------------------------------------------------------------------


async def test_executions_have_what_cost_analysis_needs(kept: Kept, tmp_path: Path) -> None:
    async with serving(tmp_path, kept) as (_, line):
        page = await line.ask("executions")
        (found,) = page["executions"]
        (booked,) = kept.world.recorded(e.FillBooked)
        order = kept.world.state.orders[booked.fill.order_id]
        assert (found["kind"], found["exec_id"], found["told_as"]) == ("trade", *(booked.fill.exec_id,) * 2)
        assert found["segment"] == booked.segment
        assert (found["order_id"], found["security"], found["side"]) == (order.order_id, BOND.security_id, "buy")
        assert (found["quantity"], found["price"], found["dealer"]) == (str(MM), "99.95", "ash")
        assert found["arrival"]["price"] == found["mark"]["price"] == found["decision"]["price"] == "100"
        # Shortfall wants the whole order and when it was decided; cover wants the round.
        assert (found["order_quantity"], found["limit"], found["currency"]) == (str(MM), None, "USD")
        assert (found["received"], found["arrived"]) == (iso_timestamp(order.received_ns), found["received"])
        rule = kept.world.state.recommendations[order.order_id].rule
        assert (found["rule"], found["rfq"], found["round"], found["mode"]) == (rule, order.rfq_id, 1, "parallel")
        assert (found["asked"], found["quoted"], found["cover"]) == (3, 3, "99.97")
        assert found["gross"] == "999500.00"
        assert page["next"] == kept.seq
        assert (await line.ask("executions", after=found["seq"]))["executions"] == []


# --- a dealer's history --------------------------------------------------------------------------

HEAD = """
[[dealer]]
id = "alder"
name = "Alder"
lei = "0000DEMOALDER0000026"
session = "alder"
asset_classes = ["corporate"]
"""
TEXTS = (
    HEAD,
    HEAD + 'desk = "Credit"\nnotional_max = 5000000\n',
    HEAD + 'notional_max = 5000000\npaused = true\n[[dealer.agreements]]\nkind = "master"\nbegins = 2026-01-05\n',
    "",
)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


async def test_a_dealers_history_says_who_changed_what_and_when(tmp_path: Path) -> None:
    kept = Kept(tmp_path, scene())
    at_ns = 1_795_446_000 * NS_PER_S

    def of(text: str) -> tuple[e.TextInForce, ...]:
        return (e.TextInForce("rules", "r"), e.TextInForce("dealers", digest(text)))

    def row(text: str) -> TextRow:
        return TextRow("dealers.toml", digest(text), 1, text)

    first, second, third, fourth = TEXTS
    kept.write(
        e.EngineStarted(at_ns, 4, "c", digest(first), "s", "r", True, of(first)),
        texts=tuple(row(text) for text in TEXTS),
    )
    kept.write(e.Reloaded(at_ns + 1, ("rules",), of(first), "person:kim", "rules alone", ("rules",)))
    kept.write(e.Reloaded(at_ns + 2, ("dealers",), of(second), "person:kim", "a limit", ("dealers",)))
    kept.write(e.DealerPaused(at_ns + 3, "alder", True, "person:lee", "slow"))
    kept.write(e.DealerPaused(at_ns + 3, "birch", True, "person:lee", "another one"))
    kept.write(e.Reloaded(at_ns + 4, ("dealers",), of(third), "person:lee", "agreed", ("dealers",)))
    kept.write(e.Reloaded(at_ns + 5, ("dealers",), of(fourth), "person:kim", "gone", ("dealers",)))
    async with serving(tmp_path, kept, Role.VIEWER) as (_, line):
        told = (await line.ask("dealer.history", dealer="alder"))["history"]
        assert [(each["what"], each["actor"], each["reason"]) for each in told] == [
            ("gone", "kim", "gone"),
            ("changed", "lee", "agreed"),
            ("paused", "lee", "slow"),
            ("changed", "kim", "a limit"),
            ("listed", "engine", "start"),
        ]
        changed = {each["key"]: (each["before"], each["after"]) for each in told[1]["changes"]}
        assert set(changed) == {"desk", "paused", "agreements"}
        assert changed["paused"] == (False, True)
        assert changed["desk"][1] == []
        assert (changed["agreements"][1][0]["kind"], changed["agreements"][1][0]["begins"]) == ("master", "2026-01-05")
        limit = {each["key"]: each["after"] for each in told[3]["changes"]}
        assert limit["notional_max"] == "5000000"
        assert {each["key"] for each in told[4]["changes"]} >= {"id", "name", "lei", "session", "asset_classes"}
        wrong = await line.ask("dealer.history", dealer="aldre")
        assert "no dealer 'aldre' (did you mean 'alder'?)" in wrong["message"]

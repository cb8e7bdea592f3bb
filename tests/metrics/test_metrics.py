"""What the collectors say of real sessions and of a real desk, and that no label can grow without end."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from desk_builder import DeskWorld, make_desk, make_world
from desk_past import HIGH_YIELD, MUNICIPAL
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families
from session_world import SessionWorld

from engine.clock import NS_PER_S, Instant, fix_timestamp
from engine.desk.state_rows import Kill
from engine.domain import events as e
from engine.domain import messages as m
from engine.domain.placement import DkReason
from engine.domain.rfq import Quote, QuoteKind
from engine.errors import GarbledMessage
from engine.fix.session.reasons import DisconnectReason, Ending
from engine.fix.session.schedule import Schedule
from engine.fix.session.settings import SessionSettings
from engine.fix.session.step import SentRow
from engine.fix.standard.dictionaries import built_in
from engine.fix.wire import codec
from engine.metrics.collector import SAMPLES_PER_PIECE, Metrics
from engine.turn import (
    Change,
    ConnectionDown,
    ConnectionUp,
    FilesRead,
    HeldDue,
    Inbound,
    Input,
    LogoutWanted,
    Machine,
    ReadSentRows,
    Received,
    SentPage,
    Traffic,
    Turn,
    Write,
)
from engine.turn.trading import Trading

NOW = Instant(1_000 * NS_PER_S, 1_790_000_000 * NS_PER_S)
ENTROPY = bytes(16)
CLOSED = Ending(DisconnectReason.CLOSED_BY_PEER, "")
LOST = Ending(DisconnectReason.CONNECTION_LOST, "")


def read(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


class Wire:
    """A peer of the engine's `oms` session: says things in order, and carries out what the engine's turns ask for."""

    def __init__(self, *, tell_state: bool = True) -> None:
        settings = {
            key: SessionSettings(key, "FIX.4.4", "BUYSIDE", key.upper(), role, initiator=False)
            for key, role in (("oms", "oms"), ("dropcopy", "dropcopy"))
        }
        self.trading = Trading(make_desk())
        self.machine = Machine(self.trading, settings, dict.fromkeys(settings, built_in("FIX.4.4")))
        self.metrics = Metrics("9.9")
        self.sent: list[bytes] = []
        self.seq = 0
        self.connection = 0
        if tell_state:
            self.metrics.state(self.machine, self.trading)

    def take(self, given: Input) -> None:
        turn = self.machine.take(given)
        self.metrics.turn(turn)
        for effect in turn.effects:
            if isinstance(effect, Write):
                self.sent.append(effect.data)
                self.metrics.wrote(effect.session, [effect.data])
            elif isinstance(effect, ReadSentRows):
                self.serve(effect)
        if turn.held_due is not None:
            self.take(HeldDue(NOW, turn.held_due, ENTROPY))

    def serve(self, wanted: ReadSentRows) -> None:
        rows = []
        for number in range(wanted.begin, wanted.end + 1):
            data = next(raw for raw in self.sent if b"\x0134=%d\x01" % number in raw)
            application = b"\x0135=8\x01" in data
            rows.append(SentRow(number, data if application else None))
        self.take(
            SentPage(NOW, wanted.session, wanted.epoch, wanted.connection, rows, wanted.end, last=True, entropy=ENTROPY)
        )

    def connect(self) -> None:
        self.connection += 1
        self.take(ConnectionUp(NOW, self.connection, "", ENTROPY))

    def log_on(self, *extra: tuple[int, str]) -> None:
        self.connect()
        self.say("A", (98, "0"), (108, "30"), *extra)

    def say(
        self,
        msg_type: str,
        *fields: tuple[int, str],
        seq: int | None = None,
        sender: str = "OMS",
        poss_dup: bool = False,
    ) -> bytes:
        if seq is None:
            self.seq += 1
            seq = self.seq
        frame = codec.frame(
            begin_string="FIX.4.4",
            msg_type=msg_type,
            seq_num=seq,
            sender=sender,
            target="BUYSIDE",
            sending_time=fix_timestamp(NOW.utc_ns),
            body=codec.encode_body(fields),
            poss_dup=poss_dup,
            orig_sending_time=fix_timestamp(NOW.utc_ns) if poss_dup else None,
        )
        self.take(Received(NOW, self.connection, frame, ENTROPY))
        return frame

    def order(self, quantity: str = "1000000") -> bytes:
        return self.say(
            "D",
            (11, f"c{self.seq}"),
            (1, "FUND-A"),
            (55, "[N/A]"),
            (48, "US0000000000"),
            (22, "4"),
            (54, "1"),
            (38, quantity),
            (40, "1"),
            (60, fix_timestamp(NOW.utc_ns)),
            (15, "USD"),
            (21, "1"),
        )

    def read(self, name: str, **labels: str) -> float | None:
        return read(self.metrics, name, **labels)

    def messages(self, direction: str) -> dict[str, float]:
        return {
            sample.labels["msg_type"]: sample.value
            for family in self.metrics.registry.collect()
            if family.name == "fix_messages"
            for sample in family.samples
            if sample.labels["session"] == "oms" and sample.labels["direction"] == direction
        }


# --- sessions ------------------------------------------------------------------------------------


def test_messages_are_counted_both_ways_by_type() -> None:
    wire = Wire()
    wire.log_on()
    wire.say("0")
    wire.say("1", (112, "are you there"))
    order = wire.order()
    assert wire.messages("in") == {"session": 3, "D": 1}
    assert wire.messages("out") == {"A": 1, "0": 1, "8": 1}
    assert wire.read("fix_bytes_total", session="oms", direction="in") == len(order)
    assert wire.read("fix_bytes_total", session="oms", direction="out") == sum(map(len, wire.sent))
    assert wire.read("orders_total", state="refused") == 1


def test_without_a_first_state_sessions_are_named_all_the_same() -> None:
    wire = Wire(tell_state=False)
    wire.log_on()
    wire.order()
    assert wire.messages("in")["D"] == 1


def test_a_gap_is_counted_once_however_much_comes_behind_it() -> None:
    wire = Wire()
    wire.log_on()
    for seq in (4, 5, 6):
        wire.say("0", seq=seq)
    assert wire.read("fix_gaps_detected_total", session="oms") == 1
    assert wire.read("fix_resend_requests_total", session="oms", direction="out") == 1
    assert wire.read("fix_warnings_total", session="oms", code="gap") == 1
    assert wire.messages("in") == {"session": 1}, "held messages are not taken in yet"
    wire.say("4", (123, "Y"), (36, "4"), seq=2, poss_dup=True)
    assert wire.messages("in") == {"session": 5}, "the gap fill and the three that were held"
    wire.say("0", seq=9)
    assert wire.read("fix_gaps_detected_total", session="oms") == 2


def test_a_peers_resend_request_and_what_is_sent_again() -> None:
    wire = Wire()
    wire.log_on()
    wire.order()
    wire.order()
    wire.say("2", (7, "1"), (16, "0"))
    assert wire.read("fix_resend_requests_total", session="oms", direction="in") == 1
    assert wire.read("fix_resent_messages_total", session="oms") == 2, "two reports; the Logon is filled over"
    assert wire.messages("out") == {"A": 1, "8": 4, "4": 1}


def test_rejects_by_direction_and_kind() -> None:
    wire = Wire()
    wire.log_on()
    wire.say("1")
    assert wire.read("fix_rejects_total", session="oms", direction="out", kind="session") == 1
    wire.say("3", (45, "1"), (58, "no"))
    assert wire.read("fix_rejects_total", session="oms", direction="in", kind="session") == 1
    wire.say("S", (131, "x"), (117, "q"))
    assert wire.read("fix_rejects_total", session="oms", direction="out", kind="business") == 1
    wire.say("j", (45, "1"), (372, "8"), (380, "0"))
    assert wire.read("fix_rejects_total", session="oms", direction="in", kind="business") == 1


def test_disconnects_are_counted_by_their_reason() -> None:
    wire = Wire()
    for ending in (CLOSED, LOST, LOST._replace(text="[Errno 104] Connection reset by peer")):
        wire.log_on()
        wire.take(ConnectionDown(NOW, wire.connection, ending, ENTROPY))
    assert wire.read("fix_disconnects_total", session="oms", reason="closed_by_peer") == 1
    assert wire.read("fix_disconnects_total", session="oms", reason="connection_lost") == 2


def test_a_disconnect_is_counted_once_by_what_began_it() -> None:
    wire = Wire()
    wire.log_on()
    wire.take(LogoutWanted(NOW, "oms", Ending(DisconnectReason.STOPPING, "the daemon is stopping"), ENTROPY))
    wire.say("5")
    wire.take(ConnectionDown(NOW, wire.connection, CLOSED, ENTROPY))
    assert wire.read("fix_disconnects_total", session="oms", reason="stopping") == 1
    assert wire.read("fix_disconnects_total", session="oms", reason="closed_by_peer") == 0


def test_a_stranger_is_counted_under_no_session() -> None:
    wire = Wire()
    wire.connect()
    wire.say("A", (98, "0"), (108, "30"), sender="NOBODY")
    assert wire.read("fix_warnings_total", session="none", code="unknown_session") == 1
    wire.take(ConnectionDown(NOW, wire.connection, Ending(DisconnectReason.UNKNOWN_SESSION, "..."), ENTROPY))
    assert wire.read("fix_disconnects_total", session="none", reason="unknown_session") == 1


def test_a_reset_is_counted_with_its_cause() -> None:
    wire = Wire()
    wire.log_on((141, "Y"))
    assert wire.read("fix_seq_resets_total", session="oms", cause="reset_seq_num_flag") == 1
    assert wire.messages("in") == {"session": 1}


def test_an_input_that_could_not_be_handled(monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire()
    wire.log_on()
    assert wire.read("inputs_refused_total", source="oms") == 0, "shown before it ever happens"

    def fail(*args: Any) -> None:
        raise RuntimeError("planted")

    monkeypatch.setattr(wire.trading, "hear", fail)
    wire.order()
    assert wire.read("inputs_refused_total", source="oms") == 1
    assert wire.read("fix_warnings_total", session="oms", code="input_refused") == 1


def test_a_type_nobody_knows_is_other_and_is_not_remembered() -> None:
    metrics = Metrics("9.9")
    for number in range(200):
        taken = turn()
        taken.inbound.append(
            Inbound("oms", 1, number, b"8=FIX.4.4\x019=5\x0135=U%d\x0134=1\x01" % number, f"U{number}")
        )
        metrics.turn(taken)
    assert read(metrics, "fix_messages_total", session="oms", direction="in", msg_type="other") == 200
    assert not metrics._in.found


def test_prices_are_counted_though_none_of_them_has_a_row() -> None:
    world = SessionWorld([("marks", "market", False)])
    world.log_on("marks")
    before = world.metric("fix_messages_total", session="marks", direction="in", msg_type="session") or 0
    for _ in range(5):
        world.say("marks", "W", (55, "[N/A]"), (48, "US0000000000"), (22, "4"), (268, "1"), (269, "0"), (270, "99.5"))
    assert not [each for turn in world.turns for each in turn.inbound]
    assert world.metric("fix_messages_total", session="marks", direction="in", msg_type="session") == before + 5
    assert world.metric("prices_refused_total", reason="one_sided") == 5
    assert world.metric("prices_refused_total", reason="crossed") == 0


def test_levels_of_sessions() -> None:
    world = SessionWorld()

    def look(unsent: int = 0) -> None:
        connection = world.state("oms").connection
        world.metrics.sessions(
            world.machine, world.now, {connection: Traffic(unsent)} if connection is not None else {}
        )

    look()
    assert world.metric("fix_session_up", session="oms", role="oms") == 0
    assert world.metric("fix_session_state", session="oms", state="disconnected") == 1
    assert math.isnan(world.metric("fix_last_received_age_seconds", session="oms") or 0)
    assert math.isnan(world.metric("fix_heartbeat_rtt_seconds", session="oms") or 0)
    world.log_on("oms")
    world.command("session.test_request", session="oms", reason="x")
    world.advance(2)
    world.say("oms", "0", (112, "TEST"))
    world.say("oms", "0", seq=9)
    world.advance(5)
    look(unsent=4096)
    assert world.metric("fix_session_up", session="oms", role="oms") == 1
    assert world.metric("fix_session_up", session="dropcopy", role="dropcopy") == 0
    assert world.metric("fix_session_state", session="oms", state="active") == 1
    assert world.metric("fix_session_state", session="oms", state="disconnected") == 0
    assert world.metric("fix_seq_num", session="oms", direction="in") == 2
    assert world.metric("fix_seq_num", session="oms", direction="out") == 3
    assert world.metric("fix_last_received_age_seconds", session="oms") == 5
    assert world.metric("fix_last_sent_age_seconds", session="oms") == 5
    assert world.metric("fix_heartbeat_rtt_seconds", session="oms") == 2
    assert world.metric("fix_out_queue_bytes", session="oms") == 4096
    assert world.metric("fix_held_messages", session="oms") == 1
    world.cut("oms")
    world.command("session.disable", session="oms", reason="x")
    look()
    assert world.metric("fix_session_enabled", session="oms") == 0
    assert world.metric("fix_session_enabled", session="ash") == 1
    assert world.metric("fix_heartbeat_rtt_seconds", session="oms") == 2, "the last one stands"


def test_a_session_that_was_taken_away_is_not_one_that_is_down() -> None:
    world = SessionWorld()

    def look() -> str:
        world.metrics.state(world.machine, world.trading)
        world.metrics.sessions(world.machine, world.now, {})
        return b"".join(world.metrics.exposition()[0]).decode()

    before = look()
    every = dict(world.machine.settings)
    assert all(f'session="{key}"' in before for key in every)
    rest = {"oms": every["oms"]}
    asked = (7, ("sessions",), "jane", "why", ())
    world.take(FilesRead(world.now, *asked, Change(settings=rest), bytes(16)))

    levels = [
        line for line in look().splitlines() if line.startswith(("fix_session_", "fix_seq_num", "dropcopy_unsent"))
    ]

    assert not [line for line in levels if 'session="dropcopy"' in line or 'session="ash"' in line]
    assert world.metric("fix_session_up", session="oms", role="oms") == 0
    world.take(FilesRead(world.now, *asked, Change(settings=every), bytes(16)))
    again = {line for line in look().splitlines() if "session=" in line}
    assert again >= {line for line in before.splitlines() if "session=" in line}


def test_what_waits_for_a_number_is_the_depth_of_the_queue() -> None:
    world = SessionWorld()
    world.log_on("oms")
    world.order()
    world.metrics.sessions(world.machine, world.now, {})
    assert world.metric("fix_out_queue_depth", session="dropcopy") == len(world.machine.links["dropcopy"].waiting)
    assert world.metric("fix_out_queue_depth", session="oms") == 0


def test_logons_are_counted() -> None:
    world = SessionWorld()
    assert world.metric("fix_logons_total", session="oms") == 0
    for _ in range(2):
        world.log_on("oms")
        world.cut("oms")
    assert world.metric("fix_logons_total", session="oms") == 2


def test_garbage_is_counted_by_what_is_wrong_with_it() -> None:
    world = SessionWorld()
    world.log_on("oms")
    for _ in range(2):
        world.receive("oms", b"8=FIX.4.4\x019=5\x0135=0\x0110=000\x01")
    world.receive("oms", GarbledMessage("bytes before BeginString(8)", reason="noise"))
    assert world.metric("fix_garbled_total", session="oms", reason="checksum") == 2
    assert world.metric("fix_garbled_total", session="oms", reason="noise") == 1
    stranger = world.connect("dropcopy")
    world.receive("dropcopy", b"8=FIX.4.4\x019=5\x0135=0\x0110=000\x01", stranger)
    assert world.metric("fix_garbled_total", session="none", reason="checksum") == 1


def test_rejects_are_counted_by_their_reason() -> None:
    world = SessionWorld()
    world.log_on("oms")
    world.say("oms", "1")
    world.say("oms", "3", (45, "1"), (373, "5"), (58, "no"))
    world.say("oms", "3", (45, "1"), (58, "no"))
    world.say("oms", "3", (45, "1"), (373, "77"), (58, "no"))
    world.say("oms", "j", (45, "1"), (372, "8"), (380, "3"))

    def count(direction: str, reason: str) -> float | None:
        return world.metric("fix_reject_reasons_total", session="oms", direction=direction, reason=reason)

    assert count("out", "373=1") == 1
    assert count("in", "373=5") == 1
    assert count("in", "380=3") == 1
    assert count("in", "other") == 2, "without a reason, and of no reason that there is"


def test_a_session_is_open_by_its_schedule_alone() -> None:
    wire = Wire()
    nine_to_five = Schedule.daily(ZoneInfo("UTC"), time(9), time(17))
    wire.machine.settings["dropcopy"] = replace(wire.machine.settings["dropcopy"], schedule=nine_to_five)
    for hour, is_open in ((8, 0), (12, 1), (18, 0)):
        wire.metrics.sessions(wire.machine, Instant(0, hour * 3600 * NS_PER_S), {})
        assert wire.read("fix_session_open", session="dropcopy", role="dropcopy") == is_open
        assert wire.read("fix_session_open", session="oms", role="oms") == 1


def test_reports_for_a_drop_copy_that_is_down_are_unsent_until_it_comes_up() -> None:
    wire = Wire()
    wire.log_on()
    wire.say(
        "D",
        (11, "good"),
        (1, "FUND-A"),
        (55, "[N/A]"),
        (48, HIGH_YIELD.security_id),
        (22, "4"),
        (54, "1"),
        (38, "1000000"),
        (40, "1"),
        (60, fix_timestamp(NOW.utc_ns)),
        (15, "USD"),
        (21, "1"),
    )
    wire.metrics.state(wire.machine, wire.trading)
    unsent = wire.read("dropcopy_unsent", session="dropcopy")
    assert unsent == len(wire.machine.links["dropcopy"].waiting) > 0
    wire.seq = 0
    wire.connect()
    wire.say("A", (98, "0"), (108, "30"), sender="DROPCOPY")
    wire.metrics.state(wire.machine, wire.trading)
    assert wire.read("dropcopy_unsent", session="dropcopy") == 0
    assert wire.read("fix_messages_total", session="dropcopy", direction="out", msg_type="8") == unsent


# --- the desk ------------------------------------------------------------------------------------


class Watched:
    """A desk whose every new event is counted, as the runtime does it turn by turn."""

    def __init__(self) -> None:
        self.world: DeskWorld = make_world(make_desk())
        self.metrics = Metrics("9.9")
        self.counted = 0
        self.look()

    def look(self) -> None:
        fresh, self.counted = self.world.events[self.counted :], len(self.world.events)
        for event in fresh:
            self.metrics.turn(turn(event))
        self.metrics.state(Wire(tell_state=False).machine, self.world)  # type: ignore[arg-type]

    def read(self, name: str, **labels: str) -> float | None:
        return read(self.metrics, name, **labels)

    def asked(self) -> tuple[str, list[str]]:
        """An order that is out to dealers, and whom."""
        order_id = self.world.order(HIGH_YIELD, "buy", 1_000_000)
        if not self.world.state.orders[order_id].rfq_id:
            self.world.command("send", order=order_id)
        rfq = self.world.state.rfqs[self.world.state.orders[order_id].rfq_id]
        self.look()
        return order_id, [ask.dealer for ask in rfq.asks]


def turn(*events: e.Event, kind: str = "Received") -> Turn:
    made = Turn(NOW, kind)
    made.events = events
    return made


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_an_order_from_request_to_fill_and_its_cost(watched: Watched) -> None:
    world = watched.world
    order_id, dealers = watched.asked()
    rfq = world.state.rfqs[world.state.orders[order_id].rfq_id]
    assert watched.read("orders_total", state="received") == 1
    assert watched.read("rfq_started_total", mode=rfq.plan.mode.value) == 1
    assert watched.read("rfq_open") == 1
    world.advance(2)
    world.quote(dealers[0], "100", order_id=order_id)
    watched.look()
    assert watched.read("rfq_quotes_total", dealer=dealers[0], type="tradeable") == 1
    assert watched.read("rfq_quote_latency_seconds_sum", dealer=dealers[0]) == pytest.approx(2)
    assert watched.read("rfq_quote_latency_seconds_bucket", dealer=dealers[0], le="1.0") == 0
    assert watched.read("rfq_quote_latency_seconds_bucket", dealer=dealers[0], le="2.5") == 1
    world.command("execute", order=order_id)
    watched.look()
    assert watched.read("placements_in_doubt", needs="answer") == 1
    again = Metrics("9.9")
    again.state(Wire(tell_state=False).machine, world)  # type: ignore[arg-type]
    assert read(again, "placements_in_doubt", needs="answer") == 1, "a restart finds it"
    world.fill(order_id)
    watched.look()
    assert watched.read("placements_in_doubt", needs="answer") == 0
    assert watched.read("fills_total") == 1
    assert watched.read("fill_notional_total") == pytest.approx(1_000_000)
    assert watched.read("orders_total", state="filled") == 1
    assert watched.read("rfq_outcome_total", outcome="executed") == 1
    assert watched.read("rfq_open") == 0
    assert watched.read("tca_pending") == 1
    again = Metrics("9.9")
    again.state(Wire(tell_state=False).machine, world)  # type: ignore[arg-type]
    assert read(again, "tca_pending") == 1
    world.advance(1799)
    world.mark()
    world.advance(2)
    watched.look()
    assert watched.read("tca_pending") == 0


def test_an_acceptance_that_only_a_person_can_settle(watched: Watched) -> None:
    world = watched.world
    order_id, dealers = watched.asked()
    world.quote(dealers[0], "100", order_id=order_id)
    world.command("execute", order=order_id)
    world.advance(600)
    watched.look()
    placement = world.state.placements[world.state.orders[order_id].placement_id]
    assert placement.person_needed
    assert watched.read("placements_in_doubt", needs="answer") == 0
    assert watched.read("placements_in_doubt", needs="person") == 1


def test_a_fill_in_quarantine_until_a_person_decides(watched: Watched) -> None:
    world = watched.world
    order_id, dealers = watched.asked()
    world.quote(dealers[0], "100", order_id=order_id)
    world.command("execute", order=order_id)
    world.fill(order_id, price="101")
    watched.look()
    assert watched.read("quarantined_fills_total") == watched.read("fills_in_quarantine") == 1
    again = Metrics("9.9")
    again.state(Wire(tell_state=False).machine, world)  # type: ignore[arg-type]
    assert read(again, "fills_in_quarantine") == 1, "a restart finds it"
    world.command("quarantine.reject", role="operator", fill="1", reason="not ours")
    watched.look()
    assert (watched.read("quarantined_fills_total"), watched.read("fills_in_quarantine")) == (1, 0)


def test_silence_and_the_round_that_ends_with_it(watched: Watched) -> None:
    _, dealers = watched.asked()
    watched.world.advance(3600)
    watched.look()
    silent = Counter(event.dealer for event in watched.world.recorded(e.DealerSilent))
    assert silent
    for dealer in dealers:
        assert watched.read("rfq_timeouts_total", dealer=dealer) == silent[dealer]
    assert watched.read("rfq_outcome_total", outcome="no_execution") == 1
    assert watched.read("orders_total", state="returned") == len(watched.world.recorded(e.OrderReturned))


def test_kill_switches_by_what_they_stop(watched: Watched) -> None:
    world = watched.world
    assert watched.read("kill_switch_state", scope="all") == 0
    for scope, on in (("all", True), ("dealer:alder", True), ("dealer:birch", True), ("dealer:birch", False)):
        world.state.kills.put(scope, Kill(on, "kim", "why", 1))
    watched.look()
    assert watched.read("kill_switch_state", scope="all") == 1
    assert watched.read("kill_switch_state", scope="dealer") == 1
    assert watched.read("kill_switch_state", scope="account") == 0


REPORT = m.DealerReport(
    *(m.DealerWord.filled, "p", "", "k", "x", "US1", None, Decimal(1), Decimal(1)),
    *(None, None, None, "", "", None),
)
QUOTE = Quote(
    quote_id="q",
    bid=None,
    offer=Decimal(100),
    price=Decimal(100),
    quantity=Decimal(1),
    kind=QuoteKind.indicative,
    firm_until_ns=None,
    received_ns=5,
    latency_ns=3 * NS_PER_S,
    edge_bps=None,
)


@pytest.mark.parametrize(
    ("event", "name", "labels"),
    [
        pytest.param(e.OrderRefused(1, "oms", "c", "i", 1, "why"), "orders_total", {"state": "refused"}, id="refused"),
        pytest.param(e.OrderReturned(1, "O-1", "why"), "orders_total", {"state": "returned"}, id="returned"),
        pytest.param(e.OrderCanceled(1, "O-1", "why"), "orders_total", {"state": "canceled"}, id="canceled"),
        pytest.param(e.OrderExpired(1, "O-1", "why"), "orders_total", {"state": "expired"}, id="expired"),
        pytest.param(e.RfqClosed(1, "R-1", "no execution"), "rfq_outcome_total", {"outcome": "no_execution"}, id="end"),
        pytest.param(
            e.AskBlocked(1, "R-1", "d", "kill", "x"), "risk_blocks_total", {"check": "kill"}, id="ask blocked"
        ),
        pytest.param(
            e.AcceptBlocked(1, "R-1", "d", "collar", "x"), "risk_blocks_total", {"check": "collar"}, id="accept blocked"
        ),
        pytest.param(
            e.DealerDeclined(1, "R-1", "dealer-0", "s", "why", 5), "rfq_declines_total", {"dealer": "dealer-0"}, id="no"
        ),
        pytest.param(
            e.QuoteReceived(1, "R-1", "dealer-0", "s", QUOTE, True),
            "rfq_late_quotes_total",
            {"dealer": "dealer-0"},
            id="late",
        ),
        pytest.param(
            e.QuoteReceived(1, "R-1", "dealer-0", "s", QUOTE, True),
            "rfq_quotes_total",
            {"dealer": "dealer-0", "type": "indicative"},
            id="late is a quote",
        ),
        pytest.param(
            e.FillQuarantined(1, "s", "d", "k", "p", "x", Decimal(1), Decimal(1), "why", DkReason.other, REPORT),
            "quarantined_fills_total",
            {},
            id="quarantined",
        ),
        pytest.param(
            e.ReversionMeasured(1, "x", "O-1", "d", "s", 1, None, None, "no mark"),
            "tca_mark_missing_total",
            {"mark": "reversion"},
            id="no mark afterwards",
        ),
        pytest.param(
            e.InputRefused(1, "timer", "rfq:R-1", "x"), "inputs_refused_total", {"source": "timer"}, id="timer"
        ),
        pytest.param(
            e.SessionReset(1, "oms", 2, "reset"),
            "fix_seq_resets_total",
            {"session": "oms", "cause": "reset"},
            id="reset",
        ),
    ],
)
def test_an_event_is_one_step(event: e.Event, name: str, labels: dict[str, str]) -> None:
    metrics = Metrics("9.9")
    metrics.turn(turn(event))
    metrics.turn(turn(event, event))
    assert read(metrics, name, **labels) == 3


def test_what_release_withheld_is_counted_once() -> None:
    metrics = Metrics("9.9")
    withheld = e.AskWithheld(1, "R-1", "d", "kill: switch all is on", never_left=True)
    metrics.withheld("kill")
    metrics.turn(turn(withheld, e.AcceptWithheld(1, "P-1", "kill: switch all is on"), kind="NotSent"))
    assert read(metrics, "withheld_total", reason="kill") == 1
    metrics.turn(turn(replace(withheld, never_left=False), kind="SentPage"))
    assert read(metrics, "withheld_total", reason="gap_filled") == 1


# --- the process ---------------------------------------------------------------------------------


def test_commits_batches_and_the_loop() -> None:
    metrics = Metrics("9.9")
    metrics.committed(0.0003, 3)
    metrics.committed(0.02, 200)
    metrics.commit_failed()
    metrics.loop_lag(0.04)
    assert read(metrics, "journal_commit_seconds_count") == 2
    assert read(metrics, "journal_commit_seconds_sum") == pytest.approx(0.0203)
    assert read(metrics, "journal_commit_seconds_bucket", le="0.0005") == 1
    assert read(metrics, "journal_batch_turns_bucket", le="128.0") == 1
    assert read(metrics, "db_write_errors_total") == 1
    assert read(metrics, "event_loop_lag_seconds_bucket", le="0.025") == 0
    assert read(metrics, "event_loop_lag_seconds_bucket", le="0.05") == 1


# --- labels --------------------------------------------------------------------------------------


def test_no_dealer_that_is_not_configured_gets_a_series(watched: Watched) -> None:
    for number in range(1000):
        watched.metrics.turn(turn(e.DealerSilent(1, "R-1", f"made-up-{number}", "s", 5)))
    assert watched.read("rfq_timeouts_total", dealer="other") == 1000
    assert watched.read("rfq_timeouts_total", dealer="made-up-1") is None


def test_configured_series_are_shown_at_zero_before_anything_happened(watched: Watched) -> None:
    dealer = next(iter(watched.world.desk.dealers)).id
    assert watched.read("rfq_declines_total", dealer=dealer) == 0
    assert watched.read("rfq_quotes_total", dealer=dealer, type="counter") == 0
    assert watched.read("rfq_quote_latency_seconds_count", dealer=dealer) == 0
    assert watched.read("fix_gaps_detected_total", session="oms") == 0
    assert watched.read("fix_rejects_total", session="oms", direction="in", kind="business") == 0
    assert watched.read("withheld_total", reason="kill") == 0


# --- the text ------------------------------------------------------------------------------------

FAMILIES = """
fix_session_up fix_session_state fix_session_enabled fix_logons fix_last_received_age_seconds
fix_last_sent_age_seconds fix_heartbeat_rtt_seconds fix_out_queue_depth fix_out_queue_bytes fix_held_messages
fix_certificate_not_after_seconds fix_connections_refused fix_connects calendar_known_until_timestamp_seconds
calendar_known_ahead_min_seconds exchange_rate_age_seconds exchange_rate_age_max_seconds orders_without_rate
fix_garbled fix_reject_reasons fix_session_open fix_messages fix_bytes fix_disconnects fix_seq_num fix_gaps_detected
fix_resend_requests fix_resent_messages fix_seq_resets fix_rejects fix_warnings rfq_started rfq_outcome rfq_open
rfq_quotes rfq_declines rfq_timeouts rfq_quote_latency_seconds rfq_late_quotes orders fills fill_notional risk_blocks
withheld kill_switch_state placements_in_doubt quarantined_fills fills_in_quarantine inputs_refused dropcopy_unsent
tca_pending tca_mark_missing journal_commit_seconds journal_batch_turns db_write_errors
event_loop_lag_seconds build_info
"""


def _families(wire: Wire, accept: str) -> Iterator[Any]:
    pieces, content_type = wire.metrics.exposition(accept)
    text = b"".join(pieces)
    if content_type.startswith("application/openmetrics-text"):
        return iter(openmetrics_parser.text_string_to_metric_families(text.decode()))
    return iter(text_string_to_metric_families(text.decode()))


@pytest.mark.parametrize(
    "accept",
    [
        pytest.param("", id="nothing preferred"),
        pytest.param("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5", id="OpenMetrics"),
        pytest.param("text/plain;version=1.0.0;escaping=allow-utf-8", id="text 1.0.0"),
        pytest.param("text/plain;version=nonsense", id="a version that is none"),
        pytest.param("application/openmetrics-text;version=0.0", id="a version too old"),
    ],
)
def test_every_family_can_be_read_back(accept: str) -> None:
    wire = Wire()
    wire.log_on()
    wire.order()
    wire.take(ConnectionDown(NOW, wire.connection, CLOSED, ENTROPY))
    found = {family.name.removesuffix("_total"): family for family in _families(wire, accept)}
    assert set(FAMILIES.split()) - {"build_info"} <= set(found)
    assert {"build", "build_info"} & set(found)
    assert all(family.documentation for family in found.values())
    reports = [s.value for s in found["fix_messages"].samples if s.labels["msg_type"] == "8"]
    assert reports == [1]


@pytest.mark.parametrize("accept", ["", "application/openmetrics-text;version=1.0.0"])
def test_the_pieces_are_the_text_of_the_client_library(accept: str) -> None:
    wire = Wire()
    wire.metrics._learn(wire.metrics._dealers, [f"dealer-{number}" for number in range(30)])
    wire.log_on()
    wire.order()
    encode, _ = choose_encoder(accept)
    pieces = list(wire.metrics.exposition(accept)[0])
    assert len(pieces) > len(list(wire.metrics.registry.collect())) + 10, "quote latencies come in many"
    assert max(piece.count(b"\n") for piece in pieces) <= SAMPLES_PER_PIECE + 2
    assert _lines(b"".join(pieces)) == _lines(encode(wire.metrics.registry))


def _lines(text: bytes) -> list[str]:
    """Without the metrics of the process, which change from one scrape to the next."""
    return [line for line in text.decode().splitlines() if not line.startswith("process_")]


def test_the_build_is_named() -> None:
    families = {family.name: family for family in Metrics("9.9").registry.collect()}
    (sample,) = families["build"].samples
    assert (sample.name, sample.labels["version"], sample.value) == ("build_info", "9.9", 1)


def test_a_desk_of_many_dealers_plays_on_without_a_new_series(watched: Watched) -> None:
    """What is shown after the first orders is shown after many: nothing in a label grows with the work."""

    def series() -> int:
        return sum(len(family.samples) for family in watched.metrics.registry.collect())

    for security in (HIGH_YIELD, MUNICIPAL):
        watched.world.order(security, "sell", 500_000)
    watched.world.advance(4000)
    watched.look()
    before = series()
    for number in range(30):
        watched.world.order(HIGH_YIELD, "sell", 500_000 + number)
        watched.world.advance(400)
    watched.look()
    assert watched.read("orders_total", state="received") == 32
    assert series() == before


def test_a_report_that_is_no_trade_fills_no_order(watched: Watched) -> None:
    watched.asked()
    kinds = {event.report.kind for event in watched.world.recorded(e.OrderReported)}
    assert m.ReportKind.new in kinds
    assert watched.read("orders_total", state="filled") == 0

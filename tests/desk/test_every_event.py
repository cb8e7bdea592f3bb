"""Every field of every event matters: it comes out of the journal as it went in, and the state it makes says so.

The events are those of a day on which everything happens; the fields are those of their types.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, Final

import pytest
from desk_past import EURO, HIGH_YIELD
from desk_scene import BOND, MM, rows
from test_desk_properties import ACTS, Day, a_day, command

from engine.clock import NS_PER_S, iso_timestamp
from engine.dealers.stats import DealerStats, StatsParameters
from engine.desk.apply import apply
from engine.desk.classic_lessons import observe
from engine.desk.state import DeskState
from engine.domain import events as e
from engine.domain.keys import Timer, TimerKind
from engine.domain.messages import DealerWord
from engine.domain.moves import IllegalMove
from engine.domain.observation import RoundSeen
from engine.domain.order import OrderState
from engine.domain.placement import Verdict
from engine.journal.archive import ReadOnly, audit
from engine.journal.batch import EventRow, StagedTurn
from engine.journal.event_codec import Codec, event_types
from engine.journal.writer import Journal

pytestmark = pytest.mark.starts("noon")
"""Nothing here is about the time."""

DAYS: Final = 24
"""As many as it takes until everything has happened more than once."""
TYPES: Final = event_types(vars(e), e.Event)
CODEC: Final = Codec(TYPES)

FACTS: Final = frozenset(
    {
        "EngineStopped", "StateDigested", "InputRefused", "ClockStepped", "SessionUp", "SessionReset",
        "SessionNumbersSet", "SessionCommanded", "TlsReloaded", "OrderRefused", "StrayMessage",
        "AcceptBlocked", "FillRepeated", "RuleBookLoaded", "Reloaded", "LogLevelSet",
        "MessageIgnored", "MoneyDiffered", "ReloadRefused", "EstimatesRebuilt", "TcaReceived",
        "LeakSolved", "EstimatesFitted",
    }
)  # fmt: skip
"""Events for the record: the desk's state is the same without them."""

RECORD_ONLY: Final = frozenset(
    {
        "OrderReceived.actor", "DuplicateAllowed.at_ns", "DuplicateAllowed.actor", "DuplicateAllowed.reason",
        "EngineStarted.logic_version", "EngineStarted.config_hash", "EngineStarted.dealers_hash",
        "EngineStarted.scoring_hash", "EngineStarted.book_hash", "EngineStarted.previous_ended_cleanly",
        "EngineStarted.in_force", "SessionDown.reason", "SessionDown.code", "SessionDown.by",
        "SessionsAwaited.at_ns", "OrdersLookedAt.at_ns", "AskAwaited.at_ns",
        "OrderRecommended.at_ns", "OrderReturned.at_ns", "CancelAsked.actor", "CancelSettled.at_ns",
        "CancelSettled.reason", "ReplaceSettled.at_ns", "ReplaceSettled.reason",
        "OrderReported.at_ns", "OrderReported.report", "DealerAsked.segment",
        "AskBlocked.check", "AskWithheld.at_ns", "AskWithheld.silent", "QuoteReceived.at_ns", "QuoteReceived.segment",
        "QuoteReceived.late", "QuoteReceived.first", "QuoteReceived.firmed", "QuoteWithdrawn.at_ns",
        "DealerDeclined.segment", "DealerDeclined.latency_ns", "DealerSilent.at_ns", "DealerSilent.segment",
        "DealerSilent.waited_ns", "RfqDeciding.at_ns", "RfqDeciding.reason", "TraderAlerted.at_ns",
        "TraderAlerted.reason", "RfqClosed.at_ns", "QuoteAccepted.actor", "QuoteAccepted.reason",
        "AcceptWithheld.at_ns", "AcceptWithheld.reason", "PlacementAcknowledged.at_ns",
        "PlacementCountAgreed.at_ns",
        "PlacementEnded.segment", "PlacementEnded.actor",
        "PlacementCancelAsked.at_ns", "FillBooked.improvement_bps", "FillMarked.at_ns", "FillMarked.due_ns",
        "FillMarked.index", "FillMarked.mark", "FillMarked.reason",
        "FillConfirmed.at_ns", "TradeChangeConfirmed.at_ns", "FillQuarantined.dealer_exec_id",
        "QuarantineRepeated.at_ns", "DontKnowTradeSent.at_ns", "FillCanceled.reason", "FillCorrected.reason",
        "ReversionMeasured.at_ns", "ReversionMeasured.order_id",
        "ReversionMeasured.dealer", "ReversionMeasured.segment", "ReversionMeasured.traded_ns",
        "ReversionMeasured.mark", "RoundAmended.now", "RoundAmended.reason", "RoundAmended.residual",
        "RoundAmended.round", "RoundAmended.was", "RoundMarked.at_ns", "RoundMarked.due_ns", "RoundMarked.index",
        "RoundMarked.mark", "RoundMarked.reason",
        "HistoryAdded.at_ns", "HistoryAdded.origin", "HistoryAdded.actor", "AxeAdvertised.actor", "AxeWithdrawn.actor",
        "AxeWithdrawn.reason",
        "OrderCanceled.mark", "OrderExpired.mark",
        "FillBooked.half_spread_bps",
        "SecuritiesPut.at_ns", "SecuritiesPut.actor", "CreditLimitsPut.at_ns", "RatesPut.at_ns", "RatesPut.actor",
        "RatesPut.reason",
        "OrderRated.at_ns", "RfqOpened.rate", "DealerAsked.rate",
        "CreditLimitsPut.actor",
    }
)  # fmt: skip
"""Fields that no row keeps: they are for the record, for the stats, or say again what a row has already."""

FOR_ONE_WORD: Final = frozenset({"FillCanceled.fill", "FillCorrected.was", "FillQuarantined.report"})
"""What a row has already, or keeps hardly anything of: not looked at part by part."""

KEPT_OF_A_ROUND: Final = ("rfq_id", "decided_ns", "segment", "bond", "asks")
"""What was seen of a round is for those who learn of it: of it all the state keeps what marks and amendments need."""

FOR_THE_STATS: Final = frozenset(
    {
        "DealerAsked.at_ns", "DealerAsked.dealer", "DealerAsked.segment", "AskWithheld.dealer", "AskWithheld.silent",
        "QuoteReceived.at_ns", "QuoteReceived.dealer", "QuoteReceived.segment", "QuoteReceived.first",
        "QuoteReceived.firmed", "DealerDeclined.at_ns", "DealerDeclined.dealer", "DealerDeclined.segment",
        "DealerSilent.dealer", "DealerSilent.segment", "DealerSilent.waited_ns", "FillBooked.at_ns",
        "FillBooked.segment", "FillBooked.improvement_bps", "PlacementEnded.at_ns", "PlacementEnded.segment",
        "ReversionMeasured.dealer", "ReversionMeasured.segment", "ReversionMeasured.traded_ns",
        "ReversionMeasured.reversion_bps", "HistoryAdded.at_ns", "HistoryAdded.rounds", "FillCanceled.key",
        "FillCorrected.key",
    }
)  # fmt: skip
"""What the stats learn straight from an event, rather than from the rows it made."""


def some_day(seed: int) -> Day:
    """A day from one seed; it begins with an order that is taken, and ends with every kind of switch thrown."""
    rng = random.Random(seed)
    day = a_day()
    day.order(BOND, "buy", MM, account="PARALLEL")
    for dealer, price in (("ash", "99.95"), ("beech", "99.97"), ("cedar", "100.05")):
        day.says(dealer, price, "O-000001")
    command(day, "execute", order="O-000001")
    if seed % 3 == 1:
        day.withhold(day.placement("O-000001").outbox_id)
    elif seed % 3 == 2:
        day.fills("O-000001")
        day.advance(1_790)
        day.price(BOND, "100.2")
        day.advance(20)
    command(day, "order.allow_duplicate", order=day.order(BOND, "buy", MM, account="PARALLEL"), reason="meant")
    names = [*ACTS, *["order", "quote", "quote", "quote", "report", "report", "report", "trade", "trade", "wait"]]
    names.remove("kill")
    names.remove("verdict")
    names.remove("replace")
    for _ in range(45):
        ACTS[rng.choice(names)](day, rng.randrange(41), rng.randrange(41), rng.randrange(41))
    day.replace(day.order(BOND, "sell", 2 * MM, account="HAND"), f"g{seed}", (1 + seed % 3) * MM)
    draft = day.draft()
    draft.record(e.EngineStarted(day.now.utc_ns, 1, "", "", "", "", True))
    draft.record(e.OrdersLookedAt(day.now.utc_ns, seed % 3))
    draft.record(e.AskAwaited(day.now.utc_ns, "Q-000001", "beech", day.now.utc_ns + seed))
    draft.record(e.SessionsAwaited(day.now.utc_ns, "O-000001", ("ash", "beech")[seed % 2 :], day.now.utc_ns + seed))
    for kind, ident in ((TimerKind.waiting, ""), (TimerKind.rfq, "Q-000001"), (TimerKind.order, "O-000001")):
        draft.wake(Timer(kind, ident))
    day.keep(draft)
    pending = day.order(BOND, "sell", MM, account="PARALLEL")
    command(day, "order.allow_duplicate", order=pending, reason="meant")
    for dealer in ("ash", "beech", "cedar"):
        if dealer in day.down:
            day.restore(dealer)
        if day.the(pending).state is OrderState.asking and day.rfq(pending).ask_of(dealer) is not None:
            day.says(dealer, "100.02", pending)
    command(day, "execute", order=pending)
    if day.the(pending).state is OrderState.placed:
        if seed % 3 != 2:
            # Two fills in the wrong order: the dealer counts more than is booked, and then it does not.
            day.fills(pending, MM // 8, exec_id=f"later-{seed}", cum_quantity=Decimal(MM // 4))
            day.fills(pending, MM // 8, exec_id=f"before-{seed}", cum_quantity=Decimal(MM // 8))
        day.replace(pending, f"h{seed}", MM // (5 if seed % 2 else 2), limit_price=None)
        if seed % 3:
            word, status = ((DealerWord.canceled, "4"), (DealerWord.rejected, "8"))[seed % 3 - 1]
            day.reports_of(pending, word, status=status, cum_quantity=day.placement(pending).filled)
        else:
            day.cancel(pending, f"x{seed}")
            if seed % 2:
                placement = day.placement(pending)
                day.fills(pending, int(placement.quantity - placement.filled))  # Faster than the cancel.
    done = day.order(HIGH_YIELD, "buy", MM, account="PARALLEL")
    command(day, "order.allow_duplicate", order=done, reason="meant")
    if day.the(done).state is OrderState.asking and day.rfq(done).ask_of("ash") is not None:
        day.says("ash", str(HIGH_YIELD.price), done)
        command(day, "execute", order=done)
    if day.the(done).state is OrderState.placed:
        day.fills(done, MM // 2, exec_id="done-1", cum_quantity=None)
        if seed % 2:
            day.fills(done, MM // 2, exec_id="done-2", cum_quantity=None)
        elif seed % 4:
            more = {"last_quantity": Decimal(MM), "last_price": day.placement(done).price, "settl_date": "20261130"}
            day.reports_of(done, DealerWord.corrected, refers_to="done-1", exec_id="done-0", **more)
        day.advance(40 * 60 if seed % 4 == 1 else 3)
        left = {"leaves_quantity": Decimal(MM // 2 if seed % 3 else 0), "cum_quantity": None}
        day.reports_of(
            done,
            DealerWord.corrected,
            refers_to="done-1",
            exec_id="done-3",
            last_quantity=Decimal(MM // 4),
            last_price=day.placement(done).price - Decimal("0.01"),
            **left,
        )
        day.reports_of(done, DealerWord.trade_canceled, refers_to="done-3", exec_id="done-4", text=f"{seed}", **left)
    settle_quarantine(day, seed)
    for scope in ("all", "dealer:ash", "account:AUTO"):
        command(day, "kill", scope=scope, on=True, reason="so that every switch was thrown")
    told = {
        "rfq_id": "T-1", "sent_at": "2025-11-02T14:05:00Z", "security": BOND.security_id, "side": "buy",
        "quantity": "2000000",
        "answer": "quote", "answered_at": "2025-11-02T14:05:12Z", "price": "99.85", "mark_sent": "99.75",
        "accepted_at": "2025-11-02T14:05:20Z", "mark_30m": "99.95",
    }  # fmt: skip
    for dealer, outcome in (("ash", "filled"), ("beech", "rejected"), ("cedar", "")):
        command(day, "history.add", rows=[{**told, "dealer": dealer, "outcome": outcome}], origin="elsewhere")
    bond = {"isin": "US0378331005", "name": "B", "issuer": "I", "asset_class": "corporate"}
    for _ in range(1 + (seed % 5 == 0)):
        command(day, "securities.put", rows=[bond])
    command(day, "securities.put", rows=[{"isin": "US0378331005", "remove": True}])
    command(day, "credit_limits.put", rows=[{"scope": "dealer:ash", "day_max": 5, "request_max": 4}])
    unsized = day.order(EURO, "buy", 3 * MM, account="HAND")
    # Near what was told before: a rate that jumps is refused.
    euro = next((each.price for each in day.state.rates.values() if each.pair == "EUR/USD"), "1.08")
    command(day, "rates.put", rows=[{"pair": "EUR/USD", "price": f"{euro}"}, {"pair": "USD/JPY", "price": "155"}])
    command(day, "rates.remove", role="operator", pair="USD/JPY", reason="so that both happened")
    assert day.the(unsized).facts.rate is not None
    interest = {"dealer": "ash", "security": BOND.security_id, "side": "sell", "price": "99.9", "quality": "high"}
    soon = {**interest, "axe_id": "A-2", "valid_until": iso_timestamp(day.now.utc_ns + NS_PER_S), "size": "small"}
    command(day, "axes.put", rows=[{**interest, "axe_id": "A-1", "quantity": 5_000_000}, soon][: 1 + (seed % 3 != 1)])
    day.advance(2)
    draft = day.draft()
    draft.record(e.AxesExpired(day.now.utc_ns, "ash"))
    day.keep(draft)
    command(day, "axes.put", rows=[{**interest, "axe_id": "A-3", "size": "large"}])
    command(day, "axes.put", rows=[{"dealer": "ash", "axe_id": "C", "refers_to": "A-1", "action": "cancel"}])
    for on in (True, False):
        command(
            day, f"dealer.{'pause' if on else 'resume'}", role="operator", dealer="ash", reason="so that both happened"
        )
    draft = day.draft()
    draft.record(e.DealerDrifted(day.now.utc_ns, "ash", "response", 0.75, 0.4, 30))
    day.keep(draft)
    for enabled in (False, True):
        draft = day.draft()
        draft.record(e.SessionSwitched(day.now.utc_ns, "ash", enabled, "person:kim", "agreed on the phone"))
        day.keep(draft)
    return day


def settle_quarantine(day: Day, seed: int) -> None:
    """Fills of nothing we ordered are booked or rejected; a dealer insists, and one cannot be told."""
    order_id = next(iter(day.state.orders.keys()))
    day.reports_of_nothing("ash")
    *_, last = day.state.open_quarantine()
    for exec_id in ("X10", "X11"):
        day.hear("ash", replace(last.report, exec_id=exec_id))
    for number, kept in enumerate(day.state.open_quarantine()):
        given: dict[str, Any] = {"fill": kept.fill_id, "reason": "called them"}
        if not number and not seed:
            over = {"over": True, "quantity": 1_000, "price": "99.9", "order": order_id}
            command(day, "quarantine.book", role="operator", **given, **over)
            command(day, "quarantine.book", role="operator", **given)
        elif (number + seed) % 3:
            day.drop(kept.session)
            command(day, "quarantine.reject", role="operator", dk="wrong_side", **given)
            day.restore(kept.session)
        else:
            command(day, "quarantine.reject", role="operator", **given)
    for kept in list(day.state.quarantine.values()):
        if kept.verdict is Verdict.rejected:
            day.hear(kept.session, kept.report)
            (day.withhold if kept.told_outbox_id % 2 else day.fill_over)(kept.told_outbox_id)


@pytest.fixture(scope="module")
def days() -> list[Day]:
    return [some_day(seed) for seed in range(DAYS)]


# --- the journal ---------------------------------------------------------------------------------


def test_the_days_have_every_event_that_changes_the_state(days: list[Day]) -> None:
    happened = {type(each).__name__ for day in days for each in day.events}
    assert happened | FACTS == {each.__name__ for each in TYPES}


@pytest.mark.parametrize("seed", range(0, DAYS, 4))
def test_what_the_journal_gives_back_folds_to_the_same_state_and_stats(
    days: list[Day], seed: int, tmp_path: Path
) -> None:
    """Encoded, written, read and decoded: every event equal, every row equal, the digests too."""
    path, day = tmp_path / "journal.db", days[seed]
    with Journal(path, "normal", reserve_bytes=0) as journal:
        turns = []
        for number, event in enumerate(day.events, 1):
            row = EventRow(number, number, *CODEC.encode(event)[:2], event.at_ns, CODEC.encode(event)[2])
            turns.append(StagedTurn(number, event.at_ns, "timer", "", "", events=(row,)))
        journal.commit(turns)
    assert audit(path).holds
    state, stats, found = DeskState(), DealerStats(), []
    with ReadOnly(path) as file:
        for kept in file.turns():
            for row in kept.turn.events:
                event = CODEC.decode(row.type, row.version, row.body)
                assert row.utc_ns == event.at_ns
                found.append(event)
                apply(state, event)
                observe(stats, state, event)
    assert found == day.events
    assert [CODEC.encode(each) for each in found] == [CODEC.encode(each) for each in day.events]
    assert rows(state) == rows(day.state)
    assert state.digest() == day.state.digest()
    assert stats.fold_digest() == day.desk.stats.fold_digest()


# --- the fields ----------------------------------------------------------------------------------


def others(value: Any) -> Iterator[Any]:
    """Values of the same kind that are not `value`."""
    if isinstance(value, Enum):
        yield from (each for each in type(value) if each is not value)
    elif isinstance(value, bool):
        yield not value
    elif isinstance(value, Decimal):
        yield value + 1
    elif isinstance(value, int | float):
        yield value + 1
        # A day on: what is counted by days is another one then.
        yield value + 86_400_000_000_000
    elif isinstance(value, str):
        yield from (f"{value}x", "") if value else ("x",)
    elif isinstance(value, tuple):
        yield (*value, "zz")
        if value:
            yield value[1:]
    elif is_dataclass(value):
        for field in fields(value):
            for other in others(getattr(value, field.name)):
                yield replace(value, **{field.name: other})  # type: ignore[type-var]
    elif value is None:
        yield from (1.5, "x")


def written(state: DeskState, event: e.Event) -> Any:
    """The rows an event writes, or the failure of ours that it would be."""
    draft = DeskState(below=state)
    try:
        apply(draft, event)
    except (KeyError, ValueError, AssertionError, AttributeError, TypeError, Warning, IllegalMove) as error:
        return type(error)
    return {(name, key): repr(table.get(key)) for name, table in draft.tables() for key in table.written()}


CHEAP: Final = StatsParameters(half_life_days=1, leakage_half_life_days=1)
NOTHING_LEARNT: Final = DealerStats(CHEAP).fold_digest()


def learnt(state: DeskState, event: e.Event) -> Any:
    """What the stats learn of an event, whose rows are there."""
    stats = DealerStats(CHEAP)
    try:
        observe(stats, state, event)
    except (KeyError, ValueError, AssertionError, AttributeError, TypeError) as error:
        return type(error)
    return stats.fold_digest()


def sampled(days: list[Day], each: int) -> Iterator[tuple[DeskState, e.Event]]:
    """Some events of every type, spread over the days, each with the state before it."""
    by_type: dict[type, list[tuple[int, int]]] = {}
    for number, day in enumerate(days):
        for place, event in enumerate(day.events):
            by_type.setdefault(type(event), []).append((number, place))
    wanted = {place for places in by_type.values() for place in places[:: max(1, len(places) // each)]}
    for number, day in enumerate(days):
        state = DeskState()
        for place, event in enumerate(day.events):
            if (number, place) in wanted:
                yield state, event
            apply(state, event)


def test_every_field_of_an_event_is_in_the_state_or_is_known_to_be_for_the_record(days: list[Day]) -> None:
    seen: set[str] = set()
    matters: set[str] = set()
    for state, event in sampled(days, 80):
        name = type(event).__name__
        plain = written(state, event)
        assert isinstance(plain, dict)
        if name in FACTS:
            assert not plain, f"{name} changes the state"
            continue
        for field in fields(event):
            path = f"{name}.{field.name}"
            seen.add(path)
            for other in others(getattr(event, field.name)):
                if path in matters:
                    break
                if written(state, replace(event, **{field.name: other})) != plain:
                    matters.add(path)
    assert seen - matters == RECORD_ONLY


def test_every_part_of_what_an_event_carries_whole_is_in_the_state(days: list[Day]) -> None:
    """An order's terms, a plan, a quote, a fill: part by part."""
    missing: set[str] = set()
    known: set[str] = set()
    for state, event in sampled(days, 9):
        plain = written(state, event)
        for field in fields(event):
            whole = getattr(event, field.name)
            if not is_dataclass(whole) or f"{type(event).__name__}.{field.name}" in RECORD_ONLY | FOR_ONE_WORD:
                continue
            for part in fields(whole):
                path = f"{type(event).__name__}.{field.name}.{part.name}"
                for other in others(getattr(whole, part.name)):
                    changed = replace(event, **{field.name: replace(whole, **{part.name: other})})  # type: ignore[type-var]
                    (known if written(state, changed) != plain else missing).add(path)
    seen = {f"RoundObserved.round.{field.name}" for field in fields(RoundSeen)}
    assert missing - known == seen - {f"RoundObserved.round.{part}" for part in KEPT_OF_A_ROUND}


SAID_OTHERWISE: Final = {
    ("Rfq", "state"): "of the round, not of its placement",
    ("Order", "state"): "of the order, not of its placement",
    ("Order", "price"): "",
}


OTHERWISE: Final = frozenset({("PendingReversion", "mark")})
"""The same name and another thing: of the mark at an execution the price alone is kept."""


def test_a_row_that_an_event_begins_has_the_events_own_values(days: list[Day]) -> None:
    """Field by field of the same name: two that were exchanged would both matter, and be wrong."""
    compared: set[str] = set()
    for day in days:
        state = DeskState()
        for event in day.events:
            draft = DeskState(below=state)
            apply(draft, event)
            for name, table in draft.tables():
                for key in table.written():
                    row = table.get(key)  # None where it went.
                    begun = getattr(state, name).get(key) is None or name in ("kills", "switches")
                    if not is_dataclass(row) or not begun:
                        continue
                    for field in fields(row):
                        if hasattr(event, field.name) and (type(row).__name__, field.name) not in OTHERWISE:
                            compared.add(f"{type(event).__name__} {type(row).__name__}.{field.name}")
                            assert getattr(row, field.name) == getattr(event, field.name), (event, row, field.name)
            apply(state, event)
    assert {each.split()[0] for each in compared} >= {
        "OrderReceived", "RfqOpened", "DealerAsked", "QuoteAccepted", "FillBooked", "FillQuarantined", "KillSwitched",
        "SessionSwitched", "OrderOverridden",
    }  # fmt: skip
    assert len(compared) > 40


def test_an_event_changes_rows_of_its_own_order_alone(days: list[Day]) -> None:
    """Whatever happens to one order, every other order, round and placement is the very same object afterwards."""
    for day in days:
        state = DeskState()
        for event in day.events:
            draft = DeskState(below=state)
            apply(draft, event)
            orders = set(draft.orders.written())
            orders |= {draft.rfqs[key].order_id for key in draft.rfqs.written()}
            orders |= {draft.placements[key].order_id for key in draft.placements.written()}
            assert len(orders) <= 1, f"{event} changes {sorted(orders)}"
            apply(state, event)


def test_what_the_stats_learn_straight_from_an_event(days: list[Day]) -> None:
    """Each of those fields, changed, teaches something else (or cannot be); and no other field does."""
    matters: set[str] = set()
    teaches = {path.split(".")[0] for path in FOR_THE_STATS}
    for before, event in sampled(days, 12):
        name = type(event).__name__
        state = DeskState(below=before)
        apply(state, event)
        plain = learnt(state, event)
        if name not in teaches:
            assert plain == NOTHING_LEARNT, f"{name} teaches something"
            continue
        for field in fields(event):
            path = f"{name}.{field.name}"
            if path in matters or field.name in ("rfq_id", "placement_id", "fill", "was", "quote", "state"):
                continue  # Those say which row it is about, or are looked at part by part.
            for other in ("hazel",) if field.name == "dealer" else others(getattr(event, field.name)):
                other = "municipal|NR|3-7y|2mm-5mm|buy" if field.name == "segment" else other
                if learnt(state, replace(event, **{field.name: other})) != plain:
                    matters.add(path)
                    break
    assert matters == FOR_THE_STATS


def test_an_order_says_when_it_ended_if_it_did(days: list[Day]) -> None:
    orders = [each for day in days for each in day.state.orders.values()]
    assert any(each.open for each in orders)
    assert not all(each.open for each in orders)
    assert all((each.ended_ns == 0) is each.open for each in orders)

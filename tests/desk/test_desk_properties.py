"""What holds whatever happens: random days at the desk, looked over after every turn.

A day is a list of acts, each a few small numbers that pick whom and what it is about; hypothesis finds the shortest
day that breaks something. Dealers lie: they fill what they refused, twice, for more and at worse prices.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import pytest
from desk_past import EURO
from desk_scene import BOND, MM, RULES, Scene, looked_up_and_walked, rows, scene, scene_of
from desk_start import start
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.clock import NS_PER_DAY, NS_PER_S, iso_timestamp
from engine.commands import answering
from engine.desk import decide
from engine.desk.apply import apply
from engine.desk.draft import Delivery, Draft
from engine.desk.state import DeskState
from engine.desk.tables import Group, Index
from engine.domain import events as e
from engine.domain import messages as m
from engine.domain.keys import Scope, Timer, TimerKind
from engine.domain.order import Handling, OrderState, OrderStatus, TimeInForce
from engine.domain.placement import Placement
from engine.domain.rfq import QuoteKind, RfqState
from engine.errors import CommandError

pytestmark = pytest.mark.starts("noon", others_in_full=True)

ACCOUNTS: Final = ("AUTO", "STRICT", "SINGLE", "PARALLEL", "SPACED", "WHISPER", "WHISPERAUTO", "HAND")
PRICES: Final = ("99.5", "99.9", "100", "100.05", "100.1", "100.2", "100.4", "103", None)
WAITS: Final = (0.1, 1, 4.9, 5, 20, 30, 60, 600, 1800)
PROTECT: Final = 'protect "large" when notional >= 3mm\n  stagger 5s\n  at most 2 dealers\n'

Numbers = tuple[int, int, int]


@dataclass(slots=True)
class Day(Scene):
    """A scene that looks itself over whenever a turn was kept."""

    contradicted: set[str] = field(default_factory=set)
    """Orders whose dealer filled what was over: they may be promised more than once, and a person knows."""
    reopened: set[str] = field(default_factory=set)
    """Orders of which a dealer took a fill back and said that it may fill it once more."""
    folded: DeskState = field(default_factory=DeskState)
    """What the events come to one by one, as they do after a restart."""

    def keep(self, draft: Draft) -> None:
        decided = rows(draft.state)
        self._check_indexes(draft.state)
        before = self._deadlines()
        Scene.keep(self, draft)
        self._check_alarms(before, draft)
        self._check_indexes(self.state)
        assert rows(self.state) == decided, "what was decided and what was adopted differ"
        self._check_fold(draft)
        for page in draft.pages:
            if page.body["what"] == "fill after the end":
                self.contradicted.add(page.body["order_id"])
        for event in draft.events:
            if isinstance(event, e.FillCanceled | e.FillCorrected) and event.becomes == "in_doubt":
                self.reopened.add(event.fill.order_id)
        self._check_sends(draft)
        self.check()

    def _deadlines(self) -> dict[Timer, int]:
        """Of everything that has one while every session is up."""
        state, clocks, now_ns = self.state, self.desk.clocks, self.now.utc_ns
        keys = decide.open_keys(state)
        due = {key: decide.deadline_of(state, key, clocks, lambda _: True, now_ns) for key in keys}
        return {key: due_ns for key, due_ns in due.items() if due_ns is not None}

    def _check_alarms(self, before: dict[Timer, int], draft: Draft) -> None:
        """A deadline that is new, over or earlier now is looked at in that turn: no timer is lost, and none stays.

        An order at a dealer, and its round, may keep theirs: the dealer's word comes first, and it rings once in vain.
        """
        after = self._deadlines()
        for key in (*before, *after):
            was_ns, is_ns = before.get(key), after.get(key)
            if key.kind is TimerKind.order and self.state.orders[key.ident].state is OrderState.placed:
                continue
            if key.kind is TimerKind.rfq and self.state.rfqs[key.ident].state is RfqState.placed:
                continue
            if was_ns is None or is_ns is None or is_ns < was_ns:
                assert key in draft.touched, f"{key} was due at {was_ns}, is at {is_ns}, and its alarm stands as it was"

    def _check_fold(self, draft: Draft) -> None:
        """To adopt a draft is to fold its events: the same rows and groups, in the same order."""
        for event in draft.events:
            apply(self.folded, event)
        for (name, mine), (_, folded) in zip(self.state.tables(), self.folded.tables(), strict=True):
            assert list(mine.items()) == list(folded.items()), name
            assert mine.touched == folded.touched, name
            for one, other in zip(mine.indexes, folded.indexes, strict=True):
                assert groups(one) == groups(other), name

    def _check_indexes(self, state: DeskState) -> None:
        for question, found, walked in looked_up_and_walked(state):
            if len(state.changes) and isinstance(found, list):
                # What is open again because a fill was taken back stands last.
                found, walked = sorted(found, key=repr), sorted(walked, key=repr)
            assert found == walked, question

    def _check_sends(self, draft: Draft) -> None:
        for send in draft.sends:
            if isinstance(send.said, m.AskDealer | m.AcceptQuote | m.DontKnowTrade):
                assert send.delivery is Delivery.at_most_once
                assert send.not_after_ns is not None
                assert send.not_after_ns >= draft.now_ns
                kills = {Scope.parse(scope) for scope, kill in draft.state.kills.items() if kill.on}
                assert not kills & set(send.kill_scopes), "sent although a kill is on"
                assert send.session not in self.down, "sent to a session that is down"
            else:
                assert send.delivery is not Delivery.at_most_once

    def check(self) -> None:
        self._check_orders()
        self._check_rounds()
        self._check_reports()

    def _check_orders(self) -> None:
        unanswered = [each for each in self.state.placements.values() if each.unanswered]
        per_order = Counter(each.order_id for each in unanswered)
        assert all(count == 1 or name in self.reopened for name, count in per_order.items()), (
            "two acceptances of one order are unanswered"
        )
        reserved: dict[str, Decimal] = {}
        for each in unanswered:
            reserved[each.order_id] = reserved.get(each.order_id, Decimal(0)) + each.reserved
        booked: dict[str, Decimal] = {}
        for fill in self.state.fills.values():
            if fill.canceled:
                continue
            booked[fill.fill.order_id] = booked.get(fill.fill.order_id, Decimal(0)) + fill.fill.quantity
        beyond: dict[str, Decimal] = {}
        for kept in self.state.quarantine.values():
            if kept.beyond:
                of = next(each.fill for each in self.state.fills.values() if each.fill.exec_id == kept.exec_id).order_id
                beyond[of] = beyond.get(of, Decimal(0)) + kept.beyond
        for order in self.state.orders.values():
            name = order.order_id
            assert order.filled == booked.get(name, 0), "filled is what was booked"
            most = order.terms.quantity + beyond.get(name, 0)
            assert order.filled <= most, "more only where a person said so"
            assert (order.state is OrderState.filled) == (order.filled >= order.terms.quantity)
            if name not in self.contradicted:
                assert order.filled + reserved.get(name, 0) <= most, "more than the order is promised"
                assert order.open or name not in reserved or name in self.reopened, (
                    "an order is over while a dealer may fill it"
                )
            if name not in self.reopened:
                assert not order.open or (order.state is OrderState.placed) == (name in reserved)
            assert order.state is not OrderState.placed or name in reserved
            rfq = self.state.rfqs.get(order.rfq_id)
            if order.state is OrderState.asking:
                assert rfq is not None
                assert rfq.state in (RfqState.asking, RfqState.deciding)
            elif order.state is OrderState.placed:
                assert rfq is not None
                # Or it is over, and a person took a quote that outlives it.
                assert rfq.state is RfqState.placed or not rfq.open
            else:
                assert rfq is None or not rfq.open, f"an order that is {order.state} has an open round"
            assert not (order.cancel_cl_ord_id and order.open and name not in reserved), "a cancel waits for nothing"
            assert order.wanted is None or (order.open and name in reserved), "a replace waits for nothing"
        for placement in unanswered:
            due = self._deadline(Timer(TimerKind.placement, placement.placement_id))
            assert due is not None or placement.person_needed or placement.session in self.down, "forgotten in doubt"

    def _check_rounds(self) -> None:
        open_rounds = [rfq for rfq in self.state.rfqs.values() if rfq.open]
        assert self.state.open_rfqs() == len(open_rounds)
        for rfq in open_rounds:
            if rfq.state is RfqState.placed:
                placement = self.state.open_placement(rfq.order_id)
                assert placement is not None
                assert placement.rfq_id == rfq.rfq_id or rfq.order_id in self.reopened
            else:
                assert self._deadline(Timer(TimerKind.rfq, rfq.rfq_id)) is not None, "an open round without a deadline"
        assert {Timer(TimerKind.rfq, rfq.rfq_id) for rfq in open_rounds} <= set(decide.open_keys(self.state))

    def _check_reports(self) -> None:
        told = [event.report for event in self.events if isinstance(event, e.OrderReported)]
        before = sum(isinstance(event, e.OrderReported) for event in self.before)
        assert [each.exec_id for each in told] == [f"E-{before + n:06d}" for n in range(1, len(told) + 1)]
        ours = [send.said for send in self.sends if isinstance(send.said, m.OrderReport) and send.said.exec_id != "0"]
        assert len(ours) == len(told) + sum(bool(each.session) for each in told), (
            "OMS and drop copy, or drop copy alone"
        )
        done: dict[str, Decimal] = {}
        ended: set[str] = set()
        for report in told:
            if report.order_id == "NONE":
                continue
            changes = report.kind in (m.ReportKind.trade_canceled, m.ReportKind.trade_corrected)
            assert changes or report.cum_quantity >= done.get(report.order_id, 0), "what was filled went down"
            assert changes == bool(report.exec_ref_id)
            done[report.order_id] = report.cum_quantity
            over = report.ord_status in ("2", "4", "C")
            assert over == (report.leaves_quantity == 0)
            assert over or report.cum_quantity + report.leaves_quantity == report.quantity
            if changes and not over:
                ended.discard(report.order_id)
            if report.kind is not m.ReportKind.trade and not changes and over:
                assert report.order_id not in ended, "an order ended twice"
                ended.add(report.order_id)
        for order_id, quantity in done.items():
            assert quantity == self.state.orders[order_id].filled, "a fill was not told"


# --- acts ----------------------------------------------------------------------------------------


def pick(found: list[Any], number: int) -> Any:
    return found[number % len(found)] if found else None


def orders(day: Day) -> list[str]:
    return list(day.state.orders.keys())


def a_placement(day: Day, number: int) -> Placement | None:
    """The latest with 0: dealers mostly speak of what is at hand."""
    found: Placement | None = pick(list(day.state.placements.values())[::-1], number)
    return found


def new_order(day: Day, a: int, b: int, c: int) -> None:
    tif = pick(list(TimeInForce), b // 4)
    values: dict[str, Any] = {
        "account": pick(list(ACCOUNTS), a),
        "tif": tif,
        "limit_price": Decimal("100.1") if c % 4 == 3 else None,
        "handling": Handling.manual if c % 7 == 6 else Handling.automatic,
    }
    if tif is TimeInForce.gtd:
        values["expire_ns"] = day.now.utc_ns + (30 if c % 2 else 90_000) * NS_PER_S
    day.order(BOND, ("buy", "sell")[b % 2], (1 + c % 3) * MM, **values)


def own_order(day: Day, a: int, b: int, c: int) -> None:
    command(day, "order.new", security=BOND.security_id, side="buy", quantity=MM + a, account=pick(list(ACCOUNTS), b))


def quote(day: Day, a: int, b: int, c: int) -> None:
    asks = [(order_id, ask.dealer) for order_id in orders(day) for ask in asks_of(day, order_id) if ask.quote_req_id]
    chosen = pick(asks[::-1], a)
    if chosen is None:
        return
    changes: dict[str, Any] = {}
    if b % 5 == 4:
        changes["quote_id"] = "same"
    if c % 6 == 5:
        changes["kind"] = QuoteKind.indicative
    if c % 5 == 4:
        changes["valid_until_ns"] = day.now.utc_ns + (c % 40) * NS_PER_S
    day.says(chosen[1], PRICES[b % len(PRICES)], chosen[0], **changes)


def asks_of(day: Day, order_id: str) -> tuple[Any, ...]:
    rfq_id = day.the(order_id).rfq_id
    return day.state.rfqs[rfq_id].asks if rfq_id else ()


def decline(day: Day, a: int, b: int, c: int) -> None:
    asks = [(order_id, ask.dealer) for order_id in orders(day) for ask in asks_of(day, order_id) if ask.quote_req_id]
    chosen = pick(asks[::-1], a)
    if chosen is not None:
        (day.declines if b % 2 else day.withdraws)(chosen[1], chosen[0])


def report(day: Day, a: int, b: int, c: int) -> None:
    """A dealer's word of an acceptance: mostly the truth of the latest one."""
    placement = a_placement(day, a // 3)
    if placement is None:
        return
    words = m.DealerWord
    fills = [booked.fill for _, booked in day.state.executions_of(placement.order_id)]
    fill = pick([each for each in fills if each.placement_id == placement.placement_id], c)
    told, last = (fill.dealer_exec_id, fill.quantity) if fill is not None else ("X-none", placement.quantity)
    over = {"leaves_quantity": Decimal(0)} if c % 2 else {}
    kinds: list[dict[str, Any]] = [
        {"word": words.filled, "last_quantity": placement.quantity},
        {"word": words.filled, "last_quantity": placement.quantity / 2},
        {"word": words.rejected, "status": "8"},
        {"word": words.canceled, "status": "4"},
        {"word": words.acknowledged, "status": "0"},
        {"word": words.status, "status": "8", "unknown_order": True},
        {"word": words.status, "status": "0"},
        {"word": words.status, "status": "2", "cum_quantity": placement.quantity},
        {"word": words.filled, "last_quantity": placement.quantity + 1},
        {"word": words.filled, "last_quantity": placement.quantity, "last_price": Decimal(1 if c % 2 else 500)},
        {"word": words.filled, "last_quantity": placement.quantity, "cl_ord_id": "never"},
        {"word": words.corrected, "last_quantity": placement.quantity},
        {"word": words.trade_canceled, "refers_to": told, **over},
        {
            "word": words.trade_canceled,
            "refers_to": told,
            "leaves_quantity": placement.quantity,
            "status": OrderStatus.new,
        },
        {"word": words.corrected, "refers_to": told, "last_quantity": placement.quantity / 4, **over},
        {"word": words.corrected, "refers_to": told, "last_quantity": last, "last_price": placement.price / 2},
    ]
    values: dict[str, Any] = {
        "cl_ord_id": placement.placement_id,
        "orig_cl_ord_id": "",
        "order_id": "D1",
        "exec_id": "X-same" if c % 9 == 8 else f"X{day.turns}",
        "security_id": placement.security_id,
        "side": placement.side,
        "last_quantity": None,
        "last_price": placement.price,
        "cum_quantity": None,
        "leaves_quantity": None,
        "average_price": None,
        "trade_date": start().trade_date,
        "settl_date": start().settl_date,
        "transact_ns": day.now.utc_ns,
        **kinds[b % len(kinds)],
    }
    day.hear(placement.session, m.DealerReport(**values))


def trade_report(day: Day, a: int, b: int, c: int) -> None:
    """A trade report: of a fill that is booked, under its names or others, or of one that nobody has heard of.

    Or it takes a fill back, or corrects it, though an 8 may have done so before.
    """
    fill = pick([each.fill for each in day.state.fills.values()][::-1], a // 3)
    placement = day.state.placements.get(fill.placement_id) if fill is not None and b % 4 else a_placement(day, a // 3)
    if placement is None:
        return
    told = fill if fill is not None and fill.placement_id == placement.placement_id else None
    exec_id = told.dealer_exec_id if told is not None and c % 3 == 0 else ""
    report_id = "T-same" if c % 5 == 4 else f"T{day.turns}"
    quantity, price = (told.quantity, told.price) if told is not None else (placement.quantity / 2, placement.price)
    act = list(m.TradeAct)[c % len(m.TradeAct)] if b % 4 == 3 else m.TradeAct.new
    word = {m.TradeAct.cancel: m.DealerWord.trade_canceled, m.TradeAct.correct: m.DealerWord.corrected}.get(act)
    if act is m.TradeAct.correct:
        quantity = placement.quantity / 4
    trade = m.DealerReport(
        word=word or m.DealerWord.filled,
        cl_ord_id="",
        orig_cl_ord_id="",
        order_id="",
        exec_id=(exec_id if word is None else "") or report_id,
        security_id=placement.security_id,
        side=None,
        last_quantity=quantity + (c % 11 == 10),
        last_price=price,
        cum_quantity=None,
        leaves_quantity=None,
        average_price=None,
        trade_date=start().trade_date,
        settl_date=start().settl_date,
        transact_ns=day.now.utc_ns,
        match_id="M1" if c % 7 == 6 else "",
        secondary_exec_id="V1" if c % 7 == 5 else "",
        refers_to=told.dealer_exec_id if told is not None and word is not None else "",
        trade_report_id=report_id,
        reported_before=c % 8 == 7,
        report_words=m.ReportWords(report_id, "", "", "F", "", exec_id, "", "", "4", placement.security_id),
    )
    counted = placement.filled if c % 6 == 5 else None
    ours = m.TradeSide(placement.placement_id, "D1", placement.side, counted, None, None, None, None, "", "", None)
    day.hear(placement.session, m.TradeReport(act, trade, (ours,), "", "odd" if act == "unheard of" else ""))


def cancel_refused(day: Day, a: int, b: int, c: int) -> None:
    placement = a_placement(day, a)
    if placement is not None and placement.cancel_id:
        day.hear(
            placement.session, m.DealerCancelRefused(placement.cancel_id, placement.placement_id, "no", b % 2 == 1)
        )


def command(day: Day, name: str, role: str = "operator", **params: Any) -> None:
    draft = day.draft()
    try:
        answering.run_on_desk(draft, name, params, "kim", role, day.machine)
    except CommandError:
        return
    day.keep(draft)


def trade(day: Day, a: int, b: int, c: int) -> None:
    order_id = pick(orders(day)[::-1], a)
    if order_id is None:
        return
    acts: list[Callable[[], None]] = [
        lambda: command(day, "execute", order=order_id),
        lambda: command(day, "send", order=order_id, fresh=c % 2 == 1),
        lambda: command(
            day,
            "override",
            order=order_id,
            dealers=["hazel", "ash", "fir"][: 1 + c % 3],
            reason="mine",
            past_protection=c % 2 == 1,
        ),
        lambda: command(day, "order.allow_duplicate", order=order_id, reason="meant"),
        lambda: command(day, "order.force_state", order=order_id, reason="called them"),
        lambda: command(day, "order.cancel", order=order_id),
    ]
    acts[b % len(acts)]()


def cancel(day: Day, a: int, b: int, c: int) -> None:
    order_id = pick(orders(day)[::-1], a)
    if order_id is not None:
        day.cancel(order_id, f"f{day.turns}")


def replaces(day: Day, a: int, b: int, c: int) -> None:
    """Of an order of the OMS; a trader's own has no name there."""
    order_id = pick([name for name in orders(day)[::-1] if day.the(name).terms.session], a)
    if order_id is not None:
        terms = day.the(order_id).terms
        limit = (terms.limit_price, None, Decimal("100"), Decimal("99.9"))[c % 4]
        day.replace(order_id, f"g{day.turns if c % 9 else 1}", (1 + b % 12) * MM // 4, limit_price=limit)


def wait(day: Day, a: int, b: int, c: int) -> None:
    day.advance(WAITS[a % len(WAITS)])


def wire(day: Day, a: int, b: int, c: int) -> None:
    """A session goes or comes, a committed message is withheld, or left out of a resend."""
    dealer = ("ash", "beech", "cedar")[a % 3]
    sent = pick([int(key) for key, _ in day.state.sent.items()][::-1], c)
    if b % 4 < 2:
        (day.restore if dealer in day.down else day.drop)(dealer)
    elif sent is not None:
        (day.withhold if b % 4 == 2 else day.fill_over)(sent)


def kill(day: Day, a: int, b: int, c: int) -> None:
    scope = ("all", "dealer:ash", "account:AUTO")[a % 3]
    command(day, "kill", scope=scope, on=b % 2 == 0, reason="test")


def verdict(day: Day, a: int, b: int, c: int) -> None:
    """A person books or rejects what is in quarantine, or was."""
    kept = pick(list(day.state.quarantine.values())[::-1], a)
    if kept is None:
        return
    given: dict[str, Any] = {"fill": kept.fill_id, "reason": "called them"}
    if b % 3 == 2:
        command(day, "quarantine.reject", role="operator", **given)
        return
    if kept.placement_id not in day.state.placements:
        given["order"] = pick(orders(day)[::-1], c)
    if b % 3:
        given |= {"quantity": 1_000 * (1 + c), "price": "99.9"}
    command(day, "quarantine.book", role="operator", **given)


def market(day: Day, a: int, b: int, c: int) -> None:
    if a % 3 == 2:
        day.no_price()
    else:
        day.price(BOND, ("99.9", "100", "100.2", "104")[b % 4])


def foreign_order(day: Day, a: int, b: int, c: int) -> None:
    """In euros, whether there is a rate or not."""
    day.order(EURO, ("buy", "sell")[a % 2], MM + b, account=pick(list(ACCOUNTS), c))


def rate(day: Day, a: int, b: int, c: int) -> None:
    """One comes, moves, is too old already, is turned round, or goes."""
    if a % 5 == 4:
        command(day, "rates.remove", role="operator", pair="EURUSD", reason="it was wrong")
        return
    price = ("1.08", "1.10", "1.12", "0.92")[b % 4]
    at = iso_timestamp(day.now.utc_ns - (30 if c % 7 == 0 else 0) * 3600 * NS_PER_S)
    command(day, "rates.put", role="feed", rows=[{"pair": "EUR/USD", "price": price, "time": at}])


ACTS: Final[dict[str, Callable[[Day, int, int, int], None]]] = {
    "order": new_order,
    "own order": own_order,
    "quote": quote,
    "decline": decline,
    "report": report,
    "trade report": trade_report,
    "cancel refused": cancel_refused,
    "trade": trade,
    "verdict": verdict,
    "cancel": cancel,
    "replace": replaces,
    "wait": wait,
    "wire": wire,
    "kill": kill,
    "market": market,
    "foreign order": foreign_order,
    "rate": rate,
}
number = st.integers(0, 40)
# What brings a day forward comes more often than what upsets it.
names = st.sampled_from([*ACTS, *["order", "quote", "quote", "quote", "report", "report", "trade", "wait"]])
act = st.tuples(names, st.tuples(number, number, number))


def groups(index: Index[Any]) -> list[tuple[Group, list[str]]]:
    return [(group, list(index.of(group))) for group in index.groups()]


def a_day() -> Day:
    return scene_of(Day, PROTECT + RULES, duplicate_window_ns=NS_PER_S)


def live(acts: list[tuple[str, Numbers]]) -> Day:
    """A day that begins with an order that is asked about."""
    day = a_day()
    day.order(BOND, "buy", MM, account="AUTO")
    for name, numbers in acts:
        ACTS[name](day, *numbers)
    return day


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(act, min_size=1, max_size=40))
def test_whatever_happens(acts: list[tuple[str, Numbers]]) -> None:
    day = live(acts)
    requests = [event.quote_req_id for event in day.recorded(e.DealerAsked)]
    assert len(set(requests)) == len(requests)
    per_round = Counter((event.rfq_id, event.dealer) for event in day.recorded(e.DealerAsked))
    assert all(count == 1 for count in per_round.values()), "a dealer was asked twice in one round"
    taken = Counter((event.rfq_id, event.dealer, event.quote_id) for event in day.recorded(e.QuoteAccepted))
    assert all(count == 1 for count in taken.values()), "a quote was taken twice"
    if day.begun.yesterday:
        return  # The stats know nothing of what was asked then, and may hear today that it was answered or never left.
    for name in day.desk.dealers.ids:
        found = day.desk.stats.metrics(name, "*", 90, day.now.utc_ns)
        assert 0 <= found.quotes <= found.answers
        assert 0 <= found.silences + found.answers <= found.asks
        assert 0 <= found.silences + found.declines <= found.asks


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(act, min_size=1, max_size=40))
def test_guarantee_3_state_is_the_fold_of_the_events(acts: list[tuple[str, Numbers]]) -> None:
    """The record alone gives the same state and the same knowledge, bit for bit, however often it was digested."""
    day = live(acts)
    again = scene()
    for event in day.events:
        draft = again.draft()
        draft.record(event)
        Scene.keep(again, copy.copy(draft))
        again.state.digest()
    assert rows(again.state) == rows(day.state)
    assert again.state.digest() == day.state.digest()
    assert again.desk.stats.fold_digest() == day.desk.stats.fold_digest()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(act, min_size=1, max_size=30))
def test_everything_comes_to_an_end(acts: list[tuple[str, Numbers]]) -> None:
    """With sessions back and enough time, only what a dealer owes us an answer for is still open."""
    day = live(acts)
    for session in sorted(day.down):
        day.restore(session)
    day.advance(25 * NS_PER_DAY // NS_PER_S)
    for order in day.state.orders.values():
        placement = day.state.open_placement(order.order_id)
        if placement is None:
            assert not order.open
        else:
            assert placement.person_needed, "nobody is looking after it"
    assert all(pending.done for pending in day.state.reversions.values())

"""Prices and trades that somebody delivers: judged, put on the tape, or refused with the reason.

One way in for all of them: the market session (W and X), the feed on the admin socket, a file read by somebody who
feeds it. Nothing here decides about orders; what is heard is adopted with the turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import partial

from engine.clock import NS_PER_DAY, utc_day
from engine.desk.draft import Draft
from engine.desk.setting import Desk
from engine.domain.exchange import is_pair
from engine.domain.instrument import Security
from engine.domain.messages import MarketChanges, MarketPrice, SideChange, TradePrint
from engine.market.hearing import (
    Heard,
    Refusal,
    Refused,
    Sides,
    Withdrawal,
    Wrong,
    middle,
    sensible_price,
    sensible_size,
    sensible_time,
)
from engine.market.marks import Mark, Quality
from engine.market.tape import CompleteFrom, Trade

LEVEL_MAX = Decimal(10) ** 9
"""A benchmark's level is below this: it may be any number, but a number."""


def on_price(draft: Draft, session: str, heard: MarketPrice) -> None:
    """W: a mark is the middle of both sides; one side alone, or a crossed price, is none."""
    delivery = Delivery(draft, session)
    if heard.bid is not None or heard.offer is not None or not heard.trades:
        delivery.attempt(
            heard.security_id,
            lambda: delivery.two_sided(heard.security_id, heard.bid, heard.offer, heard.quoted_ns, Quality.COMPOSITE),
        )
    delivery.prints(heard.trades)
    delivery.end()


def on_changes(draft: Draft, session: str, heard: MarketChanges) -> None:
    """X: the side that changed with the other one as it was; a side that is gone takes the mark with it."""
    delivery = Delivery(draft, session)
    for security_id, sides in delivery.changed(heard.sides).items():
        if not is_pair(security_id):
            _new_sides(delivery, security_id, sides)
    delivery.prints(heard.trades)
    delivery.end()


def _new_sides(delivery: Delivery, security_id: str, sides: Sides) -> None:
    # A side that was not mentioned stands as it was: the price is of the time of the latest change.
    quoted_ns = None if sides.bid_ns is None or sides.offer_ns is None else max(sides.bid_ns, sides.offer_ns)

    def mark() -> None:
        delivery.bond(security_id)
        delivery.heard.append(sides)
        if sides.bid is None or sides.offer is None:
            if delivery.draft.desk.marks.of(security_id, delivery.source) is not None:
                delivery.heard.append(Withdrawal(security_id, delivery.source, delivery.draft.now_ns))
            return
        delivery.two_sided(security_id, sides.bid, sides.offer, quoted_ns, Quality.COMPOSITE)

    delivery.attempt(security_id, mark)


def adopt(desk: Desk, heard: Iterable[Heard], now_ns: int) -> None:
    """What was delivered becomes what everybody looks up. A start makes the same of the journal's tape."""
    appraisal = desk.appraisal
    for each in heard:
        match each:
            case Mark():
                if desk.marks.update(each) and (each.security_id, each.source) in desk.sides:
                    desk.sides[each.security_id, each.source] = Sides.of(each)
                appraisal.closes.take_mark(each)
            case Trade():
                appraisal.tape.take(each, now_ns, appraisal.parameters.past_trades)
            case Withdrawal(security_id, source, at_ns):
                desk.marks.withdraw(security_id, source, at_ns)
            case CompleteFrom():
                appraisal.tape.complete_from(each, now_ns)
            case Sides(security_id, source):
                desk.sides[security_id, source] = each
            case Refusal():
                desk.refusals.take(each)


REFUSED_FOR = tuple(each.value for each in Wrong)
"""What a price or a trade may be refused for."""


def refused_for(heard: Iterable[Heard]) -> list[str]:
    """What was refused of a turn's deliveries, and for what."""
    return [each.wrong.value for each in heard if isinstance(each, Refusal)]


class Delivery:
    """What one source delivers in one turn, while it is judged."""

    __slots__ = ("_told", "draft", "heard", "source")

    def __init__(self, draft: Draft, source: str) -> None:
        self.draft = draft
        self.source = source
        self.heard: list[Heard] = []
        self._told: dict[str, Trade] = {}
        """Trades of this delivery, by their source's name for them."""

    def end(self) -> None:
        """Keep what was taken, and count what was not."""
        if self.heard:
            self.draft.hear(*self.heard)

    def attempt(self, security_id: str, take: Callable[[], object]) -> Refused | None:
        """Take one thing; what is wrong with it is counted and returned."""
        try:
            take()
        except Refused as refused:
            # A few words of the source's own may stand in it: bounded, as all that is kept.
            self.heard.append(Refusal(self.source, security_id[:64], refused.wrong, str(refused)[:200]))
            return refused
        return None

    # --- marks -------------------------------------------------------------------------------------

    def two_sided(
        self, security_id: str, bid: Decimal | None, offer: Decimal | None, quoted_ns: int | None, quality: Quality
    ) -> None:
        """The middle of both sides. Raises Refused."""
        mid, half = middle(bid, offer)
        self.mark(security_id, mid, quoted_ns, quality, half)

    def mark(
        self,
        security_id: str,
        price: Decimal,
        quoted_ns: int | None,
        quality: Quality,
        half_spread: Decimal | None = None,
    ) -> None:
        """One price. Raises Refused."""
        desk, now_ns = self.draft.desk, self.draft.now_ns
        known = desk.appraisal.parameters
        is_level = security_id in known.benchmarks.values()
        if not is_level:
            self.bond(security_id)
        oldest_ns = now_ns - desk.appraisal.tape.days * NS_PER_DAY
        at_ns = sensible_time(
            now_ns if quoted_ns is None else quoted_ns, now_ns, known.ahead_ns_max, oldest_ns=oldest_ns
        )
        # What is from before says nothing against a price from long ago: history may be told of a bond that has fallen.
        now = desk.marks.best(security_id, at_ns, desk.clocks.mark_age_ns_max, known.age_ns_max)
        if is_level:
            sensible_price(price, now, known.jump_max, price_max=LEVEL_MAX)
        else:
            sensible_price(price, now, known.jump_max)
        self.heard.append(Mark(security_id, price, at_ns, self.source, quality, half_spread))

    def changed(self, changes: Iterable[SideChange]) -> dict[str, Sides]:
        """Both sides of every bond of which one changed."""
        found: dict[str, Sides] = {}
        for change in changes:
            name = change.security_id
            before = found.get(name) or self.draft.desk.sides_of(name, self.source)
            found[name] = before.changed(is_bid=change.is_bid, price=change.price, quoted_ns=change.quoted_ns)
        return found

    # --- trades ------------------------------------------------------------------------------------

    def prints(self, trades: Iterable[TradePrint]) -> None:
        """Trades of a provider; one that it has told of before is nothing new."""
        for each in trades:
            self.attempt(each.security_id, partial(self.print, each))

    def print(self, told: TradePrint) -> bool:
        """One trade, False if it is known already. Raises Refused."""
        draft = self.draft
        tape, known = draft.desk.appraisal.tape, draft.desk.appraisal.parameters
        before = self._known(told.trade_id) if told.trade_id else None
        if told.canceled and before is not None:
            return self._keep(_canceled(before), before)
        security = self.bond(told.security_id)
        if told.price is None:
            raise Refused(Wrong.malformed, "a trade has a price, found none")
        size = sensible_size(told.quantity, security.amount_outstanding)
        if told.traded_ns is None:
            raise Refused(Wrong.no_time, "a trade has a date and a time: without, it cannot be told from another")
        oldest_ns = draft.now_ns - tape.days * NS_PER_DAY
        at_ns = sensible_time(told.traded_ns, draft.now_ns, known.ahead_ns_max, oldest_ns=oldest_ns)
        mark = draft.desk.marks.best(told.security_id, at_ns, draft.desk.clocks.mark_age_ns_max, known.age_ns_max)
        sensible_price(told.price, mark, known.jump_max)
        trade_id = told.trade_id or f"{told.security_id} {told.traded_ns} {told.price} {size}"
        if before is None:
            before = self._known(trade_id)
        asset_class = security.asset_class.value
        trade = Trade(
            told.security_id, asset_class, told.price, size, at_ns, self.source, trade_id, canceled=told.canceled
        )
        return self._keep(trade, before)

    def complete_from(self, asset_class: str, day: int) -> None:
        """Of this class every trade since then is told. Raises Refused for a day that has not begun."""
        if day > utc_day(self.draft.now_ns):
            raise Refused(Wrong.future, "trades are complete since a day of the past")
        self.heard.append(CompleteFrom(asset_class, self.source, day))

    def _known(self, trade_id: str) -> Trade | None:
        return self._told.get(trade_id) or self.draft.desk.appraisal.tape.known(self.source, trade_id)

    def _keep(self, trade: Trade, before: Trade | None) -> bool:
        if trade == before:
            return False
        self._told[trade.trade_id] = trade
        self.heard.append(trade)
        return True

    # --- both --------------------------------------------------------------------------------------

    def bond(self, security_id: str) -> Security:
        """Raises Refused for one that the security master does not have."""
        security = self.draft.desk.securities.get(security_id)
        if security is None:
            raise Refused(Wrong.unknown_security, "it is not in the security master")
        return security


def _canceled(trade: Trade) -> Trade:
    return Trade(
        trade.security_id,
        trade.asset_class,
        trade.price,
        trade.quantity,
        trade.utc_ns,
        trade.source,
        trade.trade_id,
        canceled=True,
    )

"""What a desk sees of a round, as the engine's own values: nothing that only the world knows is among them.

A world counts seconds of trading, the engine nanoseconds UTC: a trading day is a weekday from 8 to 16 hours.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from worlds import street as market
from worlds.world import DAY_S, World

from engine.dealers.segments import Segment, segment_of
from engine.domain.instrument import AssetClass, Security
from engine.domain.observation import (
    Answer,
    AskSeen,
    BondSeen,
    ChosenBy,
    Horizon,
    MarkAfter,
    Protocol,
    RoundSeen,
    Taken,
)
from engine.domain.order import MarkUsed, Side
from engine.market.marks import Mark, MarkErrors, Quality, sd_bps
from engine.market.tca import quote_edge_bps

WAIT_S: Final = 60.0
"""How long dealers have to answer."""

STALE_S: Final = 14_400.0
"""An older mark is none."""

_FIRST: Final = datetime.datetime(2026, 1, 5, 8, tzinfo=datetime.UTC)  # A Monday.
_FIRST_NS: Final = int(_FIRST.timestamp()) * 1_000_000_000
_ERRORS: Final = MarkErrors()
_DAY_NS: Final = 86_400 * 1_000_000_000
_TOLD_VOLATILITY_SD: Final = 0.2
"""Of its logarithm: what a month of daily marks tells of it."""

AFTER_S: Final[Mapping[Horizon, float]] = {
    Horizon.minute: 60.0,
    Horizon.five_minutes: 300.0,
    Horizon.half_hour: 1_800.0,
    Horizon.hour: 3_600.0,
}
"""Horizons that are a time after the decision; the others are ends of days."""


def at_ns(time_s: float) -> int:
    """UTC nanoseconds of a moment of a world."""
    day, rest = divmod(time_s, DAY_S)
    week, weekday = divmod(int(day), 5)
    return _FIRST_NS + (week * 7 + weekday) * _DAY_NS + int(rest * 1_000_000_000)


def horizon_s(horizon: Horizon, decided_s: float) -> float:
    """When the mark of a horizon is due, in seconds of the world."""
    ends_s = (math.floor(decided_s / DAY_S) + 1) * DAY_S
    if horizon is Horizon.end_of_day:
        return ends_s - 1.0
    return ends_s + DAY_S - 1.0 if horizon is Horizon.next_day else decided_s + AFTER_S[horizon]


def time_s(utc_ns: int) -> float:
    """The moment of a world at UTC nanoseconds within a trading day."""
    days, rest_ns = divmod(utc_ns - _FIRST_NS, _DAY_NS)
    week, weekday = divmod(days, 7)
    return (week * 5 + weekday) * DAY_S + rest_ns / 1_000_000_000


def horizon_ns(horizon: Horizon, decided_ns: int) -> int:
    """When the mark of a horizon is due, UTC."""
    return at_ns(horizon_s(horizon, time_s(decided_ns)))


@dataclass(frozen=True, slots=True)
class Asking:
    """What a policy is asked: whom to ask for this, given what a desk knows when it comes.

    `key` is the name of the round, `residual` what is left of the parent order after it. `limit` is the price that the
    order may not go beyond, `dealers` are those that can be asked, at most `at_most` of them.
    """

    piece: market.Piece
    key: str
    parent_id: str
    at_ns: int
    bond: BondSeen
    segment: Segment
    side: Side
    quantity: Decimal
    residual: Decimal
    adv: Decimal
    volatility_bps: float
    mark: MarkUsed | None
    limit: Decimal
    informed: frozenset[str]
    dealers: tuple[str, ...]
    at_most: int


@dataclass(frozen=True, slots=True)
class Panel:
    """A policy's answer. `p` is the chance with which each dealer was to be asked, empty where nothing was drawn.

    `explored` are those that a draw put in, `base` whom it would have asked without one. `expects_bps` is what the
    policy expects the round to cost against the mark, leaks aside and at `c_fail_bps` for what is not traded,
    `expects_fill` its chance to trade; None where it says nothing.
    """

    dealers: tuple[str, ...]
    p: Mapping[str, float]
    base: tuple[str, ...]
    explored: frozenset[str] = frozenset()
    p_panel: float | None = None
    expects_bps: float | None = None
    c_fail_bps: float = 0.0
    expects_fill: float | None = None


def plain(dealers: Sequence[str]) -> Panel:
    """A panel that was not drawn."""
    return Panel(tuple(dealers), {}, tuple(dealers))


class Sight:
    """One desk's eyes in one street."""

    def __init__(self, street: market.Street) -> None:
        self._street = street
        self._world = street.world
        self._securities = [_security(self._world, number) for number in range(len(self._world.bonds))]
        self._informed: dict[int, set[str]] = {}

    def asking(self, piece: market.Piece, at_most: int) -> Asking:
        """The request, as it stands before anybody is asked."""
        security, bond = self._securities[piece.bond.number]
        side, fair = _side(piece), self._street.mark(piece.bond, piece.at_s).price
        quantity = _money(piece.size)
        now_ns = at_ns(piece.at_s)
        today = datetime.datetime.fromtimestamp(now_ns // 1_000_000_000, datetime.UTC).date()
        far = 1 + piece.side * piece.limit_bps / 10_000
        return Asking(
            piece=piece,
            key=f"{piece.order}.{piece.number}",
            parent_id=str(piece.order),
            at_ns=now_ns,
            bond=bond,
            segment=segment_of(security, quantity, side.value, today),
            side=side,
            quantity=quantity,
            residual=_money(piece.left),
            adv=_money(piece.bond.adv),
            volatility_bps=_volatility_bps(self._world, piece.bond.number),
            mark=self._mark(piece, piece.at_s),
            limit=_price(fair * far),
            informed=frozenset(self._informed.get(piece.order, ())),
            dealers=tuple(self._world.present(piece.at_s)),
            at_most=at_most,
        )

    def round_seen(
        self,
        asking: Asking,
        panel: Panel,
        closed: market.Round,
        answers: Sequence[market.Answer],
        decided_s: float,
    ) -> RoundSeen:
        """The round, when everybody's time is over: who answered after the desk had decided was only not fast enough.

        `decided_s` is how long after its beginning somebody was accepted, or nobody.
        """
        piece = closed.piece
        asks = [self._ask_seen(panel, closed, answer, at) for at, answer in enumerate(answers, 1)]
        prices = sorted((ask.price for ask in asks if ask.price is not None), reverse=piece.side < 0)
        decided = piece.at_s + decided_s
        return RoundSeen(
            source="",
            rfq_id=asking.key,
            round=1,
            parent_id=asking.parent_id,
            sent_ns=asking.at_ns,
            closed_ns=at_ns(piece.at_s + closed.lasted_s),
            bond=asking.bond,
            segment=asking.segment.key,
            side=asking.side,
            quantity=asking.quantity,
            residual=_money(piece.left + closed.open_size),
            protocol=Protocol.parallel,
            n_asked=len(asks),
            asks=tuple(asks),
            limit_price=asking.limit,
            informed=len(asking.informed),
            adv=asking.adv,
            volatility_bps=asking.volatility_bps,
            decided_ns=at_ns(decided),
            mark_decision=self._mark(piece, decided),
            index_decision=self._index(piece, decided),
            cover=prices[1] if len(prices) > 1 else None,
            p_panel=panel.p_panel,
            is_drawn=not closed.changed_by_trader,
        )

    def informed(self, closed: market.Round) -> None:
        """Who was asked knows of the order from now on."""
        self._informed.setdefault(closed.piece.order, set()).update(closed.asked)

    def mark_after(self, piece: market.Piece, horizon: Horizon, decided_s: float) -> MarkAfter:
        """The mark of a horizon that has come."""
        moment = horizon_s(horizon, piece.at_s + decided_s)
        return MarkAfter(horizon, self._mark(piece, moment), self._index(piece, moment))

    def _ask_seen(self, panel: Panel, closed: market.Round, answer: market.Answer, position: int) -> AskSeen:
        piece, sent_s = closed.piece, closed.piece.at_s + answer.asked_s
        in_time = answer.came_s <= answer.asked_s + WAIT_S and answer.said is not market.Said.NOTHING
        is_quote = in_time and answer.said is market.Said.QUOTE
        came_s = piece.at_s + answer.came_s
        came = self._mark(piece, came_s) if is_quote else None
        price = _price(answer.price) if is_quote else None
        fill = next((each for name, each in closed.fills if name == answer.dealer), None)
        taken = Taken.no
        if fill is not None and fill.outcome is market.Outcome.FILLED:
            taken = (
                Taken.filled
            )  # In full: a later quote is taken for what is still open, and that is all it is asked for.
        elif fill is not None:
            taken = Taken.rejected
        by = ChosenBy.rule
        if answer.dealer in panel.explored:
            by = ChosenBy.explored
        elif answer.dealer not in panel.dealers:
            by = ChosenBy.trader
        return AskSeen(
            dealer=answer.dealer,
            position=position,
            sent_ns=at_ns(sent_s),
            deadline_ns=at_ns(sent_s + WAIT_S),
            answer=Answer.quote if is_quote else Answer.passed if in_time else Answer.none,
            answered_ns=at_ns(came_s) if in_time else None,
            late=not in_time and math.isfinite(answer.came_s),
            price=price,
            quantity=_money(answer.size) if is_quote else None,
            valid_until_ns=at_ns(piece.at_s + answer.until_s) if is_quote else None,
            edge_bps=quote_edge_bps(piece.side, price, came.price) if price is not None and came is not None else None,
            mark_sent=self._mark(piece, sent_s),
            index_sent=self._index(piece, sent_s),
            mark_answered=came,
            priced_ns=at_ns(came_s) if is_quote else None,
            taken=taken,
            accepted_ns=at_ns(piece.at_s + fill.taken_s) if fill is not None else None,
            decided_ns=at_ns(piece.at_s + fill.said_s) if fill is not None else None,
            mark_decided=self._mark(piece, piece.at_s + fill.said_s) if fill is not None else None,
            reject_reason="last look" if taken is Taken.rejected else "",
            filled=_money(fill.size) if fill is not None else Decimal(0),
            fill_price=price if fill is not None and fill.size else None,
            chosen_by=by,
            p=panel.p.get(answer.dealer),
        )

    def _mark(self, piece: market.Piece, moment_s: float) -> MarkUsed | None:
        """None where it is stale."""
        mark = self._street.mark(piece.bond, moment_s)
        if mark.age_s > STALE_S:
            return None
        now_ns, made_ns = at_ns(moment_s), at_ns(moment_s - mark.age_s)
        told = Mark("", _price(mark.price), made_ns, "composite", Quality.COMPOSITE)
        off_bps = sd_bps(told, now_ns - made_ns, _volatility_bps(self._world, piece.bond.number), _ERRORS)
        return MarkUsed(told.price, told.source, now_ns - made_ns, told.quality.value, off_bps)

    def _index(self, piece: market.Piece, moment_s: float) -> Decimal:
        return _price(self._street.index(piece.bond.sector, moment_s))


def _side(piece: market.Piece) -> Side:
    return Side.buy if piece.side > 0 else Side.sell


def _price(value: float) -> Decimal:
    return Decimal(f"{value:.6f}")


def _money(value: float) -> Decimal:
    return Decimal(f"{max(value, 0.0):.2f}")


def _volatility_bps(world: World, number: int) -> float:
    """A day's, as far as it is known from the bond's own marks."""
    told = math.exp(_TOLD_VOLATILITY_SD * world.chance.normal("bond", number, "volatility told"))
    return world.insides[number].daily_sd_bps * told


def _security(world: World, number: int) -> tuple[Security, BondSeen]:
    bond = world.bonds[number]
    matures = _FIRST.date() + datetime.timedelta(days=int(bond.years * 365.25))
    security = Security(
        security_id=f"bond-{number:03d}",
        name=f"Bond {number}",
        issuer=f"issuer-{bond.issuer:02d}",
        asset_class=AssetClass.CORPORATE,
        sector=f"sector-{bond.sector}",
        maturity=matures,
        rating=bond.rating,
    )
    seen = BondSeen(
        security.security_id, security.issuer, security.asset_class.value, security.sector or "", bond.rating, matures
    )
    return security, seen

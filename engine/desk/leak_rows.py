"""Rounds and the marks that followed them, as the rows that leaks are estimated from.

A window begins when dealers are told: of a round whose requests follow each other there is one for each time somebody
was. It ends at the decision, or at a horizon after it, but at the next ask in the same issuer if that comes sooner:
what the market does from then on is no more this round's. Where it is cut short, the mark is the next ask's if that is
for the same bond, else the latest taken before.

No window without both marks, nor where the later one is from before the window began: a price that stood still because
nobody looked is no drift of 0. Marks that come by the clock make no choice among rounds by that; where a price is made
because it moved, it is taken whichever way it went. None where the earlier mark is from before another round's ask in
the issuer: what that has leaked since stands between the two. None where two rounds in one issuer began together.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from engine.clock import NS_PER_S
from engine.dealers.leak import LeakParameters, LeakRow
from engine.dealers.segments import segment_of_key
from engine.domain import events as e
from engine.domain.observation import SPANS_NS, AskSeen, Horizon, RoundSeen
from engine.domain.order import MarkUsed
from engine.market.tca import BenchmarkError, adverse_drift_bps

FOLDED: Final = (e.RoundObserved, e.RoundAmended, e.RoundMarked, e.HistoryAdded)
"""The events that rows are made of."""
TOGETHER_NS: Final = NS_PER_S
"""Asks this close are one: nobody moves the market in between."""
TRADING_DAY_NS: Final = 27_000 * NS_PER_S
"""A day's volatility is that of seven and a half hours: nothing moves by night."""


@dataclass(frozen=True, slots=True)
class _Look:
    """A mark, and when it was looked at."""

    at_ns: int
    mark: MarkUsed | None
    index: Decimal | None


@dataclass(slots=True)
class _Asked:
    dealer: str
    sent: _Look
    filled: Decimal


@dataclass(slots=True)
class _Round:
    """What is needed of a `RoundSeen`; a year of them is to fit into memory several times."""

    key: tuple[str, str, int]
    parent_id: str
    issuer: str
    security_id: str
    segment: str
    sign: int
    quantity: Decimal
    adv: Decimal | None
    volatility_bps: float | None
    unnamed: int
    """Dealers that were asked and of whom nothing else is known."""
    asks: dict[str, _Asked]
    decided: _Look


@dataclass(frozen=True, slots=True)
class _Wave:
    """Dealers asked at the same time, in one round."""

    round: _Round
    sent: _Look
    dealers: tuple[str, ...]


class LeakRounds:
    """Folds the events of rounds; `rows` is what they come to so far."""

    __slots__ = ("_after", "_rounds")

    def __init__(self) -> None:
        self._rounds: dict[tuple[str, str, int], _Round] = {}
        self._after: dict[tuple[str, str, int], dict[Horizon, _Look]] = {}
        """A round of ours may be marked before it is over; its mark knows no number of the round."""

    def fold(self, event: e.Event) -> None:
        """Take an event in; those of other kinds are passed over."""
        if isinstance(event, e.RoundObserved):
            self._seen(event.round)
        elif isinstance(event, e.RoundAmended):
            self._amended(event)
        elif isinstance(event, e.RoundMarked):
            self._marked(("", event.rfq_id, 0), event.horizon, _Look(event.at_ns, event.mark, event.index))
        elif isinstance(event, e.HistoryAdded):
            for told in event.rounds:
                seen = self._seen(told.seen)
                for each in told.after:
                    if each.horizon in SPANS_NS:
                        at_ns = seen.decided.at_ns + SPANS_NS[each.horizon]
                        self._marked(seen.key, each.horizon, _Look(at_ns, each.mark, each.index))

    @property
    def rounds(self) -> int:
        return len(self._rounds)

    def rows(self, parameters: LeakParameters) -> tuple[list[LeakRow], list[LeakRow]]:
        """(until the decision, after it)"""
        waves = {key: _waves(each) for key, each in self._rounds.items()}
        issuers: dict[str, list[_Wave]] = {}
        for one in waves.values():
            for wave in one:
                issuers.setdefault(wave.round.issuer, []).append(wave)
        times: dict[str, list[int]] = {}
        for issuer, asked in issuers.items():
            asked.sort(key=lambda wave: (wave.sent.at_ns, wave.round.key))
            times[issuer] = [wave.sent.at_ns for wave in asked]
        leak_in, leak_post = list[LeakRow](), list[LeakRow]()
        for key, one in waves.items():
            issuer = self._rounds[key].issuer
            if not one or any(_is_shared(wave, issuers[issuer], times[issuer]) for wave in one):
                continue
            for wave in one:
                if all(each is wave for each in _since(wave.sent, issuers[issuer], times[issuer])):
                    end = self._end_before_decision(wave, issuers[issuer], times[issuer])
                    _add(leak_in, _row(wave.round, wave.dealers, wave.sent, end, parameters, None))
            known = self._rounds[key]
            if any(each.round is not known for each in _since(known.decided, issuers[issuer], times[issuer])):
                continue
            told = tuple(dealer for wave in one if wave.sent.at_ns <= known.decided.at_ns for dealer in wave.dealers)
            end = self._end_after_decision(known, issuers[issuer], times[issuer], parameters.horizon)
            traded = {each.dealer: each.filled for each in known.asks.values() if each.filled > 0}
            _add(leak_post, _row(known, told, known.decided, end, parameters, traded))
        return leak_in, leak_post

    # --- events ------------------------------------------------------------------------------------

    def _seen(self, seen: RoundSeen) -> _Round:
        key = (seen.source, seen.rfq_id, seen.round)
        bond, scopes = seen.bond, segment_of_key(seen.segment).scopes
        known = self._rounds[key] = _Round(
            key=key,
            parent_id=f"{seen.source}|{seen.parent_id}",
            issuer=bond.issuer or bond.security_id,
            security_id=bond.security_id,
            segment=scopes[1] if len(scopes) > 3 else scopes[0],
            sign=seen.side.sign,
            quantity=seen.quantity,
            adv=seen.adv,
            volatility_bps=seen.volatility_bps,
            unnamed=max(0, seen.n_asked - len(seen.asks)),
            asks={each.dealer: _asked(each) for each in seen.asks},
            decided=_Look(
                seen.closed_ns if seen.decided_ns is None else seen.decided_ns, seen.mark_decision, seen.index_decision
            ),
        )
        return known

    def _amended(self, event: e.RoundAmended) -> None:
        known = self._rounds.get(("", event.rfq_id, event.round))
        if known is not None:
            for each in event.was:
                known.asks.pop(each.dealer, None)
            for each in event.now:
                known.asks[each.dealer] = _asked(each)

    def _marked(self, key: tuple[str, str, int], horizon: Horizon, look: _Look) -> None:
        self._after.setdefault(key, {})[horizon] = look

    # --- where windows end ---------------------------------------------------------------------------

    def _end_before_decision(self, wave: _Wave, asked: Sequence[_Wave], times: Sequence[int]) -> _Look | None:
        decided = wave.round.decided
        if wave.sent.at_ns >= decided.at_ns:
            return None
        cut = _next(wave.sent.at_ns, asked, times)
        if cut is None or cut.sent.at_ns >= decided.at_ns:
            return decided
        return cut.sent if cut.round.security_id == wave.round.security_id else None

    def _end_after_decision(
        self, known: _Round, asked: Sequence[_Wave], times: Sequence[int], horizon: Horizon
    ) -> _Look | None:
        after = self._after.get(known.key if known.key[0] else ("", known.key[1], 0), {})
        end, cut = after.get(horizon), _next(known.decided.at_ns, asked, times)
        until_ns = known.decided.at_ns + SPANS_NS[horizon]
        if cut is None or cut.sent.at_ns > (until_ns if end is None else end.at_ns):
            return end
        if cut.round.security_id == known.security_id and cut.sent.mark is not None:
            return cut.sent
        taken = [each for each in after.values() if each.mark is not None and each.at_ns <= cut.sent.at_ns]
        return max(taken, key=_at_ns, default=None)


def _at_ns(look: _Look) -> int:
    return look.at_ns


def _asked(seen: AskSeen) -> _Asked:
    return _Asked(seen.dealer, _Look(seen.sent_ns, seen.mark_sent, seen.index_sent), seen.filled)


def _waves(known: _Round) -> list[_Wave]:
    """Everybody who was asked, by when; the first mark of those asked together is the mark of all."""
    groups: list[list[_Asked]] = []
    for each in sorted(known.asks.values(), key=lambda one: (one.sent.at_ns, one.dealer)):
        if groups and each.sent.at_ns - groups[-1][0].sent.at_ns < TOGETHER_NS:
            groups[-1].append(each)
        else:
            groups.append([each])
    return [
        _Wave(
            known,
            next((each.sent for each in group if each.sent.mark is not None), group[0].sent),
            tuple(sorted(each.dealer for each in group)),
        )
        for group in groups
    ]


def _is_shared(wave: _Wave, asked: Sequence[_Wave], times: Sequence[int]) -> bool:
    """Was another round in the issuer begun at the same time?"""
    first = bisect_right(times, wave.sent.at_ns - TOGETHER_NS)
    last = bisect_right(times, wave.sent.at_ns + TOGETHER_NS - 1)
    return any(each.round is not wave.round for each in asked[first:last])


def _since(look: _Look, asked: Sequence[_Wave], times: Sequence[int]) -> Sequence[_Wave]:
    """Who was asked after this mark was made and before it was looked at."""
    if look.mark is None:
        return ()
    return asked[bisect_left(times, look.at_ns - look.mark.age_ns) : bisect_left(times, look.at_ns)]


def _next(after_ns: int, asked: Sequence[_Wave], times: Sequence[int]) -> _Wave | None:
    at = bisect_right(times, after_ns)
    return asked[at] if at < len(asked) else None


# --- a window ------------------------------------------------------------------------------------


def _add(rows: list[LeakRow], row: LeakRow | None) -> None:
    if row is not None:
        rows.append(row)


def _row(
    known: _Round,
    dealers: tuple[str, ...],
    start: _Look,
    end: _Look | None,
    parameters: LeakParameters,
    traded: Mapping[str, Decimal] | None,
) -> LeakRow | None:
    """One window; `traded` is with whom how much was, None for a window that is over before anything could be."""
    if not dealers or end is None or start.mark is None or end.mark is None:
        return None
    if end.mark.age_ns >= end.at_ns - start.at_ns:
        return None  # The market was not looked at since.
    try:
        drift_bps = adverse_drift_bps(known.sign, start.mark.price, end.mark.price, _index_move_bps(start, end))
    except BenchmarkError:
        return None
    # Of marks as old as they were: an hour of the market stands between two prices an hour apart.
    apart_ns = (end.at_ns - end.mark.age_ns) - (start.at_ns - start.mark.age_ns)
    volatility_bps = parameters.volatility_bps if known.volatility_bps is None else known.volatility_bps
    moves = volatility_bps**2 * min(max(apart_ns, 0) / TRADING_DAY_NS, 1.0)
    variance = _variance(start.mark, parameters) + _variance(end.mark, parameters) + moves
    if not (math.isfinite(drift_bps) and math.isfinite(variance)):
        return None
    return LeakRow(
        at_ns=start.at_ns,
        parent_id=known.parent_id,
        segment=known.segment,
        asked=tuple(sorted(dealers)),
        # Of a round told from elsewhere some may have no name; they were asked with the others.
        n_asked=len(dealers) + (known.unnamed if len(dealers) == len(known.asks) else 0),
        sign=known.sign,
        drift_bps=drift_bps,
        variance_bps2=variance,
        size_to_adv=float(known.quantity / known.adv) if known.adv is not None and known.adv > 0 else None,
        volatility_bps=known.volatility_bps if known.volatility_bps is not None and known.volatility_bps > 0 else None,
        traded=min(float(sum(traded.values(), Decimal(0)) / known.quantity), 1.0) if traded else 0.0,
        winners=tuple(sorted(traded)) if traded else (),
    )


def _variance(mark: MarkUsed, parameters: LeakParameters) -> float:
    sd: float = parameters.mark_sd_bps if mark.sd_bps is None else mark.sd_bps
    return sd * sd


def _index_move_bps(start: _Look, end: _Look) -> float:
    if start.index is None or end.index is None or start.index <= 0:
        return 0.0
    return float((end.index - start.index) / start.index * 10_000)

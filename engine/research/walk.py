"""A desk's past once more, round by round: what would have been expected of each dealer, by what was known then.

`Then` is what a desk knew at a moment. Rounds are given to it in the order in which they were sent, and it learns each
part of one when that was known: an answer when it came, silence when the time was over, both no sooner than the round
was over, for that is when the desk learns; a mark when it was taken. What came later than the moment that is asked
about is not in it. Estimates are driven as the daemon drives them (`desk.learning`): the first observation of a day
begins a fit, leaks are solved by the day.

`walk` asks `Then` before each round what it expects, and says it together with what came. Beside it stand the simplest
things one might expect instead: the desk's rates and means so far, and each dealer's own.

Where a blotter knows no times of answers, a round is over when it was sent: it is known to the next round.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, NamedTuple

from engine.clock import NS_PER_DAY, NS_PER_S, utc_day
from engine.dealers.estimates import Asking, EstimateParameters, Estimates
from engine.dealers.failing import Failing, NotTrading
from engine.dealers.leak import LeakParameters, Leaks
from engine.dealers.leak_regression import solve
from engine.dealers.outlook import Outlook
from engine.dealers.segments import segment_of_key
from engine.dealers.tally import edge_of
from engine.desk.leak_rows import LeakRounds
from engine.domain import events as e
from engine.domain.observation import (
    SPANS_NS,
    Answer,
    AskSeen,
    Horizon,
    MarkAfter,
    Protocol,
    RoundSeen,
    RoundTold,
    Taken,
)
from engine.domain.order import ZERO
from engine.domain.rows import changed
from engine.research.progress import Progress, silent

USUAL_WAIT_S: Final = 60.0
"""What a dealer is given where nobody said: the engine's own default."""
SOLVE_AT_NS: Final = 5 * 3_600 * NS_PER_S + 1_800 * NS_PER_S
"""When leaks are solved: since midnight UTC."""

ANSWERED_LATER: Final = "their time was over after the round"
_AFTER_NS: Final = {**SPANS_NS, Horizon.end_of_day: NS_PER_DAY // 2, Horizon.next_day: 4 * NS_PER_DAY}
"""When a mark was known that is told without its time: no sooner than it can have been, over a long weekend."""


class _Due(NamedTuple):
    """Something that is known from `at_ns` on: asks of a round that is over, or a mark."""

    at_ns: int
    order: int
    seen: RoundSeen
    """As a round of the desk's own."""
    told: RoundSeen
    """As it was told."""
    is_first: bool
    mark: MarkAfter | None


class Then:
    """What a desk knew. `until` moves the moment on, `add` tells of a round that was sent then."""

    def __init__(
        self,
        parameters: EstimateParameters | None = None,
        leak: LeakParameters | None = None,
        leak_every_days: int = 1,
    ) -> None:
        """Without `leak` leaks are not estimated: nobody is known to leak. They are solved every so many days."""
        self.estimates = Estimates(parameters)
        self.failing = Failing()
        self.simple = Simple()
        self._leak, self._every_days = leak, leak_every_days
        self._leaks = LeakRounds() if leak is not None else None
        self._next_solve_ns: int | None = None
        self._unsolved = 0
        self._due: list[_Due] = []
        self._order = 0
        self._day = 0

    def add(self, told: RoundTold) -> None:
        """A round was sent: it will be learnt as it becomes known."""
        seen = _own(told.seen)
        parts: dict[int, list[AskSeen]] = {}
        for ask in seen.asks:
            parts.setdefault(known_ns(seen, ask), []).append(ask)
        for at, at_ns in enumerate(sorted(parts)):
            self._push(at_ns, changed(seen, asks=tuple(parts[at_ns])), told.seen, not at, None)
        began_ns = seen.closed_ns if seen.decided_ns is None else seen.decided_ns
        for mark in told.after:
            self._push(began_ns + _AFTER_NS[mark.horizon], seen, told.seen, False, mark)

    def until(self, now_ns: int) -> None:
        """Learn all that was known before this moment."""
        while self._due and self._due[0].at_ns < now_ns:
            due = heapq.heappop(self._due)
            self._solve_before(due.at_ns)
            self._learn(due)
        self._solve_before(now_ns)

    def outlooks(self, dealers: Sequence[str], asking: Asking) -> tuple[Outlook, ...]:
        """What to expect of each, in their order."""
        return self.estimates.outlooks(dealers, asking)

    def not_trading(self, asking: Asking, prior_bps: float) -> NotTrading:
        """What not trading costs for a request; `prior_bps`: in a bond of the usual width, before anything was seen."""
        estimates = self.estimates
        found = self.failing.cost(utc_day(asking.now_ns), estimates.widths, estimates.usual_edge, prior_bps)
        width = estimates.widths.of(asking.bond, asking.quantity, asking.adv)
        return NotTrading(found.value * width, found.sd * width, estimates.widths.error_of(asking.bond), found.n_eff)

    def _push(self, at_ns: int, seen: RoundSeen, told: RoundSeen, is_first: bool, mark: MarkAfter | None) -> None:
        self._order += 1
        heapq.heappush(self._due, _Due(at_ns, self._order, seen, told, is_first, mark))

    def _learn(self, due: _Due) -> None:
        at_ns, seen, mark = due.at_ns, due.seen, due.mark
        if mark is not None:
            if mark.mark is not None:
                self.failing.marked(seen.rfq_id, at_ns, float(mark.mark.price))
            if self._leaks is not None and mark.horizon in SPANS_NS:
                reason = "" if mark.mark is not None else "stale"
                self._leaks.fold(e.RoundMarked(at_ns, seen.rfq_id, mark.horizon, at_ns, mark.mark, mark.index, reason))
            return
        if utc_day(at_ns) > self._day:
            self._day = utc_day(at_ns)
            self.estimates.begin_day(at_ns)
        self.estimates.learn(seen)
        while self.estimates.fits is not None:  # The daemon takes some seconds for it, after this observation.
            self.estimates.fitted()
        self.simple.learn(seen)
        self._unsolved += 1
        if due.is_first:
            # Of one without a parent nobody would know if it had traded later: it stays another system's.
            has_parent = not due.told.source or due.told.parent_id != due.told.rfq_id
            self.failing.saw(seen if has_parent else changed(due.told, asks=seen.asks))
            if self._leaks is not None:
                self._leaks.fold(e.RoundObserved(at_ns, seen))
        else:
            self.failing.amended(seen.rfq_id, seen.round, seen.asks)
            if self._leaks is not None:
                self._leaks.fold(
                    e.RoundAmended(at_ns, seen.rfq_id, seen.round, (), seen.asks, seen.residual or ZERO, ANSWERED_LATER)
                )

    def _solve_before(self, now_ns: int) -> None:
        """Solve leaks if a time for it is over."""
        if self._leaks is None or self._leak is None:
            return
        if self._next_solve_ns is None:
            self._next_solve_ns = utc_day(now_ns) * NS_PER_DAY + SOLVE_AT_NS
        if self._next_solve_ns >= now_ns:
            return
        days = max(1, (now_ns - self._next_solve_ns) // (self._every_days * NS_PER_DAY) + 1)
        at_ns = self._next_solve_ns + (days - 1) * self._every_days * NS_PER_DAY
        self._next_solve_ns = at_ns + self._every_days * NS_PER_DAY
        if not self._unsolved:
            return
        self._unsolved = 0
        p = self.estimates.parameters
        leak_in, leak_post = self._leaks.rows(self._leak)
        self.estimates.leak(Leaks(solve(leak_in, leak_post, self._leak, at_ns), p.leak_in, p.leak_post))


def known_ns(seen: RoundSeen, ask: AskSeen) -> int:
    """When a desk has learnt of an ask all that it ever will: its word, or that its time is over."""
    times = [seen.closed_ns]
    if ask.answer is Answer.none:
        times += [ask.deadline_ns] if ask.deadline_ns is not None else []
    elif ask.answered_ns is not None:
        times.append(ask.answered_ns)
    times += [at_ns for at_ns in (ask.priced_ns, ask.accepted_ns, ask.decided_ns) if at_ns is not None]
    return max(times)


def _own(seen: RoundSeen) -> RoundSeen:
    """A round of any source as one of the desk's own: then it is learnt, followed and marked in the same way."""
    if not seen.source:
        return seen
    rfq_id = f"{seen.source}|{seen.rfq_id}|{seen.round}"
    return changed(seen, source="", rfq_id=rfq_id, parent_id=f"{seen.source}|{seen.parent_id}")


# --- what was expected ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Prediction:
    """What was expected of one dealer in one round before it was asked, and what came.

    `q` is the chance of an executable quote, asked among so many, `in_time` the share of quotes that comes within the
    wait. The edge is Student's with `e_df` degrees of freedom around `e_bps`, `e_scale_bps` its scale: that of the
    estimate, of the quote's own noise, of the round and of the mark together. `f` is the chance that an accepted quote
    is filled, `z` the share of the size that is quoted. `desk_*` is what the whole desk had seen until then, `own_*`
    the dealer's own record drawn to that by one observation.

    What came: `answered`; `edge_bps`, `filled` and `size_share` are None where there was none to see. `asks` counts the
    dealer's own in the segment before.
    """

    day: int
    dealer: str
    segment: str
    n_asked: int
    asks: int
    q: float
    in_time: float
    desk_q: float
    own_q: float
    answered: bool
    e_bps: float
    e_scale_bps: float
    e_df: float
    desk_e_bps: float
    desk_e_sd_bps: float
    own_e_bps: float
    edge_bps: float | None
    f: float
    desk_f: float
    own_f: float
    filled: bool | None
    z: float
    desk_z: float
    size_share: float | None

    @property
    def answers(self) -> float:
        """The chance of an executable quote within the wait."""
        return self.q * self.in_time


def walk(
    rounds: Iterable[RoundTold],
    then: Then,
    begin_ns: int | None = None,
    progress: Progress = silent,
    total: int = 0,
) -> Iterator[tuple[RoundTold, tuple[Prediction, ...]]]:
    """Each round with what was expected of those who were asked, from `begin_ns` on; those before are learnt alone.

    Rounds come in the order of sent_ns. `progress` is told of rounds, of `total`.
    """
    for done, told in enumerate(rounds, 1):
        then.until(told.seen.sent_ns)
        if begin_ns is None or told.seen.sent_ns >= begin_ns:
            yield told, predicted(told.seen, then)
        then.add(told)
        progress(done, max(total, done))


def predicted(seen: RoundSeen, then: Then) -> tuple[Prediction, ...]:
    """What is expected now of those who are asked in a round. What came of it is only put beside it."""
    found: list[Prediction] = []
    segment = segment_of_key(seen.segment)
    waits: dict[float, list[AskSeen]] = {}
    for ask in seen.asks:
        wait_s = USUAL_WAIT_S if ask.deadline_ns is None else (ask.deadline_ns - ask.sent_ns) / NS_PER_S
        waits.setdefault(wait_s, []).append(ask)
    for wait_s, asks in waits.items():
        asking = Asking(segment, seen.size, wait_s, seen.sent_ns, seen.bond.security_id, seen.adv_size)
        for ask, outlook in zip(asks, then.outlooks([ask.dealer for ask in asks], asking), strict=True):
            found.append(_prediction(seen, ask, outlook, then))
    return tuple(found)


def _prediction(seen: RoundSeen, ask: AskSeen, outlook: Outlook, then: Then) -> Prediction:
    simple, dealer = then.simple, ask.dealer
    n_asked = _asked_by_then(seen, ask)
    mark_sd_bps = then.estimates.parameters.mark_sd_bps
    if ask.mark_sent is not None and ask.mark_sent.sd_bps is not None:
        mark_sd_bps = ask.mark_sent.sd_bps
    scale = math.sqrt(outlook.e.sd**2 + outlook.e_noise_sd**2 + outlook.e_round_sd**2 + mark_sd_bps**2)
    desk_q, desk_e, desk_f = simple.answered.rate, simple.edge, simple.filled.rate
    quoted = ask.answer is Answer.quote
    return Prediction(
        day=utc_day(seen.sent_ns),
        dealer=dealer,
        segment=seen.segment,
        n_asked=n_asked,
        asks=outlook.asks,
        q=_shifted(outlook.q.value, outlook.q_slope * math.log(n_asked)),
        in_time=outlook.in_time,
        desk_q=desk_q,
        own_q=simple.answered_by(dealer).drawn_to(desk_q),
        answered=quoted,
        e_bps=outlook.e.value,
        e_scale_bps=scale,
        e_df=outlook.e_df,
        desk_e_bps=desk_e.mean,
        desk_e_sd_bps=desk_e.sd,
        own_e_bps=simple.edge_of(dealer).drawn_to(desk_e.mean),
        edge_bps=edge_of(ask),
        f=outlook.f.value,
        desk_f=desk_f,
        own_f=simple.filled_by(dealer).drawn_to(desk_f),
        filled=None if ask.taken is Taken.no else ask.taken is Taken.filled,
        z=outlook.z.value,
        desk_z=simple.size.rate,
        size_share=_share(ask.quantity, seen.quantity) if quoted else None,
    )


def _asked_by_then(seen: RoundSeen, ask: AskSeen) -> int:
    """With how many a dealer competes, itself one of them, by what was known when it was asked."""
    if seen.protocol is Protocol.sequence:
        return 1
    unnamed = max(0, seen.n_asked - len(seen.asks))
    return max(1, sum(each.sent_ns <= ask.sent_ns for each in seen.asks) + unnamed)


def _share(quantity: Decimal | None, wanted: Decimal) -> float | None:
    return None if quantity is None or wanted <= 0 else min(1.0, float(quantity / wanted))


def _shifted(chance: float, logits: float) -> float:
    odds = math.exp(logits) * chance / (1.0 - chance) if chance < 1.0 else math.inf
    return 1.0 if odds == math.inf else odds / (1.0 + odds)


# --- the simplest things to expect ---------------------------------------------------------------


@dataclass(slots=True)
class Rate:
    """Yes and no, counted; before anything was seen one of each stands in."""

    count: float = 0.0
    total: float = 0.0

    def add(self, value: float) -> None:
        self.count += 1.0
        self.total += value

    @property
    def rate(self) -> float:
        return (self.total + 1.0) / (self.count + 2.0)

    def drawn_to(self, rate: float) -> float:
        """By one observation: never certain of what was never seen."""
        return (self.total + rate) / (self.count + 1.0)


@dataclass(slots=True)
class Moments:
    """Mean and standard deviation of what was seen so far."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0

    def add(self, value: float) -> None:
        self.count += 1
        off = value - self.mean
        self.mean += off / self.count
        self.squares += off * (value - self.mean)

    @property
    def sd(self) -> float:
        """10 bps before two were seen."""
        return math.sqrt(self.squares / (self.count - 1)) if self.count > 1 and self.squares > 0 else 10.0

    def drawn_to(self, mean: float) -> float:
        return (self.count * self.mean + mean) / (self.count + 1)


class Simple:
    """Rates and means of the desk so far and of each dealer, whatever was asked for."""

    def __init__(self) -> None:
        self.answered, self.filled, self.size, self.edge = Rate(), Rate(), Rate(), Moments()
        self._answered: dict[str, Rate] = {}
        self._filled: dict[str, Rate] = {}
        self._edges: dict[str, Moments] = {}

    def answered_by(self, dealer: str) -> Rate:
        return self._answered.get(dealer) or Rate()

    def filled_by(self, dealer: str) -> Rate:
        return self._filled.get(dealer) or Rate()

    def edge_of(self, dealer: str) -> Moments:
        return self._edges.get(dealer) or Moments()

    def learn(self, seen: RoundSeen) -> None:
        for ask in seen.asks:
            quoted = ask.answer is Answer.quote
            for rate in (self.answered, self._answered.setdefault(ask.dealer, Rate())):
                rate.add(1.0 if quoted else 0.0)
            if ask.taken is not Taken.no:
                for rate in (self.filled, self._filled.setdefault(ask.dealer, Rate())):
                    rate.add(1.0 if ask.taken is Taken.filled else 0.0)
            share = _share(ask.quantity, seen.quantity)
            if quoted and share is not None:
                self.size.add(share)
            edge = edge_of(ask)
            if edge is not None:
                for moments in (self.edge, self._edges.setdefault(ask.dealer, Moments())):
                    moments.add(edge)

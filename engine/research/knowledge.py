"""What a desk knew at a moment of its past.

`Then` is what it expected of its dealers by the model. Rounds are given to it in the order in which they were sent, and
it learns each part of one when that was known: an answer when it came, silence when the time was over, both no sooner
than the round was over, for that is when the desk learns; a mark when it was taken. What came later than the moment
that is asked about is not in it. Estimates are driven as the daemon drives them (`desk.learning`): the first
observation of a day begins a fit, leaks are solved by the day. Where a blotter knows no times of answers, a round is
over when it was sent: it is known to the next round.

`Knowledge` is what it could choose by: `Then`, with the classic measures beside it. These learn a round when all of it
was over, and what they call leakage half an hour later. A round is known as the record has it in the end: a fill that
was taken back days later counts as none from the start.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import count
from typing import Final, NamedTuple

from engine.clock import NS_PER_DAY, NS_PER_S, utc_day
from engine.dealers.estimates import Asking, EstimateParameters, Estimates
from engine.dealers.failing import Failing, NotTrading
from engine.dealers.leak import LeakParameters, Leaks
from engine.dealers.leak_regression import solve
from engine.dealers.outlook import Outlook
from engine.dealers.stats import DealerStats, StatsParameters
from engine.desk.leak_rows import LeakRounds
from engine.desk.learning import not_trading
from engine.desk.past.lessons import lessons_told
from engine.domain import events as e
from engine.domain.exchange import converted
from engine.domain.observation import SPANS_NS, Answer, AskSeen, Horizon, MarkAfter, RoundSeen, RoundTold
from engine.domain.order import ZERO
from engine.domain.rows import changed
from engine.research.simple import Simple
from engine.selection.ranking import Rankings
from engine.selection.request import Records, Request

SOLVE_AT_NS: Final = 5 * 3_600 * NS_PER_S + 1_800 * NS_PER_S
"""When leaks are solved: since midnight UTC."""
LEAK_EVERY_DAYS: Final = 7
"""A batch of leaks costs as much as hundreds of rounds."""

ANSWERED_LATER: Final = "their time was over after the round"
_AFTER_NS: Final = {**SPANS_NS, Horizon.end_of_day: NS_PER_DAY // 2, Horizon.next_day: 4 * NS_PER_DAY}
"""When a mark was known that is told without its time: no sooner than it can have been, over a long weekend."""
_REVERSION_NS: Final = SPANS_NS[Horizon.half_hour]


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
        return not_trading(self.failing, self.estimates, asking, prior_bps)

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


# --- what is chosen by ---------------------------------------------------------------------------


class Knowledge:
    """The records of one desk. `add` rounds in the order of `sent_ns`, each after `until` the moment of its sending."""

    def __init__(
        self,
        estimates: EstimateParameters | None = None,
        leak: LeakParameters | None = None,
        stats: StatsParameters | None = None,
        c_fail_bps: float = 20.0,
    ) -> None:
        self.then = Then(estimates, LeakParameters() if leak is None else leak, LEAK_EVERY_DAYS)
        self._stats = DealerStats() if stats is None else DealerStats(stats)
        self._c_fail_bps = c_fail_bps
        self._tried: dict[str, dict[str, int]] = {}
        self._rankings = Rankings(self._stats, ())
        self._names: set[str] = set()
        self._coming: list[tuple[int, int, Callable[[], None]]] = []
        self._number = count()

    # --- what comes --------------------------------------------------------------------------------

    def add(self, told: RoundTold) -> None:
        """A round was sent: it will be learnt as it becomes known."""
        self.then.add(told)
        over_ns = _over_ns(told.seen)
        self._push(over_ns, lambda: self._teach(told, reversion=False))
        self._push(over_ns + _REVERSION_NS, lambda: self._teach(told, reversion=True))

    def later(self, seen: RoundSeen, learn: Callable[[], None]) -> None:
        """Have something else learnt once all is over of a round."""
        self._push(_over_ns(seen), learn)

    def until(self, now_ns: int) -> None:
        """Learn all that was known before this moment. Moments never go back."""
        self.then.until(now_ns)
        while self._coming and self._coming[0][0] < now_ns:
            heapq.heappop(self._coming)[2]()

    def meet(self, dealers: Iterable[str]) -> None:
        """There are these dealers, whatever is known of them."""
        if not self._names.issuperset(dealers):
            self._names.update(dealers)
            self._rankings = Rankings(self._stats, sorted(self._names))

    def _push(self, due_ns: int, learn: Callable[[], None]) -> None:
        heapq.heappush(self._coming, (due_ns, next(self._number), learn))

    def _teach(self, told: RoundTold, *, reversion: bool) -> None:
        if not reversion:
            asked = self._tried.setdefault(told.seen.bond.asset_class, {})
            asked.update((ask.dealer, told.seen.sent_ns) for ask in told.seen.asks)
            self.meet([ask.dealer for ask in told.seen.asks])
        for take, facts in lessons_told(told):
            if (take is DealerStats.reversion) is reversion:
                take(self._stats, *facts)

    # --- what is known -----------------------------------------------------------------------------

    def tried(self, asset_class: str, since_ns: int) -> list[str]:
        """The dealers that were asked in the asset class since then."""
        return [name for name, last_ns in self._tried.get(asset_class, {}).items() if last_ns >= since_ns]

    def records(self, seen: RoundSeen) -> Records:
        """What a choice of whom to ask for this is made from. Reads nothing of the round but what was asked for."""
        bond, adv, volatility_bps = seen.bond.security_id, seen.adv_size, seen.volatility_bps

        def asking(request: Request) -> Asking:
            size = converted(request.quantity or ZERO, request.worth)
            return Asking(request.segment, size, request.wait_s, request.now_ns, bond, adv, volatility_bps)

        def outlooks(dealers: Sequence[str], request: Request) -> Sequence[Outlook]:
            return self.then.outlooks(dealers, asking(request))

        def not_trading(request: Request) -> NotTrading:
            found = self.then.not_trading(asking(request), self._c_fail_bps)
            return replace(found, bps=round(found.bps, 2))

        return Records(self._rankings, outlooks, not_trading)


def _over_ns(seen: RoundSeen) -> int:
    """When everything of a round was known but what the market did later."""
    return max([seen.closed_ns, *(known_ns(seen, ask) for ask in seen.asks)])

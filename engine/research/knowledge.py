"""What a desk could choose by at a moment of its past: `walk.Then`, with the classic measures beside it.

Both learn a round piece by piece as it became known: the classic measures when all of it was over, and what they call
leakage half an hour later. A round is known as the record has it in the end: a fill that was taken back days later
counts as none from the start.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import count
from typing import Final

from engine.dealers.estimates import Asking, EstimateParameters
from engine.dealers.failing import NotTrading
from engine.dealers.leak import LeakParameters
from engine.dealers.outlook import Outlook
from engine.dealers.stats import DealerStats, StatsParameters
from engine.desk.past.lessons import lessons_told
from engine.domain.exchange import converted
from engine.domain.observation import SPANS_NS, Horizon, RoundSeen, RoundTold
from engine.domain.order import ZERO
from engine.research.walk import Then, known_ns
from engine.selection.ranking import Rankings
from engine.selection.request import Records, Request

LEAK_EVERY_DAYS: Final = 7
"""A batch of leaks costs as much as hundreds of rounds."""
_REVERSION_NS: Final = SPANS_NS[Horizon.half_hour]


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
        bond, adv = seen.bond.security_id, seen.adv_size

        def asking(request: Request) -> Asking:
            size = converted(request.quantity or ZERO, request.worth)
            return Asking(request.segment, size, request.wait_s, request.now_ns, bond, adv)

        def outlooks(dealers: Sequence[str], request: Request) -> Sequence[Outlook]:
            return self.then.outlooks(dealers, asking(request))

        def not_trading(request: Request) -> NotTrading:
            found = self.then.not_trading(asking(request), self._c_fail_bps)
            return replace(found, bps=round(found.bps, 2))

        return Records(self._rankings, outlooks, not_trading)


def _over_ns(seen: RoundSeen) -> int:
    """When everything of a round was known but what the market did later."""
    return max([seen.closed_ns, *(known_ns(seen, ask) for ask in seen.asks)])

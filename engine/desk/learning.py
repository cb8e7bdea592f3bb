"""What the desk learns of its dealers for the model: observations of the journal in, estimates out.

A projection, as `dealers.stats` is one: a pure function of the events and of one parameter set. Live, an event is
learnt as its turn is adopted; a restart folds the same events and comes out at the same numbers, to the bit.

Rounds that another system tells of belong to the past, and estimates want each dealer's rounds in the order in which
they happened. So what is told waits until everything is learnt anew aside, in the order of times, and the event
`EstimatesRebuilt` swaps that in. A fold of the whole journal does the sorting once, at its end.

The first observation of a day begins a fit of what is known by then. It is worked out in pieces between turns, and the
events `EstimatesFitted` put it in force: a replay works it out at once where they stand, from the same sums.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from engine.clock import utc_day
from engine.dealers.estimates import Asking, EstimateParameters, Estimates
from engine.dealers.failing import Failing, NotTrading
from engine.dealers.leak import Leaks
from engine.domain import events as e
from engine.domain.observation import RoundSeen
from engine.domain.rows import changed

OBSERVATIONS: Final = frozenset({e.RoundObserved, e.RoundAmended, e.HistoryAdded})
"""The events that are learnt from."""
AMENDABLE_MAX: Final = 4_096
"""Rounds of late of which something may still be learnt: a request that did not arrive, a last word that came late."""
LEARNT: Final = OBSERVATIONS | {e.RoundMarked, e.EstimatesRebuilt, e.EstimatesFitted, e.LeakSolved}
"""All events that `fold` takes notice of."""


class Learning:
    """The estimates, and what they were made of. `fold` and `settle` change them; decisions only read `estimates`."""

    __slots__ = (
        "_amendable",
        "_aside",
        "_day",
        "_gathered",
        "_rebuilt_at",
        "_since",
        "_sorted",
        "estimates",
        "failing",
        "leaks",
        "observations",
        "observations_solved",
        "parameters",
        "waiting",
    )

    def __init__(self, parameters: EstimateParameters, *, is_replaying: bool = False) -> None:
        """`is_replaying`: a whole journal is folded first, then `settle` is called."""
        self.parameters = parameters
        self.estimates = Estimates(parameters)
        self.failing = Failing()
        """What it costs not to trade. Whatever the order it is told in: it has no part in what is learnt anew."""
        self.observations = 0
        """Events learnt from so far."""
        self.waiting = 0
        """Rounds told by others that wait to be learnt."""
        self.leaks: Leaks | None = None
        """What asking whom costs, as the last batch found it."""
        self.observations_solved = 0
        """Of the events learnt from, those that the batch has looked at."""
        self._rebuilt_at = 0
        self._day = 0
        self._gathered: list[e.Event] | None = [] if is_replaying else None
        self._since: list[e.Event] | None = None
        """What happened since a rebuild aside began."""
        self._sorted = 0
        self._aside: Learning | None = None
        self._amendable: dict[str, RoundSeen] = {}

    # --- events ------------------------------------------------------------------------------------

    def fold(self, event: e.Event) -> None:
        """Learn from an event, if it is one to learn from."""
        kind = type(event)
        if kind is e.EstimatesRebuilt:
            assert isinstance(event, e.EstimatesRebuilt)
            self._rebuilt(event)
            self._rebuilt_at = event.observations
        elif kind is e.LeakSolved:
            assert isinstance(event, e.LeakSolved)
            self._solved(event)
        elif isinstance(event, e.RoundMarked):
            if event.mark is not None:
                self.failing.marked(event.rfq_id, event.at_ns, float(event.mark.price))
        elif kind in OBSERVATIONS or kind is e.EstimatesFitted:
            self.observations += kind in OBSERVATIONS
            self._put_off(event)
            if self._gathered is not None:
                self._gathered.append(event)
                return
            if self._since is not None:
                self._since.append(event)
            self._learn(event)

    def _put_off(self, event: e.Event) -> None:
        """What became of orders."""
        if isinstance(event, e.RoundObserved):
            self.failing.saw(settled(event.round))
        elif isinstance(event, e.RoundAmended):
            self.failing.amended(event.rfq_id, event.round, event.now, event.was)
        elif isinstance(event, e.HistoryAdded):
            for told in event.rounds:
                self.failing.saw(told.seen, told.after)

    def not_trading(self, asking: Asking, prior_bps: float) -> NotTrading:
        """What not trading costs for a request. `prior_bps`: in a bond of the usual width, before anything was seen."""
        estimates = self.estimates
        found = self.failing.cost(utc_day(asking.now_ns), estimates.widths, estimates.usual_edge, prior_bps)
        width = estimates.widths.of(asking.bond, asking.quantity, asking.adv)
        return NotTrading(found.value * width, found.sd * width, estimates.widths.error_of(asking.bond), found.n_eff)

    def _solved(self, event: e.LeakSolved) -> None:
        self.leaks = Leaks(event.table, self.parameters.leak_in, self.parameters.leak_post)
        self.observations_solved = event.observations
        self.estimates.leak(self.leaks)

    @property
    def is_leak_due(self) -> bool:
        """Was the past learnt anew since leaks were last solved?"""
        return self._rebuilt_at > self.observations_solved

    def settle(self) -> None:
        """The journal is folded: learn what was gathered, the first part of it in the order of its own times."""
        if self._gathered is None:
            return
        gathered, self._gathered = self._gathered, None
        end = _behind(gathered, self._sorted)
        self._learn_sorted([event for event in gathered[:end] if type(event) in OBSERVATIONS])
        for event in gathered[end:]:
            self._learn(event)

    def _learn(self, event: e.Event) -> None:
        """As it comes. What others tell waits: its time is long past."""
        if isinstance(event, e.EstimatesFitted):
            if event.day == self.estimates.fits:  # Else it was begun by estimates that others have replaced.
                self.estimates.fitted()
            return
        if self._is_new_day(event.at_ns):
            self.estimates.begin_day(event.at_ns)
        if isinstance(event, e.HistoryAdded):
            self.waiting += len(event.rounds)
        else:
            self._take(event)

    def _learn_sorted(self, events: Sequence[e.Event]) -> None:
        """What is told counts when it happened, what the desk saw itself when it was seen."""
        timed: list[tuple[int, e.Event | RoundSeen]] = []
        for event in events:
            if isinstance(event, e.HistoryAdded):
                timed += [(told.seen.sent_ns, told.seen) for told in event.rounds]
            else:
                timed.append((event.at_ns, event))
        timed.sort(key=_at_ns)
        for at_ns, one in timed:
            if self._is_new_day(at_ns):
                self.estimates.daily(at_ns)
            if isinstance(one, RoundSeen):
                self.estimates.learn(settled(one))
            else:
                self._take(one)

    def _take(self, event: e.Event) -> None:
        """Of our own rounds: what was seen of one, or what became of it later."""
        if isinstance(event, e.RoundObserved):
            seen = event.round
            while len(self._amendable) >= AMENDABLE_MAX:
                del self._amendable[next(iter(self._amendable))]
            self._amendable[seen.rfq_id] = changed(seen, asks=())
            self.estimates.learn(settled(seen))
        elif isinstance(event, e.RoundAmended):
            known = self._amendable.get(event.rfq_id)
            if known is None:
                return
            for ask in event.was:
                self.estimates.forget(known.source, known.rfq_id, known.round, ask.dealer)
            self.estimates.learn(settled(changed(known, asks=event.now, residual=event.residual)))

    def _is_new_day(self, at_ns: int) -> bool:
        """Is this the first observation of a day?"""
        day = utc_day(at_ns)
        if day <= self._day:
            return False
        self._day = day
        return True

    # --- anew --------------------------------------------------------------------------------------

    def begin_aside(self) -> None:
        """From here on, keep what happens: everything before it is learnt anew aside."""
        self._since = []

    def end_aside(self, aside: Learning | None) -> None:
        """What was learnt anew is ready for the next `EstimatesRebuilt`; None: it came to nothing."""
        self._aside = aside
        if aside is None:
            self._since = None

    def rebuilt(self) -> None:
        """Learn all that was gathered in the order of its own times: what an `EstimatesRebuilt` will say."""
        assert self._gathered is not None
        self._sorted = self.observations
        self.settle()

    def _rebuilt(self, event: e.EstimatesRebuilt) -> None:
        if self._gathered is not None:
            self._sorted = event.observations
            return
        aside, since = self._aside, self._since
        if aside is None or since is None:
            return  # A reload has put another in the place of the one it was made for: what was told waits on.
        assert aside.observations == event.observations
        seen = sum(type(each) in OBSERVATIONS for each in since)
        behind = since[_behind(since, seen - (self.observations - aside.observations)) :]
        self._aside = self._since = None
        self.estimates, self._day, self.waiting = aside.estimates, aside._day, aside.waiting
        self._amendable = aside._amendable
        self.estimates.leak(self.leaks)
        for later in behind:
            self._learn(later)

    def let_go(self) -> Iterator[None]:
        """Empty what nobody needs any more, a part a step."""
        return self.estimates.let_go()


def _behind(events: Sequence[e.Event], observations: int) -> int:
    """The place behind the first so many observations."""
    places = (at for at, event in enumerate(events, 1) if type(event) in OBSERVATIONS)
    return next(islice(places, observations - 1, None)) if observations else 0


def _at_ns(timed: tuple[int, object]) -> int:
    return timed[0]


def settled(seen: RoundSeen) -> RoundSeen:
    """The round without those whose time is not over: they have not said their word yet."""
    if not any(ask.pending for ask in seen.asks):
        return seen
    return changed(seen, asks=tuple([ask for ask in seen.asks if not ask.pending]))

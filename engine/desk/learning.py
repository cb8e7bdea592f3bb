"""What the desk learns of its dealers for the model: observations of the journal in, estimates out.

A projection, as `dealers.stats` is one: a pure function of the events and of one parameter set. Live, an event is
learnt as its turn is adopted; a restart folds the same events and comes out at the same numbers, to the bit.

Rounds that another system tells of belong to the past, and estimates want each dealer's rounds in the order in which
they happened. So what is told waits until everything is learnt anew aside, in the order of times, and the event
`EstimatesRebuilt` swaps that in. A fold of the whole journal does the sorting once, at its end, or takes up what was
kept of it. Of what others tell, only what the window of estimates still reaches back to is learnt.

The first observation of a day begins a fit of what is known by then. It is worked out in pieces between turns, and the
events `EstimatesFitted` put it in force: a replay works it out at once where they stand, from the same sums.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, TypeAlias

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
BEHIND_MAX: Final = 20
"""Events that the turn of a rebuild may have to learn: some 5 ms of work."""
LEARNT: Final = OBSERVATIONS | {e.RoundMarked, e.EstimatesRebuilt, e.EstimatesFitted, e.LeakSolved}
"""All events that `fold` takes notice of."""


@dataclass(frozen=True, slots=True)
class _Told:
    """A `HistoryAdded` that waits, or what is left of it: how many rounds it had, and those that may be learnt."""

    at_ns: int
    count: int
    rounds: tuple[RoundSeen, ...]


_Gathered: TypeAlias = "e.Event | _Told"


class Learning:
    """The estimates, and what they were made of. `fold` and `settle` change them; decisions only read `estimates`."""

    __slots__ = (
        "_amendable",
        "_aside",
        "_caught_up",
        "_day",
        "_gathered",
        "_gathers",
        "_newest_ns",
        "_rebuilt_at",
        "_since",
        "_sorted",
        "_to_sort",
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
        self._gathered: list[_Gathered] | None = [] if is_replaying else None
        self._gathers = True
        self._to_sort: int | None = None
        self._newest_ns = 0
        self._since: list[e.Event] | None = None
        """What happened since a rebuild aside began."""
        self._sorted = 0
        self._aside: Learning | None = None
        self._caught_up = 0
        """Of one made aside: so many events of those since it was begun it has learnt."""
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
                self._gather(event)
                return
            if self._since is not None:
                self._since.append(event)
            self._learn(event)

    def expect(self, observations: int, *, is_kept: bool) -> None:
        """Before a fold: so many of its observations will be put in order. `is_kept`: what comes of them is at hand."""
        self._to_sort = observations
        self._gathers = not is_kept

    def _gather(self, event: e.Event) -> None:
        """Keep what is to be learnt at the end of the fold, and of what others tell no more than that."""
        assert self._gathered is not None
        is_sorted = self._to_sort is None or self.observations <= self._to_sort
        if is_sorted and not self._gathers:
            return
        if not isinstance(event, e.HistoryAdded):
            self._gathered.append(event)
            return
        rounds: tuple[RoundSeen, ...] = ()
        if is_sorted:
            # What is out of the window by now will be so at the end: years of it never stand in memory.
            self._newest_ns = max(self._newest_ns, *(told.seen.sent_ns for told in event.rounds))
            first = utc_day(self._newest_ns) - self.parameters.window_days + 1
            rounds = tuple([told.seen for told in event.rounds if utc_day(told.seen.sent_ns) >= first])
        self._gathered.append(_Told(event.at_ns, len(event.rounds), rounds))

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
        return not_trading(self.failing, self.estimates, asking, prior_bps)

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
        self._learn_sorted([event for event in gathered[:end] if _is_observation(event)])
        for event in gathered[end:]:
            self._learn(event)

    def settle_upon(self, kept: Learning) -> None:
        """The same upon what was kept of the first part: that was not gathered. See `expect`."""
        assert self._gathered is not None
        assert kept.observations == self._sorted
        gathered, self._gathered = self._gathered, None
        self._take_over(kept)
        for event in gathered:
            self._learn(event)

    @property
    def sorted_observations(self) -> int:
        """The first so many observations were put in the order of their own times, by the last word of a fold."""
        return self._sorted

    def _learn(self, event: _Gathered) -> None:
        """As it comes. What others tell waits: its time is long past."""
        if isinstance(event, e.EstimatesFitted):
            if event.day == self.estimates.fits:  # Else it was begun by estimates that others have replaced.
                self.estimates.fitted()
            return
        if self._is_new_day(event.at_ns):
            self.estimates.begin_day(event.at_ns)
        if isinstance(event, e.HistoryAdded):
            self.waiting += len(event.rounds)
        elif isinstance(event, _Told):
            self.waiting += event.count
        else:
            self._take(event)

    def _learn_sorted(self, events: Sequence[_Gathered]) -> None:
        """What is told counts when it happened, what the desk saw itself when it was seen."""
        timed: list[tuple[int, e.Event | RoundSeen]] = []
        for event in events:
            if isinstance(event, _Told):
                timed += [(seen.sent_ns, seen) for seen in event.rounds]
            else:
                assert not isinstance(event, e.HistoryAdded)
                timed.append((event.at_ns, event))
        timed.sort(key=_at_ns)
        first = self._first_day(timed)
        for at_ns, one in timed:
            if isinstance(one, RoundSeen) and utc_day(at_ns) < first:
                continue
            if self._is_new_day(at_ns):
                self.estimates.daily(at_ns)
            if isinstance(one, RoundSeen):
                self.estimates.learn(settled(one))
            else:
                self._take(one)

    def _first_day(self, timed: Sequence[tuple[int, object]]) -> int:
        """The day before which nothing of what others tell is left in the end: what is out of the window, or too much.

        To learn it all the same, and to forget it day by day, took longer than all the rest.
        """
        days = Counter(utc_day(at_ns) for at_ns, one in timed if isinstance(one, RoundSeen | e.RoundObserved))
        if not days:
            return 0
        newest, count = max(days), 0
        oldest = newest - self.parameters.window_days + 1
        for day in sorted(days, reverse=True):
            count += days[day]
            if day < newest and count > self.parameters.rounds_max:
                return max(oldest, day + 1)
        return oldest

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

    def catching_up(self, aside: Learning) -> Iterator[None]:
        """Have what was learnt anew learn what happened since, in another thread, an event a step: all but a few.

        Those are for the turn that takes it up. To learn an hour of rounds there held everybody up for seconds.
        """
        since = self._since
        assert since is not None
        while len(since) - aside._caught_up > BEHIND_MAX:
            aside._learn(since[aside._caught_up])
            aside._caught_up += 1
            yield

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
        behind = since[_behind(since, seen - (self.observations - aside.observations)) + aside._caught_up :]
        self._aside = self._since = None
        self._take_over(aside)
        for later in behind:
            self._learn(later)

    def _take_over(self, other: Learning) -> None:
        self.estimates, self._day, self.waiting = other.estimates, other._day, other.waiting
        self._amendable = other._amendable
        self.estimates.leak(self.leaks)

    # --- kept --------------------------------------------------------------------------------------

    def parts(self) -> Iterator[tuple[str, Any]]:
        """What was learnt, in parts that take a millisecond each, for `put` of another. After `rebuilt`."""
        yield "learning", (self.observations, self._day, self._amendable)
        yield from self.estimates.parts()

    def put(self, name: str, part: Any) -> None:
        """Take a part of another with the same parameters, in their order, into one that has learnt nothing."""
        if name == "learning":
            self.observations, self._day, self._amendable = part
        else:
            self.estimates.put(name, part)

    def let_go(self) -> Iterator[None]:
        """Empty what nobody needs any more, a part a step."""
        return self.estimates.let_go()


def _is_observation(event: _Gathered) -> bool:
    return type(event) in OBSERVATIONS or isinstance(event, _Told)


def _behind(events: Sequence[_Gathered], observations: int) -> int:
    """The place behind the first so many observations."""
    places = (at for at, event in enumerate(events, 1) if _is_observation(event))
    return next(islice(places, observations - 1, None)) if observations else 0


def _at_ns(timed: tuple[int, object]) -> int:
    return timed[0]


def settled(seen: RoundSeen) -> RoundSeen:
    """The round without those whose time is not over: they have not said their word yet."""
    if not any(ask.pending for ask in seen.asks):
        return seen
    return changed(seen, asks=tuple([ask for ask in seen.asks if not ask.pending]))


def not_trading(failing: Failing, estimates: Estimates, asking: Asking, prior_bps: float) -> NotTrading:
    """What not trading costs for a request, in the width of its bond; `prior_bps` before anything was seen of that."""
    found = failing.cost(utc_day(asking.now_ns), estimates.widths, estimates.usual_edge, prior_bps)
    width = estimates.widths.of(asking.bond, asking.quantity, asking.adv)
    return NotTrading(found.value * width, found.sd * width, estimates.widths.error_of(asking.bond), found.n_eff)

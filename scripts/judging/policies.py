"""Whom to ask: by chance, by a list fixed before, by the truth, and by the engine's own choice.

A policy is made for one street and lives from its first round to its last. It is asked with what a desk knows, and
told what a desk sees; the oracle alone looks at the world.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from worlds import street as market
from worlds.oracle import Oracle
from worlds.world import FIRST_DAY, World

from engine.dealers.segments import segment_of_key
from engine.dealers.stats import DealerStats
from engine.domain.observation import Answer, Horizon, MarkAfter, RoundSeen, Taken
from engine.domain.order import MarkUsed
from engine.market.tca import classic_reversion_bps, price_improvement_bps
from engine.rules.plan import Ask, AskTop, Mode, Plan, Ranking
from engine.selection.choose import Candidates, RulePlan, choose
from engine.selection.ranking import Rankings
from engine.selection.request import Parameters, Records, Request
from judging.sight import Asking, Panel, plain

_LIST_NOISE: Final = 1.0
"""Of the sd by which dealers differ: a list made from memory has about seven tenths of its order from the truth."""


class Policy(Protocol):
    def choose(self, asking: Asking) -> Panel:
        """Whom to ask for this."""

    def saw(self, asking: Asking, seen: RoundSeen, closed: market.Round | None) -> None:
        """The round is over. Only the oracle may look at `closed`."""

    def marked(self, seen: RoundSeen, after: MarkAfter) -> None:
        """A mark of a round that is over has come."""

    def day_ends(self, now_ns: int) -> None:
        """What a desk does once a day."""


class _Deaf:
    """Learns nothing."""

    def saw(self, asking: Asking, seen: RoundSeen, closed: market.Round | None) -> None: ...

    def marked(self, seen: RoundSeen, after: MarkAfter) -> None: ...

    def day_ends(self, now_ns: int) -> None: ...


class Random(_Deaf):
    """Anybody, as many as may be asked."""

    def __init__(self, street: market.Street) -> None:
        self._chance = street.world.chance

    def choose(self, asking: Asking) -> Panel:
        drawn = sorted(asking.dealers, key=lambda name: self._chance.uniform("random panel", asking.key, name))
        return plain(drawn[: asking.at_most])


class Static(_Deaf):
    """The first of a list that was made before the first round, from what somebody remembered of dealers."""

    def __init__(self, street: market.Street) -> None:
        self._list = _remembered(street.world)

    def choose(self, asking: Asking) -> Panel:
        return plain([name for name in self._list if name in asking.dealers][: asking.at_most])


def _remembered(world: World) -> list[str]:
    """Those who were there at the beginning, by how much they save on average, with an error."""
    late = world.values["late_half_spreads"]
    worth = {}
    for name in world.present(FIRST_DAY * 28_800.0):
        dealer = world.dealers[name]
        saved = [
            min(max(reach, 0.0), 1.0) * (late - markup)
            for reach, markup in zip(dealer.reach, dealer.markups, strict=True)
        ]
        worth[name] = sum(saved) / len(saved)
    mean = sum(worth.values()) / len(worth)
    sd = (sum((each - mean) ** 2 for each in worth.values()) / len(worth)) ** 0.5
    told = {name: each + _LIST_NOISE * sd * world.chance.normal("memory", name) for name, each in worth.items()}
    return sorted(told, key=lambda name: -told[name])


class Knowing(_Deaf):
    """The oracle."""

    def __init__(self, street: market.Street) -> None:
        self._oracle = Oracle(street)

    def choose(self, asking: Asking) -> Panel:
        return plain(self._oracle.panel(asking.piece, asking.at_most))

    def saw(self, asking: Asking, seen: RoundSeen, closed: market.Round | None) -> None:
        if closed is not None:
            self._oracle.saw(closed)


# --- the engine's own ----------------------------------------------------------------------------


def unlimited(at_most: int) -> Plan:
    """A rule's plan without a protection but the most dealers."""
    return Plan(Mode.PARALLEL, at_most, None, None, frozenset(), ())


class Classic:
    """`rank by classic`, `ask top` as many as may be asked."""

    def __init__(self, dealers: Sequence[str]) -> None:
        self._stats = DealerStats()
        self._rankings = Rankings(self._stats, dealers)
        self._ranking = Ranking()
        self._arrivals: dict[str, MarkUsed] = {}

    def choose(self, asking: Asking) -> Panel:
        if asking.mark is not None:
            self._arrivals.setdefault(str(asking.piece.order), asking.mark)
        plan = RulePlan(self._ranking, self._ask(asking), frozenset(), unlimited(asking.at_most))
        request = Request(asking.segment, asking.bond.asset_class, asking.at_ns)
        chosen = choose(request, plan, Candidates(asking.dealers, ()), Records(self._rankings), Parameters(), b"")
        return plain(chosen.asked)

    def _ask(self, asking: Asking) -> Ask:
        return AskTop(asking.at_most)

    def saw(self, asking: Asking, seen: RoundSeen, closed: market.Round | None) -> None:
        learn_classic(self._stats, seen, self._arrivals.get(seen.parent_id))

    def marked(self, seen: RoundSeen, after: MarkAfter) -> None:
        revert_classic(self._stats, seen, after)

    def day_ends(self, now_ns: int) -> None: ...


def learn_classic(stats: DealerStats, seen: RoundSeen, arrival: MarkUsed | None) -> None:
    """What `classic` learns of a round when it is over: as the desk teaches it, event by event."""
    segment = segment_of_key(seen.segment)
    for ask in seen.asks:
        stats.asked(ask.dealer, segment, ask.sent_ns, seen.bond.security_id)
        if ask.answer in (Answer.quote, Answer.indicative) and ask.answered_ns is not None:
            latency_s = (ask.answered_ns - ask.sent_ns) / 1e9
            is_firm = ask.answer is Answer.quote
            stats.answered(
                ask.dealer, segment, ask.answered_ns, latency_s, is_firm, ask.edge_bps, seen.bond.issuer, None
            )
        elif ask.answer is Answer.passed and ask.answered_ns is not None:
            stats.declined(ask.dealer, segment, ask.answered_ns)
        elif ask.deadline_ns is not None:
            stats.silent(ask.dealer, segment, ask.deadline_ns, (ask.deadline_ns - ask.sent_ns) / 1e9)
        if ask.fill_price is not None and ask.decided_ns is not None:
            better = None
            if arrival is not None:
                better = price_improvement_bps(seen.side.sign, ask.fill_price, arrival.price)
            stats.traded(ask.dealer, segment, ask.decided_ns, better)
        elif ask.taken is Taken.rejected and ask.decided_ns is not None:
            stats.rejected_after_accept(ask.dealer, segment, ask.decided_ns)


def revert_classic(stats: DealerStats, seen: RoundSeen, after: MarkAfter) -> None:
    """What `classic` takes for leakage: the move after a trade, charged to whoever traded."""
    if after.horizon is not Horizon.half_hour or after.mark is None:
        return
    for ask in seen.asks:
        if ask.fill_price is not None and ask.mark_decided is not None and ask.decided_ns is not None:
            bps = classic_reversion_bps(seen.side.sign, ask.mark_decided.price, after.mark.price)
            stats.reversion(ask.dealer, segment_of_key(seen.segment), ask.decided_ns, bps)


def _in_street(make: Callable[[Sequence[str]], Policy]) -> Callable[[market.Street], Policy]:
    return lambda street: make(list(street.world.dealers))


ENGINES_OWN: Final[Mapping[str, Callable[[Sequence[str]], Policy]]] = {"classic": Classic}
"""Those that go through the engine's choice, made for these dealers."""

POLICIES: Final[Mapping[str, Callable[[market.Street], Policy]]] = {
    "random": Random,
    "static": Static,
    **{name: _in_street(make) for name, make in ENGINES_OWN.items()},
    "oracle": Knowing,
}
"""By the name that results carry."""

"""Whom to ask: by chance, by a list fixed before, by the truth, and by the engine's own choice.

A policy is made for one street and lives from its first round to its last. It is asked with what a desk knows, and
told what a desk sees; the oracle alone looks at the world.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Protocol

from worlds import street as market
from worlds.oracle import Oracle
from worlds.world import FIRST_DAY, World

from engine.dealers import estimates
from engine.dealers.estimates import Estimates
from engine.dealers.failing import Failing, NotTrading
from engine.dealers.leak import Leaks
from engine.dealers.outlook import Outlook
from engine.dealers.segments import segment_of_key
from engine.dealers.stats import DealerStats
from engine.desk.learning import not_trading
from engine.domain.observation import Answer, Horizon, MarkAfter, RoundSeen, Taken
from engine.domain.order import MarkUsed
from engine.market.tca import classic_reversion_bps, price_improvement_bps, quote_edge_bps
from engine.rules.plan import AskPanel, AskTop, Mode, Plan, Ranking
from engine.selection.candidates import Candidates
from engine.selection.choose import choose
from engine.selection.ranking import Rankings
from engine.selection.request import NO_EXPLORING, Exploring, Parameters, Records, Request
from engine.selection.wanted import RulePlan
from judging.leaks import LeakBook
from judging.sight import WAIT_S, Asking, Panel, horizon_ns, plain

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


class Deaf:
    """Learns nothing."""

    def saw(self, asking: Asking, seen: RoundSeen, closed: market.Round | None) -> None: ...

    def marked(self, seen: RoundSeen, after: MarkAfter) -> None: ...

    def day_ends(self, now_ns: int) -> None: ...


class Random(Deaf):
    """Anybody, as many as may be asked."""

    def __init__(self, street: market.Street) -> None:
        self._chance = street.world.chance

    def choose(self, asking: Asking) -> Panel:
        drawn = sorted(asking.dealers, key=lambda name: self._chance.uniform("random panel", asking.key, name))
        return plain(drawn[: asking.at_most])


class Static(Deaf):
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


class Knowing(Deaf):
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


@dataclass(frozen=True, slots=True)
class Manner:
    """How one of the engine's policies chooses: by which scorer, with what exploration, with or without leaks.

    `counts`: the model says how many are asked, too, at most as many as may be; else as many as may be.
    """

    scorer: str
    counts: bool = False
    exploring: Exploring = NO_EXPLORING
    minds_leaks: bool = True


class EnginesOwn:
    """`rank by classic` and `ask top` so many, or `rank by model` and `ask best panel of at most` so many."""

    def __init__(self, dealers: Sequence[str], manner: Manner, luck: str) -> None:
        self._manner, self._luck = manner, luck
        self._models = manner.scorer == "model"
        self._stats = DealerStats()
        self._estimates = Estimates()
        self._leaks = LeakBook()
        self._failing = Failing()
        self._records = Records(Rankings(self._stats, dealers), self._outlooks, self._not_trading)
        self._parameters = Parameters(exploring=manner.exploring, aversion=1.0 if manner.minds_leaks else 0.0)
        self._ranking = Ranking(scorer=manner.scorer)
        self._arrivals: dict[str, MarkUsed] = {}
        self._bond: tuple[str, Decimal | None, float | None] = ("", None, None)

    def choose(self, asking: Asking) -> Panel:
        self._bond = asking.bond.security_id, asking.adv, asking.volatility_bps
        if asking.mark is not None:
            self._arrivals.setdefault(asking.parent_id, asking.mark)
        most = asking.at_most
        plan = RulePlan(
            self._ranking,
            AskPanel(most) if self._manner.counts else AskTop(most),
            frozenset(),
            unlimited(most + len(asking.informed)),  # Who knows of an earlier part is no bound to this one.
            tuple(sorted(asking.informed)),
        )
        request = Request(
            asking.segment,
            asking.bond.asset_class,
            asking.at_ns,
            quantity=asking.quantity,
            wait_s=WAIT_S,
            limit_edge_bps=_limit_edge_bps(asking),
            mark=asking.mark,
            residual=asking.residual,
        )
        entropy = f"{self._luck} {asking.key}".encode()
        found = choose(request, plan, Candidates(asking.dealers, ()), self._records, self._parameters, entropy)
        expected = found.expected
        return Panel(
            dealers=found.asked,
            p=dict(zip(found.candidates, found.inclusion_p, strict=True)),
            base=found.chosen,
            explored=frozenset({found.explored} if found.explored else ()),
            p_panel=found.panel_p,
            expects_bps=expected.cost_bps - expected.leak_bps if expected is not None else None,
            c_fail_bps=expected.c_fail_bps if expected is not None else 0.0,
            expects_fill=expected.fill if expected is not None else None,
        )

    def _outlooks(self, dealers: Sequence[str], request: Request) -> Sequence[Outlook]:
        return self._estimates.outlooks(dealers, self._of(request))

    def _of(self, request: Request) -> estimates.Asking:
        quantity = request.quantity if request.quantity is not None else Decimal(0)
        return estimates.Asking(request.segment, quantity, request.wait_s, request.now_ns, *self._bond)

    def _not_trading(self, request: Request) -> NotTrading:
        """What not trading costs, by the orders that were put off: as the desk learns it."""
        return not_trading(self._failing, self._estimates, self._of(request), self._parameters.c_fail_bps)

    def saw(self, asking: Asking, seen: RoundSeen, closed: market.Round | None) -> None:
        if self._models:
            self._estimates.learn(seen)
            self._leaks.saw(seen)
            self._failing.saw(seen)
        else:
            learn_classic(self._stats, seen, self._arrivals.get(seen.parent_id))

    def marked(self, seen: RoundSeen, after: MarkAfter) -> None:
        if self._models:
            self._leaks.marked(seen, after)
            if after.mark is not None and seen.decided_ns is not None:
                self._failing.marked(seen.rfq_id, horizon_ns(after.horizon, seen.decided_ns), float(after.mark.price))
        else:
            revert_classic(self._stats, seen, after)

    def day_ends(self, now_ns: int) -> None:
        if not self._models:
            return
        self._estimates.daily(now_ns)
        if self._manner.minds_leaks:
            solved = self._leaks.solved(now_ns)
            if solved is not None:
                p = self._estimates.parameters
                self._estimates.leak(Leaks(solved, p.leak_in, p.leak_post))


def _limit_edge_bps(asking: Asking) -> float | None:
    if asking.mark is None:
        return None
    return quote_edge_bps(asking.side.sign, asking.limit, asking.mark.price)


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


def _in_street(manner: Manner) -> Callable[[market.Street], Policy]:
    return lambda street: EnginesOwn(list(street.world.dealers), manner, str(street.world.seed))


ENGINES_OWN: Final[Mapping[str, Manner]] = {
    "classic": Manner("classic"),
    "classic-explores": Manner("classic", exploring=Exploring()),
    "model": Manner("model", counts=True, exploring=Exploring()),
    "model-blind": Manner("model", counts=True, exploring=Exploring(), minds_leaks=False),
}
"""Those that go through the engine's choice."""

POLICIES: Final[Mapping[str, Callable[[market.Street], Policy]]] = {
    "random": Random,
    "static": Static,
    **{name: _in_street(manner) for name, manner in ENGINES_OWN.items()},
    "oracle": Knowing,
}
"""By the name that results carry."""

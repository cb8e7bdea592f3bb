"""All that a journal has of one order, put together: what it was, what was recommended before each round, what came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from engine.desk.costs import OrderCosted
from engine.desk.state_rows import BookedFill, Quarantined
from engine.domain import events as e
from engine.domain.observation import Horizon
from engine.domain.order import Order
from engine.domain.placement import Placement, PlacementState
from engine.domain.recommendation import Recommendation
from engine.domain.rfq import AskState, Rfq
from engine.research import words
from engine.research.retold import Retold

NOT_ASKED: Final = (AskState.blocked, AskState.withheld, AskState.not_delivered)


@dataclass(frozen=True, slots=True)
class OrderStory:
    """All that the journal has of one order. `advice` is what was recommended, `advised` before each round."""

    order: Order
    events: Sequence[e.Event]
    rounds: Sequence[Rfq]
    placements: Sequence[Placement]
    executions: Sequence[BookedFill]
    quarantined: Sequence[Quarantined]
    costed: OrderCosted | None
    overrides: dict[int, e.OrderOverridden]
    advised: dict[int, Recommendation]
    advice: Recommendation | None
    due: dict[str, tuple[tuple[Horizon, int], ...]]
    """Horizons that have not come yet of rounds and fills, with their times."""
    switches: Sequence[e.KillSwitched]
    """Kill switches that hold for its account or somebody it might have gone to, of its time."""
    last_ns: int

    def round_of(self, placed: Placement) -> Rfq:
        """The round that an acceptance came of."""
        return next(each for each in self.rounds if each.rfq_id == placed.rfq_id)

    def killed(self, dealer: str, at_ns: int) -> e.KillSwitched | None:
        """The switch that kept this dealer from being dealt with at a time."""
        on: dict[str, e.KillSwitched] = {}
        for each in self.switches:
            if each.at_ns <= at_ns and each.scope.holds(dealer, self.order.terms.account):
                on.pop(str(each.scope), None)
                if each.on:
                    on[str(each.scope)] = each
        return next(iter(on.values()), None)

    @property
    def standing(self) -> list[BookedFill]:
        return [each for each in self.executions if not each.canceled]


def story_of(retold: Retold, order_id: str) -> OrderStory:
    state, events = retold.state, retold.events[order_id]
    order, rounds = state.orders[order_id], state.rounds_of(order_id)
    advice: Recommendation | None = None
    advised: dict[int, Recommendation] = {}
    overrides: dict[int, e.OrderOverridden] = {}
    override: e.OrderOverridden | None = None
    for event in events:
        match event:
            case e.OrderRecommended():
                advice = event.recommendation
            case e.OrderOverridden():
                override = event
            case e.RfqOpened():
                if advice is not None:
                    advised[event.round] = advice
                if override is not None:
                    overrides[event.round] = override
                override = None
    placements = state.placements_of(order_id)
    keys = {each.placement_id for each in placements}
    executions = [booked for _, booked in state.executions_of(order_id)]
    followed = [*(each.rfq_id for each in rounds), *(each.fill.exec_id for each in executions)]
    waiting = {key: known.waiting for key in followed if (known := state.marks_due.get(key)) is not None}
    return OrderStory(
        order=order,
        events=events,
        rounds=rounds,
        placements=placements,
        executions=executions,
        quarantined=[each for each in state.quarantine.values() if each.placement_id in keys],
        costed=retold.costs.of_order(order_id),
        overrides=overrides,
        advised=advised,
        advice=advice,
        due={key: dues for key, dues in waiting.items() if dues},
        switches=[each for each in retold.switches if each.at_ns <= max(event.at_ns for event in events)],
        last_ns=retold.last_ns,
    )


def ended(placed: Placement) -> str:
    """What an acceptance came to."""
    told = placed.state.value.replace("_", " ")
    if placed.filled and placed.state is not PlacementState.filled:
        told += f", {words.amount(placed.filled)} filled"
    note = placed.note or placed.evidence
    return f"{told}: {note}" if note else told

"""What a daemon tells of its orders, event by event behind a cursor: whom it asked, and which marks came due."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import orjson

from engine.admin.client import AdminClient
from engine.domain import events as e
from engine.domain.observation import ChosenBy, Horizon
from engine.journal.event_codec import Codec, event_types

WAIT_S: Final = 1
_TYPES: Final = ("OrderReceived", "OrderRecommended", "RoundObserved", "RoundMarked", "OrderReturned")
_CODEC: Final = Codec(event_types(vars(e), e.Event), e.UPCASTERS)


@dataclass(frozen=True, slots=True)
class Asked:
    """One round: everybody who was asked, and the list as it was before any draw."""

    order_id: str
    rfq_id: str
    sent_ns: int
    asked: tuple[str, ...]
    base: tuple[str, ...]
    explored: tuple[str, ...]
    winner: str
    """Empty: it did not trade."""


@dataclass(slots=True)
class Heard:
    """All that was heard so far; `more` hears on."""

    client: AdminClient
    rounds: list[Asked] = field(default_factory=list)
    """In the order of asking."""
    marked: dict[Horizon, set[str]] = field(default_factory=dict)
    """RFQs whose mark of a horizon was looked at, whatever was found."""
    returned: dict[str, str] = field(default_factory=dict)
    """Orders that came back to the trader, and why."""
    _base: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _after: int = 0

    def more(self) -> None:
        """What is new; waits for a while where there is nothing."""
        page = self.client.call("events", after=self._after, wait_s=WAIT_S, types=list(_TYPES))
        self._after = page["next"]
        for each in page["events"]:
            self._take(_CODEC.decode(each["type"], each["version"], orjson.dumps(each["body"])))

    def _take(self, event: e.Event) -> None:
        if isinstance(event, e.OrderRecommended):
            selection = event.recommendation.selection
            if selection is not None:
                self._base[event.order_id] = selection.chosen
        elif isinstance(event, e.RoundObserved):
            seen = event.round
            asks = sorted(seen.asks, key=lambda ask: ask.position)
            self.rounds.append(
                Asked(
                    seen.parent_id,
                    seen.rfq_id,
                    seen.sent_ns,
                    tuple(ask.dealer for ask in asks),
                    self._base.get(seen.parent_id, ()),
                    tuple(ask.dealer for ask in asks if ask.chosen_by is ChosenBy.explored),
                    next((ask.dealer for ask in asks if ask.filled), ""),
                )
            )
            self.rounds.sort(key=lambda one: one.sent_ns)
        elif isinstance(event, e.RoundMarked):
            self.marked.setdefault(event.horizon, set()).add(event.rfq_id)
        elif isinstance(event, e.OrderReturned):
            self.returned[event.order_id] = event.reason

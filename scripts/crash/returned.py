"""Orders that came back from a round although somebody's firm quote was alive, only that its session was down.

Nobody is logged on in the first moments of a life: a round that is decided then throws away what dealers still stand
by. Counted from the journal alone, event by event, so that journals of any build can be compared:

    python -m crash.returned JOURNAL...
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from engine.desk.apply import apply
from engine.desk.round.quotes import live_quotes
from engine.desk.state import DeskState
from engine.domain import events as e
from engine.domain.rfq import Rfq
from engine.journal.archive import ReadOnly
from engine.journal.events import events_codec

GUARD_NS: Final = 250_000_000
"""How long before its end a quote counts as over: as shipped."""


@dataclass(slots=True)
class Returned:
    """What became of rounds that ended without a trade."""

    lives: int = 0
    rounds: int = 0
    """Rounds after which the order was back with its trader, or ended unfilled."""
    with_live: int = 0
    """Those of them with a firm quote inside the order's limit that lived, whatever its session."""
    thrown_away: list[str] = field(default_factory=list)
    """Those where such a quote's session was down, and there was time left to decide: a line each."""

    def as_text(self) -> str:
        return (
            f"{self.lives} lives, {self.rounds} rounds without a trade, {self.with_live} with a live firm quote, "
            f"{len(self.thrown_away)} only because its session was down"
        )


def count(journal: Path) -> Returned:
    """Fold the journal, and look at every round as its order comes back."""
    found, state, codec, up = Returned(), DeskState(), events_codec(), set[str]()
    with ReadOnly(journal) as file:
        for row in file.events():
            event = codec.decode(row.type, row.version, row.body)
            match event:
                case e.EngineStarted():
                    found.lives += 1
                    up.clear()
                case e.SessionUp():
                    up.add(event.session)
                case e.SessionDown():
                    up.discard(event.session)
                case e.RfqClosed() if event.outcome == "no execution":
                    _look(found, state, state.rfqs[event.rfq_id], event.at_ns, up)
            apply(state, event)
    return found


def _look(found: Returned, state: DeskState, rfq: Rfq, at_ns: int, up: set[str]) -> None:
    order = state.orders[rfq.order_id]
    if order.cancel_cl_ord_id or order.out_of_time(at_ns):
        return
    found.rounds += 1
    limit, sign = order.terms.limit_price, rfq.side.sign
    live = [
        (ask, quote)
        for ask, quote in live_quotes(rfq, at_ns, GUARD_NS)
        if quote.price is not None and (limit is None or (quote.price - limit) * sign <= 0)
    ]
    found.with_live += bool(live)
    # A dealer's session has the dealer's name, as shipped.
    if live and up.isdisjoint([ask.dealer for ask, _ in live]) and at_ns < rfq.decide_until_ns:
        ask, quote = live[0]
        left_s = ((quote.firm_until_ns or at_ns) - at_ns) / 1e9
        found.thrown_away.append(
            f"{order.order_id} {rfq.rfq_id}: {quote.price} of {ask.dealer} for {left_s:.1f} s more"
        )


def main() -> int:
    parser = argparse.ArgumentParser(prog="crash.returned")
    parser.add_argument("journals", nargs="+", type=Path, metavar="JOURNAL")
    for journal in parser.parse_args().journals:
        found = count(journal)
        print(f"{journal}: {found.as_text()}")
        for line in found.thrown_away:
            print(f"  {line}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""How every dealer stands in one asset class: the house score by its parts, and what the model's estimates rest on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from engine.clock import NS_PER_S
from engine.dealers.estimates import Asking
from engine.dealers.segments import Segment
from engine.desk.setting import Desk
from engine.domain.instrument import AssetClass
from engine.domain.measure import Measure
from engine.selection.ranking import classic

SIZE: Final = Decimal(1_000_000)
"""Face amount that estimates are shown for."""
MEASURES: Final = ("q", "e", "f", "leak_in", "leak_post")


@dataclass(frozen=True, slots=True)
class Standing:
    """`parts` by metric: what each adds to the score; `estimates` by measure, each with its error and its `n_eff`."""

    dealer: str
    parts: tuple[tuple[str, float], ...]
    estimates: tuple[tuple[str, Measure], ...]


def scoreboard(desk: Desk, asset_class: AssetClass, now_ns: int) -> Iterator[Standing]:
    """Every dealer that trades the class, best first. Some 40 us each."""
    names = tuple(dealer.id for dealer in desk.dealers if dealer.trades(asset_class))
    if not names:
        return
    segment = Segment(asset_class.value)
    scorer = classic(desk.parameters.classic_weights)
    asking = Asking(segment, SIZE, desk.clocks.wait_ns / NS_PER_S, now_ns)
    outlooks = {each.dealer: each for each in desk.learning.estimates.outlooks(names, asking)}
    for line in desk.rankings.top(len(names), scorer, segment, now_ns, frozenset(names)):
        outlook = outlooks[line.dealer]
        yield Standing(
            line.dealer,
            tuple((part.metric, part.contribution) for part in line.score.parts),
            tuple((name, getattr(outlook, name)) for name in MEASURES),
        )

"""What is expected of one dealer for one request: every number with its error and with how much stands behind it.

The values alone: `dealers.estimates` makes them, `selection` chooses by them, screens show them. An estimate that rests
on nothing of the dealer's own is its prior's and says so by an `n_eff` of 0.

Bps are of the mark, positive is good for us; a leak is a cost and positive is bad. Intervals hold 90 %.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.domain.measure import Identified as Identified
from engine.domain.measure import Measure as Measure
from engine.domain.rows import row


@row
@dataclass(frozen=True, slots=True)
class Outlook:
    """What to expect of `dealer` for one request of a segment, side and size, within a wait.

    `q` is the chance that it answers at all with a price that can be executed, asked alone; `q_slope` is what its logit
    changes by per ln(how many are asked), mostly negative. `in_time` is the chance that an answer which comes at all
    comes within the wait. `e` is the edge in bps that its quotes have on average (the sd is that of the estimate);
    `e_common_sd` is the part of its error that all dealers share, which makes none of them better than another, and
    `e_round_sd` what all quotes of one round have in common beside the mark's error;
    `e_noise_sd` is what one quote scatters around that, `e_df` the degrees of freedom of both together. `f` is the
    chance that an accepted quote is filled in full at its price; `reject_move_bps` the move against us until a reject.
    `z` is the share of the size that it quotes. `leak_in` and `leak_post` are what asking it costs, in bps: until the
    decision on the whole size, after it on what is left. `r` is our trades over our asks with it. `asks` counts the
    dealer's own asks in the segment, undecayed; 0 is a dealer that nobody has tried there; `asks_at_large` counts those
    in its whole asset class (None: not counted). `latency_s` is the median time to its answers with its error, None
    where nobody said; `latency_p50_s` is its value.
    """

    dealer: str
    q: Measure
    q_slope: float
    in_time: float
    latency_p50_s: float | None
    latency_p90_s: float | None
    e: Measure
    e_noise_sd: float
    e_df: float
    f: Measure
    reject_move_bps: float
    z: Measure
    leak_in: Measure
    leak_post: Measure
    leak_identified: Identified
    r: Measure
    asks: int
    e_common_sd: float = 0.0
    e_round_sd: float = 0.0
    asks_at_large: int | None = None
    latency_s: Measure | None = None

    @property
    def untried(self) -> bool:
        """Has nobody ever asked it for any bond of the kind?"""
        return not self.asks and not self.asks_at_large

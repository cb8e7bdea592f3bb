"""What one dealer promises for one order, as the plain numbers that panel and sequence compute with.

Everything is in bps of the mark. A quote's *edge* is how much better than the mark it is. What a quote is worth beside
not trading is its edge plus what not trading costs (`c_fail_bps`). An accepted quote may be refused at last look; the
market has moved by then, and the next quote is tried. A quote's *net edge* is its edge less what its refusals cost a
fill: edge - move x (1 - f) / f. Quotes are worth trying in falling net edge: swapping two neighbours shows that any
other order is worth less.

The mark's own error, and that of the level of all edges, is the same for all dealers of a round: it moves no dealer
ahead of another and is left out here.
What scatters is the dealer's effect, as far as it is not known, and its own noise. The size quoted counts as the whole
order and an earlier quote as gone, as long as a desk can use neither part of a size nor an earlier quote.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from engine.dealers.outlook import Outlook
from engine.selection.student import Student, student

_FIRM_MIN: Final = 1e-3
"""A dealer that never fills is worth nothing; this keeps its net edge a number."""

_SD_MIN_BPS: Final = 0.05
_P_EDGE: Final = 1e-6
"""A chance is kept this far from 0 and 1 where its logit is taken."""


@dataclass(frozen=True, slots=True)
class Stakes:
    """What is at stake besides the dealers: the same for all of them.

    `c_fail_bps` is what not trading costs. A leak costs `aversion` x (what it moves until the decision, on the whole
    size, + `rho` x what it moves later, on what is then left). `limit_edge_bps` is the edge of a quote just at the
    order's limit: a worse one counts as none; None where the order has no limit or the bond no mark. A second of
    waiting costs `wait_bps_per_s`; a dealer is given `wait_s`. `recall` is the chance that a quote still lives after
    another dealer was waited for. A dealer with whom we trade less than the share `trade_share_min` of what we
    ask it for minds being asked: that counts up to `trade_share_bps`, if we never trade with it.
    """

    c_fail_bps: float
    aversion: float = 1.0
    rho: float = 0.5
    limit_edge_bps: float | None = None
    wait_bps_per_s: float = 0.0
    wait_s: float = 60.0
    recall: float = 0.0
    trade_share_min: float = 0.0
    trade_share_bps: float = 0.0


@dataclass(frozen=True, slots=True)
class Prospect:
    """One dealer's numbers. `net_bps` and `sd_bps` are mean and standard deviation of its net edge; a quote below
    `floor_bps` (a net edge, too) is none. `leak_bps` is what asking it leaks, never less than nothing: no dealer is
    paid for what an estimate errs by; `strain_bps` is what it counts that we hardly ever trade with it, which no order
    pays for; `asking_bps` is both. The `*_sd` are errors of estimates.
    """

    dealer: str
    logit_q: float
    q_slope: float
    in_time: float
    firm: float
    move_bps: float
    net_bps: float
    sd_bps: float
    law: Student
    floor_bps: float
    leak_bps: float
    strain_bps: float
    asking_bps: float
    wait_bps: float
    leak_sd_bps: float
    edge_sd_bps: float
    q_sd: float
    firm_sd: float

    def answers(self, asked: int) -> float:
        """The chance of an executable quote in time, where so many are asked."""
        return self.in_time * sigmoid(self.logit_q + self.q_slope * math.log(asked))

    def fills(self, asked: int) -> float:
        """The chance that it quotes, and that its quote would fill."""
        return self.answers(asked) * self.firm

    def above(self, net_bps: float) -> float:
        """The chance that a quote of its has a better net edge."""
        return self.law.above((max(net_bps, self.floor_bps) - self.net_bps) / self.sd_bps)

    def excess(self, net_bps: float) -> float:
        """E[(net edge - `net_bps`)+], a quote below its floor being none."""
        at = max(net_bps, self.floor_bps)
        t = (at - self.net_bps) / self.sd_bps
        found = self.sd_bps * self.law.excess_above(t)
        return found if at == net_bps else found + (at - net_bps) * self.law.above(t)


@dataclass(frozen=True, slots=True)
class Margin:
    """What one dealer adds to those asked, as one of them or as one more, with its error; how likely it is to trade."""

    gain_bps: float
    gain_sd_bps: float
    p_win: float


def prospect(outlook: Outlook, stakes: Stakes) -> Prospect:
    """A dealer's outlook in the numbers of the choice."""
    firm = min(1.0, max(_FIRM_MIN, outlook.f.value))
    refusals = outlook.reject_move_bps * (1 - firm) / firm
    limit = stakes.limit_edge_bps
    q = min(1 - _P_EDGE, max(_P_EDGE, outlook.q.value))
    typical_s = outlook.latency_p50_s if outlook.latency_p50_s is not None else stakes.wait_s
    answered = q * outlook.in_time
    waited_s = answered * min(typical_s, stakes.wait_s) + (1 - answered) * stakes.wait_s
    # What all dealers share makes no difference between them.
    own_sd = math.sqrt(max(0.0, outlook.e.sd**2 - outlook.e_common_sd**2))
    leak = stakes.aversion * max(0.0, outlook.leak_in.value + stakes.rho * outlook.leak_post.value)
    strain = _strain_bps(outlook.r.value, stakes)
    return Prospect(
        dealer=outlook.dealer,
        logit_q=math.log(q / (1 - q)),
        q_slope=outlook.q_slope,
        in_time=outlook.in_time,
        firm=firm,
        move_bps=outlook.reject_move_bps,
        net_bps=outlook.e.value - refusals,
        sd_bps=max(_SD_MIN_BPS, math.hypot(own_sd, outlook.e_noise_sd)),
        law=student(outlook.e_df),
        floor_bps=-math.inf if limit is None else limit - refusals,
        leak_bps=leak,
        strain_bps=strain,
        asking_bps=leak + strain,
        wait_bps=stakes.wait_bps_per_s * waited_s,
        leak_sd_bps=stakes.aversion * math.hypot(outlook.leak_in.sd, stakes.rho * outlook.leak_post.sd),
        edge_sd_bps=own_sd,
        q_sd=outlook.q.sd,
        firm_sd=outlook.f.sd,
    )


def alone_bps(found: Prospect, stakes: Stakes) -> float:
    """What asking this dealer alone is worth, beside not trading."""
    return found.fills(1) * found.excess(-stakes.c_fail_bps) - found.asking_bps


def _strain_bps(trade_share: float, stakes: Stakes) -> float:
    least = stakes.trade_share_min
    return stakes.trade_share_bps * max(0.0, 1 - trade_share / least) if least else 0.0


def sigmoid(x: float) -> float:
    """1 / (1 + e^-x)."""
    return 1.0 / (1.0 + math.exp(-x)) if x > -700 else 0.0

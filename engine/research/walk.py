"""A desk's past once more, round by round: what would have been expected of each dealer, by what was known then.

`walk` asks `Then` (`knowledge`) before each round what it expects, and says it together with what came. Beside it stand
the simplest things one might expect instead (`simple`): the desk's rates and means so far, and each dealer's own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from engine.clock import NS_PER_S, utc_day
from engine.dealers.estimates import Asking
from engine.dealers.outlook import Outlook
from engine.dealers.segments import segment_of_key
from engine.dealers.tally import edge_of
from engine.domain.observation import Answer, AskSeen, Protocol, RoundSeen, RoundTold, Taken
from engine.research.knowledge import Then
from engine.research.progress import Progress, silent
from engine.research.simple import size_share

USUAL_WAIT_S: Final = 60.0
"""What a dealer is taken to be given where a record does not say."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What was expected of one dealer in one round before it was asked, and what came.

    `q` is the chance of an executable quote, asked among so many, `in_time` the share of quotes that comes within the
    wait. The edge is Student's with `e_df` degrees of freedom around `e_bps`, `e_scale_bps` its scale: that of the
    estimate, of the quote's own noise, of the round and of the mark together. `f` is the chance that an accepted quote
    is filled, `z` the share of the size that is quoted. `desk_*` is what the whole desk had seen until then, `own_*`
    the dealer's own record drawn to that by one observation.

    What came: `answered`; `edge_bps`, `filled` and `size_share` are None where there was none to see. `asks` counts the
    dealer's own in the segment before.
    """

    day: int
    dealer: str
    segment: str
    n_asked: int
    asks: int
    q: float
    in_time: float
    desk_q: float
    own_q: float
    answered: bool
    e_bps: float
    e_scale_bps: float
    e_df: float
    desk_e_bps: float
    desk_e_sd_bps: float
    own_e_bps: float
    edge_bps: float | None
    f: float
    desk_f: float
    own_f: float
    filled: bool | None
    z: float
    desk_z: float
    size_share: float | None

    @property
    def answers(self) -> float:
        """The chance of an executable quote within the wait."""
        return self.q * self.in_time


def walk(
    rounds: Iterable[RoundTold],
    then: Then,
    begin_ns: int | None = None,
    progress: Progress = silent,
    total: int = 0,
) -> Iterator[tuple[RoundTold, tuple[Prediction, ...]]]:
    """Each round with what was expected of those who were asked, from `begin_ns` on; those before are learnt alone.

    Rounds come in the order of sent_ns. `progress` is told of rounds, of `total`.
    """
    for done, told in enumerate(rounds, 1):
        then.until(told.seen.sent_ns)
        if begin_ns is None or told.seen.sent_ns >= begin_ns:
            yield told, predicted(told.seen, then)
        then.add(told)
        progress(done, max(total, done))


def predicted(seen: RoundSeen, then: Then) -> tuple[Prediction, ...]:
    """What is expected now of those who are asked in a round. What came of it is only put beside it."""
    found: list[Prediction] = []
    segment = segment_of_key(seen.segment)
    waits: dict[float, list[AskSeen]] = {}
    for ask in seen.asks:
        wait_s = USUAL_WAIT_S if ask.deadline_ns is None else (ask.deadline_ns - ask.sent_ns) / NS_PER_S
        waits.setdefault(wait_s, []).append(ask)
    for wait_s, asks in waits.items():
        bond = seen.bond.security_id
        asking = Asking(segment, seen.size, wait_s, seen.sent_ns, bond, seen.adv_size, seen.volatility_bps)
        for ask, outlook in zip(asks, then.outlooks([ask.dealer for ask in asks], asking), strict=True):
            found.append(_prediction(seen, ask, outlook, then))
    return tuple(found)


def _prediction(seen: RoundSeen, ask: AskSeen, outlook: Outlook, then: Then) -> Prediction:
    simple, dealer = then.simple, ask.dealer
    n_asked = _asked_by_then(seen, ask)
    mark_sd_bps = then.estimates.parameters.mark_sd_bps
    if ask.mark_sent is not None and ask.mark_sent.sd_bps is not None:
        mark_sd_bps = ask.mark_sent.sd_bps
    scale = math.sqrt(outlook.e.sd**2 + outlook.e_noise_sd**2 + outlook.e_round_sd**2 + mark_sd_bps**2)
    desk_q, desk_e, desk_f = simple.answered.rate, simple.edge, simple.filled.rate
    quoted = ask.answer is Answer.quote
    return Prediction(
        day=utc_day(seen.sent_ns),
        dealer=dealer,
        segment=seen.segment,
        n_asked=n_asked,
        asks=outlook.asks,
        q=_shifted(outlook.q.value, outlook.q_slope * math.log(n_asked)),
        in_time=outlook.in_time,
        desk_q=desk_q,
        own_q=simple.answered_by(dealer).drawn_to(desk_q),
        answered=quoted,
        e_bps=outlook.e.value,
        e_scale_bps=scale,
        e_df=outlook.e_df,
        desk_e_bps=desk_e.mean,
        desk_e_sd_bps=desk_e.sd,
        own_e_bps=simple.edge_of(dealer).drawn_to(desk_e.mean),
        edge_bps=edge_of(ask),
        f=outlook.f.value,
        desk_f=desk_f,
        own_f=simple.filled_by(dealer).drawn_to(desk_f),
        filled=None if ask.taken is Taken.no else ask.taken is Taken.filled,
        z=outlook.z.value,
        desk_z=simple.size.rate,
        size_share=size_share(ask.quantity, seen.quantity) if quoted else None,
    )


def _asked_by_then(seen: RoundSeen, ask: AskSeen) -> int:
    """With how many a dealer competes, itself one of them, by what was known when it was asked."""
    if seen.protocol is Protocol.sequence:
        return 1
    unnamed = max(0, seen.n_asked - len(seen.asks))
    return max(1, sum(each.sent_ns <= ask.sent_ns for each in seen.asks) + unnamed)


def _shifted(chance: float, logits: float) -> float:
    odds = math.exp(logits) * chance / (1.0 - chance) if chance < 1.0 else math.inf
    return 1.0 if odds == math.inf else odds / (1.0 + odds)

"""What a panel costs: of one that was asked, from the quotes seen; of any, from what was expected of its dealers.

Bps of the mark at each quote's receipt, positive is a cost. What the mark moved before is no part of it: as far as the
asking did that, it is leak and told apart. Quotes are taken from the best on until the size is done, whoever took them
in the end; one beyond the limit, or worse than not trading, is none. What an acceptance brought is known where there
was one; else a quote fills with its dealer's own chance. What nobody fills costs what not trading costs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from engine.dealers.outlook import Outlook
from engine.domain.observation import Answer, AskSeen, RoundSeen, Taken
from engine.selection.model import Model

_CASES: Final = ((-math.sqrt(3.0), 1 / 6), (0.0, 2 / 3), (math.sqrt(3.0), 1 / 6))
"""A normal law as three cases (in standard deviations, weight): right for a mean of what bends little."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the part that trades costs, as a share of the whole size, and the share that does not trade."""

    price_bps: float
    unfilled: float

    def bps(self, c_fail_bps: float) -> float:
        """The cost, where not trading costs so much."""
        return self.price_bps + self.unfilled * c_fail_bps


@dataclass(frozen=True, slots=True)
class Offer:
    """A quote that could be taken: for which share of the size, and how likely it is to fill when it is."""

    dealer: str
    edge_bps: float
    share: float = 1.0
    firm: float = 1.0
    move_bps: float = 0.0
    """What the market moves against us until a refusal."""


def taken(offers: Iterable[Offer], c_fail_bps: float) -> Outcome:
    """Tried in falling edge until the size is done. The mean over refusals."""
    left, moved, price = 1.0, 0.0, 0.0
    for offer in sorted(offers, key=lambda each: (-each.edge_bps, each.dealer)):
        if left <= 0.0 or offer.edge_bps - moved <= -c_fail_bps:
            break
        tried = min(offer.share, left)
        filled = offer.firm * tried
        price += filled * (moved - offer.edge_bps)
        left -= filled
        if left > 0.0:
            moved += offer.move_bps * (tried - filled) / left
    return Outcome(price, left)


def replayed(
    seen: RoundSeen,
    panel: AbstractSet[str],
    outlooks: Mapping[str, Outlook],
    c_fail_bps: float,
    edge_slope: float = 0.0,
) -> Outcome | None:
    """What these, all of whom were asked, would have cost without the others. None where a quote has no edge.

    Fewer asked answer more often: who was silent would have quoted with what that adds to its chance. Their edges
    change by `edge_slope` per ln(how many are asked).
    """
    more = math.log(len(panel) / max(seen.n_asked, len(panel))) if panel else 0.0
    offers: list[Offer] = []
    silent: list[tuple[float, Outlook]] = []
    for ask in seen.asks:
        if ask.dealer not in panel:
            continue
        if not _is_offer(ask):
            if ask.answer is not Answer.quote:
                silent.append((_would_answer(outlooks[ask.dealer], len(panel), seen.n_asked), outlooks[ask.dealer]))
            continue
        if ask.edge_bps is None:
            return None
        if not _beyond_limit(seen, ask):
            offers.append(_offer(seen, ask, outlooks[ask.dealer], ask.edge_bps + edge_slope * more))
    known = taken(offers, c_fail_bps)
    found = known
    for p, outlook in silent:
        if p <= 0.0:
            continue
        sd = math.hypot(outlook.e.sd, outlook.e_noise_sd)
        for at, weight in _CASES:
            one = Offer(
                outlook.dealer,
                outlook.e.value + at * sd,
                firm=outlook.f.value,
                move_bps=outlook.reject_move_bps,
            )
            changed = taken([*offers, one], c_fail_bps)
            found = Outcome(
                found.price_bps + p * weight * (changed.price_bps - known.price_bps),
                found.unfilled + p * weight * (changed.unfilled - known.unfilled),
            )
    return found


def expected(model: Model, places: Sequence[int]) -> Outcome:
    """What the model expects of these, by their numbers in it, leaks aside."""
    panels, c_fail = model.panels, model.stakes.c_fail_bps
    if not places:
        return Outcome(0.0, 1.0)
    worth = panels.worth(places) + sum(model.prospects[at].asking_bps for at in places)
    unfilled = 1.0 - panels.fill(places)
    return Outcome(c_fail - worth - unfilled * c_fail, unfilled)


def has_unmarked_quote(seen: RoundSeen) -> bool:
    """Is there a quote of which nobody knows what it was worth?"""
    return any(_is_offer(ask) and ask.edge_bps is None for ask in seen.asks)


def nobody_took(seen: RoundSeen) -> bool:
    """Could the round have been traded, and was not?"""
    offered = any(_is_offer(ask) and not _beyond_limit(seen, ask) for ask in seen.asks)
    return offered and all(ask.taken is Taken.no for ask in seen.asks)


def _is_offer(ask: AskSeen) -> bool:
    """A price that could be executed, and was not taken back before it was."""
    return ask.answer is Answer.quote and not (ask.withdrawn and ask.taken is Taken.no)


def _beyond_limit(seen: RoundSeen, ask: AskSeen) -> bool:
    limit, price = seen.limit_price, ask.price
    return limit is not None and price is not None and (price - limit) * seen.side.sign > 0


def _offer(seen: RoundSeen, ask: AskSeen, outlook: Outlook, edge_bps: float) -> Offer:
    share = 1.0
    if ask.quantity is not None and seen.quantity > 0:
        share = min(1.0, float(ask.quantity / seen.quantity))
    firm = outlook.f.value
    if ask.taken is Taken.filled:
        firm = 1.0
    elif ask.taken is Taken.rejected:
        firm = 0.0
    elif ask.taken is Taken.partial:
        firm, share = 1.0, min(1.0, float(ask.filled / seen.quantity)) if seen.quantity > 0 else 1.0
    return Offer(ask.dealer, edge_bps, share, min(1.0, max(0.0, firm)), outlook.reject_move_bps)


def _would_answer(outlook: Outlook, asked: int, were_asked: int) -> float:
    """The chance that a dealer that was silent among many would have quoted among fewer."""
    among_few, among_many = (_answers(outlook, count) for count in (asked, max(asked, were_asked)))
    return (among_few - among_many) / (1 - among_many) if among_many < 1 else 0.0


def _answers(outlook: Outlook, asked: int) -> float:
    q = min(1 - 1e-6, max(1e-6, outlook.q.value))
    return outlook.in_time / (1 + math.exp(-(math.log(q / (1 - q)) + outlook.q_slope * math.log(asked))))

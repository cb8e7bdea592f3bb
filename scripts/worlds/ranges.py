"""What worlds are drawn from: a range a quantity, its unit, and where it comes from.

A source that gives a mechanism and no number is named for the mechanism, and the range is then called ours: wide
enough that a policy which needs a lucky value of it will meet unlucky ones. Once a policy has been tuned in these
worlds no range is changed; a new one is a new quantity.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from worlds.chance import Chance

OURS: Final = "range ours"


class Range(NamedTuple):
    """Drawn evenly between `low` and `high`; of what spans orders of magnitude, evenly by its logarithm."""

    low: float
    high: float
    unit: str
    source: str
    by_ratio: bool = False

    def draw(self, chance: Chance, *purpose: int | str) -> float:
        if self.by_ratio:
            return math.exp(chance.between(math.log(self.low), math.log(self.high), *purpose))
        return chance.between(self.low, self.high, *purpose)


RANGES: Final = {
    # The desk and its bonds
    "bonds": Range(40, 120, "bonds", f"{OURS}: a desk's universe cut to what 1,500 rounds visit more than once"),
    "orders_a_day": Range(6, 15, "parent orders a trading day", f"{OURS}: 1,500 rounds make four to eight months"),
    "pieces": Range(
        2.5, 4.999, "below which the rounds of one parent order are", f"{OURS}: large orders are worked in parts"
    ),
    "daily_sd": Range(
        15, 60, "bps of price a day", "around the 30 bps a day at which a leak of 1 bp takes 940 trades to see", True
    ),
    "half_spread": Range(
        4,
        40,
        "bps of price",
        "Edwards, Harris, Piwowar, Journal of Finance 62(3), 2007: 48 bps for a round trip of 200,000, less for larger",
        True,
    ),
    "adv": Range(0.5e6, 20e6, "currency a day", f"{OURS}: from a municipal bond to a benchmark issue", True),
    "size_in_adv": Range(
        0.05, 3.0, "of a day's volume", f"{OURS}: illiquid bonds trade above their daily volume", True
    ),
    "limit_in_half_spreads": Range(1.5, 4.0, "half spreads", f"{OURS}: beyond it nobody trades at once"),
    # Failure
    "days_until_next_chance": Range(
        2, 3, "trading days", "Kargar, Lester, Plante, Weill, NBER w31904: two to three days after a failed attempt"
    ),
    "late_half_spreads": Range(1.2, 2.2, "half spreads", f"{OURS}: whoever comes back is known to have to trade"),
    # Marks
    "mark_every": Range(300, 7_200, "seconds", f"{OURS}: composites by the minute, evaluations by the hour", True),
    "mark_smoothing": Range(0.0, 0.6, "share of the mark before", f"{OURS}: evaluated prices are smoothed"),
    "mark_error": Range(1, 12, "bps of price", f"{OURS}: wrong for days, and for everybody alike", True),
    # Dealers
    "dealers": Range(
        10, 40, "dealers", "Hendershott, Li, Livdan, Schuerhoff, Journal of Finance 75(2), 2020: worse beyond some 20"
    ),
    "reach": Range(0.3, 0.98, "interest in a style of bond", f"{OURS}: franchises differ by what nobody files"),
    "markup": Range(0.4, 1.8, "half spreads", f"{OURS}: from a natural buyer to one who would rather not"),
    "quote_noise": Range(0.5, 8, "bps of price", f"{OURS}: sd of a dealer's own error", True),
    "skew": Range(
        0, 15, "bps of price at full inventory", "Kargar et al., NBER w31904: inventory drives offers; range ours"
    ),
    "crowding": Range(
        0.02,
        0.12,
        "interest lost with each doubling of the panel",
        "Riggs, Onur, Reiffen, Zhu, Journal of Financial Economics 137, 2020: fewer answer among more; range ours",
    ),
    "weariness": Range(
        0.0,
        0.4,
        "interest lost once eight requests in a row came to nothing",
        "Collin-Dufresne, Junge, Trolle, Journal of Finance 75(5), 2020: dealers score their clients; range ours",
    ),
    "politeness": Range(0.2, 0.9, "share of refusals that are said", OURS),
    "seconds_to_answer": Range(4, 60, "seconds, median", f"{OURS}: a machine's to a person's", True),
    "seconds_spread": Range(0.3, 0.9, "sd of the logarithm", OURS),
    "last_look": Range(1, 12, "bps that the market may move against the dealer before it looks twice", OURS, True),
    "rejects": Range(0.1, 0.9, "share of those looks that end in a reject", OURS),
    "careless_rejects": Range(0.0, 0.04, "share of acceptances rejected for nothing", OURS),
    "share_of_size": Range(0.4, 1.0, "of the size asked, where it is above the dealer's own", OURS),
    # Leak
    "talkers": Range(0.1, 0.5, "share of dealers that leak at all", f"{OURS}: most do not, or no desk could ask"),
    "leak": Range(
        1,
        12,
        "bps of price for one who knows",
        "Baldauf, Mollner, Journal of Political Economy 132(5), 2024: range ours",
    ),
    "leak_lasting": Range(0.5, 1.0, "share of a leak that stays in the price", OURS),
    "leak_rise": Range(120, 1_800, "seconds until half of it is in the price", OURS, True),
    "hedge": Range(1, 10, "bps of price for the winner's hedge of a day's volume", OURS),
    "delay": Range(0.3, 1.5, "trading days until a delayed leak begins", OURS),
    # Habits
    "override": Range(0.05, 0.3, "share of panels that a trader changes", OURS),
    "stress_days": Range(0.1, 0.3, "share of days", OURS),
    "stress": Range(1.6, 3.0, "times the spread and the volatility", "Di Maggio, Kermani, Song: range ours"),
}
"""By name. A world of a kind that knows no leak, or no stress, leaves those out."""

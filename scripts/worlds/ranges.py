"""What worlds are drawn from: a range a quantity, its unit, and where it comes from.

A source that gives a mechanism and no number is named for the mechanism, and the range is then called ours: wide
enough that a policy which needs a lucky value of it will meet unlucky ones.

The ranges are frozen: they were written before the first line of the model that is judged in these worlds, and none
has changed since it began. Worlds in which the model fails stay. A new range is a new quantity.
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
    "pieces": Range(2.5, 4.999, "below which the rounds of one parent order are", f"{OURS}: large orders are worked"),
    "between_pieces": Range(
        1_800, 57_600, "seconds at least from one part to the next", f"{OURS}: hours to days", True
    ),
    "persistence": Range(0.6, 0.95, "share of orders that go the way of a programme", f"{OURS}: desks buy for weeks"),
    "issuers": Range(15, 40, "issuers", f"{OURS}: some with one bond, some with eight"),
    "programme": Range(5, 20, "trading days that a programme in an issuer lasts", OURS),
    "daily_sd": Range(
        15, 60, "bps of price a day", "around the 30 bps a day at which a leak of 1 bp takes 940 trades to see", True
    ),
    "market_share": Range(
        0.2, 0.45, "of a bond's variance, what all bonds share", f"{OURS}: rates and credit at large"
    ),
    "sector_share": Range(0.2, 0.45, "of a bond's variance, what its sector shares", OURS),
    "half_spread": Range(
        4,
        40,
        "bps of price for a bond that trades as much as the middle one",
        "Edwards, Harris, Piwowar, Journal of Finance 62(3), 2007: 48 bps for a round trip of 200,000, less for larger",
        True,
    ),
    "adv": Range(0.5e6, 20e6, "currency a day", f"{OURS}: from a municipal bond to a benchmark issue", True),
    "adv_error": Range(0.0, 0.5, "sd of the logarithm of what is told of it", f"{OURS}: files are old"),
    "size_in_adv": Range(
        0.05, 3.0, "of a day's volume", f"{OURS}: illiquid bonds trade above their daily volume", True
    ),
    "size_slope": Range(0.2, 0.6, "power of size in the spread", "Edwards, Harris, Piwowar 2007: concave; range ours"),
    "wider_if_rare": Range(
        0.05, 0.25, "power of the volume by which the spread falls", "Edwards, Harris, Piwowar 2007: sign; range ours"
    ),
    "wider_by_rating": Range(
        0.05, 0.15, "of the spread, added with each rating down", "Edwards, Harris, Piwowar 2007: sign; range ours"
    ),
    "buying_dearer": Range(
        -0.15,
        0.15,
        "half spreads added for who buys, taken off for who sells",
        "Guo, Lehalle, Xu, Quantitative Finance 2022: buys and sells differ; range ours",
    ),
    "limit_in_half_spreads": Range(1.5, 4.0, "half spreads", f"{OURS}: beyond it nobody trades at once"),
    # Failure
    "days_until_next_chance": Range(
        2,
        3,
        "trading days, mean",
        "Kargar, Lester, Plante, Weill, NBER w31904: two to three days after a failed attempt",
    ),
    "late_half_spreads": Range(1.5, 3.0, "half spreads", f"{OURS}: whoever comes back is known to have to trade"),
    # Marks
    "mark_every": Range(300, 7_200, "seconds", f"{OURS}: composites by the minute, evaluations by the hour", True),
    "mark_smoothing": Range(0.0, 0.6, "share of the mark before", f"{OURS}: evaluated prices are smoothed"),
    "mark_error": Range(1, 12, "bps of price", f"{OURS}: wrong for days, and for everybody alike", True),
    "lasts": Range(3, 10, "trading days that inventories and common errors stay what they are", OURS, True),
    # Dealers: what they want
    "dealers": Range(
        10, 40, "dealers", "Hendershott, Li, Livdan, Schuerhoff, Journal of Finance 75(2), 2020: worse beyond some 20"
    ),
    "newcomers": Range(0.05, 0.3, "share of dealers that begin to quote within the year", f"{OURS}: desks open"),
    "style_hidden": Range(0.1, 0.9, "share of bonds whose style nobody could tell", f"{OURS}: the hard end included"),
    "reach": Range(0.35, 0.95, "interest at large", OURS),
    "reach_by_style": Range(-0.3, 0.3, "interest added in a style", OURS),
    "reach_by_side": Range(
        -0.1, 0.1, "interest added for who buys, taken off for who sells", f"{OURS}: Guo, Lehalle, Xu 2022 for the fact"
    ),
    "markup": Range(0.5, 1.6, "half spreads at large", f"{OURS}: from a natural buyer to one who would rather not"),
    "markup_by_style": Range(-0.45, 0.45, "half spreads added in a style", OURS),
    "markup_by_side": Range(
        -0.2, 0.2, "half spreads added for who buys, taken off for who sells", "Guo, Lehalle, Xu 2022; range ours"
    ),
    "changes": Range(0.0, 0.6, "share of dealers whose desk changes within a year", f"{OURS}: traders leave"),
    "change": Range(-0.5, 0.5, "half spreads added by it", OURS),
    "quote_noise": Range(0.05, 0.4, "half spreads", f"{OURS}: sd of a dealer's own error", True),
    "skew": Range(0, 0.8, "half spreads at full inventory", "Kargar et al., NBER w31904: inventory drives offers"),
    "own_flow": Range(1, 4, "trading days in which half of what it bought from us is gone", OURS),
    "street_error": Range(0.5, 8, "bps of price that all dealers are wrong by together", OURS, True),
    "lag": Range(
        1, 28_800, "seconds that a dealer's own price is old", f"{OURS}: a machine's to a stale quoter's", True
    ),
    # Dealers: how they answer
    "crowding": Range(
        0.02,
        0.12,
        "interest lost with each doubling of the panel",
        "Riggs, Onur, Reiffen, Zhu, Journal of Financial Economics 137, 2020: fewer answer among more; range ours",
    ),
    "beyond_own_size": Range(0.05, 0.2, "interest lost for each time its own size beyond it", OURS),
    "bothered": Range(0.3, 0.7, "share of dealers that do not bother with large panels", OURS),
    "bothered_from": Range(3, 12, "asked from which on those dealers do not bother", OURS),
    "weariness": Range(
        0.0,
        0.4,
        "interest lost once it is as weary as it gets",
        "Collin-Dufresne, Junge, Trolle, Journal of Finance 75(5), 2020: dealers score their clients; range ours",
    ),
    "weary_after": Range(4, 16, "quotes lost that make it as weary as it gets", OURS),
    "fishing": Range(1.0, 2.0, "quotes lost that one counts as where nobody trades", f"{OURS}: asked for nothing"),
    "forgets": Range(2, 20, "trading days in which half of that is forgotten", OURS),
    "politeness": Range(0.2, 0.9, "share of refusals that are said", OURS),
    "seconds_to_answer": Range(4, 60, "seconds, median", f"{OURS}: a machine's to a person's", True),
    "seconds_spread": Range(0.3, 0.9, "sd of the logarithm", OURS),
    "quote_lives": Range(20, 180, "seconds", f"{OURS}: what venues and dealers allow", True),
    "last_look": Range(0.3, 6, "bps against it before it looks twice", OURS, True),
    "holds": Range(0.5, 20, "seconds that it thinks an acceptance over", OURS, True),
    "rejects": Range(0.1, 0.9, "share of those looks that end in a reject", OURS),
    "careless_rejects": Range(0.0, 0.03, "share of acceptances rejected for nothing", OURS),
    "share_of_size": Range(0.4, 1.0, "of the size asked, where it is above the dealer's own", OURS),
    # Leak
    "talkers": Range(0.1, 0.5, "share of dealers that leak at all", f"{OURS}: most do not, or no desk could ask"),
    "leak": Range(
        0.3,
        16,
        "bps of price for one who knows of a large order",
        f"Baldauf, Mollner, Journal of Political Economy 132(5), 2024, for the fact; {OURS}: a random panel of six "
        "then costs a round one to three bps by kind, in single worlds from a quarter to six",
        True,
    ),
    "talks": Range(0.3, 1.0, "share of the times that a talker talks", OURS),
    "large": Range(0.2, 1.5, "of a day's volume that is worth half of that", OURS),
    "news_lives": Range(0.3, 3.0, "trading days in which half of what was told is news again", OURS),
    "leak_lasting": Range(0.5, 1.0, "share of a leak that stays in the price", OURS),
    "leak_rise": Range(120, 1_800, "seconds until half of it is in the price", OURS, True),
    "early_rise": Range(5, 40, "the same where it comes before the decision", OURS, True),
    "hedge": Range(0, 15, "bps of price for a winner's hedge of a large order", OURS),
    "delay": Range(0.3, 1.5, "trading days until a delayed leak begins", OURS),
    "many_from": Range(1.5, 3.0, "others that know, beside two, from which on a leak is whole", OURS),
    "many_at_most": Range(1.5, 3.0, "times the leak of one, however many know", OURS),
    # Habits
    "override": Range(0.05, 0.3, "share of panels that a trader changes", OURS),
    "friends": Range(5, 12, "dealers that a trader talks to", OURS),
    "stress_days": Range(0.1, 0.3, "share of days", OURS),
    "stress_lasts": Range(2, 6, "trading days in a row that are calm or not", OURS),
    "stress": Range(1.6, 3.0, "times the spread and the volatility", "Di Maggio, Kermani, Song: range ours"),
}
"""By name. A world of a kind that knows no leak, or no stress, leaves those out."""

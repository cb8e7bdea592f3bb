"""Credit ratings on one scale, in both agencies' spellings.

A `Rating` is an integer that grows with credit quality, so `Rating.BB < Rating.BBB_MINUS` reads as traders
say it. NR is a value of its own, off the scale: nothing is better or worse than it. A rating nobody told us
is `None`.

In a rule a plain letter names its whole band (`BBB` is BBB+, BBB and BBB-); `band` gives its ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, IntEnum
from typing import Final


class Rating(IntEnum):
    """One notch; larger is better credit."""

    D = 1
    C = 2
    CC = 3
    CCC_MINUS = 4
    CCC = 5
    CCC_PLUS = 6
    B_MINUS = 7
    B = 8
    B_PLUS = 9
    BB_MINUS = 10
    BB = 11
    BB_PLUS = 12
    BBB_MINUS = 13
    BBB = 14
    BBB_PLUS = 15
    A_MINUS = 16
    A = 17
    A_PLUS = 18
    AA_MINUS = 19
    AA = 20
    AA_PLUS = 21
    AAA = 22

    @property
    def text(self) -> str:
        """The spelling with letters and signs: `BBB+`."""
        return self.name.replace("_PLUS", "+").replace("_MINUS", "-")

    def __str__(self) -> str:
        return self.text


class NotRated(Enum):
    """The type of `NR`: known to have no rating, which is not the same as an unknown one."""

    NR = "NR"

    def __str__(self) -> str:
        return "NR"


NR: Final = NotRated.NR

_SIGNED: Final[Mapping[str, Rating]] = {rating.text: rating for rating in Rating}

# The second agency counts 1, 2, 3 where the first writes +, nothing, -.
_COUNTED: Final[Mapping[str, Rating]] = {
    f"{letters}{digit}": _SIGNED[base + sign]
    for letters, base in (("AA", "AA"), ("A", "A"), ("BAA", "BBB"), ("BA", "BB"), ("B", "B"), ("CAA", "CCC"))
    for digit, sign in (("1", "+"), ("2", ""), ("3", "-"))
}

# Letters without a number, in the second agency's spelling, are the middle of their band.
_LETTERS: Final[Mapping[str, Rating]] = {
    "BAA": Rating.BBB,
    "BA": Rating.BB,
    "CAA": Rating.CCC,
    # It has one notch where the first agency has two; the better one would flatter.
    "CA": Rating.CC,
    "SD": Rating.D,
    "RD": Rating.D,
}

_NOT_RATED: Final = frozenset({"NR", "N.R.", "N/R", "NOT RATED", "UNRATED", "WR", "WD"})

_BANDS: Final[Mapping[str, tuple[Rating, Rating]]] = {
    letters: (_SIGNED[base + "-"], _SIGNED[base + "+"])
    for letters, base in (
        ("AA", "AA"),
        ("A", "A"),
        ("BBB", "BBB"),
        ("BAA", "BBB"),
        ("BB", "BB"),
        ("BA", "BB"),
        ("B", "B"),
        ("CCC", "CCC"),
        ("CAA", "CCC"),
    )
}


def parse(text: str | None) -> Rating | NotRated | None:
    """The rating a text spells, `NR` for the ways to say "not rated", None for anything else.

    Takes both agencies' spellings in any case: `BBB-` and `Baa3` are one notch.
    """
    if text is None:
        return None
    word = text.strip().upper()
    if word in _NOT_RATED:
        return NR
    return _SIGNED.get(word) or _COUNTED.get(word) or _LETTERS.get(word)


def band(text: str) -> tuple[Rating, Rating] | None:
    """Lowest and highest notch a rule means by `text`; one notch twice if it is a single notch."""
    word = text.strip().upper()
    ends = _BANDS.get(word)
    if ends is not None:
        return ends
    notch = parse(word)
    return (notch, notch) if isinstance(notch, Rating) else None

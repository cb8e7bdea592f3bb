"""How liquid a bond is among bonds like it: a score from 1, hardly trades, to 10.

The parts, each a percentile among the bonds of its group (asset class, credit, maturity):

    trades        in the last 30 business days
    turnover      their face amount over what is outstanding
    recency       days since the last one, fewer is better
    quoting       how many dealers quote, on average, when the desk asks for it
    agreement     how far their quotes are apart, closer is better

A bond of which a part is unknown has the lowest of that part, and so has one that did not trade at all, or is quoted by
nobody, however many others there are like it. A part that is unknown of every bond of the group is left out. A group is
looked at anew once a day, on the first question about one of its bonds; between that, a bond's own trades move its
score at once.

Reference: the desk's own definition; there is no common one.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from typing import Final

LOWEST: Final = 1.0
HIGHEST: Final = 10.0

Parts = Sequence[float | None]
"""More is better, in the order above; None is unknown."""
_NONE_IS_LOWEST: Final = (True, True, False, True, False)
"""Of which parts zero means that nothing happened."""


class GroupScores:
    """One group on one day: the sorted values of every part."""

    __slots__ = ("_columns",)

    def __init__(self, bonds: Sequence[Parts]) -> None:
        columns = zip(*bonds, strict=True)
        self._columns = [sorted(value for value in column if value is not None) for column in columns]

    def score(self, parts: Parts) -> int | None:
        """1 to 10; None where no part is known of any bond."""
        found = [
            LOWEST
            if value is None or (value == 0 and none_is_lowest)
            else LOWEST + (HIGHEST - LOWEST) * _share(column, value)
            for column, value, none_is_lowest in zip(self._columns, parts, _NONE_IS_LOWEST, strict=False)
            if column
        ]
        return round(sum(found) / len(found)) if found else None


def _share(ordered: Sequence[float], value: float) -> float:
    """The share of the others that it is above, those alike counted half; of one alone, the middle."""
    others = len(ordered) - 1
    if others < 1:
        return 0.5
    below, upto = bisect_left(ordered, value), bisect_right(ordered, value)
    alike = max(0, upto - below - 1)
    return min(1.0, (below + alike / 2) / others)


class Groups:
    """Which bonds are of one group; made when the security master is read, and kept as bonds are delivered."""

    __slots__ = ("_members", "_of")

    def __init__(self, group_of: Mapping[str, str]) -> None:
        self._of = dict(group_of)
        members: dict[str, list[str]] = {}
        for security_id, group in group_of.items():
            members.setdefault(group, []).append(security_id)
        self._members = members

    def of(self, security_id: str) -> str | None:
        return self._of.get(security_id)

    def put(self, security_id: str, group: str | None) -> None:
        """A bond is of this group from now on; of none where it is not known any more."""
        before = self._of.pop(security_id, None)
        if before is not None:
            self._members[before].remove(security_id)
        if group is not None:
            self._of[security_id] = group
            self._members.setdefault(group, []).append(security_id)

    def members(self, group: str) -> Sequence[str]:
        return self._members.get(group, ())

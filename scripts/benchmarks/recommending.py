"""A fresh recommendation: 1,000 dealers, 30 % of them ineligible, 10 of them observed since the last one.

Ours explains itself: of every candidate its values and total, of every other dealer the reason as a code, what each
rule read. Words are made of that when somebody reads them, which has a line of its own; the journal keeps the numbers.
(It was otherwise before: every order's words were made with it.) Beside it numpy's numbers alone (scores of all, the
first five), and scoring everybody again in plain Python. Ranking without the desk around it is shown, too.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from benchmarks import house, peers
from benchmarks.measuring import Effort, Line
from engine.desk.explaining import tell
from engine.desk.recommend import recommend
from engine.selection.ranking import classic

DEALERS: Final = 1_000
OBSERVED: Final = 10
WANTED: Final = 5
_RANKING: Final = ("whole", "ranking")
_DOWN: Final = 0.15
_OTHER_CLASS: Final = 0.15


def measure(effort: Effort) -> list[Line]:
    desk = house.desk(DEALERS, other_class=_OTHER_CLASS)
    names = house.dealer_names(DEALERS)
    up = set(names[: int(DEALERS * (1 - _DOWN))])
    eligible = {name for name in up if desk.dealers[name].trades(house.bond().asset_class)}
    order, draw, segment = house.order(), random.Random(11), house.segment()
    rule = desk.book.decide(_subject(desk, order)).rule
    assert rule.ranking.scorer == "classic"
    scorer = classic(desk.parameters.classic_weights, rule.ranking.window_days)

    # A recommendation reads a draft and leaves it as it is: the turn has made it.
    draft = house.draft(desk, frozenset(up))

    def whole() -> None:
        assert recommend(draft, order).plan is not None

    made = recommend(draft, order)

    def words() -> None:
        assert len(tell(desk.book_of, made).lines) == DEALERS

    def ranking() -> None:
        assert len(desk.rankings.top(WANTED, scorer, segment, house.NOW_NS, eligible)) == WANTED

    scored = desk.rankings.top(DEALERS, scorer, segment, house.NOW_NS)
    numbers = {line.dealer: {part.metric: part.value or 0.0 for part in line.score.parts} for line in scored}
    table = {name: numbers[name] for name in names}
    candidates: dict[str, Callable[[], None]] = {"whole": whole, "ranking": ranking, "naive": _naive(table, eligible)}
    candidates["words"] = words
    vectors = _numpy(table, eligible)
    if vectors is not None:
        candidates["numpy"] = vectors

    def observations() -> None:
        for name in draw.sample(names, OBSERVED):
            house.observe(desk.stats, name, draw, house.NOW_NS)

    found = _measured(candidates, observations, effort)
    numpy = found.get("numpy")
    what = f"recommendation, {DEALERS:,} dealers, explained"
    read = "the same in words, when it is read"
    first = f"ranking alone, first {WANTED} of {DEALERS:,} by parts"
    return [
        Line(what, "us", found["whole"], "numpy, numbers alone", numpy, 2.0),
        Line(what, "us", found["whole"], "scoring everybody again", found["naive"], None),
        Line(read, "us", found["words"], "scoring everybody again", found["naive"], None),
        Line(first, "us", found["ranking"], "numpy, numbers alone", numpy, 2.0),
        Line(first, "us", found["ranking"], "scoring everybody again", found["naive"], None),
    ]


def _measured(
    candidates: Mapping[str, Callable[[], None]], before: Callable[[], None], effort: Effort
) -> dict[str, float]:
    """Microseconds of processor time a call; `before` every call that ranks, outside the clock.

    Others need no observations of their own: with them those that rank would have had thirty to take in, not ten.
    """
    found: dict[str, list[float]] = {name: [] for name in candidates}
    for call in candidates.values():
        call()
    for _ in range(effort.rounds * 10):
        for name, call in candidates.items():
            if name in _RANKING:
                before()
            began = time.process_time_ns()
            call()
            found[name].append((time.process_time_ns() - began) / 1_000)
    return {name: statistics.median(times) for name, times in found.items()}


def _subject(desk: Any, order: Any) -> Any:
    from engine.desk.fields import OrderSubject

    security = desk.securities[order.terms.security_id]
    return OrderSubject(desk, order.terms, security, order.terms.quantity, house.NOW_NS, None, lambda currency: None)


def _naive(table: Mapping[str, Mapping[str, float]], eligible: set[str]) -> Callable[[], None]:
    def call() -> None:
        scored = []
        for name, values in table.items():
            if name in eligible:
                total = (
                    0.3 * values["fill_rate"]
                    + 0.4 * (1 + values["price_improvement"] / 10)
                    + 0.2 * (1 + values["leakage"] / 10)
                    + 0.1 * (1 - values["speed"] / 60)
                )
                scored.append((-total, name))
        scored.sort()
        assert len(scored[:WANTED]) == WANTED

    return call


def _numpy(table: Mapping[str, Mapping[str, float]], eligible: set[str]) -> Callable[[], None] | None:
    numpy = peers.find("numpy")
    if numpy is None:
        return None
    fill, improvement, leakage, speed = (
        numpy.array([values[metric] for values in table.values()])
        for metric in ("fill_rate", "price_improvement", "leakage", "speed")
    )
    allowed = numpy.array([name in eligible for name in table])

    def call() -> None:
        totals = 0.3 * fill + 0.4 * (1 + improvement / 10) + 0.2 * (1 + leakage / 10) + 0.1 * (1 - speed / 60)
        totals[~allowed] = -numpy.inf
        first = numpy.argpartition(-totals, WANTED)[:WANTED]
        assert len(first[numpy.argsort(-totals[first])]) == WANTED

    return call

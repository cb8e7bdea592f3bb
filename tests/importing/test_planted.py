"""A planted past: every row is one that an engine takes, it is the truth that is told, and it is learnt from it."""

from __future__ import annotations

import csv
import io
import math
import statistics
from collections import Counter
from datetime import date

import pytest
from importing.checking import HELD, check
from importing.planted import COLUMNS, Kind, Planted, Truth, kinds, write

from engine.dealers.estimate_parameters import EstimateParameters
from engine.desk.learning import Learning
from engine.desk.past.reading import Known, Row, read_rows
from engine.domain import events as e
from engine.domain.observation import RoundTold

NOW_NS = 1_796_000_000_000_000_000
UNTIL = date(2026, 11, 21)


def told(rows: int, days: int, truth: Truth) -> list[RoundTold]:
    out = io.StringIO()
    assert write(Planted(truth, rows, UNTIL, days).rows(), out) == rows
    lines = csv.DictReader(io.StringIO(out.getvalue()))
    found, refused = read_rows(
        [Row(line, {name: cell for name, cell in cells.items() if cell}) for line, cells in enumerate(lines, 2)],
        Known({}, NOW_NS, 900 * 10**9),
        "planted",
    )
    assert refused == []
    assert sum(len(one.seen.asks) for one in found) == rows
    return found


@pytest.fixture(scope="module")
def truth() -> Truth:
    return Truth(3, 12)


@pytest.fixture(scope="module")
def past(truth: Truth) -> list[RoundTold]:
    return told(12_000, 40, truth)


def test_every_row_is_taken_as_what_it_is(past: list[RoundTold]) -> None:
    assert {one.seen.segment.split("|")[1] for one in past} == {"AAA-A", "BBB", "HY"}
    assert {one.seen.segment.split("|")[2] for one in past} == {"1-3y", "3-7y", "7-12y"}
    assert {one.seen.segment.split("|")[3] for one in past} == {"0-500k", "500k-2mm", "2mm-5mm"}
    assert all(one.seen.n_asked == len(one.seen.asks) for one in past)
    assert len({one.seen.sent_ns // (86_400 * 10**9) for one in past}) == 40


def test_the_same_seed_is_the_same_past(truth: Truth) -> None:
    first, again = ([*Planted(Truth(3, 12), 300, UNTIL, 5).rows()] for _ in range(2))
    assert first == again
    assert first != [*Planted(Truth(4, 12), 300, UNTIL, 5).rows()]
    assert {len(row) for row in first} == {len(COLUMNS)}


def test_dealers_do_what_they_are_said_to_do(past: list[RoundTold], truth: Truth) -> None:
    """Answers, firmness and pace by what is counted, each within four standard errors of the truth."""
    asked, expected, answered, accepted, filled = (Counter[str]() for _ in range(5))
    paces: dict[str, list[float]] = {}
    for one in past:
        kind = kind_of(one)
        for ask in one.seen.asks:
            asked[ask.dealer] += 1
            expected[ask.dealer] += truth.q(ask.dealer, kind, len(one.seen.asks))
            if ask.answered_ns is not None:
                answered[ask.dealer] += 1
                paces.setdefault(ask.dealer, []).append(math.log((ask.answered_ns - ask.sent_ns) / 1e9))
            accepted[ask.dealer] += bool(ask.taken)
            filled[ask.dealer] += ask.taken == "filled"
    for dealer in truth.dealers:
        assert abs(answered[dealer] - expected[dealer]) < 4 * math.sqrt(asked[dealer] / 4)
        firm = truth.firmness(dealer)
        spread = math.sqrt(max(accepted[dealer] * firm * (1 - firm), 1.0))
        assert abs(filled[dealer] - accepted[dealer] * firm) < 4 * spread
        assert math.log(truth.median_s(dealer)) == pytest.approx(
            statistics.mean(paces[dealer]), abs=4 * 0.5 / math.sqrt(len(paces[dealer]))
        )


def kind_of(one: RoundTold) -> Kind:
    asset_class, rating, maturity, _, side = one.seen.segment.split("|")
    ratings = {"AAA-A": "AA", "BBB": "BBB", "HY": "BB"}
    return Kind(
        asset_class, ratings[rating], {"1-3y": 2, "3-7y": 5, "7-12y": 10}[maturity], int(one.seen.quantity), side
    )


def test_what_is_learnt_is_the_truth_within_its_errors(past: list[RoundTold], truth: Truth) -> None:
    learning = Learning(EstimateParameters(), is_replaying=True)
    learning.fold(e.HistoryAdded(NOW_NS, tuple(past), "planted", "person:kim"))
    learning.rebuilt()
    found = check(learning, truth)
    assert len(kinds()) == 162
    assert set(found.held) == {"q", "e", "f", "t"}
    for name in ("q", "e"):
        # Of thousands of numbers that are no independent ones: the bounds of the run, and some room.
        assert HELD[0] - 0.05 < found.held[name] < HELD[1] + 0.05

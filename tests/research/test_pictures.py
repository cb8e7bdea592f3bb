"""Figures say what they were given, to the eye and to a screen reader, and are the same bytes every time."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

pytest.importorskip("matplotlib")

from engine.research.page import Page, Picture, Section, html
from engine.research.pictures import (
    BARS_MAX,
    MOMENTS,
    Moment,
    Share,
    Valued,
    Worth,
    along,
    intervals,
    over_time,
    reliability,
    timeline,
    worth_by_count,
)

NAME = "A$B$ <b> & Söhne"
T0 = 1_796_040_000 * 10**9
S = 10**9
ROOT = Path(__file__).parents[2]
SVG = "{http://www.w3.org/2000/svg}"

DECILES = [Share(i / 10 + 0.05, i / 10, max(0, i / 10 - 0.05), i / 10 + 0.05, 1_000 * i) for i in range(10)]
POLICIES = [
    Valued(NAME, 1.25, -0.5, 3.0, 1_234),
    Valued("ours", 2.0, 1.0, 3.0, 7, True),
    Valued("new", None, None, None, 0),
]

DRAWN: dict[str, Callable[[], Picture]] = {
    "reliability": lambda: reliability("Answers", DECILES, "answers"),
    "intervals": lambda: intervals("Cost", POLICIES, "bps"),
    "coverage": lambda: intervals("Coverage", [Valued("e", 0.9, 0.88, 0.92, 20_000)], "%", 0.9, (0.87, 0.93)),
    "worth": lambda: worth_by_count(
        "Worth", [Worth(i, 10 - 20 / i, 8 - 20 / i, 12 - 20 / i, i / 2, i / 4, i) for i in range(1, 9)], chosen=3
    ),
    "over time": lambda: over_time(
        "Cost", [Valued("2026-01", 1.0, 0.5, 1.5, 9), Valued("2026-02", None, None, None, 0)], "bps"
    ),
    "many weeks": lambda: over_time("Cost", [Valued(f"week {at}", at, at - 1, at + 1, 9) for at in range(60)], "%"),
    "along": lambda: along(
        "Impact",
        [(-1.0, Valued("", 3.0, 2.0, 4.0, 90)), (0.5, Valued("", None, None, None, 0))],
        {"in force": [(-1.0, 2.0), (0.5, 5.0)], "fitted": [(-1.0, 2.5), (0.5, 6.0)]},
        "size over ADV",
        "bps",
    ),
    "timeline": lambda: timeline(
        "O-000001",
        ["order", NAME],
        [
            Moment("order", T0, "said", words="received"),
            *(Moment(NAME, T0 + place * S, kind, T0 + 30 * S) for place, kind in enumerate(MOMENTS)),
        ],
    ),
    "nothing": lambda: intervals("Cost", [], "bps"),
    "no cases": lambda: reliability("Answers", [], "x"),
    "no months": lambda: over_time("Cost", [], "bps"),
}  # fmt: skip


@pytest.mark.parametrize("name", DRAWN)
def test_it_is_a_drawing_alone_and_small(name: str) -> None:
    picture = DRAWN[name]()
    root = ElementTree.fromstring(picture.svg)
    assert root.tag == f"{SVG}svg"
    assert set(root.attrib) == {"viewBox"}
    assert not [each for each in root.iter() if each.tag in (f"{SVG}style", f"{SVG}script", f"{SVG}image")]
    assert "metadata" not in picture.svg
    assert len(picture.svg) < 60_000
    assert picture.described


@pytest.mark.parametrize("name", DRAWN)
def test_it_is_the_same_bytes_every_time(name: str) -> None:
    assert DRAWN[name]() == DRAWN[name]()


def test_it_is_the_same_bytes_in_another_process(tmp_path: Path) -> None:
    """Whatever the seed of hashes, the reader's zone and their own settings of matplotlib."""
    (tmp_path / "matplotlibrc").write_text("font.size: 30\nsvg.fonttype: path\ntimezone: Asia/Tokyo\n")
    code = (
        "from engine.research.pictures import *\n"
        f"print(timeline('t', ['a'], [Moment('a', {T0}, 'quoted', {T0 + S})]).svg)\n"
        "print(intervals('t', [Valued('a', 1.0, .5, 2.0, 3)], 'bps').svg)"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60, cwd=tmp_path,
            env={"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": seed, "TZ": zone, "HOME": str(tmp_path)},
        ).stdout
        for seed, zone in (("1", "UTC"), ("2", "America/New_York"))
    }  # fmt: skip
    here = timeline("t", ["a"], [Moment("a", T0, "quoted", T0 + S)]).svg
    assert found == {f"{here}\n{intervals('t', [Valued('a', 1.0, 0.5, 2.0, 3)], 'bps').svg}\n"}


def test_names_stay_text() -> None:
    """No formula, no markup: whatever a dealer is called is searched for, copied and read aloud as it is."""
    for name in ("intervals", "timeline"):
        picture = DRAWN[name]()
        said = [each.text for each in ElementTree.fromstring(picture.svg).iter(f"{SVG}text")]
        assert NAME in said
        assert NAME in picture.described


def test_every_value_is_told_with_interval_and_count() -> None:
    told = DRAWN["intervals"]().described
    assert told == f"{NAME}: 1.25 bps (-0.50 to 3.00), 1,234; ours: 2.00 bps (1.00 to 3.00), 7; new: cannot tell"
    assert DRAWN["coverage"]().described == "e: 90% (88% to 92%), 20,000"
    assert DRAWN["over time"]().described == "2026-01: 1.00 bps (0.50 to 1.50), 9; 2026-02: cannot tell"
    assert DRAWN["along"]().described == (
        "size over ADV -1: 3.00 bps (2.00 to 4.00), 90; size over ADV 0.5: cannot tell; "
        "in force: 2.0 at -1, 5.0 at 0.5; fitted: 2.5 at -1, 6.0 at 0.5"
    )
    assert "predicted 15%, happened 10% (5% to 15%), 1,000 cases" in DRAWN["reliability"]().described
    assert "no. 3 adds +3.3 bps (+1.3 to +5.3) and leaks +1.5 (+0.8 to +3.0)" in DRAWN["worth"]().described
    drawn = [each.text for each in ElementTree.fromstring(DRAWN["intervals"]().svg).iter(f"{SVG}text")]
    assert {"1,234", "7", "cannot tell"} <= set(drawn)


def test_as_many_rows_as_fit_and_the_figure_stays_small() -> None:
    rows = [Valued(f"dealer {place}", place / 7, place / 7 - 1, place / 7 + 1, place) for place in range(BARS_MAX + 40)]
    assert len(intervals("many", rows, "bps").svg) < 60_000


def test_pictures_stand_in_a_page_without_meeting() -> None:
    pictures = [make() for make in DRAWN.values()]
    written = html(Page("t", "s", ("v",), (Section("all", pictures),)))
    ids = [piece.partition('"')[0] for piece in written.split(' id="')[1:]]
    assert len(ids) == len(set(ids))
    for used in (piece.partition(")")[0] for piece in written.split("url(#")[1:]):
        assert used in ids
    for used in (piece.partition('"')[0] for piece in written.split('href="#')[1:]):
        assert used in ids

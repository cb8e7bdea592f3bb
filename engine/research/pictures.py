"""The figures of reports, as SVG: what was promised beside what came, each value with its interval and its count.

matplotlib draws; here is what of it looks how. The same numbers give the same bytes, on any machine and at any time.
Colours can be told apart by whoever sees some of them only, and in grey: no meaning hangs on colour alone. Text stays
text, so that it can be searched, copied and read aloud, in a font of the reader's own.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import matplotlib
import matplotlib.style
from matplotlib.dates import AutoDateLocator, DateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from engine.research.page import Picture

WIDTH_IN: Final = 5.4
"""Narrow, so that its words can be read on a telephone, where a page is some 360 units wide."""

DARK: Final = "#1f4e79"
LIGHT: Final = "#e08214"
GREY: Final = "#767676"
PALE: Final = "#dfe5ec"
LABELS_MAX: Final = 6
"""Periods that are named below a figure; there may be more."""
BARS_MAX: Final = 50
"""Rows of one figure; a longer list is a table."""


@dataclass(frozen=True, slots=True)
class Share:
    """Of `count` cases that were given this `predicted` probability: how many happened, with an interval."""

    predicted: float
    happened: float
    low: float
    high: float
    count: int


@dataclass(frozen=True, slots=True)
class Valued:
    """One value with its interval and what it rests on; without a value nothing could be told, and `label` stays.

    `is_marked` sets it apart: the dealer that it is about, the policy in force.
    """

    label: str
    value: float | None
    low: float | None
    high: float | None
    count: float
    is_marked: bool = False


@dataclass(frozen=True, slots=True)
class Worth:
    """What one more dealer, the `asked`-th, adds with its leak taken off, and what asking it leaks; bps."""

    asked: int
    adds: float
    low: float
    high: float
    leak: float
    leak_low: float
    leak_high: float


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened at a time, on a row of a timeline. `kind` is one of `MOMENTS`."""

    row: str
    at_ns: int
    kind: str
    until_ns: int | None = None
    words: str = ""


def reliability(title: str, shares: Sequence[Share], of: str) -> Picture:
    """What was predicted beside what happened. `of` says of what: answers, fills. On the diagonal it came true."""

    def draw(figure: Figure) -> None:
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
        above.plot((0, 1), (0, 1), color=GREY, linewidth=1, linestyle=(0, (4, 3)))
        xs, ys = [each.predicted for each in shares], [each.happened for each in shares]
        spans = _spans(ys, [each.low for each in shares], [each.high for each in shares])
        above.errorbar(xs, ys, yerr=spans, fmt="o", color=DARK, ecolor=DARK, capsize=3, markersize=5)
        above.set(xlim=(0, 1), ylim=(0, 1), ylabel="happened")
        below.bar(xs, [each.count for each in shares], width=0.03, color=GREY)
        below.set(xlabel=f"predicted share of {of}", ylabel="cases")
        below.yaxis.set_major_locator(MaxNLocator(2, integer=True))
        for axis in (above.xaxis, above.yaxis):
            axis.set_major_formatter(PercentFormatter(1.0, decimals=0))

    told = "; ".join(
        f"predicted {each.predicted:.0%}, happened {each.happened:.0%} ({each.low:.0%} to {each.high:.0%}), "
        f"{each.count:,} cases"
        for each in shares
    )
    return _picture(title, told or "no cases", 4.4, draw)


def intervals(
    title: str,
    rows: Sequence[Valued],
    unit: str,
    reference: float | None = 0.0,
    band: tuple[float, float] | None = None,
) -> Picture:
    """Values one under the other, each with its interval and its count: dealers, policies, coverages, leaks.

    `reference` is a line to hold them against, `band` where they are wanted. Values of unit `%` are shares of 1.
    """
    rows = rows[:BARS_MAX]

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        if band is not None:
            axes.axvspan(*band, color=PALE, linewidth=0)
        if reference is not None:
            axes.axvline(reference, color=GREY, linewidth=1, linestyle=(0, (4, 3)))
        for is_marked, colour, form in ((False, DARK, "o"), (True, LIGHT, "D")):
            places = [at for at, row in enumerate(rows) if row.is_marked == is_marked and row.value is not None]
            values, spans = _values([rows[place] for place in places])
            axes.errorbar(values, places, xerr=spans, fmt=form, color=colour, capsize=3, markersize=6)
        axes.set_yticks(range(len(rows)), [row.label for row in rows])
        axes.set_ylim(max(1, len(rows)) - 0.5, -0.5)
        axes.margins(x=0.08)
        beside = axes.secondary_yaxis("right")
        beside.set_yticks(range(len(rows)), [_counted(row) for row in rows])
        for each in (axes, beside):
            each.tick_params(axis="y", length=0)
        axes.grid(axis="x", color=PALE, linewidth=0.7)
        if unit == "%":
            axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        else:
            axes.set_xlabel(unit)

    told = "; ".join(f"{row.label}: {in_words(row, unit)}" for row in rows)
    return _picture(title, told or "nothing", 1.0 + 0.3 * max(2, len(rows)), draw)


def worth_by_count(title: str, points: Sequence[Worth], chosen: int) -> Picture:
    """What a first, second, third dealer adds, and what asking it leaks; a line stands where the choice ended."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.axhline(0.0, color=GREY, linewidth=1, linestyle=(0, (4, 3)))
        axes.axvline(chosen + 0.5, color=GREY, linewidth=1)
        # Beside each other, so that one interval does not hide the other.
        values = [each.adds for each in points]
        spans = _spans(values, [each.low for each in points], [each.high for each in points])
        left = [each.asked - 0.06 for each in points]
        axes.errorbar(left, values, yerr=spans, color=DARK, marker="o", capsize=3, label="adds, its leak taken off")
        leaks = [each.leak for each in points]
        spans = _spans(leaks, [each.leak_low for each in points], [each.leak_high for each in points])
        right = [each.asked + 0.06 for each in points]
        axes.errorbar(right, leaks, yerr=spans, color=LIGHT, marker="s", linestyle="--", capsize=3, label="leaks")
        axes.set(xlabel="dealers asked", ylabel="bps")
        axes.set_xticks([each.asked for each in points])
        axes.legend(frameon=False)

    told = "; ".join(
        f"no. {each.asked} adds {each.adds:+.1f} bps ({each.low:+.1f} to {each.high:+.1f}) "
        f"and leaks {each.leak:+.1f} ({each.leak_low:+.1f} to {each.leak_high:+.1f})"
        for each in points
    )
    return _picture(title, told or "nothing", 3.2, draw)


def over_time(title: str, periods: Sequence[Valued], unit: str, reference: float | None = 0.0) -> Picture:
    """A value period by period, each named by its label; one of which nothing is known has no point."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        if reference is not None:
            axes.axhline(reference, color=GREY, linewidth=1, linestyle=(0, (4, 3)))
        places = [place for place, row in enumerate(periods) if row.value is not None]
        values, spans = _values([periods[place] for place in places])
        axes.errorbar(places, values, yerr=spans, color=DARK, marker="o", capsize=3)
        step = max(1, -(-len(periods) // LABELS_MAX))
        named = range(0, len(periods), step)
        axes.set_xticks(named, [periods[place].label for place in named])
        axes.set_xlim(-0.5, max(1, len(periods)) - 0.5)
        axes.set_ylabel("" if unit == "%" else unit)
        if unit == "%":
            axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=None))

    told = "; ".join(f"{row.label}: {in_words(row, unit)}" for row in periods)
    return _picture(title, told or "nothing", 3.0, draw)


def along(
    title: str,
    points: Sequence[tuple[float, Valued]],
    lines: Mapping[str, Sequence[tuple[float, float]]],
    across: str,
    unit: str,
) -> Picture:
    """What was seen, with intervals, along a measure named `across`, and what one or two laws say of it."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        known = [(x, row) for x, row in points if row.value is not None]
        values, spans = _values([row for _, row in known])
        axes.errorbar([x for x, _ in known], values, yerr=spans, color=DARK, fmt="o", capsize=3, label="seen")
        for (name, line), (colour, style) in zip(lines.items(), ((GREY, "--"), (LIGHT, "-")), strict=False):
            axes.plot([x for x, _ in line], [y for _, y in line], color=colour, linestyle=style, label=name)
        axes.set(xlabel=across, ylabel=unit)
        axes.legend(frameon=False)

    told = [f"{across} {x:.2g}: {in_words(row, unit)}" for x, row in points]
    told += [f"{name}: " + ", ".join(f"{y:.1f} at {x:.2g}" for x, y in line) for name, line in lines.items()]
    return _picture(title, "; ".join(told) or "nothing", 3.4, draw)


MOMENTS: Final = {
    "waited": ("|", GREY, "asked"),
    "quoted": ("o", DARK, "price"),
    "declined": ("x", GREY, "declined"),
    "taken": ("D", LIGHT, "accepted"),
    "filled": ("s", LIGHT, "filled"),
    "undone": ("X", "#000000", "undone"),
    "said": ("v", "#000000", "round"),
}
"""What a timeline can show: its sign, its colour, its name."""


def timeline(title: str, rows: Sequence[str], moments: Sequence[Moment]) -> Picture:
    """What happened when, a row each for the order and everybody who had to do with it. Times are UTC."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        places = {row: place for place, row in enumerate(rows)}
        shown = set()
        for each in moments:
            sign, colour, name = MOMENTS[each.kind]
            begin, place = _time(each.at_ns), places[each.row]
            if each.until_ns is not None:
                axes.hlines(place, begin, _time(each.until_ns), color=colour, linewidth=2.5, alpha=0.55)
            label = "" if each.kind in shown else name
            shown.add(each.kind)
            axes.plot([begin], [place], sign, color=colour, markersize=7, label=label or None)
        axes.set_yticks(range(len(rows)), rows)
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(max(1, len(rows)) - 0.5, -0.5)
        locator = AutoDateLocator(minticks=2, maxticks=5)
        axes.xaxis.set_major_locator(locator)
        times = [_time(each.at_ns) for each in moments]
        is_long = bool(times) and max(times) - min(times) > 0.5
        axes.xaxis.set_major_formatter(DateFormatter("%m-%d %H:%M" if is_long else "%H:%M:%S"))
        axes.grid(axis="x", color=PALE, linewidth=0.7)
        axes.margins(x=0.05)
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)

    told = "; ".join(
        f"{each.row} {clock_time(each.at_ns)} {each.words or MOMENTS[each.kind][2]}"
        for each in sorted(moments, key=lambda each: each.at_ns)
    )
    return _picture(title, told or "nothing", 1.3 + 0.3 * max(2, len(rows)), draw)


def in_words(row: Valued, unit: str) -> str:
    """A value with its interval and its count: "1.2 bps (0.4 to 2.0), 130"."""
    if row.value is None:
        return "cannot tell"
    low, high = (f"{each:.0%}" if unit == "%" else f"{each:.2f}" for each in (row.low or 0.0, row.high or 0.0))
    value = f"{row.value:.0%}" if unit == "%" else f"{row.value:.2f} {unit}"
    return f"{value} ({low} to {high}), {row.count:,.0f}"


def clock_time(at_ns: int) -> str:
    return f"{datetime.fromtimestamp(at_ns // 1_000_000_000, UTC):%H:%M:%S}"


# --- drawing -------------------------------------------------------------------------------------

_LOOK: Final[dict[Any, Any]] = {
    "svg.hashsalt": "rfq-engine",
    "svg.fonttype": "none",
    "text.parse_math": False,  # A dealer's name may have two dollar signs in it.
    "axes.formatter.use_mathtext": False,
    "axes.unicode_minus": True,
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans", "Arial", "Helvetica"],
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.labelsize": 10,
    "legend.fontsize": 9,
    "axes.edgecolor": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "timezone": "UTC",
    "figure.constrained_layout.use": True,
    "path.simplify": False,
}
_METADATA: Final = {"Date": None, "Creator": None, "Format": None, "Type": None}
_HEAD: Final = re.compile(
    r"^.*?(?=<svg)|<metadata>.*?</metadata>\s*|<style[^>]*>.*?</style>\s*|<!--.*?-->\s*", re.DOTALL
)
_SIZE: Final = re.compile(r'^<svg [^>]*?viewBox="([^"]*)"[^>]*>')
_IDENTIFIER: Final = re.compile(r' id="([^"]*)"')
_USED: Final = re.compile(r'(?:href="|url\()#([^")]+)')


def _picture(title: str, described: str, height_in: float, draw: Callable[[Figure], None]) -> Picture:
    with warnings.catch_warnings():
        # The reader's font has the signs that matplotlib's own has not.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        with matplotlib.style.context("default"), matplotlib.rc_context(_LOOK):
            figure = Figure(figsize=(WIDTH_IN, height_in))
            draw(figure)
            out = io.StringIO()
            figure.savefig(out, format="svg", metadata=_METADATA)
    return Picture(_plain(out.getvalue()), title, described)


def _plain(svg: str) -> str:
    """The drawing alone: no declaration of a file, no style that would reach into the page, no size of its own."""
    svg = _HEAD.sub("", svg).replace("xlink:href", "href").strip()
    used = set(_USED.findall(svg))
    svg = _IDENTIFIER.sub(lambda found: found[0] if found[1] in used else "", svg)
    return _SIZE.sub(lambda found: f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{found[1]}">', svg, count=1)


def _spans(values: Sequence[float], lows: Sequence[float], highs: Sequence[float]) -> list[list[float]]:
    """What of each interval is below its value, and what above; none reaches the other way."""
    return [
        [max(0.0, value - low) for value, low in zip(values, lows, strict=True)],
        [max(0.0, high - value) for value, high in zip(values, highs, strict=True)],
    ]


def _values(rows: Sequence[Valued]) -> tuple[list[float], list[list[float]]]:
    """The values of rows that have one, and their intervals as `_spans`."""
    values = [0.0 if row.value is None else row.value for row in rows]
    lows = [value if row.low is None else row.low for row, value in zip(rows, values, strict=True)]
    highs = [value if row.high is None else row.high for row, value in zip(rows, values, strict=True)]
    return values, _spans(values, lows, highs)


def _counted(row: Valued) -> str:
    return "cannot tell" if row.value is None else f"{row.count:,.0f}"


def _time(at_ns: int) -> float:
    """Days since 1970, as matplotlib has times."""
    return at_ns / 86_400e9

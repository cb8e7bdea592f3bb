"""Best execution of a desk's orders over some days, out of the journal alone.

What it is to settle: was the best price taken that could be had, and where not, why; what did it cost against the mark
and against the second best; who was asked, and who was dealt with; which orders had nothing to compare with; and of
which nobody can tell, for want of a mark. Exceptions are listed one by one, means have their intervals.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from statistics import median
from typing import Final

from engine.clock import utc_day
from engine.domain import events as e
from engine.domain.exchange import converted
from engine.domain.order import OrderState
from engine.market.calendars import day_of
from engine.research import words
from engine.research.best_price import Beside, Stood, beside
from engine.research.bootstrap import DAYS_MIN, NOTHING, Days, Interval
from engine.research.figures import as_share, told
from engine.research.order_story import NOT_ASKED, OrderStory, story_of
from engine.research.page import Block, Column, Notes, Page, Paragraph, Section, Table
from engine.research.pictures import Valued, intervals, over_time
from engine.research.retold import Retold

LISTED_MAX: Final = 100
"""Exceptions that are listed one by one; beyond, they are counted."""
OUTLIERS_MAX: Final = 20
GROUPS_DRAWN_MAX: Final = 30
_FAR: Final = 3 * 1.4826
"""Median deviations that make an outlier: three standard deviations of a normal one."""
_FIGURES: Final = ("shortfall", "improvement", "cover", "markout_30m")


@dataclass(frozen=True, slots=True)
class Fill:
    """One fill that stands, with its figures; those that are not known are missing."""

    day: int
    dealer: str
    size: Decimal
    figures: dict[str, float]


@dataclass(slots=True)
class OrderLine:
    """One order as a line of the report. `size` is face amount in the base currency."""

    order_id: str
    bond: str
    day: int
    asset_class: str
    rule: str
    trader: str
    state: OrderState
    size: Decimal
    shortfall: float | None
    unknown: str
    """Why the shortfall is not known."""
    asked: list[str] = field(default_factory=list)
    priced: list[str] = field(default_factory=list)
    fills: list[Fill] = field(default_factory=list)
    besides: list[Beside] = field(default_factory=list)
    overrides: list[e.OrderOverridden] = field(default_factory=list)
    note: str = ""
    decision_age_ns: int | None = None
    gaps: Counter[str] = field(default_factory=Counter)
    """Marks that nobody gave, by what they were for."""
    to_come: int = 0


def line_of(story: OrderStory) -> OrderLine:
    order, costed = story.order, story.costed
    advice = story.advice
    opened = next((rfq.opened_by for rfq in story.rounds if rfq.opened_by.startswith("person:")), "")
    trader = order.terms.trader or opened.removeprefix("person:")
    line = OrderLine(
        order_id=order.order_id,
        bond=order.terms.security_id,
        day=utc_day(order.received_ns),
        asset_class=order.facts.asset_class,
        rule=advice.rule if advice is not None else "none",
        trader=trader or "none",
        state=order.state,
        size=converted(order.terms.quantity, order.facts.worth),
        shortfall=costed.order.figures.get("shortfall") if costed is not None else None,
        unknown=costed.order.missing.get("shortfall", "") if costed is not None else "its figures are not kept",
        overrides=[*story.overrides.values()],
        note=order.note,
        decision_age_ns=order.arrival.age_ns if order.arrival is not None else None,
        to_come=sum(len(dues) for dues in story.due.values()),
    )
    for rfq in story.rounds:
        made = [ask for ask in rfq.asks if ask.state not in NOT_ASKED]
        line.asked += [ask.dealer for ask in made]
        line.priced += [ask.dealer for ask in made if any(not quote.problem for quote in ask.quotes)]
    line.besides = [beside(story, placed) for placed in story.placements if placed.filled]
    for booked in story.standing:
        fill = booked.fill
        known = costed.fills.get(fill.exec_id) if costed is not None else None
        at_ns = known.day if known is not None else line.day
        line.fills.append(Fill(at_ns, fill.dealer, fill.quantity_in_base, dict(known.figures) if known else {}))
    _gaps(story, line)
    return line


def _gaps(story: OrderStory, line: OrderLine) -> None:
    if story.order.arrival is None:
        line.gaps["when the desk had the order"] += 1
    first = [ask for rfq in story.rounds[:1] for ask in rfq.asks if ask.state not in NOT_ASKED]
    if first and first[0].mark is None:
        line.gaps["when the first dealer was asked"] += 1
    for event in story.events:
        match event:
            case e.FillBooked() if event.mark is None:
                line.gaps["at a fill"] += 1
            case e.FillMarked() if event.mark is None:
                line.gaps[f"{words.HORIZONS[event.horizon]} after a fill"] += 1
            case e.RoundMarked() if event.mark is None:
                line.gaps[f"{words.HORIZONS[event.horizon]} after a decision"] += 1


def lines_of(retold: Retold) -> list[OrderLine]:
    return [line_of(story_of(retold, order_id)) for order_id in retold.events]


# --- the page ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Period:
    first: date
    last: date
    base_currency: str
    refused: Counter[str]
    """Orders that never became one, by reason."""


def period_page(period: Period, lines: Sequence[OrderLine], about: Sequence[str]) -> Page:
    sections = [
        Section("What came of the orders", _outcomes(period, lines)),
        Section("Was the best price taken?", _best(lines)),
        Section("Orders with nothing to compare with", _alone(lines)),
        Section("What it cost", _costs(lines)),
        Section("The dearest orders", _outliers(lines)),
        Section("Dealers", _dealers(lines)),
        Section("Where people decided otherwise", _overrides(lines)),
        Section("What nobody can tell", _unknown(lines)),
    ]
    return Page(
        title="Best execution",
        subject=f"Orders received from {period.first} to {period.last}, UTC",
        verdict=_verdict(lines, period),
        sections=sections,
        about=about,
    )


def _verdict(lines: Sequence[OrderLine], period: Period) -> list[str]:
    if not lines:
        return ["The desk had no order in this time."]
    said = []
    compared = [each for line in lines for each in line.besides if each.stood is not Stood.alone]
    if compared:
        share = f"{told(_share_best(lines), '%')} of {words.counted(len(compared), 'acceptance')}"
        said.append(f"Where another price could be had beside the one taken, the best was taken in {share}.")
    else:
        said.append("No acceptance had another price beside it: whether the best was taken cannot be told.")
    filled = sum(bool(line.fills) for line in lines)
    size = sum((line.size for line in lines), Decimal(0))
    said.append(
        f"{words.counted(len(lines), 'order')} for {_mm(size)} mm {period.base_currency}, {filled:,} of them with "
        "a fill."
    )
    worse = [each for each in compared if each.stood is Stood.worse]
    if worse:
        tried = sum(each.was_tried for each in worse)
        after = f", {tried:,} of them after the better one had been accepted in vain" if tried else ""
        said.append(
            f"{words.counted(len(worse), 'acceptance')} took a worse price{after}: each is listed with its reason."
        )
    shortfall = _mean((line.day, line.shortfall) for line in lines)
    if shortfall.n:
        weighted = _weighted((line.day, line.shortfall, line.size) for line in lines)
        said.append(
            f"An order cost {told(shortfall, 'bp')} on average against the mark when the desk had it, of "
            f"{words.counted(shortfall.n, 'order')}; weighted by size {told(weighted, 'bp')}."
        )
    without = sum(line.shortfall is None and line.unknown != "" for line in lines)
    if without:
        said.append(f"Of {words.counted(without, 'order')} the cost cannot be told for want of a mark.")
    return said


def _outcomes(period: Period, lines: Sequence[OrderLine]) -> list[Block]:
    states = Counter(line.state for line in lines)
    rows = [
        (
            state.value.replace("_", " "),
            f"{states[state]:,}",
            _mm(sum((x.size for x in lines if x.state is state), Decimal(0))),
        )
        for state in OrderState
        if states[state]
    ]
    columns = (Column("State"), Column("Orders", True), Column(f"Face amount, mm {period.base_currency}", True))
    blocks: list[Block] = [Table(columns, rows, "Orders by how they stand", "no order")]
    unasked = [line for line in lines if not line.asked]
    if unasked:
        listed = [
            (line.order_id, line.bond, line.state.value.replace("_", " "), line.note) for line in unasked[:LISTED_MAX]
        ]
        heads = (Column("Order"), Column("Bond"), Column("State"), Column("Why"))
        blocks.append(Table(heads, listed, f"{words.counted(len(unasked), 'order')} for which nobody was asked"))
    if period.refused:
        refused = [(reason, f"{many:,}") for reason, many in period.refused.most_common(LISTED_MAX)]
        blocks.append(Table((Column("Reason"), Column("Orders", True)), refused, "Never became an order: refused"))
    return blocks


# --- the best price ------------------------------------------------------------------------------


def _share_best(lines: Sequence[OrderLine]) -> Interval:
    rows = [
        (line.day, float(each.stood is not Stood.worse))
        for line in lines
        for each in line.besides
        if each.stood is not Stood.alone
    ]
    return as_share(_mean(rows))


def _best(lines: Sequence[OrderLine]) -> list[Block]:
    rows: list[tuple[str, ...]] = []
    worse: list[tuple[OrderLine, Beside]] = []
    for what, of in (("asset class", _asset_class), ("rule", _rule), ("trader", _trader)):
        for name, mine in _grouped(lines, of):
            share = _share_best(mine)
            if share.n:
                saved = _mean(
                    (line.day, each.bps) for line in mine for each in line.besides if each.stood is not Stood.alone
                )
                mean = told(saved, "bp", is_short=True)
                rows.append((f"{what} {name}", told(share, "%", is_short=True), f"{share.n:,}", mean))
    for line in lines:
        worse += [(line, each) for each in line.besides if each.stood is Stood.worse]
    columns = (
        Column("Of"), Column("Best taken (95 % interval)", True), Column("Acceptances", True),
        Column("Better than the best other, mean", True),
    )  # fmt: skip
    listed = [
        (
            line.order_id,
            each.placed.dealer,
            words.price(each.placed.price),
            f"{words.price(each.price)} of {each.dealer}",
            words.bp(each.bps),
            each.why,
        )
        for line, each in worse[:LISTED_MAX]
    ]
    heads = (
        Column("Order"), Column("Taken"), Column("At", True), Column("Best other", True), Column("Against it", True),
        Column("Why"),
    )  # fmt: skip
    caption = "Every acceptance of a worse price, with its reason"
    if len(worse) > LISTED_MAX:
        caption += f": the first {LISTED_MAX} of {len(worse):,}"
    return [
        Table(columns, rows, "Acceptances that came to a fill and had another price beside them", "none"),
        Table(heads, listed, caption, "none: the best price that could be had was taken every time"),
    ]


def _alone(lines: Sequence[OrderLine]) -> list[Block]:
    alone = [(line, each) for line in lines for each in line.besides if each.stood is Stood.alone]
    rows = [
        (line.order_id, each.placed.dealer, words.price(each.placed.price), each.why)
        for line, each in alone[:LISTED_MAX]
    ]
    columns = (Column("Order"), Column("Taken"), Column("At", True), Column("Why nobody else's price could be had"))
    caption = f"{words.counted(len(alone), 'acceptance')} without another price"
    return [Table(columns, rows, caption, "every acceptance had another price beside it")]


# --- costs ---------------------------------------------------------------------------------------


def _costs(lines: Sequence[OrderLine]) -> list[Block]:
    rows: list[tuple[str, ...]] = [("all", *_figures(lines))]
    drawn: list[Valued] = [_valued("all", _mean((x.day, x.shortfall) for x in lines), is_marked=True)]
    for what, of in (("asset class", _asset_class), ("rule", _rule), ("trader", _trader)):
        for name, mine in _grouped(lines, of):
            rows.append((f"{what} {name}", *_figures(mine)))
            if what != "trader":
                drawn.append(_valued(name, _mean((x.day, x.shortfall) for x in mine)))
    for name in sorted({fill.dealer for line in lines for fill in line.fills}):
        fills = [fill for line in lines for fill in line.fills if fill.dealer == name]
        rows.append((f"dealer {name}", "", *(_of_fills(fills, figure) for figure in _FIGURES[1:])))
    columns = (
        Column("Of"), Column("Shortfall per order", True), Column("Improvement on arrival per fill", True),
        Column("Saved against cover per fill", True), Column("Markout after 30 minutes per fill", True),
    )  # fmt: skip
    weeks = _by_week(lines)
    note = (
        "bp, mean with its 95 % interval by drawing days again, and of how many. Shortfall: + is a cost, against the "
        f"mark when the desk had the order. ? is fewer than {DAYS_MIN} days: nothing can be told. A dealer has no "
        "shortfall of its own: an order is not its doing."
    )
    return [
        Table(columns, rows, "Costs by asset class, rule, trader and dealer"),
        Paragraph(note),
        *([_by_group(drawn)] if any(each.value is not None for each in drawn) else []),
        *([over_time("Mean shortfall by week", weeks, "bp")] if len(weeks) > 1 else []),
    ]


def _by_group(drawn: Sequence[Valued]) -> Block:
    return intervals("Mean shortfall by asset class and rule", drawn[:GROUPS_DRAWN_MAX], "bp")


def _figures(lines: Sequence[OrderLine]) -> tuple[str, ...]:
    fills = [fill for line in lines for fill in line.fills]
    return (
        _cell(_mean((line.day, line.shortfall) for line in lines)),
        *(_of_fills(fills, each) for each in _FIGURES[1:]),
    )


def _of_fills(fills: Sequence[Fill], figure: str) -> str:
    return _cell(_mean((fill.day, fill.figures.get(figure)) for fill in fills))


def _cell(found: Interval) -> str:
    return f"{told(found, 'bp', is_short=True)} of {found.n:,}" if found.n else "none"


def _valued(name: str, found: Interval, *, is_marked: bool = False) -> Valued:
    return Valued(name, found.value if found.is_told else None, found.low, found.high, found.n, is_marked)


def _by_week(lines: Sequence[OrderLine]) -> list[Valued]:
    """Weeks have five days: too few to draw again by themselves. So the error is that of orders within the week."""
    weeks: dict[date, list[float]] = {}
    for line in lines:
        if line.shortfall is not None:
            day = day_of(line.day)
            weeks.setdefault(day - timedelta(days=day.weekday()), []).append(line.shortfall)
    found = []
    for monday, values in sorted(weeks.items()):
        rows = Days(range(len(values))).mean(values)
        found.append(_valued(f"{monday}", rows))
    return found


def _outliers(lines: Sequence[OrderLine]) -> list[Block]:
    known = [(line.shortfall, line) for line in lines if line.shortfall is not None]
    if len(known) < DAYS_MIN:
        return [Paragraph(f"With {words.counted(len(known), 'cost')} nobody can tell what is usual.")]
    middle = median(value for value, _ in known)
    spread = median(abs(value - middle) for value, _ in known)
    bound = middle + _FAR * spread
    far = sorted(((value, line) for value, line in known if value > bound), key=lambda each: -each[0])
    rows = [
        (
            line.order_id, line.bond, words.bp(value), _mm(line.size),
            f"{len(line.asked)} asked, {len(line.priced)} with a price",
            words.listed(sorted({fill.dealer for fill in line.fills}), "nobody"), line.rule,
        )
        for value, line in far[:OUTLIERS_MAX]
    ]  # fmt: skip
    columns = (
        Column("Order"), Column("Bond"), Column("Shortfall", True), Column("Face, mm", True), Column("Asked"),
        Column("Filled by"), Column("Rule"),
    )  # fmt: skip
    caption = f"{words.counted(len(far), 'order')} beyond {bound:+.1f} bp: half of all cost {middle:+.1f} or less"
    return [Table(columns, rows, caption, "none is far from the others")]


# --- dealers, people, gaps -----------------------------------------------------------------------


def _dealers(lines: Sequence[OrderLine]) -> list[Block]:
    asked = Counter(name for line in lines for name in line.asked)
    priced: dict[str, list[tuple[int, float]]] = {}
    for line in lines:
        answered = Counter(line.priced)
        for name, many in Counter(line.asked).items():
            mine = priced.setdefault(name, [])
            mine += [(line.day, 1.0)] * min(many, answered[name]) + [(line.day, 0.0)] * max(0, many - answered[name])
    fills = Counter(fill.dealer for line in lines for fill in line.fills)
    sizes: dict[str, Decimal] = {}
    for line in lines:
        for fill in line.fills:
            sizes[fill.dealer] = sizes.get(fill.dealer, Decimal(0)) + fill.size
    whole = sum(sizes.values(), Decimal(0))
    names = sorted({*asked, *fills}, key=lambda name: (-sizes.get(name, Decimal(0)), name))
    rows = []
    for name in names:
        size = sizes.get(name, Decimal(0))
        share = told(as_share(_mean(priced.get(name, []))), "%", is_short=True)
        of_all = words.percent(float(size / whole)) if whole else ""
        rows.append((name, f"{asked[name]:,}", share, f"{fills[name]:,}", _mm(size), of_all))
    columns = (
        Column("Dealer"), Column("Asked", True), Column("With a price", True), Column("Fills", True),
        Column("Face, mm", True), Column("Of all", True),
    )  # fmt: skip
    return [Table(columns, rows, "Who was asked, and who was dealt with, the most first", "nobody was asked")]


def _overrides(lines: Sequence[OrderLine]) -> list[Block]:
    found = [(line, each) for line in lines for each in line.overrides]
    rows = [
        (
            line.order_id, words.by(each.actor), words.listed(list(each.before)), words.listed(list(each.after)),
            each.reason, "; ".join(each.past_protections),
        )
        for line, each in found[:LISTED_MAX]
    ]  # fmt: skip
    columns = (
        Column("Order"), Column("Who"), Column("Recommended"), Column("Asked instead"), Column("Why"),
        Column("Past a protection"),
    )  # fmt: skip
    return [Table(columns, rows, "Lists of a person's own", "none")]


def _unknown(lines: Sequence[OrderLine]) -> list[Block]:
    gaps: Counter[str] = Counter()
    for line in lines:
        gaps += line.gaps
    why = Counter(line.unknown for line in lines if line.shortfall is None and line.unknown)
    ages = [line.decision_age_ns for line in lines if line.decision_age_ns is not None]
    notes = [f"the cost of {words.counted(many, 'order')}: {reason}" for reason, many in why.most_common()]
    open_ones = sum(line.shortfall is None and not line.unknown for line in lines)
    if open_ones:
        notes.append(f"the cost of {words.counted(open_ones, 'order')}: they are open, or wait for marks")
    to_come = sum(line.to_come for line in lines)
    if to_come:
        notes.append(f"{words.counted(to_come, 'mark')} after fills and decisions have not come due yet")
    if ages:
        middle, most = words.seconds(round(median(ages))), words.seconds(max(ages))
        notes.append(f"marks that orders came in with were {middle} old in the middle, {most} at most")
    rows = [(what, f"{many:,}") for what, many in gaps.most_common()]
    table = Table((Column("Missing mark"), Column("Times", True)), rows, "Marks that nobody gave", "none was missing")
    return [table, *([Notes(notes)] if notes else [])]


# --- statistics ----------------------------------------------------------------------------------


def _mean(rows: Iterable[tuple[int, float | None]]) -> Interval:
    """Of the values that are known, by day."""
    known = [(day, value) for day, value in rows if value is not None]
    if not known:
        return NOTHING
    return Days([day for day, _ in known]).mean([value for _, value in known])


def _weighted(rows: Iterable[tuple[int, float | None, Decimal]]) -> Interval:
    known = [(day, value, float(size)) for day, value, size in rows if value is not None and size > 0]
    if not known:
        return NOTHING
    return Days([day for day, *_ in known]).ratio(
        [value * size for _, value, size in known], [size for *_, size in known]
    )


def _grouped(lines: Sequence[OrderLine], of: Callable[[OrderLine], str]) -> Iterator[tuple[str, list[OrderLine]]]:
    for name in sorted({of(line) for line in lines}):
        yield name, [line for line in lines if of(line) == name]


def _asset_class(line: OrderLine) -> str:
    return line.asset_class


def _rule(line: OrderLine) -> str:
    return line.rule


def _trader(line: OrderLine) -> str:
    return line.trader


def _mm(size: Decimal) -> str:
    return f"{size / 1_000_000:,.2f}"

"""What the engine's estimates say on real data: two banks' prices, a tape of trades, lists of bonds. Figures, no rows.

Intervals hold 95 % and come from drawing days again (`engine.research.bootstrap`): what happens on one day hangs
together. Of the banks they are given by weeks, too: who is better lasts for days, and days drawn one by one forget it.
"""

from __future__ import annotations

import datetime
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.errors import ConfigError
from engine.market.holdings import import_holdings
from engine.research.bootstrap import Days, Interval
from engine.research.scores import COVERAGE
from engine.selection.model import MODEL_VERSION
from proving import banks, prints
from proving.banks import BANKS, MODEL, SO_FAR, Contest
from proving.prints import BondDay
from proving.words import Sentence, table

_EPOCH: Final = datetime.date(1970, 1, 1)
_HELD_90: Final = 1.6448536269514722
COIN: Final = "a coin"
BOND_FILES: Final = "bonds/*.csv"
_DATE: Final = re.compile(r" \d{4}-\d{2}-\d{2}")

CANNOT: Final = (
    "How a bank answers, how many asked make it answer less, whether it stands by its price, and what asking it tells "
    "the market: both published prices every day, nobody asked them and nothing was traded.",
    "What choosing by the model costs or saves a desk: that is an edge on paper, of prices that nobody took, and the "
    "time of day of neither bank is known: an hour between them is a move of the market that looks like a better "
    "price.",
    "More than two banks, and others than these: sovereign eurobonds of one country, 217 days.",
    "What a size costs: the tape names no request and no counterparty.",
)


@dataclass(frozen=True, slots=True)
class BankFigures:
    """`edges` and `losses` by way of choosing; `saves` and `saved_losses` what the model has beside each, by days;
    `saves_weeks` the same by weeks."""

    rows: int
    usable: int
    unused: Mapping[str, int]
    apart: Mapping[str, int]
    contests: int
    days: int
    edges: Mapping[str, Interval]
    saves: Mapping[str, Interval]
    saves_weeks: Mapping[str, Interval]
    losses: Mapping[str, Interval]
    saved_losses: Mapping[str, Interval]
    best: Interval
    held: Interval
    right: Mapping[str, Interval]


@dataclass(frozen=True, slots=True)
class TapeFigures:
    rows: int
    usable: int
    unused: Mapping[str, int]
    bonds: int
    bond_days: int
    traded: Interval
    saved_loss: Interval
    """Log-loss of the share of all so far less that of the bond's own share: of trading on a day at all."""
    adv_ranks: Interval
    score_ranks: Interval
    moves_held: Interval
    """Moves within 90 % by the volatility known before."""


@dataclass(frozen=True, slots=True)
class BondFigures:
    name: str
    bonds: int
    prices: int
    unused: Mapping[str, int]
    notes: int


@dataclass(frozen=True, slots=True)
class Real:
    banks: BankFigures
    tape: TapeFigures
    bonds: Sequence[BondFigures]


def found_in(folder: Path) -> Real:
    """Raises ConfigError where a file is not in the folder."""
    for each in (banks.FILE, prints.TRADES, prints.BONDS):
        if not (folder / each).is_file():
            raise ConfigError(f"{folder / each} is not there: expected the folder of real data")
    return Real(_banks(folder), _tape(folder), [_bonds(path) for path in sorted(folder.glob(BOND_FILES))])


def _banks(folder: Path) -> BankFigures:
    with (folder / banks.FILE).open(encoding="utf-8", newline="") as file:
        prices = banks.prices_of(file)
    apart: Counter[str] = Counter()
    return bank_figures(prices, list(banks.contests(prices, apart)), apart)


def bank_figures(prices: banks.Prices, found: Sequence[Contest], apart: Mapping[str, int]) -> BankFigures:
    day = [(each.day - _EPOCH).days for each in found]
    days, weeks = Days(day), Days([each // 7 for each in day])
    edges = {way: [each.edge_of(way) for each in found] for way in (MODEL, *SO_FAR)}
    edges[COIN] = [sum(each.edges_bps) / 2 for each in found]
    better = [banks.was_better(each) for each in found]
    ways = (MODEL, *SO_FAR)
    losses = {
        way: [banks.surprise(each.chances[way], came) for each, came in zip(found, better, strict=True)] for way in ways
    }
    right = {
        way: [came if each.picks[way] == 0 else 1 - came for each, came in zip(found, better, strict=True)]
        for way in ways
    }

    def beside(way: str) -> list[float]:
        return [ours - theirs for ours, theirs in zip(edges[MODEL], edges[way], strict=True)]

    return BankFigures(
        rows=prices.rows,
        usable=len(prices.quotes),
        unused=prices.unused,
        apart={why: count for why, count in apart.items() if count},
        contests=len(found),
        days=days.count,
        edges={way: days.mean(each) for way, each in edges.items()},
        saves={way: days.mean(beside(way)) for way in (COIN, *SO_FAR)},
        saves_weeks={way: weeks.mean(beside(way)) for way in (COIN, *SO_FAR)},
        losses={way: days.mean(each) for way, each in losses.items()},
        saved_losses={
            way: days.mean([theirs - ours for ours, theirs in zip(losses[MODEL], losses[way], strict=True)])
            for way in SO_FAR
        },
        best=days.mean([max(each.edges_bps) for each in found]),
        held=days.mean(
            [float(abs(each.difference_bps - each.expected_bps) <= _HELD_90 * each.scale_bps) for each in found]
        ),
        right={way: days.mean(each) for way, each in right.items()},
    )


def _tape(folder: Path) -> TapeFigures:
    with (folder / prints.TRADES).open(encoding="utf-8", newline="") as file:
        told = prints.trades_of(file)
    outstanding = prints.outstanding_of((folder / prints.BONDS).read_text(encoding="utf-8"))
    return tape_figures(told, list(prints.bond_days(told.trades, outstanding)))


def tape_figures(told: prints.Tapes, found: Sequence[BondDay]) -> TapeFigures:
    days = Days([each.day for each in found])
    traded = [float(each.trades > 0) for each in found]
    saved = [
        banks.surprise(each.base, came) - banks.surprise(each.share, came)
        for each, came in zip(found, traded, strict=True)
    ]
    moves = [each for each in found if each.move_sds is not None]
    by_day: dict[int, list[BondDay]] = {}
    for each in found:
        by_day.setdefault(each.day, []).append(each)

    def ranks(known: Mapping[int, tuple[list[float], list[float]]]) -> Interval:
        per_day = {day: prints.rank_correlation(*pair) for day, pair in known.items()}
        told_days = {day: value for day, value in per_day.items() if value is not None}
        return Days(list(told_days)).mean(list(told_days.values()))

    adv = {day: ([each.adv for each in own], [each.volume for each in own]) for day, own in by_day.items()}
    scored = {
        day: (
            [float(each.score) for each in own if each.score is not None],
            [float(each.trades) for each in own if each.score is not None],
        )
        for day, own in by_day.items()
    }
    return TapeFigures(
        rows=told.rows,
        usable=len(told.trades),
        unused=told.unused,
        bonds=len({each.bond for each in found}),
        bond_days=len(found),
        traded=days.mean(traded),
        saved_loss=days.mean(saved),
        adv_ranks=ranks(adv),
        score_ranks=ranks(scored),
        moves_held=Days([each.day for each in moves]).mean(
            [float(abs(each.move_sds or 0.0) <= _HELD_90) for each in moves]
        ),
    )


def _bonds(path: Path) -> BondFigures:
    found = import_holdings(path.read_text(encoding="utf-8"))
    # Without their dates: reasons are counted, no row is told.
    why = Counter(_DATE.sub("", problem.reason.split(":")[0]) for problem in found.problems)
    return BondFigures(path.name, len(found.securities), len(found.prices), why, len(found.notes))


# --- words -----------------------------------------------------------------------------------------


def sentences(real: Real) -> Iterator[Sentence]:
    own = real.banks
    for way in (COIN, *SO_FAR):
        by_days, by_weeks = own.saves[way], own.saves_weeks[way]
        told = f"{by_days.words(2, 'bps')} more, by weeks {by_weeks.words(2)}"
        beside = way if way == COIN else f"the bank that was {way}"
        if by_weeks.is_above(0):
            yield Sentence(f"choosing by the model has a better edge than {beside}: {told}", True)
        elif by_weeks.is_below(0):
            yield Sentence(f"choosing by the model has a worse edge than {beside}: {told}", False)
        else:
            yield Sentence(
                f"whether choosing by the model has a better edge than {beside} cannot be told: {told}", None
            )
    for way in SO_FAR:
        saved = own.saved_losses[way]
        words = f"the share of days on which a bank was {way}"
        if saved.is_above(0):
            yield Sentence(f"the model's chance of who is better beats {words}: {saved.words(4)} nats", True)
        elif saved.is_below(0):
            yield Sentence(f"the model's chance of who is better does not beat {words}: {saved.words(4)} nats", False)
        else:
            yield Sentence(
                f"whether the model's chance of who is better beats {words} cannot be told: {saved.words(4)}", None
            )
    yield _near("differences of the two banks within the model's interval of 90 %", own.held)
    tape = real.tape
    for what, figure in (
        ("a bond's own share of days on which it trades tells more than that of all bonds, nats", tape.saved_loss),
        ("average volume known before and the day's volume go together, by ranks", tape.adv_ranks),
        ("the liquidity score known before and the day's trades go together, by ranks", tape.score_ranks),
    ):
        yield Sentence(
            f"{what}: {figure.words(3)}", True if figure.is_above(0) else False if figure.is_below(0) else None
        )
    yield _near("moves from print to print within 90 % of the volatility known before", tape.moves_held)


def _near(what: str, held: Interval) -> Sentence:
    met = held.is_within(*COVERAGE)
    more = {True: "", False: ", wanted 0.87 to 0.93", None: ", whether that is 0.87 to 0.93 cannot be told"}[met]
    return Sentence(f"{what}: {held.words(3)}{more}", met)


def markdown(real: Real) -> str:
    own, tape = real.banks, real.tape
    lines = [
        "# Real data: two banks, a tape, lists of bonds",
        "",
        f"Model version {MODEL_VERSION}. Made by `scripts/evidence --real`; nobody writes in it. Figures alone: no row "
        "of the data is here. Intervals hold 95 %, by days drawn again; of the banks by weeks, too.",
    ]
    said = list(sentences(real))
    for title, holds in (("What holds", True), ("What does not hold", False), ("What cannot be told", None)):
        lines += ["", f"## {title}", ""]
        lines += [f"- {each.text[0].upper()}{each.text[1:]}." for each in said if each.holds is holds] or ["Nothing."]
    lines += ["", "## What this data cannot show", "", *[f"- {each}" for each in CANNOT]]
    lines += ["", "## Two banks", "", about_banks(own), ""]
    lines += table(WAY_HEAD, way_rows(own))
    lines += ["", "## A tape of trades", "", about_tape(tape), ""]
    lines += table(TAPE_HEAD, tape_rows(tape))
    lines += ["", "## Lists of bonds", "", "Counts of files, read by the importer of holdings.", ""]
    lines += table(BOND_HEAD, bond_rows(real))
    return "\n".join(lines) + "\n"


def about_banks(own: BankFigures) -> str:
    return (
        f"{own.rows:,} rows, {own.usable:,} of them two-way prices; not used: {_counts(own.unused)}. Days of a bond "
        f"that are no contest: {_counts(own.apart)}. {own.contests:,} contests of {BANKS[0]} and {BANKS[1]} on "
        f"{own.days} days, each a bond and a side, edges against the bond's mid of the day before. The engine keeps a "
        "dealer's record by segment (class, credit, maturity, size, side), and none by bond: a record by bond and side "
        "is what it can fall behind of here."
    )


WAY_HEAD: Final = (
    "whom it takes", "edge, bps", "the model's is better by", "by weeks", "right, of contests", "log-loss, nats",
    "the model's is less by",
)  # fmt: skip


def way_rows(own: BankFigures) -> list[tuple[str, ...]]:
    rows = [_way_row(own, way) for way in (MODEL, *SO_FAR, COIN)]
    return [*rows, ("whoever was better", own.best.words(2), *["-"] * (len(WAY_HEAD) - 2))]


def _way_row(own: BankFigures, way: str) -> tuple[str, ...]:
    saves, weeks, saved = own.saves.get(way), own.saves_weeks.get(way), own.saved_losses.get(way)
    right, loss = own.right.get(way), own.losses.get(way)
    return (
        way,
        own.edges[way].words(2),
        "-" if saves is None else saves.words(2),
        "-" if weeks is None else weeks.words(2),
        "-" if right is None else right.words(3),
        "-" if loss is None else loss.words(4),
        "-" if saved is None else saved.words(4),
    )


def about_tape(tape: TapeFigures) -> str:
    return (
        f"{tape.rows:,} rows, {tape.usable:,} trades; not used: {_counts(tape.unused)}. {tape.bond_days:,} days of "
        f"{tape.bonds} bonds, from the {prints.WINDOW_DAYS}th business day on."
    )


TAPE_HEAD: Final = ("what", "found", "counted")


def tape_rows(tape: TapeFigures) -> list[tuple[str, ...]]:
    return [
        (name, figure.words(3), f"{figure.n:,} on {figure.days} days")
        for name, figure in (
            ("a bond trades on a day", tape.traded),
            ("log-loss of that saved by the bond's own share so far, nats", tape.saved_loss),
            ("rank correlation of average volume and the next day's volume", tape.adv_ranks),
            ("rank correlation of liquidity score and the next day's trades", tape.score_ranks),
            ("moves within 90 % by the volatility known before", tape.moves_held),
        )
    ]


BOND_HEAD: Final = ("file", "bonds", "prices", "lines that give none", "noted")


def bond_rows(real: Real) -> list[tuple[str, ...]]:
    return [
        (each.name, f"{each.bonds:,}", f"{each.prices:,}", _counts(each.unused), f"{each.notes:,}")
        for each in real.bonds
    ]


def _counts(why: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {reason}" for reason, count in sorted(why.items())) or "none"

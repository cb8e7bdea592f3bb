"""The file of rates: CSV, a line a pair of currencies: `pair,price,time`, as `EUR/USD,1.0850,2026-11-30T16:00:00Z`."""

from __future__ import annotations

import csv
import datetime
import io
from typing import Final

from engine.clock import NS_PER_S
from engine.domain.exchange import Rate, pair_of, rate_price

COLUMNS: Final = ("pair", "price", "time")
LINES_MAX: Final = 2_000
PROBLEMS_SHOWN_MAX: Final = 20
_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def parse_rates(text: str, name: str, base_currency: str) -> tuple[tuple[Rate, ...], list[str]]:
    """The rates of a file of that name, and everything that is wrong with it, a line each with its number."""
    found: dict[tuple[str, str], tuple[int, Rate]] = {}
    problems: list[str] = []
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [cell.strip() for cell in next(reader, [])]
        if sorted(header) != sorted(COLUMNS):
            shown = ",".join(header) or "nothing"
            return (), [f"{name}:1: expected the columns {','.join(COLUMNS)}, found {shown}"]
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            line = reader.line_num
            if len(cells) != len(header):
                problems.append(f"{name}:{line}: expected {len(header)} cells, found {len(cells)}")
                continue
            row = dict(zip(header, (cell.strip() for cell in cells), strict=True))
            rate, wrong = _rate(row, name, base_currency)
            problems += [f"{name}:{line}: {each}" for each in wrong]
            if rate is None:
                continue
            before = found.get(rate.currencies)
            if before is not None:
                problems.append(f"{name}:{line}: pair: {rate.pair}, and line {before[0]} has {before[1].pair} already")
            found[rate.currencies] = line, rate
    except csv.Error as error:
        problems.append(f"{name}:{reader.line_num}: {error}")
    if len(found) > LINES_MAX:
        problems.append(f"{name}: expected at most {LINES_MAX:,} rates, found {len(found):,}")
    if (hidden := len(problems) - PROBLEMS_SHOWN_MAX) > 0:
        problems[PROBLEMS_SHOWN_MAX:] = [f"{name}: and {hidden} more lines that cannot be used"]
    return tuple(rate for _, rate in found.values()), problems


def _rate(row: dict[str, str], name: str, base_currency: str) -> tuple[Rate | None, list[str]]:
    """The rate of a line, None with what is wrong with each cell."""
    wrong = []
    pair = price = as_of_ns = None
    try:
        pair = pair_of(row["pair"])
        if base_currency not in pair.split("/"):
            wrong.append(f"pair: {pair}: neither is the base currency {base_currency}")
    except ValueError as error:
        wrong.append(f"pair: expected {error}, found '{row['pair'][:40]}'")
    try:
        price = rate_price(row["price"])
    except ValueError as error:
        wrong.append(f"price: expected {error}, found '{row['price'][:40]}'")
    try:
        as_of_ns = _time_ns(row["time"])
    except ValueError:
        expected = "a time with its zone such as 2026-11-30T16:00:00Z"
        wrong.append(f"time: expected {expected}, found '{row['time'][:40]}'")
    if wrong or pair is None or price is None or as_of_ns is None:
        return None, wrong
    return Rate(pair, price, as_of_ns, name), []


def _time_ns(text: str) -> int:
    at = datetime.datetime.fromisoformat(text)
    if at.tzinfo is None or at < _EPOCH:
        raise ValueError(text)
    since = at - _EPOCH
    return (since.days * 86_400 + since.seconds) * NS_PER_S + since.microseconds * 1_000

"""Mapping files: how a blotter names things, and its lines in our words.

A mapping file is TOML; every key may be left out:

    source = "blotter-2024"            # of rows that name none; default: the file's name
    delimiter = ";"
    ignore = ["Comment"]               # columns that are not wanted; ["*"]: none but those that are named below
    time_zone = "America/New_York"     # of times without a zone
    time_format = "%d/%m/%Y %H:%M:%S"  # of times that are not ISO 8601; or a list, tried one after the other
    date_format = "%m/%d/%Y"           # of the maturity
    thousands = ","                    # in numbers: 1,500,000
    decimal = ","                      # in numbers: 99,25
    price_format = "32nds"             # 99-16, 99-16+ and 99-162 (2 is two eighths of a 32nd) are prices
    side_of = "dealer"                 # buy is what the dealer does: the desk sells

    [columns]                          # ours = "theirs"
    rfq_id = "Ticket"
    sent_at = ["Date", "Time"]         # what stands in several columns is joined by a blank
    price = { buy = "Ask", sell = "Bid" }   # by the desk's side
    outcome = "Status"                 # one of theirs may be two of ours if words of both stand below
    answer = "Status"

    [seconds]                          # times that are told by how many seconds after sent_at they were
    answered_at = "Response time"      # 12.5, or 01:12

    [scale]                            # numbers that are told in thousands, say
    quantity = 1000

    [fill]                             # the same in every row
    price_type = "price"

    [values.answer]                    # "theirs" = "ours"
    Quoted = "quote"
    "" = "none"                        # where nothing stands
    "*" = "pass"                       # any other word

    [dealers]                          # one line has several dealers: a row for each one that is named
    count = 5
    winner = "Executed with"           # the dealer of this name: its outcome is `filled`
    [dealers.columns]
    dealer = "Dealer {n}"
    price = "Level {n}"
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.commands.parameters import did_you_mean
from engine.config.text_file import NotText, read_text
from engine.desk.past.reading import COLUMNS, header_problems
from engine.errors import ConfigError
from engine.history.cells import NotACell, decimal_of_32nds, plain_number, seconds_of

_TIMES: Final = ("sent_at", "deadline", "answered_at", "valid_until", "accepted_at")
_MARKS: Final = tuple(name for name in COLUMNS if name.startswith("mark_") and name not in ("mark_source",))
_PRICES: Final = ("price", "limit", "fill_price", "cover", *(n for n in _MARKS if not n.endswith(("age_s", "sd_bps"))))
_NUMBERS: Final = (
    "coupon", "quantity", "residual", "quoted_quantity", "filled_quantity", "p_panel", "p_dealer", "mark_age_s",
    "mark_sd_bps", *_PRICES, *(name for name in COLUMNS if name.startswith("index_")),
)  # fmt: skip
_SOME_TIME: Final = datetime(2024, 1, 31, 13, 45, 59, 123456, UTC)
_SIDES: Final = {"buy": "sell", "sell": "buy"}
_KINDS: Final[Mapping[str, tuple[tuple[type, ...], str]]] = {
    "source": ((str,), "text"),
    "delimiter": ((str,), "one character"),
    "ignore": ((list,), "a list of columns"),
    "time_zone": ((str,), "text"),
    "time_format": ((str, list), "text, or a list of it"),
    "date_format": ((str,), "text"),
    "thousands": ((str,), "one character"),
    "decimal": ((str,), "one character"),
    "price_format": ((str,), "decimal or 32nds"),
    "side_of": ((str,), "desk or dealer"),
    "columns": ((dict,), "a table"),
    "seconds": ((dict,), "a table"),
    "scale": ((dict,), "a table"),
    "fill": ((dict,), "a table"),
    "values": ((dict,), "a table"),
    "dealers": ((dict,), "a table"),
}
_DEALERS: Final = ("count", "winner", "columns")
DEALERS_MAX: Final = 100
"""Dealers of one line."""
ELSE: Final = "*"
"""Stands for any other word of theirs, and for all other columns."""


@dataclass(frozen=True, slots=True)
class Blotter:
    """How a blotter names things; names of columns are ours. `values` is by column, then by their word.

    `dealers` are the columns of the first, second ... dealer of a line; empty where a line has one.
    """

    source: str = ""
    delimiter: str = ","
    ignore: tuple[str, ...] = ()
    zone: ZoneInfo | None = None
    time_formats: tuple[str, ...] = ()
    date_format: str = ""
    thousands: str = ""
    decimal: str = "."
    in_32nds: bool = False
    of_dealer: bool = False
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    by_side: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """(where the desk buys, where it sells)"""
    seconds: Mapping[str, str] = field(default_factory=dict)
    scale: Mapping[str, Decimal] = field(default_factory=dict)
    fill: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    dealers: tuple[Mapping[str, str], ...] = ()
    winner: str = ""


# --- a mapping file ------------------------------------------------------------------------------


def read_blotter(path: Path) -> Blotter:
    """A mapping file. Raises ConfigError with everything that is wrong with it."""
    try:
        found = tomllib.loads(read_text(path))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, NotText) as error:
        raise ConfigError(f"{path}: {error}") from error
    problems = [f"{key}: unknown key{did_you_mean(key, _KINDS)}" for key in found if key not in _KINDS]
    problems += [
        f"{key}: expected {words}, found {found[key]!r}"
        for key, (kinds, words) in _KINDS.items()
        if key in found and not isinstance(found[key], kinds)
    ]
    if not problems:
        reading = _Reading(found)
        blotter, problems = reading.blotter(), reading.problems
    if problems:
        raise ConfigError(f"{path}: {'; '.join(problems)}")
    return blotter


class _Reading:
    """One mapping file as TOML has it, and what is wrong with it."""

    def __init__(self, found: Mapping[str, Any]) -> None:
        self._found = found
        self.problems: list[str] = []

    def blotter(self) -> Blotter:
        found = self._found
        columns, by_side = self._columns()
        values = self._values()
        self._twice(columns, values)
        dealers, winner = self._dealers()
        formats = found.get("time_format", ())
        return Blotter(
            source=found.get("source", ""),
            delimiter=self._character("delimiter", ","),
            ignore=tuple(str(each) for each in found.get("ignore", ())),
            zone=self._zone(),
            time_formats=tuple(
                self._format("time_format", str(each)) for each in ([formats] if isinstance(formats, str) else formats)
            ),
            date_format=self._format("date_format", found.get("date_format", "")),
            thousands=self._character("thousands", "") if "thousands" in found else "",
            decimal=self._decimal(),
            in_32nds=self._one_of("price_format", ("decimal", "32nds")) == "32nds",
            of_dealer=self._one_of("side_of", ("desk", "dealer")) == "dealer",
            columns=columns,
            by_side=by_side,
            seconds=self._seconds({**columns, **by_side}),
            scale=self._scale(),
            fill=self._texts("fill", found.get("fill", {})),
            values=values,
            dealers=dealers,
            winner=winner,
        )

    def _known(self, names: Sequence[str], allowed: Sequence[str] = COLUMNS, what: str = "a history") -> None:
        self.problems += [
            f"'{name}' is no column of {what}{did_you_mean(name, allowed)}" for name in names if name not in allowed
        ]

    def _texts(self, where: str, table: Mapping[str, Any]) -> dict[str, str]:
        self._known(list(table))
        self.problems += [
            f"{where}.{name}: expected text, found {each!r}"
            for name, each in table.items()
            if not isinstance(each, str)
        ]
        return {name: str(each) for name, each in table.items()}

    def _columns(self) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, str]]]:
        table = self._found.get("columns", {})
        self._known(list(table))
        columns: dict[str, tuple[str, ...]] = {}
        by_side: dict[str, tuple[str, str]] = {}
        for name, each in table.items():
            if isinstance(each, dict):
                if set(each) != {"buy", "sell"} or not all(isinstance(part, str) for part in each.values()):
                    self.problems.append(f"columns.{name}: expected a column for buy and one for sell, found {each!r}")
                elif name not in _NUMBERS:
                    self.problems.append(f"columns.{name}: only numbers can stand in a column by side")
                else:
                    by_side[name] = each["buy"], each["sell"]
                continue
            parts = each if isinstance(each, list) else [each]
            if not parts or not all(isinstance(part, str) for part in parts):
                self.problems.append(f"columns.{name}: expected text, or a list of columns to join, found {each!r}")
            columns[name] = tuple(str(part) for part in parts)
        return columns, by_side

    def _values(self) -> dict[str, dict[str, str]]:
        table = self._found.get("values", {})
        self._known(list(table))
        for name, words in table.items():
            if not isinstance(words, dict) or not all(isinstance(each, str) for each in words.values()):
                self.problems.append(f'values.{name}: expected a table of "theirs" = "ours"')
        return {name: words for name, words in table.items() if isinstance(words, dict)}

    def _twice(self, columns: Mapping[str, tuple[str, ...]], values: Mapping[str, Any]) -> None:
        """One of their columns may be two of ours where its words are told apart by both."""
        named: dict[tuple[str, ...], str] = {}
        for name, theirs in columns.items():
            other = named.setdefault(theirs, name)
            if other != name and (other not in values or name not in values):
                self.problems.append(
                    f"columns: '{', '.join(theirs)}' is named for two columns: "
                    f"its words have to stand under [values.{other}] and [values.{name}]"
                )

    def _dealers(self) -> tuple[tuple[Mapping[str, str], ...], str]:
        table = self._found.get("dealers")
        if table is None:
            return (), ""
        self.problems += [
            f"dealers.{key}: unknown key{did_you_mean(key, _DEALERS)}" for key in table if key not in _DEALERS
        ]
        count, winner, columns = table.get("count"), table.get("winner", ""), table.get("columns", {})
        if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= DEALERS_MAX:
            self.problems.append(f"dealers.count: expected a whole number from 1 to {DEALERS_MAX}, found {count!r}")
            count = 1
        if not isinstance(winner, str):
            self.problems.append(f"dealers.winner: expected text, found {winner!r}")
        if not isinstance(columns, dict) or "dealer" not in columns:
            self.problems.append('dealers.columns: expected a table with at least dealer = "..."')
            return (), ""
        named = self._texts("dealers.columns", columns)
        self.problems += [
            f"dealers.columns.{name}: expected {{n}} where the dealer's number stands, found '{theirs}'"
            for name, theirs in named.items()
            if "{n}" not in theirs
        ]
        self.problems += [
            f"dealers.columns.{name}: it stands under [columns] too"
            for name in named
            if name in self._found.get("columns", {})
        ]
        return tuple(
            {name: theirs.replace("{n}", str(at)) for name, theirs in named.items()} for at in range(1, count + 1)
        ), str(winner)

    def _seconds(self, columns: Mapping[str, object]) -> dict[str, str]:
        table = self._found.get("seconds", {})
        self._known(list(table), _TIMES[1:], "times after the request")
        self.problems += [f"seconds.{name}: it stands under [columns] too" for name in table if name in columns]
        self.problems += [
            f"seconds.{name}: expected text, found {each!r}"
            for name, each in table.items()
            if not isinstance(each, str)
        ]
        return {name: str(each) for name, each in table.items()}

    def _scale(self) -> dict[str, Decimal]:
        table = self._found.get("scale", {})
        self._known(list(table), _NUMBERS, "numbers")
        scale = {}
        for name, each in table.items():
            if isinstance(each, bool) or not isinstance(each, int | float) or not 0 < each < math.inf:
                self.problems.append(f"scale.{name}: expected a number above 0, such as 1000, found {each!r}")
            else:
                scale[name] = Decimal(repr(each))
        return scale

    def _character(self, key: str, default: str) -> str:
        found: str = self._found.get(key, default)
        if len(found) != 1:
            self.problems.append(f"{key}: expected one character, found {found!r}")
        return found

    def _decimal(self) -> str:
        found = self._character("decimal", ".")
        if found == self._found.get("thousands"):
            self.problems.append(f"decimal: {found!r} is what parts thousands, too")
        return found

    def _one_of(self, key: str, words: tuple[str, ...]) -> str:
        found: str = self._found.get(key, words[0])
        if found not in words:
            self.problems.append(f"{key}: expected {' or '.join(words)}, found '{found}'")
        return found

    def _format(self, key: str, found: str) -> str:
        """One that no time can be read by is said here, not of every row."""
        try:
            datetime.strptime(_SOME_TIME.strftime(found), found)
        except (ValueError, re.error) as error:
            self.problems.append(f"{key}: no time can be read by '{found}': {error}")
        return found

    def _zone(self) -> ZoneInfo | None:
        if "time_zone" not in self._found:
            return None
        name = self._found["time_zone"]
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            self.problems.append(f"time_zone: expected a name such as America/New_York, found '{name}'")
            return None


# --- lines of a blotter ----------------------------------------------------------------------------

RoundName = tuple[str, str, str]
"""source, rfq_id and round as a line has them."""


class Translation:
    """Lines under one header in our words."""

    def __init__(self, blotter: Blotter, header: Sequence[str]) -> None:
        """Raises ValueError with everything that is wrong with the header."""
        self.width = len(header)
        self._blotter = blotter
        names = [name.strip() for name in header]
        named = {theirs: name for name, parts in blotter.columns.items() for theirs in parts}
        theirs = [*named, *blotter.seconds.values(), *([blotter.winner] if blotter.winner else [])]
        theirs += [each for both in blotter.by_side.values() for each in both]
        theirs += [each for columns in blotter.dealers for each in columns.values()]
        problems = [f"the mapping speaks of '{name}', which is no column of it" for name in theirs if name not in names]
        places = {name: at for at, name in reversed(list(enumerate(names)))}
        spoken_of = {*theirs, *blotter.ignore}
        others = [] if ELSE in blotter.ignore else [name for name in names if name not in spoken_of]
        self._single: list[tuple[str, int]] = [(name, places[name]) for name in others]
        self._joined: list[tuple[str, tuple[int, ...]]] = []
        for name, parts in blotter.columns.items():
            at = tuple(places.get(part, 0) for part in parts)
            if len(at) == 1:
                self._single.append((name, at[0]))
            else:
                self._joined.append((name, at))
        self._by_side = [
            (name, places.get(buy, 0), places.get(sell, 0)) for name, (buy, sell) in blotter.by_side.items()
        ]
        self._seconds = [(name, places.get(each, 0)) for name, each in blotter.seconds.items()]
        self._dealers = [[(name, places.get(each, 0)) for name, each in columns.items()] for columns in blotter.dealers]
        self._winner = places.get(blotter.winner) if blotter.winner else None
        known = [
            *others,
            *blotter.columns,
            *blotter.by_side,
            *blotter.seconds,
            *(blotter.dealers[0] if blotter.dealers else ()),
        ]
        known += [name for name in blotter.fill if name not in known]
        problems += [_with_advice(each) for each in header_problems(known)]
        if problems:
            raise ValueError("; ".join(problems))
        self._key = [dict(self._single).get(name) for name in ("source", "rfq_id", "round")]
        self._joined_key = [dict(self._joined).get(name) for name in ("source", "rfq_id", "round")]
        self._fill = [(name, text) for name, text in blotter.fill.items()]
        self._values = [(name, words, words.get(ELSE)) for name, words in blotter.values.items()]
        self._numbers = [
            name
            for name in _NUMBERS
            if blotter.thousands or blotter.decimal != "." or name in blotter.scale
            or (blotter.in_32nds and name in _PRICES)
        ]  # fmt: skip
        self._has_times = blotter.zone is not None or bool(blotter.time_formats)

    def round_of(self, cells: Sequence[str]) -> RoundName:
        """Which round a line belongs to."""
        found: list[str] = []
        for name, at, joined in zip(("source", "rfq_id", "round"), self._key, self._joined_key, strict=True):
            text = cells[at].strip() if at is not None else _joined(cells, joined) if joined is not None else ""
            found.append(self._said(name, text or self._blotter.fill.get(name, "")))
        return found[0], found[1], found[2]

    def count(self, cells: Sequence[str]) -> int:
        """The rows of a line."""
        return sum(1 for _ in self._of_dealers(cells)) if self._dealers else 1

    def rows(self, cells: Sequence[str]) -> Iterator[dict[str, str]]:
        """A line as rows, one a dealer. Raises ValueError with what is wrong with it."""
        shared = {name: text for name, at in self._single if (text := cells[at].strip())}
        for name, places in self._joined:
            if text := _joined(cells, places):
                shared[name] = text
        if not self._dealers:
            yield self._ours(shared, cells)
            return
        found = list(self._of_dealers(cells))
        if not found:
            raise ValueError("dealer: the line names none")
        winner = cells[self._winner].strip() if self._winner is not None else ""
        if winner and not any(each["dealer"] == winner for each in found):
            raise ValueError(f"{self._blotter.winner}: '{winner}' is none of the dealers of the line")
        for place, each in enumerate(found, 1):
            row = {**shared, **each}
            row.setdefault("position", str(place))
            row.setdefault("n_asked", str(len(found)))
            if winner:
                row["outcome"] = "filled" if each["dealer"] == winner else ""
            yield self._ours(row, cells)

    def _of_dealers(self, cells: Sequence[str]) -> Iterator[dict[str, str]]:
        for columns in self._dealers:
            row = {name: text for name, at in columns if (text := cells[at].strip())}
            if "dealer" in row:
                yield row

    def _ours(self, row: dict[str, str], cells: Sequence[str]) -> dict[str, str]:
        blotter = self._blotter
        for name, text in self._fill:
            row.setdefault(name, text)
        for name, words, other in self._values:
            text = row.get(name, "")
            said = words.get(text)
            if said is None:
                said = text if other is None or not text else other
            row[name] = said
        if blotter.of_dealer and "side" in row:
            row["side"] = _SIDES.get(row["side"].lower(), row["side"])
        for name, buy, sell in self._by_side:
            row[name] = cells[buy if row.get("side") == "buy" else sell].strip()
        for name in self._numbers:
            if row.get(name):
                row[name] = self._number(name, row[name])
        if self._has_times:
            for name in _TIMES:
                if row.get(name):
                    row[name] = self._time(name, row[name])
        if blotter.date_format and row.get("maturity"):
            row["maturity"] = _day(row["maturity"], blotter.date_format)
        for name, at in self._seconds:
            if text := cells[at].strip():
                row[name] = _after(name, row.get("sent_at", ""), text)
        return {name: text for name, text in row.items() if text}

    def _said(self, name: str, text: str) -> str:
        words = self._blotter.values.get(name)
        if words is None:
            return text
        return words.get(text, text if not text else words.get(ELSE, text))

    def _number(self, name: str, text: str) -> str:
        blotter = self._blotter
        try:
            if blotter.in_32nds and name in _PRICES:
                text = decimal_of_32nds(text)
            return plain_number(text, blotter.thousands, blotter.decimal, blotter.scale.get(name))
        except NotACell as error:
            raise ValueError(f"{name}: {error}") from None

    def _time(self, name: str, text: str) -> str:
        """A time as the engine wants it. Raises ValueError; what has a zone of its own keeps it."""
        blotter, found = self._blotter, None
        for each in blotter.time_formats or ("",):
            try:
                found = datetime.strptime(text, each) if each else datetime.fromisoformat(text)
                break
            except ValueError:
                continue
        if found is None:
            wanted = f"a time as {' or '.join(blotter.time_formats)}" if blotter.time_formats else "an ISO 8601 time"
            raise ValueError(f"{name}: expected {wanted}, found '{text}'")
        if found.tzinfo is not None:
            return found.isoformat() if blotter.time_formats else text
        if blotter.zone is None:
            return text if not blotter.time_formats else found.isoformat()
        return found.replace(tzinfo=blotter.zone).isoformat()


def _with_advice(problem: str) -> str:
    if "is not known" not in problem:
        return problem
    near = did_you_mean(problem.split("'")[1], COLUMNS)
    return f"{problem}{near}: name it in the mapping, under [columns] or ignore"


def _joined(cells: Sequence[str], places: Sequence[int]) -> str:
    return " ".join([text for at in places if (text := cells[at].strip())])


def _day(text: str, date_format: str) -> str:
    try:
        return datetime.strptime(text, date_format).date().isoformat()
    except ValueError:
        raise ValueError(f"maturity: expected a day as {date_format}, found '{text}'") from None


def _after(name: str, sent_at: str, text: str) -> str:
    try:
        sent = datetime.fromisoformat(sent_at)
    except ValueError:
        raise ValueError(f"{name}: it is told in seconds after sent_at, which is no time: '{sent_at}'") from None
    try:
        seconds = seconds_of(text)
    except NotACell as error:
        raise ValueError(f"{name}: {error}") from None
    if sent.tzinfo is None:
        raise ValueError(f"{name}: it is told in seconds after sent_at, which has no zone: '{sent_at}'")
    return (sent.astimezone(UTC) + timedelta(microseconds=int(seconds * 1_000_000))).isoformat()

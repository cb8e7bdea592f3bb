"""The tables of a warehouse: their columns and types, one row of Python values a row.

A number that does not fit its decimal is rounded half even to the places there are; one that is too large for it is
null. What was kept exactly stands in `body` of the table `events`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any, Final

import pyarrow as pa

SCHEMA_VERSION: Final = 1
"""Of the tables as a whole: another number where a column has gone or means something else. New ones may come."""

TEXT: Final = pa.string()
WORD: Final = pa.dictionary(pa.int32(), pa.string())
"""One of few words."""
WHOLE: Final = pa.int64()
FLAG: Final = pa.bool_()
BPS: Final = pa.float64()
PRICE: Final = pa.decimal128(18, 8)
FACE: Final = pa.decimal128(20, 4)
TIME: Final = pa.timestamp("ns", tz="UTC")
DAY: Final = pa.date32()

JOURNAL, SEQ, HAPPENED, STANDS = "journal", "seq", "happened", "stands"


@dataclass(frozen=True, slots=True)
class Table:
    """One kind of row. `key` says which rows are versions of one thing: of these the last one stands.

    Without a key every row stands for ever. The columns `journal`, `seq` and `happened` come first in each: the event
    that the row was made by. `stands` comes last in those with a key.
    """

    name: str
    doc: str
    key: tuple[str, ...]
    columns: tuple[tuple[str, pa.DataType], ...]

    @property
    def schema(self) -> pa.Schema:
        first = [(JOURNAL, WORD), (SEQ, WHOLE), (HAPPENED, TIME)]
        last = [(STANDS, FLAG)] if self.key else []
        return pa.schema([*first, *self.columns, *last])

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.columns)


def _mark(prefix: str) -> tuple[tuple[str, pa.DataType], ...]:
    """A mark that a decision leaned on: its price, who told it, how old it was, what it may be off by."""
    return (
        (f"{prefix}_price", PRICE),
        (f"{prefix}_source", WORD),
        (f"{prefix}_age_s", BPS),
        (f"{prefix}_sd_bps", BPS),
    )


_BOND: Final = (
    ("security_id", WORD),
    ("issuer", WORD),
    ("asset_class", WORD),
    ("segment", WORD),
    ("rating", WORD),
    ("side", WORD),
)

EVENTS: Final = Table(
    "events",
    "everything that happened, as the journal keeps it",
    (),
    (("turn", WHOLE), ("type", WORD), ("version", WHOLE), ("body", TEXT)),
)
ORDERS: Final = Table(
    "orders",
    "orders, a version for everything that changed one",
    ("order_id",),
    (
        ("order_id", TEXT),
        ("told_by", WORD),
        ("state", WORD),
        ("session", WORD),
        ("cl_ord_id", TEXT),
        ("account", WORD),
        ("trader", WORD),
        ("actor", WORD),
        *_BOND,
        ("quantity", FACE),
        ("filled", FACE),
        ("leaves", FACE),
        ("average_price", PRICE),
        ("limit_price", PRICE),
        ("currency", WORD),
        ("worth", BPS),
        ("tif", WORD),
        ("handling", WORD),
        ("received", TIME),
        ("expires", TIME),
        ("ended", TIME),
        ("settl_date", TEXT),
        *_mark("arrival"),
        ("adv", FACE),
        ("liquidity_score", WHOLE),
        ("days_since_trade", WHOLE),
        ("volatility_bps", BPS),
        ("half_spread_bps", BPS),
        ("impact_bps", BPS),
        ("rule", WORD),
        ("scorer", WORD),
        ("book_hash", WORD),
        ("rounds", WHOLE),
        ("reason", TEXT),
    ),
)
SCORES: Final = Table(
    "scores",
    "what was known of every dealer when whom to ask was chosen, a row a dealer",
    (),
    (
        ("order_id", TEXT),
        ("round", WHOLE),
        ("dealer", WORD),
        ("asked", FLAG),
        ("place", WHOLE),
        ("left_out", WORD),
        ("score", BPS),
        ("inclusion_p", BPS),
        ("panel_p", BPS),
        ("explored", FLAG),
        ("dropped", FLAG),
        ("drawn", FLAG),
        ("rule", WORD),
        ("scorer", WORD),
        *((name, BPS) for name in (
            "p_quote", "p_quote_se", "p_in_time", "edge_bps", "edge_se_bps", "edge_sd_bps", "firmness", "firmness_se",
            "size_share", "p_win", "leak_in_bps", "leak_post_bps", "leak_se_bps", "marginal_bps", "marginal_se_bps",
            "reservation_bps", "latency_p50_s", "latency_p90_s",
        )),
        ("leak_identified", WORD),
        ("asks", WHOLE),
        ("cost_bps", BPS),
        ("fill_p", BPS),
        ("c_fail_bps", BPS),
    ),
)  # fmt: skip
RFQS: Final = Table(
    "rfqs",
    "rounds of asking as they began and ended",
    ("rfq_id",),
    (
        ("rfq_id", TEXT),
        ("order_id", TEXT),
        ("round", WHOLE),
        *_BOND,
        ("quantity", FACE),
        ("mode", WORD),
        ("planned", TEXT),
        ("wait_s", BPS),
        ("stagger_s", BPS),
        ("automatic", FLAG),
        ("opened_by", WORD),
        ("opened", TIME),
        *_mark("fair"),
        ("closed", TIME),
        ("outcome", WORD),
    ),
)
ROUNDS: Final = Table(
    "rounds",
    "what was seen of rounds, asked here or told of by others",
    ("source", "rfq_id", "round"),
    (
        ("source", WORD),
        ("rfq_id", TEXT),
        ("round", WHOLE),
        ("parent_id", TEXT),
        *_BOND,
        ("quantity", FACE),
        ("residual", FACE),
        ("protocol", WORD),
        ("two_way", FLAG),
        ("venue", WORD),
        ("list_id", TEXT),
        ("n_asked", WHOLE),
        ("informed", WHOLE),
        ("limit_price", PRICE),
        ("sent", TIME),
        ("closed", TIME),
        ("decided", TIME),
        *_mark("decision"),
        ("index_decision", BPS),
        ("cover", PRICE),
        ("adv", FACE),
        ("volatility_bps", BPS),
        ("worth", BPS),
        ("p_panel", BPS),
        ("is_drawn", FLAG),
        ("reason", TEXT),
        ("told_by", WORD),
        ("version", WHOLE),
        ("body", TEXT),
    ),
)
ASKS: Final = Table(
    "asks",
    "every dealer that was asked and what came of it, a row a dealer and round",
    ("source", "rfq_id", "round", "dealer"),
    (
        ("source", WORD),
        ("rfq_id", TEXT),
        ("round", WHOLE),
        ("dealer", WORD),
        ("position", WHOLE),
        ("parent_id", TEXT),
        *_BOND,
        ("round_quantity", FACE),
        ("protocol", WORD),
        ("n_asked", WHOLE),
        ("sent", TIME),
        ("deadline", TIME),
        ("answer", WORD),
        ("answered", TIME),
        ("latency_s", BPS),
        ("late", FLAG),
        ("withdrawn", FLAG),
        ("pending", FLAG),
        ("pass_reason", TEXT),
        ("price", PRICE),
        ("quantity", FACE),
        ("valid_until", TIME),
        ("priced", TIME),
        ("edge_bps", BPS),
        *_mark("sent"),
        ("index_sent", BPS),
        *_mark("answered"),
        ("taken", WORD),
        ("accepted", TIME),
        *_mark("accepted"),
        ("decided", TIME),
        *_mark("decided"),
        ("reject_reason", TEXT),
        ("filled", FACE),
        ("fill_price", PRICE),
        ("chosen_by", WORD),
        ("p", BPS),
    ),
)
QUOTES: Final = Table(
    "quotes",
    "every price that a dealer gave",
    ("rfq_id", "dealer", "quote_id"),
    (
        ("rfq_id", TEXT),
        ("order_id", TEXT),
        ("dealer", WORD),
        ("quote_id", TEXT),
        ("security_id", WORD),
        ("segment", WORD),
        ("side", WORD),
        ("received", TIME),
        ("latency_s", BPS),
        ("kind", WORD),
        ("bid", PRICE),
        ("offer", PRICE),
        ("price", PRICE),
        ("quantity", FACE),
        ("firm_until", TIME),
        ("edge_bps", BPS),
        ("problem", TEXT),
        ("late", FLAG),
        ("first", FLAG),
        ("firmed", FLAG),
        ("withdrawn", FLAG),
        *_mark("mark"),
    ),
)
ACCEPTANCES: Final = Table(
    "acceptances",
    "our orders at dealers on their quotes",
    ("placement_id",),
    (
        ("placement_id", TEXT),
        ("rfq_id", TEXT),
        ("order_id", TEXT),
        ("dealer", WORD),
        ("quote_id", TEXT),
        ("security_id", WORD),
        ("side", WORD),
        ("quantity", FACE),
        ("price", PRICE),
        ("filled", FACE),
        ("state", WORD),
        ("accepted", TIME),
        ("ended", TIME),
        ("actor", WORD),
        ("reason", TEXT),
        *_mark("mark"),
    ),
)
EXECUTIONS: Final = Table(
    "executions",
    "fills, a version for each that was taken back or corrected",
    ("exec_id",),
    (
        ("exec_id", TEXT),
        ("state", WORD),
        ("order_id", TEXT),
        ("placement_id", TEXT),
        ("rfq_id", TEXT),
        ("dealer", WORD),
        ("dealer_exec_id", TEXT),
        ("account", WORD),
        ("trader", WORD),
        *_BOND,
        ("quantity", FACE),
        ("price", PRICE),
        ("currency", WORD),
        ("accrued", FACE),
        ("gross", FACE),
        ("net", FACE),
        ("trade_date", TEXT),
        ("settl_date", TEXT),
        ("transacted", TIME),
        ("booked", TIME),
        ("manual", FLAG),
        ("improvement_bps", BPS),
        ("half_spread_bps", BPS),
        *_mark("mark"),
        ("reason", TEXT),
    ),
)
MARKS: Final = Table(
    "marks",
    "what bonds were worth after rounds and fills",
    (),
    (
        ("after", WORD),
        ("source", WORD),
        ("rfq_id", TEXT),
        ("round", WHOLE),
        ("exec_id", TEXT),
        ("horizon", WORD),
        ("due", TIME),
        *_mark("mark"),
        ("quality", WORD),
        ("index", BPS),
        ("reason", TEXT),
        ("version", WHOLE),
        ("body", TEXT),
    ),
)
TCA: Final = Table(
    "tca",
    "figures of what executions cost, ours as they were measured and other providers' as they were told",
    (),
    (
        ("exec_id", TEXT),
        ("order_id", TEXT),
        ("dealer", WORD),
        ("source", WORD),
        ("figure", WORD),
        ("bps", BPS),
        ("reason", TEXT),
    ),
)
LEAKS: Final = Table(
    "leaks",
    "what asking each dealer costs, as every batch found it",
    (),
    (
        ("outcome", WORD),
        ("dealer", WORD),
        ("leak_bps", BPS),
        ("sd_bps", BPS),
        ("low_bps", BPS),
        ("high_bps", BPS),
        ("se_bps", BPS),
        ("n_eff", BPS),
        ("identified", WORD),
        ("asks", WHOLE),
        ("rounds", WHOLE),
    ),
)

TABLES: Final = {
    each.name: each
    for each in (
        ORDERS, SCORES, RFQS, ROUNDS, ASKS, QUOTES, ACCEPTANCES, EXECUTIONS, MARKS, TCA, LEAKS, EVENTS,
    )
}  # fmt: skip

_CONTEXT: Final = Context(prec=60, rounding=ROUND_HALF_EVEN)


def as_arrow(table: Table, rows: Sequence[Sequence[Any]]) -> pa.Table:
    """Rows of all columns but `stands`, which is true."""
    schema = table.schema
    names = schema.names[:-1] if table.key else schema.names
    columns = zip(*rows, strict=True) if rows else ((),) * len(names)
    arrays = [_array(values, schema.field(name).type) for name, values in zip(names, columns, strict=True)]
    if table.key:
        arrays.append(pa.array([True] * len(rows), FLAG))
    return pa.Table.from_arrays(arrays, schema=schema)


def _array(values: Iterable[Any], kind: pa.DataType) -> pa.Array:
    if kind == WORD:
        return pa.array(values, TEXT).dictionary_encode()
    if kind == TIME:
        return pa.array(values, WHOLE).cast(TIME)
    if pa.types.is_decimal(kind):
        given = list(values)
        try:
            return pa.array(given, kind)
        except pa.ArrowInvalid:  # More digits than there are places, somewhere.
            return pa.array([_fitting(value, kind) for value in given], kind)
    return pa.array(values, kind)


def _fitting(value: Decimal | None, kind: pa.Decimal128Type) -> Decimal | None:
    if value is None or not value.is_finite() or value.adjusted() >= kind.precision - kind.scale:
        return None
    found = value.quantize(Decimal(1).scaleb(-kind.scale), context=_CONTEXT)
    return found if found.adjusted() < kind.precision - kind.scale else None

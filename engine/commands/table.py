"""Every command there is: what it is called, who may give it, what it takes, who carries it out, what shows the answer.

The daemon answers from this table; the argument parser of `rfqctl`, its help, its completion and the table of
config/README.md are made from it. Handlers and views are named, not imported: the terminal starts without the engine.
A new command is an entry here and a function that carries it out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from engine.commands.parameters import (
    Param,
    amount,
    choice,
    date,
    flag,
    name,
    names,
    natural,
    pair,
    path,
    price,
    rows,
    text,
    whole,
)
from engine.domain.instrument import AssetClass
from engine.domain.order import OrderState, TimeInForce
from engine.domain.placement import DkReason
from engine.fix.wire.message import SEQ_NUM_MAX


class By(StrEnum):
    """Who carries a command out."""

    desk = "desk"
    """A function of a `Call`: the desk alone."""
    sessions = "sessions"
    """A function of a `SessionCall`: sessions, their TLS, the process."""
    record = "record"
    """The journal's file, read beside the work: a method of `admin.record`."""
    terminal = "terminal"
    """rfqctl itself; no daemon is needed unless the function asks one."""


@dataclass(frozen=True, slots=True)
class Command:
    """One entry.

    `role` is the least that may give it, empty for whoever can read the files. `carried_out` names a function: of
    `engine.commands` for the daemon's, of `engine.admin` for the terminal's. `shown` names the view of the answer.
    """

    name: str
    role: str
    doc: str
    by: By
    carried_out: str
    shown: str = ""
    params: tuple[Param, ...] = ()
    one_of: tuple[str, ...] = ()
    """Parameters of which exactly one is given."""
    is_typed: bool = True
    """Does rfqctl have it? If not, it has others in its place that call it."""
    typed: Typed | None = None
    """Where rfqctl takes something else than the parameters."""
    about: str = ""
    after: str = ""

    @property
    def words(self) -> tuple[str, ...]:
        """As it is typed."""
        return tuple(self.name.replace("_", "-").split("."))

    @property
    def usage(self) -> str:
        """What is typed behind `rfqctl`."""
        one_of = [param.spelling for param in self.typed_params if param.name in self.one_of]
        others = [param.usage for param in self.typed_params if param.name not in self.one_of]
        return " ".join((*self.words, *([f"({' | '.join(one_of)})"] if one_of else []), *others))

    @property
    def typed_params(self) -> tuple[Param, ...]:
        return self.params if self.typed is None else self.typed.params

    @property
    def needs_reason(self) -> bool:
        return any(param.name == "reason" and param.required for param in self.params)


@dataclass(frozen=True, slots=True)
class Typed:
    """What rfqctl takes for a command that is more than one call with its parameters, and its own function for it."""

    carried_out: str
    params: tuple[Param, ...]


ORDERS_SHOWN: Final = 50
ORDERS_SHOWN_MAX: Final = 1_000
AXES_SHOWN: Final = 50
EVENTS_MAX: Final = 500
AXES_SHOWN_MAX: Final = 10_000
ADV_DAYS_SHOWN: Final = 30
ADV_DAYS_MAX: Final = 3_650
NOTES_SHOWN: Final = 20
NOTES_SHOWN_MAX: Final = 50
"""As many as are kept of a session: `turn.history.NOTES_MAX`."""
ROUNDS_MAX: Final = 1_000
DIFFERENCES_SHOWN: Final = 20
DIFFERENCES_SHOWN_MAX: Final = 20_000
"""As many as are kept: `research.two_books.DIFFERENCES_MAX`."""
QUARANTINE_SHOWN: Final = 50
QUARANTINE_SHOWN_MAX: Final = 1_000
DK_REASONS: Final = tuple(reason.name for reason in DkReason)
RELEASED: Final = "released"
LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")
_STATES: Final = ("open", "all", *(state.value for state in OrderState))
_CLASSES: Final = tuple(each.value for each in AssetClass)
_TIFS: Final = tuple(tif.value for tif in TimeInForce)

_ORDER: Final = Param("order", name, "the order, such as O-000012 or 12", required=True)
_DEALER: Final = Param("dealer", name, "the dealer's id", required=True)
_ASSET_CLASS: Final = Param("asset_class", choice(*_CLASSES), f"one of {', '.join(_CLASSES)}; all of them if left out")
_FILL: Final = Param("fill", name, "the fill, such as F-000003 or 3", required=True)
_REASON: Final = Param("reason", text, "why, for the record", required=True)
_REASON_TOLD: Final = Param("reason", text, "why, for the record; the peer is told too, in Text(58)", required=True)
_SESSION: Final = Param("session", name, "its key, as in engine.toml", required=True, typed="KEY")
_NOTES: Final = whole(0, NOTES_SHOWN_MAX)
_SEQ_NUM: Final = whole(1, SEQ_NUM_MAX)
_LIMIT: Final = Param("limit", price, "limit price in percent of par; none for a market order", typed="--limit PRICE")
_ACCOUNT: Final = Param("account", name, "the account it is for")
_SUPPOSED: Final = (
    Param("rank", choice("model", "classic"), "rank by this scorer, whatever the rule says", typed="--rank SCORER"),
    Param("assume_connected", flag, "as if every dealer were logged on", default=False),
)
_JOURNAL: Final = Param("journal", path, "the journal; default: the configured one", typed="--journal FILE")


_SOURCES: Final = (
    Param("source", text, "journals, history files, folders of a warehouse", typed="[SOURCE...]"),
    Param("begin", date, "judge by rounds of this UTC day or later; those before are learnt from", typed="--from DATE"),
    Param("end", date, "rounds of this UTC day or before", typed="--to DATE"),
)
_SPREAD: Final = (
    Param("processes", whole(1, 1024), "on so many processes; default: one a processor", typed="--processes N"),
    Param("scheduler", text, "on a Dask cluster that sees the folder for temporary files", typed="--scheduler URL"),
)
_CURSOR: Final = (
    Param("after", whole(0, 2**53), "the seq behind which to begin, 0 for the first", default=0),
    Param("limit", whole(1, EVENTS_MAX), "how many at most", default=EVENTS_MAX),
    Param("wait_s", whole(0, 60), "how long to wait for the first one", default=0),
)


_REPORT: Final = (
    Param("html", path, "the file to write: one page, nothing beside it", required=True, typed="--html FILE"),
    Param("force", flag, "true: over a file that is there", default=False),
    _JOURNAL,
)


def _bond(required: bool) -> tuple[Param, ...]:
    return (
        Param("security", name, "the bond's ISIN or CUSIP", required),
        Param("side", choice("buy", "sell"), "buy or sell", required),
        Param("quantity", amount, "face amount, such as 5mm", required),
        _LIMIT,
        _ACCOUNT,
    )


def _desk(name: str, role: str, carried_out: str, shown: str, doc: str, *params: Param) -> Command:
    return Command(name, role, doc, By.desk, carried_out, shown, params)


def _sessions(name: str, role: str, carried_out: str, shown: str, doc: str, *params: Param) -> Command:
    return Command(name, role, doc, By.sessions, carried_out, shown, params)


def _terminal(name: str, role: str, carried_out: str, doc: str, *params: Param) -> Command:
    return Command(name, role, doc, By.terminal, carried_out, "", params)


_NEW: Final = (
    *_bond(True),
    Param("tif", choice(*_TIFS), "time in force: day, gtd, ioc or fok"),
    Param("until", date, "the last day of a gtd order", typed="--until DATE"),
    Param("hold", flag, "true: no rule sends it or executes it by itself", default=False),
)
_BY_NAME: Final = {param.name: param for param in _NEW}

TABLE: Final[tuple[Command, ...]] = (
    # --- looking around ---
    _desk("status", "viewer", "desk_enquiries.status", "views.status", "the desk at a glance"),
    Command(
        "dealers",
        "viewer",
        "dealers with what they did, best first; one dealer: its whole profile",
        By.desk,
        "desk_enquiries.dealers",
        "views.dealers",
        (
            Param("dealer", name, "only this one", typed="[DEALER]"),
            _ASSET_CLASS,
        ),
        typed=Typed(
            "acts.dealers",
            (
                Param("dealer", name, "the whole profile of this one", typed="[DEALER]"),
                _ASSET_CLASS,
                Param("pause", flag, "have it not asked from now on, over restarts too; role trader"),
                Param("resume", flag, "let it be asked again, as far as people say so; role operator"),
                Param("history", flag, "who changed what of it, and when"),
                Param("reason", text, "why, for the record; with --pause and --resume"),
            ),
        ),
    ),
    Command(
        "dealer.show",
        "viewer",
        "the whole profile of one dealer",
        By.desk,
        "dealer_commands.show",
        "dealer_views.profile",
        (_DEALER, _ASSET_CLASS),
        is_typed=False,
    ),
    *(
        Command(
            f"dealer.{switch}",
            role,
            doc,
            By.desk,
            f"dealer_commands.{switch}",
            "dealer_views.paused",
            (_DEALER, _REASON),
            is_typed=False,
        )
        for switch, role, doc in (
            ("pause", "trader", "have a dealer not asked from now on, over restarts too; what is open goes on"),
            ("resume", "operator", "let a dealer be asked again, unless its file pauses it"),
        )
    ),
    _desk(
        "rules.explain",
        "viewer",
        "desk_enquiries.explain",
        "advice.explain",
        "why an order went where it went",
        _ORDER,
        Param("now", flag, "true: decide again, as things are now", default=False),
    ),
    _sessions(
        "rules.reload",
        "trader",
        "process_commands.reload_rules",
        "reload_views.reloaded",
        "read the rule book again and put it in force, or say what is wrong with it",
        _REASON,
    ),
    Command(
        "rules.fields",
        "viewer",
        "what a rule may speak of",
        By.desk,
        "desk_enquiries.fields",
        typed=Typed("acts.rules_fields", ()),
    ),
    _desk(
        "orders",
        "viewer",
        "order_commands.orders",
        "views.orders",
        "orders, the latest first",
        Param("state", choice(*_STATES), f"one of {', '.join(_STATES)}", default="open"),
        Param("limit", whole(1, ORDERS_SHOWN_MAX), "how many at most", default=ORDERS_SHOWN, typed="--limit N"),
    ),
    # --- one order ---
    _desk(
        "tiers",
        "viewer",
        "order_commands.tiers",
        "order_views.tiers",
        "who is in which tier for an order or an asset class, and by which line",
        Param(
            "of", name, f"an order such as O-000012 or 12, or one of {', '.join(_CLASSES)}", True, typed="ORDER|CLASS"
        ),
    ),
    _desk("order.show", "viewer", "order_commands.show", "order_views.order", "the whole story of an order", _ORDER),
    Command(
        "order.new",
        "trader",
        "enter an order",
        By.desk,
        "order_commands.new",
        "order_views.order",
        _NEW,
        typed=Typed(
            "",
            tuple(
                _BY_NAME[each] for each in ("side", "quantity", "security", "limit", "account", "tif", "until", "hold")
            ),
        ),
    ),
    _desk("order.cancel", "trader", "order_commands.cancel", "views.canceled", "cancel an order", _ORDER),
    _desk(
        "order.allow_duplicate",
        "trader",
        "order_commands.allow_duplicate",
        "order_views.order",
        "say that an order like an earlier one is meant",
        _ORDER,
        _REASON,
    ),
    Command(
        "recommend",
        "viewer",
        "whom the engine would ask, and why; records nothing",
        By.desk,
        "order_commands.recommend_dry",
        "advice.recommend",
        (Param("order", name, "an open order, in place of the following"), *_bond(False), *_SUPPOSED),
        typed=Typed(
            "acts.recommend",
            (
                Param(
                    "what",
                    names,
                    "such as 12, or: sell 12mm US99O014AG12",
                    required=True,
                    typed="ORDER | SIDE QUANTITY SECURITY...",
                ),
                _LIMIT,
                _ACCOUNT,
                *_SUPPOSED,
            ),
        ),
    ),
    _desk(
        "send",
        "trader",
        "order_commands.send",
        "views.sent",
        "ask the recommended dealers",
        _ORDER,
        Param("fresh", flag, "true: recommend anew and send that", default=False),
    ),
    _desk(
        "override",
        "trader",
        "order_commands.override",
        "views.sent",
        "ask other dealers than the recommended ones",
        _ORDER,
        Param("dealers", names, "whom to ask, in order", required=True, typed="DEALER..."),
        _REASON,
        Param("past_protection", flag, "true: go past a protection; role operator", default=False),
    ),
    _desk(
        "execute",
        "trader",
        "order_commands.execute",
        "views.executed",
        "take the best quote, or one dealer's",
        _ORDER,
        Param("dealer", name, "whose quote; the best one if left out"),
        Param("reason", text, "why, where it is better than fair by more than the collar", typed="--reason TEXT"),
    ),
    # --- what dealers advertise ---
    _desk(
        "axes",
        "viewer",
        "axe_commands.listed",
        "dealer_views.axes",
        "what dealers want to buy and sell, the latest first",
        Param("of", name, "only of this dealer, or in this bond", typed="[DEALER|SECURITY]"),
        Param("limit", whole(1, AXES_SHOWN_MAX), "how many at most", default=AXES_SHOWN, typed="--limit N"),
    ),
    Command(
        "axes.put",
        "feed",
        "take interests of dealers, a row each; a row that is wrong is named and stops no other",
        By.desk,
        "axe_commands.put",
        params=(
            Param(
                "rows",
                rows,
                "action (new, replace, cancel), dealer, axe_id, refers_to, security, side (the dealer's own), quantity"
                " or size, price, quality, valid_until",
                required=True,
            ),
        ),
        is_typed=False,
    ),
    # --- what the journal has ---
    Command(
        "events",
        "feed",
        "events behind a cursor, in order, at least once; `next` is where to go on",
        By.record,
        "record.events",
        params=(
            *_CURSOR,
            Param("types", names, "only events of these types"),
        ),
        is_typed=False,
    ),
    Command(
        "executions",
        "feed",
        "fills behind a cursor, with what cost analysis needs of their orders; `next` is where to go on",
        By.record,
        "record.executions",
        params=_CURSOR,
        is_typed=False,
    ),
    Command(
        "dealer.history",
        "viewer",
        "who changed what of a dealer's profile, and when: the latest first",
        By.record,
        "record.dealer_history",
        "dealer_views.history",
        (_DEALER,),
        is_typed=False,
    ),
    # --- what feeds deliver ---
    _desk(
        "bond",
        "viewer",
        "market_commands.bond",
        "market_views.bond",
        "what is known of a bond: its prices, how it trades, what an order of it is expected to cost, its interest",
        Param("security", name, "the bond's ISIN or CUSIP", required=True),
        Param("quantity", amount, "face amount of an order, such as 5mm", typed="[QUANTITY]"),
        Param("settlement", date, "interest of the quantity to this day, not the usual one", typed="--settlement DATE"),
        Param(
            "window",
            whole(1, ADV_DAYS_MAX),
            "business days of the average volume",
            default=ADV_DAYS_SHOWN,
            typed="--window N",
        ),
    ),
    _desk(
        "calendars",
        "viewer",
        "market_commands.calendars",
        "market_views.calendars",
        "whose holidays are known until when, the next of them, and when a trade of now settles",
    ),
    Command(
        "marks.put",
        "feed",
        "take prices of bonds, or levels of benchmarks, a row each; a row that is wrong is named and stops no other",
        By.desk,
        "market_commands.marks_put",
        params=(
            Param("rows", rows, "security; bid and offer, or price; time, quality", required=True),
            Param("source", name, "whose prices they are; feed:NAME of who delivers, if left out"),
            Param("dry_run", flag, "true: say what would be taken, and take nothing", default=False),
        ),
        is_typed=False,
    ),
    _terminal(
        "marks.import",
        "feed",
        "acts.marks_import",
        "take a file of prices: security, time, and price or bid and offer",
        Param("file", path, "a CSV file, a row a price", required=True, typed="FILE"),
        Param("source", name, "whose prices they are; default: the file's name", typed="--source NAME"),
        Param("dry_run", flag, "true: say what would be taken and what not, and take nothing", default=False),
    ),
    Command(
        "trades.put",
        "feed",
        "take trades of bonds, a row each; the same again changes nothing, a row that is wrong stops no other",
        By.desk,
        "market_commands.trades_put",
        params=(
            Param("rows", rows, "security, price, quantity, time, id; canceled: it is taken back", required=True),
            Param("source", name, "whose trades they are; feed:NAME of who delivers, if left out"),
            Param("complete_from", date, "all trades of these asset classes since this day are told"),
            Param("dry_run", flag, "true: say what would be taken, and take nothing", default=False),
        ),
        is_typed=False,
    ),
    _terminal(
        "trades.import",
        "feed",
        "acts.trades_import",
        "take a file of trades of the market; the same file again changes nothing",
        Param("file", path, "a CSV file, a row a trade", required=True, typed="FILE"),
        Param("source", name, "whose trades they are; default: the file's name", typed="--source NAME"),
        Param(
            "complete_from",
            date,
            "all trades of the file's asset classes since this day are in it",
            typed="--complete-from DATE",
        ),
        Param("dry_run", flag, "true: say what would be taken and what not, and take nothing", default=False),
    ),
    Command(
        "securities.put",
        "feed",
        "add bonds or replace them, a row each, over restarts too; a row that is wrong is named and stops no other",
        By.desk,
        "feed_commands.securities_put",
        params=(
            Param(
                "rows",
                rows,
                "cells by the columns of the securities file; or isin and remove: as the file has it again",
                required=True,
            ),
        ),
        is_typed=False,
    ),
    Command(
        "credit_limits.put",
        "feed",
        "set credit limits of dealers, accounts and issuers; the stricter of file and feed holds",
        By.desk,
        "feed_commands.credit_limits_put",
        params=(
            Param(
                "rows",
                rows,
                "scope (dealer:NAME, account:NAME, issuer:NAME) with request_max, day_max or both; or lift",
                required=True,
            ),
        ),
        is_typed=False,
    ),
    _desk(
        "credit",
        "viewer",
        "feed_commands.credit_limits",
        "dealer_views.credit",
        "credit limits that were delivered, with what is dealt today and what is left",
    ),
    _desk(
        "rates",
        "viewer",
        "rate_commands.rates",
        "rate_views.rates",
        "what currencies are worth in the base currency: by whom, how old, and whether it is used",
    ),
    Command(
        "rates.put",
        "feed",
        "take a rate of two currencies: limits of bonds in one of them are held by it, over restarts too",
        By.desk,
        "rate_commands.put",
        "rate_views.put",
        (
            Param("rows", rows, "pair, price, time; has_moved: it has moved as far as it says", required=True),
            Param("source", name, "whose rates they are; feed:NAME or person:NAME of who delivers, if left out"),
            Param("reason", text, "why, for the record; needed with has_moved"),
            Param("dry_run", flag, "true: say what would be taken, and take nothing", default=False),
        ),
        typed=Typed(
            "acts.rates_put",
            (
                Param("pair", text, "both currencies, such as EURUSD", required=True, typed="PAIR"),
                Param("price", text, "how much of the second one of the first is", required=True, typed="PRICE"),
                Param("time", text, "of when it is, 2026-11-30T15:00:00Z; default: now", typed="--time TIME"),
                Param("source", name, "whose rate it is; default: who puts it", typed="--source NAME"),
                Param("has_moved", flag, "true: it is right, however far from the last one; with a reason"),
                Param("reason", text, "why, for the record"),
            ),
        ),
    ),
    _desk(
        "rates.remove",
        "operator",
        "rate_commands.remove",
        "rate_views.removed",
        "take a rate back that was put; one of the file goes with its line there",
        Param("pair", pair, "both currencies, such as EURUSD", required=True),
        Param("source", name, "whose; everybody's, if left out"),
        _REASON,
    ),
    # --- what asking costs ---
    _desk(
        "leak.show",
        "viewer",
        "leak_commands.show",
        "leak_views.shown",
        "what asking each dealer costs, as the last batch found it, with errors",
    ),
    _sessions(
        "leak.solve",
        "operator",
        "leak_commands.solve",
        "leak_views.solved",
        "find anew what asking each dealer costs, beside the work of the day",
        _REASON,
    ),
    # --- what other systems saw ---
    Command(
        "history.add",
        "feed",
        "take rounds that were asked elsewhere, a row a dealer asked; what was taken before changes nothing",
        By.desk,
        "history_commands.add",
        params=(
            Param("rows", rows, "cells as text by column, all rows of a round together", required=True),
            Param("origin", name, "whose they are where a row names no source", required=True),
            Param("dry_run", flag, "true: say what would be taken, and take nothing", default=False),
        ),
        is_typed=False,
    ),
    Command(
        "history.known",
        "feed",
        "which rounds that were asked elsewhere are known already, by all of the dealers named",
        By.desk,
        "history_commands.known",
        params=(
            Param("rows", rows, "source, rfq_id, round and dealers (a list) of each round", required=True),
            Param("origin", name, "whose they are where a row names no source", required=True),
        ),
        is_typed=False,
    ),
    _terminal(
        "history.import",
        "feed",
        "acts.history_import",
        "take a file of rounds that were asked elsewhere; the same file again changes nothing",
        Param("file", path, "a CSV file, a row a dealer asked", required=True, typed="FILE"),
        Param("mapping", path, "how the file names columns and values", typed="--mapping FILE.toml"),
        Param("refused", path, "a file to write every refused line to, with its reason", typed="--refused FILE"),
        Param("dry_run", flag, "true: say what would be taken and what not, and take nothing", default=False),
    ),
    _terminal(
        "history.export",
        "",
        "acts.history_export",
        "every round of the journal, asked or told of, as a file that an engine takes in",
        Param("file", path, "the CSV file to write; - is the screen", required=True, typed="FILE"),
        Param("begin", date, "rounds of this UTC day or later", typed="--from DATE"),
        Param("end", date, "rounds of this UTC day or before", typed="--to DATE"),
        Param("force", flag, "true: over a file that is there", default=False),
        _JOURNAL,
    ),
    _terminal(
        "history.report",
        "",
        "acts.history_report",
        "what a history can support: of whom enough is known, and what nobody could tell from it",
        Param(
            "sources",
            names,
            "journals, history files (with a mapping: FILE.csv:MAPPING.toml); default: the journal",
            typed="[SOURCE...]",
        ),
        Param("within", whole(1, 50), "a share is known to so many percent points", default=5, typed="--within POINTS"),
        Param("html", path, "a file to write it to: one page, nothing beside it", typed="--html FILE"),
        Param("force", flag, "true: over a file that is there", default=False),
        _JOURNAL,
    ),
    _terminal(
        "backtest",
        "",
        "acts.backtest",
        "what another policy would have cost, by the record, or why nobody can tell",
        Param(
            "sources",
            path,
            "journals, warehouses, history files (FILE.csv:MAPPING.toml); the configured journal",
            typed="[SOURCE...]",
        ),
        Param(
            "policy",
            text,
            "model, classic, random, static:A,B,C or weights such as '60% hit_rate, 40% speed'; may be repeated",
            required=True,
            typed="--policy POLICY...",
        ),
        Param(
            "against",
            text,
            "the policy it is held against; logged is what the desk chose",
            default="logged",
            typed="--against POLICY",
        ),
        Param("begin", date, "judge rounds of this UTC day or later; all before are learnt from", typed="--from DATE"),
        Param("end", date, "judge rounds of this UTC day or before", typed="--to DATE"),
        Param(
            "at_most",
            whole(1, 100),
            "how many a policy may ask; as many as the desk's rule if left out",
            typed="--at-most N",
        ),
        Param(
            "by_desk", flag, "true: each source is the record of a desk of its own, which knew no other", default=False
        ),
        Param(
            "processes",
            whole(1, 1_000),
            "share policies, or desks, out among so many processes",
            default=1,
            typed="--processes N",
        ),
        Param(
            "scheduler",
            text,
            "share them out by this Dask scheduler, such as tcp://host:8786",
            typed="--scheduler ADDRESS",
        ),
        Param("html", path, "a report to write as well", typed="--html FILE"),
        Param("force", flag, "true: over a report that is there", default=False),
    ),
    _terminal(
        "warehouse.export",
        "",
        "acts.warehouse_export",
        "what journals tell, as files for tools that count columns; run again, what is new",
        Param("journals", path, "journals of one desk or of many; default: the configured one", typed="[JOURNAL...]"),
        Param("to", choice("parquet"), "the form of the files", default="parquet", typed="--to FORMAT"),
        Param("out", path, "the folder; default: warehouse, beside the first journal", typed="--out DIR"),
        Param("desk", name, "whose they are; default: the name in each one's configuration", typed="--desk NAME"),
    ),
    Command(
        "warehouse.scores",
        "",
        "how good predictions of every desk were, walked forward; each desk, and all together",
        By.terminal,
        "acts.warehouse_scores",
        params=(
            Param(
                "folder", path, "a folder that `warehouse export` wrote; default: beside the journal", typed="[FOLDER]"
            ),
            *_SOURCES[1:],
            Param("desk", names, "only these desks", typed="--desk NAME..."),
            Param("keep", path, "a file that keeps each desk's result, to go on with", typed="--keep FILE"),
            _SPREAD[0],
            Param("scheduler", text, "on a Dask cluster whose workers see the folder", typed="--scheduler URL"),
        ),
        about="""\
Each desk's past is walked by itself: every round is judged by what that desk knew before it. Desks are spread over
processes, or over a cluster: the table is the same to the last digit. Intervals are 95 %, by drawing days again.""",
    ),
    # --- what years of records say ---
    Command(
        "calibrate",
        "",
        "which numbers of the estimates and of expected impact the past speaks for: proposed, or kept",
        By.terminal,
        "acts.calibrate",
        params=(
            *_SOURCES,
            Param("out", path, "the file to write what is proposed to; nothing reads it by itself", typed="--out FILE"),
            Param("html", path, "a report for people, with pictures", typed="--html FILE"),
            Param("force", flag, "true: over files that are there", default=False),
            Param(
                "keep", path, "keep walks in this file: a run that was stopped goes on from there", typed="--keep FILE"
            ),
            *_SPREAD,
        ),
        about="""\
Walks the past day by day with the numbers in force and with others. Values are chosen on some days and judged on
later ones, which had no say; one is proposed only where it is better there beyond its interval. The same for the law
of expected_impact, from what trades cost. Too short a past is refused, in words.

A SOURCE is a journal, a history file (FILE.csv, or FILE.csv:MAPPING.toml), or a folder that `warehouse export` wrote;
without one it is the configured journal. The numbers in force are those of engine.toml (--config).""",
    ),
    # --- what trades cost ---
    _desk(
        "tca.order",
        "viewer",
        "tca_commands.of_order",
        "tca_views.of_order",
        "what one order cost, figure by figure",
        _ORDER,
    ),
    *(
        _desk(
            f"tca.{by}s",
            "viewer",
            f"tca_commands.{by}s",
            "tca_views.means",
            f"what trades cost by {by}: means with their standard errors",
            Param("begin", date, "of this UTC day or later", typed="--from DATE"),
            Param("end", date, "of this UTC day or before", typed="--to DATE"),
        )
        for by in ("dealer", "rule", "trader", "segment")
    ),
    Command(
        "tca.put",
        "feed",
        "take an outside provider's results, matched on our ExecID(17); the same again changes nothing",
        By.desk,
        "tca_commands.put",
        params=(
            Param("rows", rows, "exec_id and figures by name, as text", required=True),
            Param("source", name, "whose results they are", required=True),
            Param("dry_run", flag, "true: say what would be taken, and take nothing", default=False),
        ),
        is_typed=False,
    ),
    _terminal(
        "tca.import",
        "feed",
        "acts.tca_import",
        "take a file of an outside provider's results; the same file again changes nothing",
        Param("file", path, "a CSV file with exec_id and figures, a row an execution", required=True, typed="FILE"),
        Param("source", name, "whose results they are; default: the file's name", typed="--source NAME"),
        Param("dry_run", flag, "true: say what would be taken and what not, and take nothing", default=False),
    ),
    # --- reports ---
    _terminal(
        "best_execution",
        "",
        "acts.best_execution",
        "a report of one order, or of all orders of some days: was the best price taken, who was asked, what it cost",
        Param("order", name, "only this one: O-000012, 12, or its ClOrdID(11)", typed="[ORDER]"),
        Param("begin", date, "orders of this UTC day or later; default: 90 days up to the last", typed="--from DATE"),
        Param("end", date, "orders of this UTC day or before; default: that of the last event", typed="--to DATE"),
        *_REPORT,
    ),
    _terminal(
        "scorecard",
        "",
        "acts.scorecard",
        "what the desk shows a dealer: its own numbers, its place among unnamed peers",
        _DEALER,
        Param("begin", date, "requests of this UTC day or later; default: 90 days up to the last", typed="--from DATE"),
        Param("end", date, "requests of this UTC day or before; default: that of the last event", typed="--to DATE"),
        *_REPORT,
    ),
    # --- stopping ---
    Command(
        "kill",
        "trader",
        "stop everything, a dealer or an account; off needs role operator",
        By.desk,
        "stop_commands.kill",
        "views.killed",
        (
            Param("scope", text, "all, dealer:NAME or account:NAME", required=True),
            Param("on", flag, "true to stop, false to let go again", required=True),
            _REASON,
        ),
        is_typed=False,
    ),
    *(
        Command(
            f"kill.{switch}",
            role,
            doc,
            By.terminal,
            f"acts.kill_{switch}",
            params=(
                _REASON,
                Param("all", flag, "everything"),
                Param("dealer", name, "this dealer"),
                Param("account", name, "this account"),
            ),
            one_of=("all", "dealer", "account"),
        )
        for switch, role, doc in (
            ("on", "trader", "stop; what is out is called back"),
            ("off", "operator", "let go again"),
        )
    ),
    _desk(
        "order.force_state",
        "operator",
        "stop_commands.force_state",
        "views.forced",
        "release an acceptance that its dealer does not answer for",
        Param("order", name, "the order", required=True),
        Param("state", choice(RELEASED), "what it becomes: released", default=RELEASED, typed="[STATE]"),
        _REASON,
    ),
    _desk(
        "quarantine.list",
        "viewer",
        "quarantine_commands.listed",
        "quarantine_views.listed",
        "fills that could not be booked: those that wait for a person first, then what became of others",
        Param("state", choice("all", "open", "settled"), "all, open or settled", default="all"),
        Param("limit", whole(1, QUARANTINE_SHOWN_MAX), "how many at most", default=QUARANTINE_SHOWN, typed="--limit N"),
    ),
    _desk(
        "quarantine.show",
        "viewer",
        "quarantine_commands.show",
        "quarantine_views.shown",
        "one of them: the report as it came, what is booked, what the dealer counts, what a person may do",
        _FILL,
    ),
    _desk(
        "quarantine.book",
        "operator",
        "quarantine_commands.book",
        "quarantine_views.settled",
        "book it: the dealer has confirmed that it traded",
        _FILL,
        Param("order", name, "whose fill it is, where the report names nothing we ordered", typed="--order ORDER"),
        Param("quantity", amount, "what was traded, where the report cannot be read", typed="--quantity QUANTITY"),
        Param("price", price, "at which price, where the report cannot be read", typed="--price PRICE"),
        Param("over", flag, "true: although it is more than the order", default=False),
        Param("second", flag, "true: although a fill is booked under its name", default=False),
        _REASON,
    ),
    _desk(
        "quarantine.reject",
        "operator",
        "quarantine_commands.reject",
        "quarantine_views.settled",
        "tell the dealer that we do not know it, by DontKnowTrade(Q)",
        _FILL,
        Param("untold", flag, "true: without Q, for it was agreed with the dealer otherwise", default=False),
        Param("dk", choice(*DK_REASONS), f"why, in DKReason(127): one of {', '.join(DK_REASONS)}", typed="--dk WHY"),
        _REASON_TOLD,
    ),
    Command(
        "help",
        "viewer",
        "every command with its parameters",
        By.desk,
        "answering.listed",
        typed=Typed(
            "help.show",
            (
                Param("words", names, "only this command, or those of this group", typed="[COMMAND...]"),
                Param("markdown", flag, "as the table of config/README.md"),
            ),
        ),
    ),
    # --- sessions, TLS, the process ---
    _sessions(
        "sessions",
        "viewer",
        "session_enquiries.sessions",
        "session_views.sessions",
        "FIX sessions: state, numbers, what waits",
    ),
    Command(
        "session.show",
        "viewer",
        "one session: state, numbers, what is outstanding, last events, last disconnect",
        By.sessions,
        "session_enquiries.show",
        "session_views.show",
        (
            _SESSION,
            Param(
                "events",
                whole(0, NOTES_SHOWN_MAX),
                "how many of the last events",
                default=NOTES_SHOWN,
                typed="--events N",
            ),
        ),
        typed=Typed(
            "acts.session_show",
            (
                Param("session", name, "its key, as in engine.toml; without it all of them", typed="[KEY]"),
                Param(
                    "events", whole(0, NOTES_SHOWN_MAX), "how many of the last events, default 20", typed="--events N"
                ),
            ),
        ),
    ),
    _sessions(
        "session.logon",
        "operator",
        "session_commands.logon",
        "session_views.logged_on",
        "connect now rather than after the pause",
        _SESSION,
        _REASON,
    ),
    _sessions(
        "session.logout",
        "operator",
        "session_commands.logout",
        "session_views.logged_out",
        "log out; a session that we initiate connects again after its pause",
        _SESSION,
        _REASON_TOLD,
    ),
    _sessions(
        "session.disconnect",
        "operator",
        "session_commands.disconnect",
        "session_views.disconnected",
        "close the connection at once, without Logout(5)",
        _SESSION,
        _REASON,
    ),
    _sessions(
        "session.enable",
        "operator",
        "session_commands.enable",
        "session_views.enabled",
        "let a session log on again",
        _SESSION,
        _REASON,
    ),
    _sessions(
        "session.disable",
        "operator",
        "session_commands.disable",
        "session_views.disabled",
        "log out, and refuse every logon until it is enabled, over restarts too",
        _SESSION,
        _REASON_TOLD,
    ),
    _sessions(
        "session.set_seq",
        "operator",
        "session_commands.set_seq",
        "session_views.numbers",
        "set the numbers of a session that is logged off, as agreed with the peer",
        _SESSION,
        Param("next_in", _SEQ_NUM, "the number expected next from the peer", typed="--in N"),
        Param("next_out", _SEQ_NUM, "the number our next message takes", typed="--out N"),
        _REASON,
    ),
    _sessions(
        "session.reset",
        "operator",
        "session_commands.reset",
        "session_views.numbers",
        "restart both numbers of a session that is logged off at 1; the peer has to do the same",
        _SESSION,
        _REASON,
    ),
    _sessions(
        "session.test_request",
        "operator",
        "session_commands.test_request",
        "session_views.test_requested",
        "ask the peer to prove that it lives and has everything sent so far",
        _SESSION,
        _REASON,
    ),
    _sessions(
        "session.resend",
        "operator",
        "session_commands.resend",
        "session_views.sent_again",
        "send reports again under their numbers, marked as possible duplicates",
        _SESSION,
        Param("begin", _SEQ_NUM, "our first number", required=True),
        Param("end", _SEQ_NUM, "our last number; default: all that follow", typed="[END]"),
        _REASON,
    ),
    _terminal(
        "session.messages",
        "",
        "acts.session_messages",
        "application messages of a session, from the journal file; secrets masked",
        Param("session", name, "the session, as in engine.toml", required=True, typed="KEY"),
        Param("last", natural, "how many of the last ones, default 20, of a range 10,000", typed="--last N"),
        Param("begin", natural, "from this number on, of the latest epoch", typed="--from SEQ"),
        Param("end", natural, "up to this number", typed="--to SEQ"),
        Param("epoch", natural, "only this epoch: numbers begin anew in each", typed="--epoch N"),
        Param("direction", choice("in", "out"), "only what came in, or went out"),
        Param("fields", flag, "a field a line"),
        Param("raw", flag, "the message as it is, SOH as |; secrets stay masked"),
        Param("dictionary", path, "names from this QuickFIX-format file", typed="--dictionary FILE..."),
        Param("transport", path, "and for FIXT.1.1 this one", typed="--transport FILE"),
        _JOURNAL,
    ),
    _sessions(
        "tls.show",
        "viewer",
        "tls_commands.show",
        "tls_views.show",
        "certificates and revocation lists in use, and when each ends",
    ),
    _sessions(
        "tls.reload",
        "operator",
        "tls_commands.reload",
        "tls_views.reloaded",
        "take up renewed certificates, keys, authorities, pins and revocation lists for new connections",
        _REASON,
    ),
    _sessions(
        "reload",
        "trader",
        "process_commands.reload",
        "reload_views.reloaded",
        "read files again and put them in force together, or say what is wrong; all but rules needs role operator",
        Param(
            "kinds",
            names,
            "of rules, scoring, dealers, limits, people, securities, sessions, tls; default all",
            typed="[KIND...]",
        ),
        _REASON,
    ),
    _sessions(
        "log.level",
        "operator",
        "process_commands.log_level",
        "reload_views.level",
        "what the log tells until the process ends; DEBUG shows the wire, secrets masked",
        Param("level", choice(*LEVELS), f"one of {', '.join(LEVELS)}", required=True),
        _REASON,
    ),
    # --- the terminal's own ---
    _terminal(
        "watch",
        "viewer",
        "acts.watch_live",
        "what happens, as it happens",
        Param("topic", text, "only notices of this topic; may be repeated", typed="--topic TOPIC..."),
        Param("count", whole(0, 10**9), "end after so many notices", default=0, typed="--count N"),
        Param("plain", flag, "lines, though this is a terminal"),
    ),
    _terminal(
        "rules.check",
        "",
        "acts.rules_check",
        "check a rule book",
        Param("files", path, "a file, checked as part of the book in its folder; or a folder", typed="[FILE...]"),
        Param("book", path, "the book they are to be part of", typed="--book FOLDER"),
    ),
    Command(
        "rules.try",
        "",
        "what rule files that are being written would do with an order, beside what the present book says",
        By.terminal,
        "acts.rules_try",
        params=(
            Param(
                "files",
                path,
                "a file, in the running book or a book by itself; or a folder",
                required=True,
                typed="FILE...",
            ),
            Param(
                "order",
                name,
                "the order, such as O-000012 or 12; without it all that are with the trader",
                typed="--order ORDER",
            ),
            Param("decided", flag, "true: as things stood when it was decided, though it is open", default=False),
            Param(
                "round", whole(1, ROUNDS_MAX), "which round of it, where it was decided", default=1, typed="--round N"
            ),
            _JOURNAL,
        ),
        about="""\
Reads the journal, of a running engine too, to its end and asks both books there. An order that is open is decided by
what is known then, with the sessions that are up then; one that has ended by what was known when it was decided.
A file takes the place of the running book's file of its name, or stands beside the others; one that ends in a rule
`when true` and has another name is a book by itself. Without --order it lists the orders that are with the trader and
that it would treat otherwise, as before a reload. Sends nothing, changes nothing, draws nothing.""",
    ),
    Command(
        "rules.backtest",
        "",
        "every order of a period decided again by two rule books, and on which they differ",
        By.terminal,
        "acts.rules_backtest",
        params=(
            Param("old", text, "a file, a folder, running or journal", required=True, typed="OLD"),
            Param("new", text, "a file, a folder, running or journal", required=True, typed="NEW"),
            Param("begin", date, "orders decided on this UTC day or later", typed="--from DATE"),
            Param("end", date, "orders decided on this UTC day or before", typed="--to DATE"),
            Param(
                "limit",
                whole(0, DIFFERENCES_SHOWN_MAX),
                "how many orders on which they differ are shown",
                default=DIFFERENCES_SHOWN,
                typed="--limit N",
            ),
            Param("rule", text, "of these, those alone that this rule takes in either book", typed="--rule NAME"),
            Param("html", path, "write it as a page to this file too", typed="--html FILE"),
            Param("force", flag, "true: over a file that is there", default=False),
            _JOURNAL,
        ),
        about="""\
Each order is decided again at the moment at which the rule book was asked about it, by the dealers, limits, prices,
records and sessions of then, and by nothing that came later. `journal` is the book that was in force at each moment,
`running` the last one; a file is read as `rules try` reads it. What dealers would have answered to another panel is
in no record: what another choice would have been worth, where that can be told, is for `rfqctl backtest`.""",
    ),
    _terminal(
        "audit.verify",
        "",
        "acts.audit_verify",
        "is the record what was written?",
        _JOURNAL,
        Param("anchor", path, "where its head was noted; default: beside it", typed="--anchor FILE"),
    ),
    _terminal(
        "audit.tail",
        "",
        "acts.audit_tail",
        "the last events",
        _JOURNAL,
        Param("count", whole(0, 10**9), "how many, default 20", default=20, typed="-n --count N"),
        Param("follow", flag, "and those to come", typed="-f --follow"),
    ),
    Command(
        "fix.decode",
        "",
        "captured FIX messages with names and values, and what is wrong with each",
        By.terminal,
        "acts.fix_decode",
        params=(
            Param("file", text, "a log or a raw stream; - reads the standard input", required=True, typed="FILE"),
            Param(
                "dictionary",
                path,
                "a dictionary in QuickFIX's format, for messages of its version; may be repeated",
                typed="--dictionary XML...",
            ),
            Param(
                "transport", path, "the one of FIXT.1.1, which carries FIX 5.0 dictionaries", typed="--transport XML"
            ),
            Param(
                "begin_string",
                text,
                "read every message as one of this version, such as FIX.4.4, whatever its BeginString(8)",
                typed="--begin-string VERSION",
            ),
            Param(
                "validation",
                choice("strict", "tolerant", "off"),
                "what of the content counts as wrong: strict everything; tolerant (default) what a tolerant session"
                " would refuse, the rest is a note; off nothing",
                default="tolerant",
            ),
            Param("only_wrong", flag, "show only messages with something wrong"),
            Param("raw", flag, "show each message in one line too, SOH as |"),
            Param("one_reading", flag, "without simplefix's: three times as fast"),
        ),
        about="""\
Finds FIX messages in a log or a captured stream, whatever stands between them, and shows each with names and
values, groups indented. SOH may be written as it is or as |, ^A, ;, <SOH>, \\x01, \\u0001, a tab, a line end or
any other sign: what stands behind BeginString(8) is taken for it, message by message. A message may have a time
and a direction before it on its line, stand beside others, or be broken into lines.

BodyLength(9) and CheckSum(10) are verified on the message with SOH put back, its content is held against a
dictionary, and simplefix reads it a second time: where the two readings differ is said. Passwords and raw data
(554, 925, 96) are always masked. Built-in dictionaries there are for FIX.4.2, FIX.4.4 and FIXT.1.1 with 5.0 SP2;
a message of another version is shown with the names of the nearest one and not validated.

With --json, one line is one message; the last line is the summary.""",
        after="""\
exit status: 0 nothing is wrong, 1 some message is wrong (its frame, its content, or simplefix reads it
differently), 2 a wrong command line, file or dictionary. Numbers that do not follow each other and bytes in no
message are shown and change no status: captures are cut and filtered.""",
    ),
    _terminal(
        "completion",
        "",
        "help.completion",
        "a script for your shell that completes commands and options",
        Param("shell", choice("bash", "zsh"), "for which shell", required=True),
    ),
)

COMMANDS: Final[Mapping[str, Command]] = {command.name: command for command in TABLE if command.by is not By.terminal}
"""What the daemon answers, by name."""
TYPED: Final[tuple[Command, ...]] = tuple(command for command in TABLE if command.is_typed)
"""What rfqctl has."""

GROUPS: Final[Mapping[str, str]] = {
    "rules": "the rule book",
    "order": "one order",
    "kill": "stop everything, a dealer or an account",
    "quarantine": "fills that could not be booked as they were reported",
    "session": "one FIX session: look, log on and off, numbers",
    "tls": "certificates and revocation lists",
    "log": "what the log tells",
    "leak": "what asking a dealer costs",
    "tca": "what trades cost",
    "marks": "prices of bonds, from a file",
    "rates": "what currencies are worth",
    "trades": "trades of the market, from a file",
    "history": "rounds that were asked elsewhere, or here: in and out as files",
    "warehouse": "journals as files for tools that count columns",
    "audit": "the journal file; needs no daemon",
    "fix": "FIX messages in files; needs no daemon",
}
"""First words that several commands share."""

"""Rows of a blotter, one a dealer asked, as rounds: what is right is taken, every row that is not is named.

The same rows come from a file and live over the admin socket. A row that contradicts itself or the others of its round
is refused with its line and the reason; the rest is taken. Nothing of today's files is needed: a bond that has matured
and a dealer that has left are kept as known from then. What a row leaves open of a bond is as in today's file, if
the bond is in it, and how much it trades and moves is as the desk knows it today: no row says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Final, NamedTuple

from engine.dealers.segments import segment_of
from engine.desk.past.cells import Cells, Marks, Prices, RowError, day_of
from engine.domain.exchange import converted
from engine.domain.instrument import AssetClass, Security, normal_rating
from engine.domain.observation import (
    Answer,
    AskSeen,
    BondSeen,
    ChosenBy,
    Horizon,
    MarkAfter,
    Protocol,
    RoundSeen,
    RoundTold,
    Taken,
)
from engine.domain.order import ZERO, MarkUsed, Side
from engine.market.calendars import Calendars
from engine.market.tca import quote_edge_bps

REQUIRED: Final = ("rfq_id", "sent_at", "security", "side", "quantity", "dealer", "answer")
COLUMNS: Final = (
    "source", "rfq_id", "round", "parent_id", "sent_at", "security", "asset_class", "issuer", "sector", "maturity",
    "coupon", "side", "quantity", "residual", "protocol", "disclosed", "venue", "list_id", "n_asked", "dealer",
    "position", "deadline", "limit", "answer", "pass_reason", "answered_at", "price", "price_type", "quoted_quantity",
    "valid_until", "outcome", "reject_reason", "accepted_at", "filled_quantity", "fill_price", "cover", "decision",
    "p_panel", "p_dealer", "rating_then", "mark_source", "mark_age_s", "mark_sd_bps", "mark_sent", "mark_answered",
    "mark_decision", "mark_1m", "mark_5m", "mark_30m", "mark_1h", "mark_eod", "mark_1d", "index_sent",
    "index_decision", "index_1m", "index_5m", "index_30m", "index_1h", "index_eod", "index_1d",
)  # fmt: skip
"""The header, in the order in which it is written; it may be read in any order."""

EDGE_BPS_MAX: Final = 5_000.0
"""A quote further from its mark than this is a slip of the keyboard."""

_KNOWN: Final = frozenset(COLUMNS)
_ASKED_MAX: Final = 10_000
_ROUNDS_MAX: Final = 1_000_000


class Row(NamedTuple):
    """One row and the line on which it stands."""

    line: int
    cells: Mapping[str, str]


class Refused(NamedTuple):
    """A row that cannot be used, and why."""

    line: int
    reason: str


class Disclosed(StrEnum):
    """What the dealers were shown."""

    one = "one"
    two_way = "two-way"


@dataclass(frozen=True, slots=True)
class Known:
    """What the desk itself knows today, for what a row cannot say, and how old a mark may be.

    `liquidity` gives a bond's face amount a business day and the sd of a day's change of its price, in bps; None for
    what is not known. `worth_of` gives what one unit of another currency than the desk's own is worth in that, None of
    its own or where nobody knows: what it was worth then, no file says.
    """

    securities: Mapping[str, Security]
    now_ns: int
    mark_age_ns_max: int
    liquidity: Callable[[Security], tuple[Decimal | None, float | None]] = lambda security: (None, None)
    worth_of: Callable[[str], Decimal | None] = lambda currency: None
    calendars: Calendars = field(default_factory=Calendars)


def header_problems(columns: Sequence[str]) -> list[str]:
    """What is wrong with a header, in words; empty if nothing is."""
    problems = [f"column '{name}' is there twice" for at, name in enumerate(columns) if name in columns[:at]]
    problems += [f"column '{name}' is missing" for name in REQUIRED if name not in columns]
    problems += [f"column '{name}' is not known" for name in columns if name not in _KNOWN]
    return problems


def read_rows(rows: Iterable[Row], known: Known, source: str) -> tuple[list[RoundTold], list[Refused]]:
    """The rounds of these rows, oldest first, and the rows that were refused. `source` stands where a row names none.

    All rows of one round have to come together.
    """
    refused: list[Refused] = []
    by_round: dict[tuple[str, str, int], list[_Read]] = {}
    reading = _Rows(known, source)
    for row in rows:
        try:
            read = reading.read(row)
            others = by_round.get(read.of_round.key, [])
            _agree(read, others)
        except RowError as error:
            refused.append(Refused(row.line, str(error)))
            continue
        by_round.setdefault(read.of_round.key, []).append(read)
    rounds = [_round(found, known) for found in by_round.values()]
    rounds.sort(key=lambda told: (told.seen.sent_ns, told.seen.source, told.seen.rfq_id, told.seen.round))
    return rounds, refused


# --- one row -------------------------------------------------------------------------------------


class _Shared(NamedTuple):
    """What all rows of a round say alike, by the names of their columns."""

    parent_id: str
    security: str
    side: Side
    quantity: Decimal
    residual: Decimal | None
    protocol: Protocol
    disclosed: Disclosed
    venue: str
    list_id: str
    n_asked: int | None
    limit: Decimal | None
    p_panel: float | None
    mark_decision: Decimal | None
    index_decision: Decimal | None


class _Alike(NamedTuple):
    """What a row says of its round: the rows of one mostly say the same, and it is worked out once for all of them."""

    key: tuple[str, str, int]
    sent_ns: int
    security: Security
    shared: _Shared
    bond: BondSeen
    segment: str
    cover: Decimal | None
    decided: MarkUsed | None
    after: tuple[MarkAfter, ...]
    worth: Decimal | None
    prices: Prices
    marks: Marks


class _Read(NamedTuple):
    """A row that is right in itself."""

    line: int
    cells: Cells
    of_round: _Alike
    ask: AskSeen


_OF_ASK: Final = frozenset({
    "dealer", "position", "deadline", "answer", "pass_reason", "answered_at", "price", "quoted_quantity",
    "valid_until", "outcome", "reject_reason", "accepted_at", "filled_quantity", "fill_price", "decision", "p_dealer",
    "mark_answered", "index_sent",
})  # fmt: skip
"""Columns that a round's rows differ in. All others decide what `_Alike` is."""
_OF_ROUND: Final = tuple(name for name in COLUMNS if name not in _OF_ASK)


class _Rows:
    """Reads row after row."""

    __slots__ = ("_alike", "_known", "_source", "_texts")

    def __init__(self, known: Known, source: str) -> None:
        self._known = known
        self._source = source
        self._texts: tuple[str, ...] = ()
        self._alike: _Alike | None = None

    def read(self, row: Row) -> _Read:
        """Raises RowError with the first thing that is wrong with the row."""
        unknown = next((name for name in row.cells if name not in _KNOWN), None)
        if unknown is not None:
            raise RowError(f"column '{unknown[:40]}' is not known")
        cells = Cells(row.cells)
        texts = cells.texts(_OF_ROUND)
        alike = self._alike
        if alike is None or texts != self._texts:
            alike = _alike(cells, self._known, self._source)
            self._texts, self._alike = texts, alike
        return _Read(row.line, cells, alike, _ask(cells, alike, self._known.now_ns))


def _alike(cells: Cells, known: Known, source: str) -> _Alike:
    key = (cells.text("source") or source, cells.needed("rfq_id"), cells.whole("round", 1, _ROUNDS_MAX) or 1)
    sent_ns = _past(cells, "sent_at", known.now_ns)
    if sent_ns is None:
        raise RowError("sent_at: expected a time such as 2026-11-30T14:05:00Z, found nothing")
    side = cells.word("side", Side)
    quantity = cells.number("quantity", above=0)
    if quantity is None:
        raise RowError("quantity: expected a face amount above 0, found nothing")
    bond = _bond(cells, known, sent_ns)
    prices, marks = Prices(cells, bond, known.calendars, sent_ns), Marks(cells, known.mark_age_ns_max, sent_ns)
    after = tuple(
        MarkAfter(each, marks.at_its_time(f"mark_{each}"), _level(cells, f"index_{each}")) for each in Horizon
    )
    shared = _Shared(
        parent_id=cells.text("parent_id"),
        security=bond.security_id,
        side=side,
        quantity=quantity,
        residual=cells.number("residual", at_least=0),
        protocol=cells.word("protocol", Protocol, Protocol.parallel),
        disclosed=cells.word("disclosed", Disclosed, Disclosed.one),
        venue=cells.text("venue"),
        list_id=cells.text("list_id"),
        n_asked=cells.whole("n_asked", 1, _ASKED_MAX),
        limit=prices.of("limit"),
        p_panel=cells.probability("p_panel"),
        mark_decision=marks.price("mark_decision"),
        index_decision=_level(cells, "index_decision"),
    )
    worth = known.worth_of(bond.currency)
    return _Alike(
        key=key,
        sent_ns=sent_ns,
        security=bond,
        shared=shared,
        bond=_seen(bond),
        segment=segment_of(bond, converted(quantity, worth), side.value, day_of(sent_ns)).key,
        cover=prices.of("cover"),
        decided=marks.at_its_time("mark_decision"),
        after=tuple(each for each in after if each.mark is not None or each.index is not None),
        worth=worth,
        prices=prices,
        marks=marks,
    )


def _past(cells: Cells, name: str, now_ns: int, after_ns: int = 0) -> int | None:
    at_ns = cells.time_ns(name)
    if at_ns is not None and at_ns > now_ns:
        raise RowError(f"{name}: {cells.text(name)} is in the future")
    return _not_before(cells, name, at_ns, after_ns)


def _not_before(cells: Cells, name: str, at_ns: int | None, sent_ns: int) -> int | None:
    if at_ns is not None and at_ns < sent_ns:
        raise RowError(f"{name}: {cells.text(name)} is before the request was sent")
    return at_ns


def _level(cells: Cells, name: str) -> Decimal | None:
    return cells.number(name, above=0)


def _bond(cells: Cells, known: Known, sent_ns: int) -> Security:
    """The bond as the row has it, completed by today's file where that has it."""
    name = cells.needed("security")
    today = known.securities.get(name)
    if today is None and not cells.text("asset_class"):
        raise RowError(f"asset_class: {name} is in no file of today, so the row has to say what kind of bond it was")
    word = cells.text("rating_then")
    rating = normal_rating(word) if word else today.rating if today is not None else None
    if word and rating is None:
        raise RowError(f"rating_then: expected a rating such as BBB+ or Baa1, or NR, found '{word}'")
    maturity = cells.day("maturity") or (today.maturity if today is not None else None)
    if maturity is not None and maturity <= day_of(sent_ns):
        raise RowError(f"maturity: {maturity} is not after the day of the request")
    coupon = cells.number("coupon", at_least=0)
    # Another maturity is another bond's, and so are its coupon dates.
    dated = today if today is not None and today.maturity == maturity else None
    return Security(
        security_id=name,
        name=name,
        issuer=cells.text("issuer") or (today.issuer if today is not None else ""),
        asset_class=cells.word("asset_class", AssetClass, today.asset_class if today is not None else None),
        sector=cells.text("sector") or (today.sector if today is not None else None),
        currency=today.currency if today is not None else "USD",
        coupon_pct=coupon if coupon is not None else today.coupon_pct if today is not None else None,
        coupon_frequency=today.coupon_frequency if today is not None else None,
        day_count=today.day_count if today is not None else None,
        issue_date=dated.issue_date if dated is not None else None,
        dated_date=dated.dated_date if dated is not None else None,
        first_coupon=dated.first_coupon if dated is not None else None,
        last_coupon=dated.last_coupon if dated is not None else None,
        ex_dividend=today.ex_dividend if today is not None else None,
        calendar=today.calendar if today is not None else None,
        settlement_days=today.settlement_days if today is not None else None,
        maturity=maturity,
        factor=today.factor if today is not None else Decimal(1),
        rating=rating,
        purpose=today.purpose if today is not None else None,
    )


def _seen(bond: Security) -> BondSeen:
    return BondSeen(
        security_id=bond.security_id,
        issuer=bond.issuer,
        asset_class=bond.asset_class.value,
        sector=bond.sector or bond.purpose or "",
        rating=bond.rating,
        maturity=bond.maturity,
        coupon_pct=bond.coupon_pct,
    )


def _ask(cells: Cells, alike: _Alike, now_ns: int) -> AskSeen:
    sent_ns, side, quantity = alike.sent_ns, alike.shared.side, alike.shared.quantity
    prices, marks = alike.prices.beside(cells), alike.marks.beside(cells)
    answer = cells.word("answer", Answer)
    answered_ns = _past(cells, "answered_at", now_ns, sent_ns)
    deadline_ns = _not_before(cells, "deadline", cells.time_ns("deadline"), sent_ns)
    late = deadline_ns is not None and answered_ns is not None and answered_ns > deadline_ns
    price, size = prices.of("price"), cells.number("quoted_quantity", above=0)
    if answer is Answer.quote and price is None:
        raise RowError("price: expected one beside the answer 'quote', found nothing")
    if answer is Answer.none and answered_ns is not None and not late:
        raise RowError(f"answered_at: {cells.text('answered_at')}, and the answer is 'none'")
    mark = None
    if price is not None:
        mark = marks.beside_quote(answered_ns if answered_ns is not None else sent_ns)
    edge_bps = None
    if price is not None and mark is not None:
        edge_bps = quote_edge_bps(side.sign, price, mark.price)
        if abs(edge_bps) > EDGE_BPS_MAX:
            raise RowError(f"price: {price:f} against a mark of {mark.price:f}: one of them is a slip")
    taken, filled, fill_price = _taken(cells, quantity, price, prices)
    if taken is not Taken.no and (answer is not Answer.quote or late):
        raise RowError(f"outcome: '{taken.value}' without a quote that could be accepted")
    accepted_ns = _past(cells, "accepted_at", now_ns, sent_ns)
    return AskSeen(
        dealer=cells.needed("dealer"),
        position=cells.whole("position", 1, _ASKED_MAX) or 1,
        sent_ns=sent_ns,
        deadline_ns=deadline_ns,
        answer=Answer.none if late else answer,
        answered_ns=answered_ns,
        late=late,
        pass_reason=cells.text("pass_reason"),
        price=price,
        quantity=size if size is not None else quantity if price is not None else None,
        valid_until_ns=cells.time_ns("valid_until"),
        edge_bps=edge_bps,
        mark_sent=marks.at_request(),
        index_sent=_level(cells, "index_sent"),
        mark_answered=mark,
        taken=taken,
        accepted_ns=accepted_ns,
        decided_ns=accepted_ns,
        mark_decided=marks.at_its_time("mark_decision") if accepted_ns is not None else None,
        reject_reason=cells.text("reject_reason"),
        filled=filled,
        fill_price=fill_price,
        chosen_by=cells.word("decision", ChosenBy, ChosenBy.rule),
        p=cells.probability("p_dealer"),
    )


def _taken(
    cells: Cells, quantity: Decimal, price: Decimal | None, prices: Prices
) -> tuple[Taken, Decimal, Decimal | None]:
    """What came of accepting it, how much was filled and at which price."""
    taken, filled = cells.word("outcome", Taken, Taken.no), cells.number("filled_quantity", at_least=0)
    fill_price = prices.of("fill_price")
    if taken not in (Taken.filled, Taken.partial):
        if filled:
            raise RowError(f"filled_quantity: {filled:f} was filled, and outcome says '{taken.value}'")
        return taken, ZERO, None
    if filled is None:
        if taken is Taken.partial:
            raise RowError("filled_quantity: expected how much of it was filled, found nothing")
        filled = quantity
    if not 0 < filled <= quantity:
        raise RowError(f"filled_quantity: expected above 0 and at most {quantity:f}, found {filled:f}")
    return taken, filled, fill_price if fill_price is not None else price


# --- one round -----------------------------------------------------------------------------------


def _agree(read: _Read, others: Sequence[_Read]) -> None:
    """Raises RowError where a row says something else of its round than a row before it, or the same dealer again."""
    if any(read.ask.dealer == other.ask.dealer for other in others):
        raise RowError(
            f"dealer: {read.ask.dealer} stands twice in round {read.of_round.key[2]} of {read.of_round.key[1]}"
        )
    if not others:
        return
    first = others[0]
    if read.of_round is first.of_round:
        return
    for name, mine, theirs in zip(_Shared._fields, read.of_round.shared, first.of_round.shared, strict=True):
        if mine != theirs:
            texts = f"'{read.cells.text(name)}', and '{first.cells.text(name)}'"
            raise RowError(f"{name}: {texts} in line {first.line} of the same round")


def _round(rows: Sequence[_Read], known: Known) -> RoundTold:
    ordered = sorted(rows, key=lambda each: (each.ask.position, each.ask.sent_ns, each.ask.dealer))
    first, asks = ordered[0], tuple(each.ask for each in ordered)
    alike = first.of_round
    shared, (source, rfq_id, number) = alike.shared, alike.key
    sent_ns = min(ask.sent_ns for ask in asks)
    accepted = [ask.accepted_ns for ask in asks if ask.accepted_ns is not None]
    ends = [at for ask in asks for at in (ask.answered_ns, ask.deadline_ns) if at is not None]
    decided_ns = min(accepted) if accepted else max(ends, default=sent_ns)
    after: dict[Horizon, MarkAfter] = {}
    for each in ordered:
        for found in each.of_round.after:
            after.setdefault(found.horizon, found)
    today = known.securities.get(shared.security)
    adv, volatility_bps = known.liquidity(today) if today is not None else (None, None)
    seen = RoundSeen(
        source=source,
        rfq_id=rfq_id,
        round=number,
        parent_id=shared.parent_id or rfq_id,
        sent_ns=sent_ns,
        closed_ns=max([decided_ns, *accepted]),
        bond=alike.bond,
        segment=alike.segment,
        side=shared.side,
        quantity=shared.quantity,
        residual=shared.residual,
        protocol=shared.protocol,
        n_asked=max(shared.n_asked or 0, len(asks)),
        asks=asks,
        two_way=shared.disclosed is Disclosed.two_way,
        venue=shared.venue,
        list_id=shared.list_id,
        limit_price=shared.limit,
        adv=adv,
        volatility_bps=volatility_bps,
        decided_ns=decided_ns,
        mark_decision=next((each.of_round.decided for each in ordered if each.of_round.decided is not None), None),
        index_decision=shared.index_decision,
        cover=next((each.of_round.cover for each in ordered if each.of_round.cover is not None), None),
        p_panel=shared.p_panel,
        is_drawn=all(ask.chosen_by is not ChosenBy.trader for ask in asks),
        worth=alike.worth,
    )
    return RoundTold(seen, tuple(after[each] for each in Horizon if each in after))

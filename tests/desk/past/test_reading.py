"""Rows of a blotter: what is right becomes a round, and every row that is not is named with its reason."""

from __future__ import annotations

import datetime
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from engine.desk.past.reading import COLUMNS, Known, Row, header_problems, read_rows
from engine.desk.past.writing import rows_of
from engine.domain.instrument import AssetClass, Security
from engine.domain.observation import Answer, ChosenBy, Horizon, Protocol, RoundTold, Taken
from engine.domain.order import Side
from engine.market.bonds import price_of_yield

pytestmark = pytest.mark.starts("noon")
"""Nothing here is about the time."""

BOND = "US99O014AG12"
NOW_NS = int(datetime.datetime(2026, 11, 30, 12, tzinfo=datetime.UTC).timestamp()) * 1_000_000_000
S = 1_000_000_000
KNOWN = Known(
    {
        BOND: Security(
            security_id=BOND,
            name="Acme 5 2031",
            issuer="Acme",
            asset_class=AssetClass.CORPORATE,
            sector="industrial",
            coupon_pct=Decimal(5),
            maturity=datetime.date(2031, 5, 15),
            rating="BBB",
        )
    },
    NOW_NS,
    900 * S,
)
RIGHT = {
    "rfq_id": "T-1",
    "sent_at": "2026-11-02T14:05:00Z",
    "security": BOND,
    "side": "buy",
    "quantity": "2000000",
    "dealer": "alder",
    "answer": "quote",
    "answered_at": "2026-11-02T14:05:12.5Z",
    "price": "99.85",
    "mark_sent": "99.75",
}


def read(*rows: dict[str, str]) -> tuple[list[RoundTold], dict[int, str]]:
    rounds, refused = read_rows([Row(line, cells) for line, cells in enumerate(rows, 2)], KNOWN, "blotter")
    return rounds, {each.line: each.reason for each in refused}


def one(**cells: str | None) -> RoundTold:
    (told,), refused = read({name: text for name, text in {**RIGHT, **cells}.items() if text is not None})
    assert not refused
    return told


def test_a_row_says_what_was_asked_and_what_came_of_it() -> None:
    told = one(outcome="filled", accepted_at="2026-11-02T14:05:20Z", residual="1000000", mark_30m="99.95")
    seen, ask = told.seen, told.seen.asks[0]
    assert (seen.source, seen.rfq_id, seen.round, seen.side) == ("blotter", "T-1", 1, Side.buy)
    assert seen.segment == "corporate|BBB|3-7y|2mm-5mm|buy"
    assert (ask.answer, ask.taken, ask.filled, ask.fill_price) == (
        Answer.quote, Taken.filled, Decimal(2_000_000), Decimal("99.85"),
    )  # fmt: skip
    assert ask.answered_ns is not None
    assert ask.answered_ns - ask.sent_ns == 12_500_000_000
    # 10 cents above a mark of 99.75: 10.03 bps worse.
    assert ask.edge_bps == pytest.approx(-10.025, abs=1e-3)
    assert ask.mark_answered is not None
    assert ask.mark_answered.age_ns == 12_500_000_000, "the mark at the request, by then 12.5 s old"
    assert [(each.horizon, each.mark and each.mark.price) for each in told.after] == [
        (Horizon.half_hour, Decimal("99.95"))
    ]
    assert seen.residual == Decimal(1_000_000)


def test_what_a_row_leaves_open_is_unknown_and_never_zero() -> None:
    told = one(mark_sent=None, answered_at=None)
    ask = told.seen.asks[0]
    assert (ask.edge_bps, ask.mark_sent, ask.answered_ns, ask.deadline_ns, ask.p) == (None, None, None, None, None)
    assert (ask.position, told.seen.round) == (1, 1), "the first, as there is no other"
    assert (told.seen.residual, told.seen.adv, told.seen.p_panel, told.after) == (None, None, None, ())


def test_rows_of_a_round_make_one_round_in_the_order_of_asking() -> None:
    second = {**RIGHT, "dealer": "birch", "position": "1", "answer": "none", "price": "", "answered_at": ""}
    (told,), refused = read({**RIGHT, "position": "2", "protocol": "sequence"}, {**second, "protocol": "sequence"})
    assert not refused
    assert [ask.dealer for ask in told.seen.asks] == ["birch", "alder"]
    assert (told.seen.n_asked, told.seen.protocol) == (2, Protocol.sequence)


@pytest.mark.parametrize(
    ("cells", "answer", "late"),
    [
        pytest.param({}, Answer.quote, False, id="a price that could be executed"),
        pytest.param({"answer": "indicative"}, Answer.indicative, False, id="one that could not"),
        pytest.param({"answer": "pass", "price": "", "pass_reason": "no axe"}, Answer.passed, False, id="a refusal"),
        pytest.param({"answer": "none", "price": "", "answered_at": ""}, Answer.none, False, id="silence"),
        pytest.param({"deadline": "2026-11-02T14:05:10Z"}, Answer.none, True, id="a word after the deadline is none"),
        pytest.param({"deadline": "2026-11-02T14:05:13Z"}, Answer.quote, False, id="a word before it is one"),
    ],
)
def test_answers(cells: dict[str, str], answer: Answer, late: bool) -> None:
    ask = one(**cells).seen.asks[0]
    assert (ask.answer, ask.late) == (answer, late)


def test_a_mark_that_is_too_old_is_none() -> None:
    assert one(mark_age_s="899").seen.asks[0].mark_sent is not None
    assert one(mark_age_s="901").seen.asks[0].mark_sent is None
    assert one(mark_age_s="890").seen.asks[0].edge_bps is None, "too old when the quote came"


def test_yields_become_prices() -> None:
    told = one(price="5", price_type="yield")
    assert told.seen.asks[0].price == pytest.approx(Decimal(100), abs=Decimal("0.01"))


def test_a_yield_is_of_the_settlement_of_its_day() -> None:
    """Of a short bond three days more are a cent: a Friday's trade settles on Monday."""
    bond = replace(KNOWN.securities[BOND], maturity=datetime.date(2026, 12, 15))
    known = replace(KNOWN, securities={BOND: bond})
    row = RIGHT | {"sent_at": "2026-11-06T14:05:00Z", "answered_at": "", "price": "7", "price_type": "yield"}
    (told,), refused = read_rows([Row(2, row)], known, "blotter")
    assert refused == []
    monday = price_of_yield(bond, Decimal(7), datetime.date(2026, 11, 9))
    assert told.seen.asks[0].price == monday
    assert monday != price_of_yield(bond, Decimal(7), datetime.date(2026, 11, 6))


def test_an_old_bond_is_kept_as_it_was_known_then() -> None:
    old = {"security": "XS0000000009", "asset_class": "municipal", "issuer": "Old Town", "rating_then": "Baa2"}
    told = one(**old, sent_at="2019-03-01T10:00:00+01:00", answered_at=None, maturity="2020-01-01")
    assert (told.seen.bond.issuer, told.seen.bond.rating) == ("Old Town", "BBB")
    assert told.seen.segment == "municipal|BBB|0-1y|2mm-5mm|buy"


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no request": ({"rfq_id": ""}, "rfq_id: expected something, found nothing"),
    "no dealer": ({"dealer": " "}, "dealer: expected something, found nothing"),
    "no zone": ({"sent_at": "2026-11-02T14:05:00"}, "sent_at: expected a time with its zone"),
    "no such day": ({"sent_at": "2026-02-30T14:05:00Z"}, "is no time"),
    "the future": ({"sent_at": "2026-12-02T14:05:00Z", "answered_at": ""}, "is in the future"),
    "an answer before the question": ({"answered_at": "2026-11-02T14:04:00Z"}, "is before the request was sent"),
    "a deadline before it": ({"deadline": "2026-11-02T14:04:00Z"}, "deadline: 2026-11-02T14:04:00Z is before"),
    "a side of the dealer's": ({"side": "bid"}, "side: expected one of buy, sell, found 'bid'"),
    "no size": ({"quantity": ""}, "quantity: expected a face amount above 0, found nothing"),
    "nothing": ({"quantity": "0"}, "quantity: expected a number above 0"),
    "less than nothing": ({"quantity": "-1"}, "quantity: expected a number above 0"),
    "words for a size": ({"quantity": "5mm"}, "quantity: expected a number such as 2500000"),
    "not a number": ({"quantity": "NaN"}, "quantity: expected a number"),
    "an unknown answer": ({"answer": "maybe"}, "answer: expected one of quote, indicative, pass, none"),
    "no answer": ({"answer": ""}, "answer: expected one of"),
    "a quote without a price": ({"price": ""}, "price: expected one beside the answer 'quote'"),
    "silence with a time": ({"answer": "none"}, "answered_at: 2026-11-02T14:05:12.5Z, and the answer is 'none'"),
    "a price of nothing": ({"price": "0"}, "price: expected a price in percent of par"),
    "a slip of the comma": ({"price": "9.985"}, "one of them is a slip"),
    "a price beyond all": ({"price": "12345"}, "price: expected a price in percent of par"),
    "a spread": ({"price_type": "spread"}, "price_type: a spread cannot be made a price"),
    "an unknown price type": ({"price_type": "bps"}, "price_type: expected price, yield or nothing"),
    "a fill without a quote": ({"answer": "pass", "price": "", "outcome": "filled"}, "outcome: 'filled' without"),
    "a fill of a late quote": (
        {"deadline": "2026-11-02T14:05:10Z", "outcome": "filled"}, "outcome: 'filled' without",
    ),
    "a fill of more than was asked": (
        {"outcome": "filled", "filled_quantity": "3000000"}, "filled_quantity: expected above 0 and at most 2000000",
    ),
    "a part of unknown size": ({"outcome": "partial"}, "filled_quantity: expected how much of it was filled"),
    "a fill that nobody has": ({"filled_quantity": "5"}, "filled_quantity: 5 was filled, and outcome says ''"),
    "a bond that nobody knows": ({"security": "XS0000000009"}, "asset_class: XS0000000009 is in no file of today"),
    "a rating that is none": ({"rating_then": "good"}, "rating_then: expected a rating such as BBB+"),
    "a bond that was repaid": ({"maturity": "2026-11-02"}, "maturity: 2026-11-02 is not after the day of the request"),
    "a mark below zero": ({"mark_sent": "-99"}, "mark_sent: expected a price in percent of par"),
    "an age below zero": ({"mark_age_s": "-1"}, "mark_age_s: expected a number of at least 0"),
    "an index of nothing": ({"index_sent": "0"}, "index_sent: expected a number above 0"),
    "a probability of 0": ({"p_dealer": "0"}, "p_dealer: expected a probability above 0"),
    "a probability above 1": ({"p_panel": "1.5"}, "p_panel: expected a probability above 0"),
    "a place of 0": ({"position": "0"}, "position: expected a whole number from 1"),
    "an unknown protocol": ({"protocol": "shout"}, "protocol: expected one of parallel, stagger, sequence"),
    "who chose it": ({"decision": "the cat"}, "decision: expected one of rule, trader, explored"),
    "a cell that never ends": ({"dealer": "a" * 201}, "dealer: expected at most 200 characters"),
    "a cell of two lines": ({"venue": "a\nb"}, "venue: expected one line of printable characters"),
    "a column that is none": ({"colour": "red"}, "column 'colour' is not known"),
}  # fmt: skip


@pytest.mark.parametrize(("cells", "reason"), [pytest.param(*each, id=name) for name, each in WRONG.items()])
def test_a_wrong_row_is_named_and_the_next_one_taken(cells: dict[str, Any], reason: str) -> None:
    rounds, refused = read({**RIGHT, **cells}, {**RIGHT, "rfq_id": "T-2"})
    assert [told.seen.rfq_id for told in rounds] == ["T-2"]
    assert list(refused) == [2]
    assert reason in refused[2]


def test_a_row_that_contradicts_its_round_is_named() -> None:
    rounds, refused = read(RIGHT, {**RIGHT, "dealer": "birch", "side": "sell"}, RIGHT, {**RIGHT, "dealer": "cedar"})
    assert [[ask.dealer for ask in told.seen.asks] for told in rounds] == [["alder", "cedar"]]
    assert refused == {
        3: "side: 'sell', and 'buy' in line 2 of the same round",
        4: "dealer: alder stands twice in round 1 of T-1",
    }


@pytest.mark.parametrize(
    ("columns", "problems"),
    [
        pytest.param(list(COLUMNS), [], id="all of them"),
        pytest.param(list(reversed(COLUMNS)), [], id="in any order"),
        pytest.param([*RIGHT], [], id="those that have to be"),
        pytest.param([name for name in RIGHT if name != "side"], ["column 'side' is missing"], id="one too few"),
        pytest.param([*RIGHT, "side"], ["column 'side' is there twice"], id="one twice"),
        pytest.param([*RIGHT, "desk"], ["column 'desk' is not known"], id="one too many"),
    ],
)
def test_a_header_is_whole(columns: list[str], problems: list[str]) -> None:
    assert header_problems(columns) == problems


def test_what_is_written_is_read_as_the_same_round() -> None:
    first = {
        **RIGHT, "source": "venue", "round": "3", "parent_id": "P-9", "protocol": "stagger", "disclosed": "two-way",
        "n_asked": "4", "position": "1", "deadline": "2026-11-02T14:07:00.123456789Z", "limit": "100.5",
        "quoted_quantity": "1000000", "valid_until": "2026-11-02T14:06:00Z", "outcome": "partial",
        "filled_quantity": "500000", "fill_price": "99.84", "accepted_at": "2026-11-02T14:05:20Z", "cover": "99.9",
        "decision": "explored", "p_panel": "0.125", "p_dealer": "0.3333333333333333", "mark_source": "composite",
        "mark_age_s": "1.5", "mark_sd_bps": "2.5", "mark_answered": "99.76", "mark_decision": "99.77",
        "mark_1m": "99.8", "mark_1d": "100.1", "index_sent": "231.5", "index_decision": "231.6", "index_1m": "231.7",
        "residual": "1500000", "venue": "MTF", "list_id": "L1",
    }  # fmt: skip
    second = {
        **first, "dealer": "birch", "position": "2", "answer": "pass", "price": "", "pass_reason": "no axe",
        "quoted_quantity": "", "outcome": "", "filled_quantity": "", "fill_price": "", "accepted_at": "",
        "valid_until": "", "decision": "rule", "cover": "",
    }  # fmt: skip
    third = {**second, "dealer": "cedar", "position": "3", "answer": "none", "answered_at": "2026-11-02T14:08:00Z"}
    (told,), refused = read(first, second, third)
    assert not refused
    assert told.seen.asks[0].chosen_by is ChosenBy.explored
    assert told.seen.asks[2].late
    written = [Row(line, cells) for line, cells in enumerate(rows_of(told, "rfq"), 2)]
    again, refused_again = read_rows(written, KNOWN, "rfq")
    assert not refused_again
    assert again == [told]


def test_what_the_engine_saw_itself_is_written_under_its_name() -> None:
    rows = list(rows_of(one(), "desk-1"))
    assert rows[0]["source"] == "blotter"

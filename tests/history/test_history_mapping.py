"""A line of another system's blotter in our words: joined and shared columns, numbers, times, several dealers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.errors import ConfigError
from engine.history.mapping import Blotter, Translation, read_blotter

REQUIRED = "rfq_id,sent_at,security,side,quantity,dealer,answer"


def blotter(tmp_path: Path, text: str) -> Blotter:
    path = tmp_path / "map.toml"
    path.write_text(text, encoding="utf-8")
    return read_blotter(path)


def rows(tmp_path: Path, mapping: str, header: str, line: str) -> list[dict[str, str]]:
    return list(Translation(blotter(tmp_path, mapping), header.split(";")).rows(line.split(";")))


PLAIN = {
    "rfq_id": "T-1",
    "sent_at": "2026-01-02T14:05:00Z",
    "security": "XS0000000009",
    "side": "buy",
    "quantity": "1000000",
    "dealer": "ash",
    "answer": "quote",
}


def one(tmp_path: Path, mapping: str, **cells: str) -> dict[str, str]:
    """The row of a line with these cells in place of plain ones, or beside them."""
    line = {**PLAIN, **cells}
    (row,) = rows(tmp_path, mapping, ";".join(line), ";".join(line.values()))
    return row


def test_a_date_and_a_time_of_day_are_one_time(tmp_path: Path) -> None:
    mapping = """
    time_zone = "America/New_York"
    time_format = ["%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %H:%M:%S"]
    [columns]
    sent_at = ["Date", "Time"]
    """
    header = REQUIRED.replace(",", ";").replace("sent_at", "Date;Time")
    for clock in ("09:05:00 AM", "09:05:00"):
        (row,) = rows(tmp_path, mapping, header, f"T-1;01/02/2026;{clock};XS0000000009;buy;1000000;ash;quote")
        assert row["sent_at"] == "2026-01-02T09:05:00-05:00"


@pytest.mark.parametrize(
    ("seconds", "at"),
    [
        ("12.5", "2026-01-02T14:05:12.500000+00:00"),
        ("1:12", "2026-01-02T14:06:12+00:00"),
        ("0:01:12", "2026-01-02T14:06:12+00:00"),
    ],
)
def test_a_time_may_be_told_in_seconds_after_the_request(tmp_path: Path, seconds: str, at: str) -> None:
    mapping = '[seconds]\nanswered_at = "Response"\n'
    assert one(tmp_path, mapping, Response=seconds)["answered_at"] == at
    assert "answered_at" not in one(tmp_path, mapping, Response="")


@pytest.mark.parametrize(
    ("mapping", "told", "number"),
    [
        pytest.param('thousands = ","', "1,500,000", "1500000", id="parted"),
        pytest.param('thousands = ","', "1500000", "1500000", id="not parted"),
        pytest.param('thousands = "."\ndecimal = ","', "1.500.000,5", "1500000.5", id="as on the continent"),
        pytest.param('decimal = ","', "250000,5", "250000.5", id="a comma before the fraction"),
        pytest.param("[scale]\nquantity = 1000", "1500", "1500000", id="in thousands"),
        pytest.param('thousands = ","\n[scale]\nquantity = 1000', "1,500.5", "1500500", id="both"),
        pytest.param("[scale]\nquantity = 1000000", "2.5", "2500000", id="in millions"),
        pytest.param("[scale]\nquantity = 1000", "plenty", "plenty", id="no number: whoever reads it says so"),
    ],
)
def test_numbers_as_they_are_spelt(tmp_path: Path, mapping: str, told: str, number: str) -> None:
    assert one(tmp_path, mapping, quantity=told)["quantity"] == number


@pytest.mark.parametrize(
    ("told", "price"),
    [
        ("99-16", "99.5"),
        ("99-16+", "99.515625"),
        ("99-162", "99.5078125"),
        ("100-00", "100"),
        ("99.25", "99.25"),
    ],
)
def test_prices_in_32nds(tmp_path: Path, told: str, price: str) -> None:
    assert one(tmp_path, 'price_format = "32nds"', price=told)["price"] == price


def test_a_number_may_stand_in_a_column_by_the_desks_side(tmp_path: Path) -> None:
    mapping = 'side_of = "dealer"\n[columns]\nprice = { buy = "Ask", sell = "Bid" }\n'
    assert one(tmp_path, mapping, side="sell", Bid="99.5", Ask="99.75")["price"] == "99.75"
    assert one(tmp_path, mapping, side="buy", Bid="99.5", Ask="99.75")["price"] == "99.5"
    assert "price" not in one(tmp_path, mapping, side="buy", Bid="", Ask="99.75")


def test_buy_may_be_what_the_dealer_does(tmp_path: Path) -> None:
    mapping = 'side_of = "dealer"\n[values.side]\nB = "buy"\nS = "sell"\n'
    assert one(tmp_path, mapping, side="B")["side"] == "sell"
    assert one(tmp_path, mapping, side="S")["side"] == "buy"


@pytest.mark.parametrize(
    ("status", "answer", "outcome"),
    [
        ("Traded", "quote", "filled"),
        ("Cover", "quote", None),
        ("DNQ", "pass", None),
        ("", "none", None),
        ("Expired", "none", None),
    ],
)
def test_one_word_of_theirs_is_an_answer_and_an_outcome(
    tmp_path: Path, status: str, answer: str, outcome: str | None
) -> None:
    mapping = """
    [columns]
    answer = "Status"
    outcome = "Status"
    [values.answer]
    Traded = "quote"
    Cover = "quote"
    DNQ = "pass"
    "" = "none"
    "*" = "none"
    [values.outcome]
    Traded = "filled"
    "*" = ""
    """
    header = REQUIRED.replace("answer", "Status").replace(",", ";")
    (row,) = rows(tmp_path, mapping, header, f"T-1;2026-01-02T14:05:00Z;X;buy;1;ash;{status}")
    assert (row["answer"], row.get("outcome")) == (answer, outcome)


def test_a_maturity_has_a_format_of_its_own(tmp_path: Path) -> None:
    assert one(tmp_path, 'date_format = "%d-%b-%Y"', maturity="15-Mar-2031")["maturity"] == "2031-03-15"


def test_columns_that_nobody_named_can_all_be_left_out(tmp_path: Path) -> None:
    mapping = 'ignore = ["*"]\n[columns]\n' + "".join(f'{name} = "{name}"\n' for name in PLAIN)
    assert one(tmp_path, mapping, Comment="nice", Desk="EM") == PLAIN


WIDE = """
[columns]
rfq_id = "ID"
sent_at = "Time"
security = "ISIN"
side = "Side"
quantity = "Size"
[dealers]
count = 3
winner = "Done with"
[dealers.columns]
dealer = "Dealer {n}"
price = "Level {n}"
answer = "Level {n}"
[values.answer]
DNQ = "pass"
"" = "none"
"*" = "quote"
[values.price]
DNQ = ""
"""
WIDE_HEADER = "ID;Time;ISIN;Side;Size;Done with;Dealer 1;Level 1;Dealer 2;Level 2;Dealer 3;Level 3"


def test_a_line_of_several_dealers_is_a_row_for_each(tmp_path: Path) -> None:
    line = "T-1;2026-01-02T14:05:00Z;X;buy;1;beech;ash;99.8;beech;99.7;cedar;DNQ"
    found = rows(tmp_path, WIDE, WIDE_HEADER, line)
    assert [(row["dealer"], row["answer"], row.get("price"), row.get("outcome")) for row in found] == [
        ("ash", "quote", "99.8", None),
        ("beech", "quote", "99.7", "filled"),
        ("cedar", "pass", None, None),
    ]
    assert [(row["position"], row["n_asked"]) for row in found] == [("1", "3"), ("2", "3"), ("3", "3")]


def test_places_that_are_empty_are_no_dealers(tmp_path: Path) -> None:
    line = "T-1;2026-01-02T14:05:00Z;X;buy;1;;ash;;;;;"
    (row,) = rows(tmp_path, WIDE, WIDE_HEADER, line)
    assert (row["dealer"], row["answer"], row["n_asked"]) == ("ash", "none", "1")


@pytest.mark.parametrize(
    ("mapping", "cells", "words"),
    [
        pytest.param(
            'thousands = ","',
            {"quantity": "1,5"},
            "quantity: expected thousands parted by ',', such as 1,500,000, found '1,5'",
            id="thousands",
        ),
        pytest.param(
            'decimal = ","', {"price": "99.25"}, "price: expected ',' before the fraction, found '99.25'", id="fraction"
        ),
        pytest.param(
            'price_format = "32nds"',
            {"price": "99-40"},
            "price: expected a price in 32nds, such as 99-16, 99-16+ or 99-162, found '99-40'",
            id="32nds",
        ),
        pytest.param(
            'time_format = ["%m/%d/%Y", "%d.%m.%Y"]',
            {"sent_at": "soon"},
            "sent_at: expected a time as %m/%d/%Y or %d.%m.%Y, found 'soon'",
            id="time",
        ),
        pytest.param(
            'date_format = "%m/%d/%Y"',
            {"maturity": "2031-03-15"},
            "maturity: expected a day as %m/%d/%Y, found '2031-03-15'",
            id="maturity",
        ),
        pytest.param(
            '[seconds]\nanswered_at = "Response"',
            {"Response": "soon"},
            "answered_at: expected seconds such as 12.5, or 01:12, found 'soon'",
            id="seconds",
        ),
        pytest.param(
            '[seconds]\nanswered_at = "Response"',
            {"Response": "3", "sent_at": "2026-01-02T14:05:00"},
            "answered_at: it is told in seconds after sent_at, which has no zone: '2026-01-02T14:05:00'",
            id="no zone",
        ),
    ],
)
def test_a_cell_that_is_none_is_named(tmp_path: Path, mapping: str, cells: dict[str, str], words: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(words)}$"):
        one(tmp_path, mapping, **cells)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        pytest.param("T-1;2026-01-02T14:05:00Z;X;buy;1;;;;;;;", "dealer: the line names none", id="no dealer"),
        pytest.param(
            "T-1;2026-01-02T14:05:00Z;X;buy;1;elm;ash;99;;;;",
            "Done with: 'elm' is none of the dealers of the line",
            id="winner",
        ),
    ],
)
def test_a_line_of_dealers_that_is_none_is_named(tmp_path: Path, line: str, words: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(words)}$"):
        rows(tmp_path, WIDE, WIDE_HEADER, line)


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        pytest.param("thousands = ',.'", "thousands: expected one character, found ',.'", id="thousands"),
        pytest.param("decimal = ','\nthousands = ','", "decimal: ',' is what parts thousands, too", id="decimal"),
        pytest.param("price_format = 'ticks'", "price_format: expected decimal or 32nds, found 'ticks'", id="price"),
        pytest.param("side_of = 'client'", "side_of: expected desk or dealer, found 'client'", id="side"),
        pytest.param("time_format = 3", "time_format: expected text, or a list of it, found 3", id="time"),
        pytest.param("time_format = '%d/%m/%d'", "time_format: no time can be read by '%d/%m/%d'", id="a day twice"),
        pytest.param("time_format = ['%H:%M', '%Q']", "time_format: no time can be read by '%Q'", id="no directive"),
        pytest.param("date_format = '%d.%m.%'", "date_format: no time can be read by '%d.%m.%'", id="a stray %"),
        pytest.param("[scale]\nquantity = inf", "scale.quantity: expected a number above 0", id="endless scale"),
        pytest.param(
            "[scale]\nquantity = 0", "scale.quantity: expected a number above 0, such as 1000, found 0", id="scale"
        ),
        pytest.param("[scale]\ndealer = 1000", "'dealer' is no column of numbers", id="scale of a word"),
        pytest.param("[seconds]\nprice = 'x'", "'price' is no column of times after the request", id="seconds"),
        pytest.param(
            "[seconds]\ndeadline = 'x'\n[columns]\ndeadline = 'y'",
            "seconds.deadline: it stands under [columns] too",
            id="seconds and columns",
        ),
        pytest.param(
            "[columns]\nprice = { buy = 'Ask' }",
            "columns.price: expected a column for buy and one for sell, found {'buy': 'Ask'}",
            id="one side",
        ),
        pytest.param(
            "[columns]\ndealer = { buy = 'A', sell = 'B' }",
            "columns.dealer: only numbers can stand in a column by side",
            id="a word by side",
        ),
        pytest.param(
            "[columns]\nsent_at = []",
            "columns.sent_at: expected text, or a list of columns to join, found []",
            id="joined",
        ),
        pytest.param("[dealers]\ncount = 3", "dealers.columns: expected a table with at least dealer", id="dealers"),
        pytest.param(
            "[dealers]\ncount = 0\n[dealers.columns]\ndealer = 'D {n}'",
            "dealers.count: expected a whole number from 1 to 100, found 0",
            id="count",
        ),
        pytest.param(
            "[dealers]\ncount = 3\n[dealers.columns]\ndealer = 'Dealer'",
            "dealers.columns.dealer: expected {n} where the dealer's number stands, found 'Dealer'",
            id="no number",
        ),
        pytest.param("[dealers]\ncuont = 3", "dealers.cuont: unknown key (did you mean 'count'?)", id="key"),
    ],
)
def test_a_mapping_that_is_wrong_is_named(tmp_path: Path, mapping: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        blotter(tmp_path, mapping)
    assert words in str(caught.value)


def test_columns_of_the_mapping_that_the_file_lacks_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="the mapping speaks of 'Level 3', which is no column of it"):
        Translation(blotter(tmp_path, WIDE), WIDE_HEADER.replace(";Level 3", "").split(";"))

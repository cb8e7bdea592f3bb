"""Every field of a NewOrderSingle(D) has its row, and does what the row says."""

from __future__ import annotations

from typing import Final

import pytest

from engine.domain.messages import NewOrder, UnacceptableOrder
from engine.domain.order import OrderRefusal
from engine.fix.flows import terms
from engine.fix.flows.terms import Effect
from engine.fix.flows.translation import hear
from engine.fix.standard.definitions import Section
from engine.fix.standard.dictionaries import built_in
from engine.fix.standard.dictionary import Dictionary
from engine.fix.wire import codec

VERSIONS: Final = {"4.4": built_in("FIX.4.4"), "5.0 SP2": built_in("FIXT.1.1", "9")}
PLAIN: Final = {
    11: "C1",
    22: "4",
    48: "US0000000002",
    54: "1",
    55: "[N/A]",
    60: "20261122-10:15:30.123",
    38: "5000",
    40: "1",
}
MEMBERS: Final = {tag for each in VERSIONS.values() for tag in each.messages["D"].section.members}
COUNTS: Final = {tag for each in VERSIONS.values() for tag in each.messages["D"].section.groups}


def heard(changes: dict[int, str], version: Dictionary = VERSIONS["4.4"]) -> NewOrder | UnacceptableOrder:
    frame = codec.frame(
        begin_string="FIX.4.4", msg_type="D", seq_num=7, sender="PEER", target="BUYSIDE",
        sending_time="20261122-10:15:30.123", body=codec.encode_body([*{**PLAIN, **changes}.items()]),
    )  # fmt: skip
    found = hear("oms", codec.decode(frame, version))
    assert isinstance(found, NewOrder | UnacceptableOrder)
    return found


def tags_of(section: Section) -> set[int]:
    return set(section.members).union(*(tags_of(group.section) for group in section.groups.values()))


@pytest.mark.parametrize("version", VERSIONS)
def test_every_field_of_the_dictionary_has_one_row(version: str) -> None:
    assert tags_of(VERSIONS[version].messages["D"].section) - set(terms.TERMS) == set()
    assert len(terms.TERMS) == sum(len(row.tags) for row in terms.ROWS)


def one(row: terms.Term, effect: Effect) -> list[int]:
    return [tag for tag in row.tags if row.effect is effect and tag in MEMBERS and tag not in COUNTS]


REFUSED: Final = [tag for row in terms.ROWS for tag in one(row, Effect.refused)]
NOTED: Final = [tag for row in terms.ROWS for tag in one(row, Effect.noted) if tag not in (55, 349, 351, 355)]
LENGTHS: Final = {348: 349, 350: 351, 354: 355}
"""Lengths and their data come together."""


@pytest.mark.parametrize("tag", REFUSED)
def test_a_refused_term_is_named_with_its_value(tag: int) -> None:
    found = heard({tag: "7"})
    assert isinstance(found, UnacceptableOrder)
    assert found.code is terms.TERMS[tag].code
    assert f"({tag})=7 is not taken" in found.text


@pytest.mark.parametrize(
    ("tag", "value"), [(tag, value) for tag in REFUSED for value in sorted(terms.TERMS[tag].taken)]
)
def test_a_value_that_asks_for_nothing_else_is_noted(tag: int, value: str) -> None:
    found = heard({tag: value})
    assert isinstance(found, NewOrder)
    assert [each for each in found.noted if f"({tag})={value}" in each]


@pytest.mark.parametrize("tag", NOTED)
def test_a_noted_term_is_kept_with_the_order(tag: int) -> None:
    data = {LENGTHS[tag]: "x"} if tag in LENGTHS else {}
    found = heard({tag: "1" if data else "7", **data})
    assert isinstance(found, NewOrder)
    assert [each for each in found.noted if f"({tag})=" in each]


def test_an_order_without_any_of_these_notes_nothing() -> None:
    found = heard({1: "A1", 15: "USD", 21: "1", 44: "99", 40: "2", 59: "0", 63: "0", 423: "1"})
    assert isinstance(found, NewOrder)
    assert found.noted == ()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({99: "98"}, "StopPx(99)=98", id="stop price"),
        pytest.param({111: "1000"}, "MaxFloor(111)=1000", id="shown part"),
        pytest.param({18: "1 G"}, "ExecInst(18)=1 G", id="one instruction of two"),
        pytest.param({65: "WI"}, "SymbolSfx(65)=WI", id="when issued"),
        pytest.param({110: "1000"}, "MinQty(110)=1000", id="least quantity"),
        pytest.param({236: "5"}, "Yield(236)=5", id="yield alone"),
        pytest.param({63: "7"}, "SettlType(63)=7", id="when and if issued"),
        pytest.param({63: "8"}, "SettlType(63)=8", id="seller's option"),
        pytest.param({63: "6"}, "SettlDate(64)", id="future without a date"),
        pytest.param({63: "3", 64: "20261332"}, "SettlDate(64)=20261332", id="no date"),
        pytest.param({63: "3", 64: "2026-W01"}, "SettlDate(64)=2026-W01", id="a date of another form"),
        pytest.param({453: "1", 448: "ASH", 447: "D", 452: "1"}, "PartyRole(452)=1 PartyID(448)=ASH", id="executing"),
        pytest.param({453: "1", 448: "CLR", 447: "D", 452: "4"}, "PartyRole(452)=4 PartyID(448)=CLR", id="clearing"),
    ],
)  # fmt: skip
def test_what_the_desk_could_not_keep_is_refused(changes: dict[int, str], words: str) -> None:
    found = heard(changes)
    assert isinstance(found, UnacceptableOrder)
    assert found.code is OrderRefusal.unsupported
    assert words in found.text


def test_two_kinds_of_quantity_are_refused_as_a_quantity() -> None:
    found = heard({152: "1000000"})
    assert isinstance(found, UnacceptableOrder)
    assert found.code is OrderRefusal.incorrect_quantity
    assert "CashOrderQty(152)=1000000" in found.text


@pytest.mark.parametrize(
    ("changes", "noted"),
    [
        pytest.param({110: "0.00"}, ("MinQty(110)=0.00",), id="no least quantity"),
        pytest.param({18: "G", 59: "4"}, ("ExecInst(18)=G",), id="all or none of an FOK"),
        pytest.param({236: "5", 40: "2", 44: "99"}, ("Yield(236)=5",), id="yield beside a limit"),
        pytest.param({453: "1", 448: "C7", 447: "D", 452: "3"}, ("PartyRole(452)=3 PartyID(448)=C7",), id="client"),
        pytest.param({20001: "x"}, ("20001=x",), id="user defined"),
        pytest.param({58: "x" * 100}, (f"Text(58)={'x' * 64}...",), id="a long text"),
    ],
)
def test_what_changes_nothing_is_noted(changes: dict[int, str], noted: tuple[str, ...]) -> None:
    found = heard(changes)
    assert isinstance(found, NewOrder)
    assert found.noted == noted


def test_notes_have_a_bound() -> None:
    found = heard({20_000 + each: "x" for each in range(2 * terms.NOTED_MAX)})
    assert isinstance(found, NewOrder)
    assert len(found.noted) == terms.NOTED_MAX


@pytest.mark.parametrize(
    ("kind", "days"), [("0", None), ("1", 0), ("2", 1), ("3", 2), ("4", 3), ("5", 4), ("9", 5), ("A", 1)]
)
def test_a_settlement_type_is_days_after_the_trade(kind: str, days: int | None) -> None:
    found = heard({63: kind})
    assert isinstance(found, NewOrder)
    assert found.settl_days == days

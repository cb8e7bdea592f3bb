"""The four books of a run of kills: what agrees, what a person was told of, and what nobody was told of."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from crash import orders
from crash.accounting import Account, Journal, account
from paper.orders import read_script
from paper.prices import Security
from paper.reconcile import Fill, Finding, Report, Trade

BOND = "US0000000AA1"
TRADE = Trade("ALDER", ("ALDER-E1",), "P1", BOND, "1", Decimal(100), Decimal("99.5"), True)
FILL = Fill("E-1", "A1", BOND, "1", Decimal(100), Decimal("99.5"), "ALDER-E1")
BOOKED: dict[str, Any] = {"exec_id": "E-1", "quantity": "100", "price": "99.50", "manual": False}
DIFFERS = Finding("fill_differs", "OMS", "E-1", "", frozenset({"ALDER-E1", "ALDER-E2", "P1"}))


def report(*findings: Finding, copied: Fill | None = FILL) -> Report:
    books = {} if copied is None else {copied.exec_id: copied}
    return Report(findings, {}, (TRADE,), books, books)


def accounted(given: Report, *events: tuple[str, dict[str, Any]]) -> Account:
    journal = Journal()
    for kind, body in events:
        journal.take(kind, body)
    return account(given, journal)


def test_books_that_agree_say_so() -> None:
    account = accounted(report(), ("FillBooked", {"fill": BOOKED}))
    assert (account.told, account.wrong) == ((), ())
    assert [line.split()[-2:] for line in account.lines[1:5]] == [["1", "100"]] * 4


def test_what_a_person_was_told_of_is_no_silence() -> None:
    kept = {"dealer_exec_id": "ALDER-E2", "placement_id": "P1", "reason": "too dear"}
    account = accounted(report(DIFFERS), ("FillBooked", {"fill": BOOKED}), ("FillQuarantined", kept))
    assert account.wrong == ()
    assert account.told == ("fill_differs OMS E-1: in quarantine: too dear",)
    doubt = {"placement_id": "P1", "person_needed": True, "evidence": "no answer"}
    account = accounted(report(DIFFERS), ("FillBooked", {"fill": BOOKED}), ("PlacementDoubted", doubt))
    assert account.told == ("fill_differs OMS E-1: in doubt: no answer",)


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(
            ("FillQuarantined", {"dealer_exec_id": "ALDER-E9", "placement_id": "P1", "reason": "too dear"}),
            id="of another trade of the same order",
        ),
        pytest.param(
            ("PlacementDoubted", {"placement_id": "P1", "person_needed": False, "evidence": "no answer"}),
            id="of a doubt that no person has to look at",
        ),
    ],
)
def test_a_difference_that_nobody_was_told_of_is_wrong(event: tuple[str, dict[str, Any]]) -> None:
    account = accounted(report(DIFFERS), ("FillBooked", {"fill": BOOKED}), event)
    assert account.wrong == ("fill_differs OMS E-1",)


def test_a_doubt_that_is_over_explains_nothing() -> None:
    doubt = {"placement_id": "P1", "person_needed": True, "evidence": "no answer"}
    ended = {"placement_id": "P1", "state": "canceled"}
    events = [("FillBooked", {"fill": BOOKED}), ("PlacementDoubted", doubt), ("PlacementEnded", ended)]
    assert accounted(report(DIFFERS), *events).wrong == ("fill_differs OMS E-1",)


def test_dealers_that_trade_more_than_there_is_are_somebodys_business() -> None:
    other = replace(TRADE, dealer="BIRCH", said_as=("BIRCH-E1",), cl_ord_id="P2")
    both = replace(report(), trades=(TRADE, other))
    sent = [("QuoteAccepted", {"placement_id": name, "order_id": "O-1"}) for name in ("P1", "P2")]
    events = [("OrderReceived", {"order_id": "O-1", "terms": {"quantity": "300"}}), *sent]
    assert accounted(both, ("FillBooked", {"fill": BOOKED}), *events).wrong == ()
    events.append(("OrderReplaced", {"order_id": "O-1", "terms": {"quantity": "150"}}))
    events.append(("FillBooked", {"fill": BOOKED}))
    beyond = "O-1: dealers have traded 200 of 150"
    assert accounted(both, *events).wrong == (beyond,)
    kept = {"dealer_exec_id": "BIRCH-E1", "placement_id": "P2", "reason": "too much"}
    account = accounted(both, *events, ("FillQuarantined", kept))
    assert (account.wrong, account.told) == ((), (f"{beyond}: in quarantine: too much",))


def test_nothing_explains_what_is_wrong_between_our_own_books() -> None:
    """That a person was told of the trade is no reason to tell the OMS of it twice."""
    twice = Finding("fill_doubled", "OMS", "E-1", "order session", DIFFERS.about)
    kept = {"dealer_exec_id": "ALDER-E1", "placement_id": "P1", "reason": "too dear"}
    account = accounted(report(twice), ("FillBooked", {"fill": BOOKED}), ("FillQuarantined", kept))
    assert account.wrong == ("fill_doubled OMS E-1 order session",)
    account = accounted(report(copied=replace(FILL, price=Decimal(98))), ("FillBooked", {"fill": BOOKED}))
    assert account.wrong == ("E-1: the journal has 100 at 99.5, the drop copy 100 at 98",)


def test_the_journal_is_read_as_it_is_told() -> None:
    """A correction is known by the ExecID that it was told under, and may be taken back by its fill's."""
    corrected = BOOKED | {"price": "98", "told_as": "E-2"}
    events = [("FillBooked", {"fill": BOOKED}), ("FillCorrected", {"was": BOOKED, "fill": corrected})]
    told = replace(FILL, exec_id="E-2", price=Decimal(98))
    assert accounted(report(copied=told), *events).wrong == ()
    events.append(("FillCanceled", {"fill": corrected}))
    assert accounted(report(copied=None), *events).wrong == ()
    assert accounted(report(copied=told), *events).wrong == ("E-2: the journal has nothing, the drop copy 100 at 98",)


def test_the_orders_of_a_run_are_changed_at_their_own_time(tmp_path: Path) -> None:
    bonds = {BOND: Security(BOND, Decimal(99))}
    script = orders.steps(bonds, 7, 400, 9.0, replaces=0.25, cancels=0.1)
    assert script == orders.steps(bonds, 7, 400, 9.0, replaces=0.25, cancels=0.1)
    kinds = [step["do"] for step in script]
    assert kinds.count("new") == 400
    assert 85 < kinds.count("replace") < 181  # 100 and a third of them again: 133, of 12
    assert 16 < kinds.count("cancel") < 64  # 40, of 6
    sent: set[str] = set()
    for step in script:
        assert step["after_s"] >= 0
        if step["do"] == "new":
            sent.add(step["name"])
        else:
            assert step["of"] in sent
    orders.write(tmp_path / "orders.jsonl", script)
    assert [step.do for step in read_script(tmp_path / "orders.jsonl", 9.0)] == kinds
    assert {step["do"] for step in orders.steps(bonds, 7, 50, 9.0, replaces=0, cancels=0)} == {"new"}

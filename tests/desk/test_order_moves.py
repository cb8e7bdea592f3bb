"""The order's moves, its fills and the OrdStatus(39) the OMS sees, each as a table."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.desk.order.moves import MOVES, move, ord_status, with_fill
from engine.domain.order import Handling, Order, OrderFacts, OrderState, OrderTerms, Side, TimeInForce

S = OrderState
ALL = frozenset(OrderState)


def an_order(state: OrderState = S.with_trader, quantity: int = 1_000, filled: int = 0, cancel: str = "") -> Order:
    terms = OrderTerms(
        cl_ord_id="c1",
        session="oms",
        account="FUND",
        trader="",
        security_id="bond",
        side=Side.buy,
        quantity=Decimal(quantity),
        limit_price=None,
        tif=TimeInForce.day,
        handling=Handling.automatic,
        currency="USD",
        transact_ns=0,
    )
    facts = OrderFacts("issuer", "corporate", "*", "", None, None, None, 0)
    done = Decimal(filled)
    return Order(
        "O-1", terms, facts, state, 0, None, filled=done, filled_value=done * 100, cancel_cl_ord_id=cancel, note="why"
    )


@pytest.mark.parametrize(
    ("to", "sources"),
    [
        pytest.param(
            S.with_trader, {S.with_trader, S.asking, S.placed}, id="back to the trader from wherever it is open"
        ),
        pytest.param(S.asking, {S.with_trader, S.placed}, id="dealers are asked, or asked again after a refusal"),
        pytest.param(S.placed, {S.asking}, id="a quote is taken only while dealers are asked"),
        pytest.param(S.filled, ALL, id="a fill is booked wherever the order stands"),
        pytest.param(S.canceled, {S.with_trader, S.asking, S.placed}, id="what is open can be canceled"),
        pytest.param(S.expired, {S.with_trader, S.asking, S.placed}, id="what is open can expire"),
    ],
)
def test_every_move_is_in_the_table_and_every_other_raises(to: OrderState, sources: set[OrderState]) -> None:
    assert MOVES[to] == sources
    for state in OrderState:
        order = an_order(state)
        if state in sources:
            moved = move(order, to, "because")
            assert (moved.state, moved.note) == (to, "because")
        else:
            with pytest.raises(ValueError, match=f"no move from {state} to {to}"):
                move(order, to)


@pytest.mark.parametrize(
    ("state", "filled", "cancel", "status"),
    [
        pytest.param(S.with_trader, 0, "", "0", id="new"),
        pytest.param(S.asking, 0, "", "0", id="the OMS is not told of asking"),
        pytest.param(S.placed, 0, "", "0", id="nor of an acceptance"),
        pytest.param(S.with_trader, 400, "", "1", id="partially filled"),
        pytest.param(S.placed, 0, "c2", "6", id="a cancel waits"),
        pytest.param(S.placed, 400, "c2", "6", id="pending cancel goes before partially filled"),
        pytest.param(S.filled, 1_000, "", "2", id="filled"),
        pytest.param(S.filled, 1_000, "c2", "2", id="filled goes before a cancel that waits"),
        pytest.param(S.canceled, 400, "c2", "4", id="canceled, part of it filled"),
        pytest.param(S.expired, 0, "", "C", id="expired"),
    ],
)
def test_ord_status(state: OrderState, filled: int, cancel: str, status: str) -> None:
    assert ord_status(an_order(state, filled=filled, cancel=cancel)) == status


def test_a_part_leaves_the_rest_open() -> None:
    order = with_fill(an_order(S.placed), Decimal(400), Decimal(101))
    assert (order.state, order.filled, order.leaves, order.average_price) == (S.placed, 400, 600, 101)


def test_the_last_part_fills_it_whatever_the_state() -> None:
    for state in OrderState:
        order = with_fill(an_order(state, filled=400), Decimal(600), Decimal(99))
        assert (order.state, order.filled, order.leaves, order.note) == (S.filled, 1_000, 0, "")


def test_what_is_over_leaves_nothing() -> None:
    for state in (S.canceled, S.expired, S.filled):
        assert an_order(state, filled=400).leaves == 0
        assert not an_order(state).open


@given(
    st.lists(
        st.tuples(st.integers(1, 1_000), st.decimals("0.01", "200", places=4)),
        min_size=1,
        max_size=8,
    )
)
def test_the_average_price_is_the_money_over_the_quantity(fills: list[tuple[int, Decimal]]) -> None:
    total = sum(quantity for quantity, _ in fills)
    order = replace(an_order(S.placed, quantity=total))
    for quantity, price in fills:
        assert order.state is S.placed
        order = with_fill(order, Decimal(quantity), price)
    assert order.state is S.filled
    assert order.filled == total
    assert order.average_price == sum((quantity * price for quantity, price in fills), Decimal(0)) / total

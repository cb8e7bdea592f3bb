"""Tables and lines on a screen: what gives way where there is no room, and that nothing is wider than the screen."""

from __future__ import annotations

import re
from collections import deque
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.admin.client import AdminClient, Heard
from engine.admin.tables import Cell, Column, Paper, cut, table, wide
from engine.admin.watch import picture

STYLE = re.compile(r"\x1b\[[0-9;]*m")
COLUMNS = [
    Column("order"),
    Column("name", yields=2),
    Column("quantity", right=True),
    Column("limit", yields=1),
    Column("note"),
]


def shown(line: str) -> str:
    return STYLE.sub("", line)


def test_columns_that_yield_go_first_in_their_order() -> None:
    row = ("O-000001", "Halvorsen Water Works Inc", "12,000,000", "78.335", "with the trader")
    heads = [table(Paper(width=width, screen=True), COLUMNS, [row])[0].split() for width in (90, 85, 60, 44)]
    assert heads == [
        ["order", "name", "quantity", "limit", "note"],
        ["order", "name", "quantity", "limit", "note"],
        ["order", "quantity", "limit", "note"],
        ["order", "quantity", "note"],
    ]


def test_what_may_not_yield_is_cut_and_says_so() -> None:
    [_, line] = table(
        Paper(width=30, screen=True), COLUMNS, [("O-000001", "", "12,000,000", "", "nobody answered in time")]
    )
    assert line == "O-000001  12,000,000  nobody …"


def test_a_column_that_is_empty_takes_no_room_from_others() -> None:
    [head, _] = table(Paper(width=40, screen=True), COLUMNS, [("O-000001", "", "1,000", "78.335", "ok")])
    assert head.split() == ["order", "quantity", "limit", "note"]


texts = st.lists(
    st.tuples(st.text(st.characters(categories=["L", "N", "P"]), max_size=8), st.sampled_from(["", "red", "dim"]))
)


@given(texts, st.integers(1, 40))
def test_a_line_is_never_wider_than_the_screen_and_leaves_no_colour_on(
    cells: list[tuple[str, str]], width: int
) -> None:
    line = "".join(Paper(colour=True).show(Cell(text, style)) for text, style in cells)
    found = cut(line, width)
    assert wide(shown(found)) <= width
    assert found == line if wide(shown(line)) <= width else shown(found).endswith("…")
    styles = STYLE.findall(found)
    assert not styles or styles[-1] == "\x1b[0m"


ORDER: dict[str, Any] = {
    "order": "O-000017", "state": "with_trader", "cancel_pending": False,
    "replace_pending": False, "side": "sell", "quantity": "12000000",
    "filled": "400000", "security": "US99L011AD71", "name": "Halvorsen Water Works Inc 3.75 04/15/2049",
    "limit": "78.25", "average_price": "78.252",
    "best": {"price": "78.252", "edge_bps": -10.9, "dealer": "birch"},
    "source": "trader jo", "note": "nobody quoted within 25 bp price of fair; the rest goes to the trader",
}  # fmt: skip


class Answers:
    """The desk at the other end of the socket, for a picture of it."""

    def __init__(self, **beside: Any) -> None:
        self.beside = beside

    def call(self, method: str, **_: Any) -> dict[str, Any]:
        if method == "orders":
            return {"orders": [ORDER, {**ORDER, "order": "O-000016", "cancel_pending": True}]}
        return {**STATUS, **self.beside}


STATUS: dict[str, Any] = {
    "time": "2026-11-23T15:00:01.250Z",
    "orders": {"open": 2, "with_trader": 1, "asking": 0, "placed": 1, "total": 17},
    "rfqs": {"open": 0, "total": 19}, "sessions": {"up": 7, "configured": 8, "down": ["elm"], "closed": {}},
    "dealers": {"connected": 4, "configured": 5}, "securities": 24, "rules": 6, "protections": 2,
    "estimates": {"observations": 12, "rounds_waiting": 0},
    "book_hash": "89588d659c1ac2be", "kills": [], "unanswered": [], "quarantined": 0,
}  # fmt: skip


@pytest.mark.parametrize("colour", [False, True], ids=["plain", "colour"])
@pytest.mark.parametrize("columns", [80, 60, 120, 200])
def test_the_picture_of_watch_fits_its_screen(columns: int, colour: bool) -> None:
    desk: AdminClient = Answers()  # type: ignore[assignment]
    notice = Heard("page", "2026-11-23T15:00:01.250Z", 17, {"order_id": "O-000017", "reason": "nobody answers " * 20})
    lines = picture(desk, Paper(colour, columns), deque([notice]), columns, 24)
    assert len(lines) <= 24
    assert all(wide(shown(line)) <= columns for line in lines)
    text = "\n".join(map(shown, lines))
    assert "O-000017" in text
    assert "with_trader" in text.replace(" ", "_")
    assert "canceling" in text
    assert "12,000,000" in text
    assert "nobody" in text


def test_the_picture_of_watch_begins_with_what_keeps_the_engine_from_taking_anything() -> None:
    desk: AdminClient = Answers(banner="TAKEN NOTHING since 15:00:00: disk full " * 9)  # type: ignore[assignment]
    lines = picture(desk, Paper(False, 80), deque(), 80, 24)
    assert " ".join(lines[: lines.index("")]) == ("TAKEN NOTHING since 15:00:00: disk full " * 9).strip()
    assert all(wide(line) <= 80 for line in lines)

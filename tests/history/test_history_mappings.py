"""Every mapping that comes with the engine takes its sample whole, to the values that its columns mean."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from engine.desk.past.reading import Known, Refused, read_rows
from engine.domain.observation import RoundTold, Taken
from engine.domain.order import Side
from engine.history.files import HistoryFile
from engine.history.mapping import read_blotter

SHIPPED = Path(__file__).resolve().parents[2] / "config" / "history"
MAPPINGS = sorted(path.stem for path in SHIPPED.glob("*.toml"))


def taken(name: str) -> list[RoundTold]:
    blotter = read_blotter(SHIPPED / f"{name}.toml")
    file, refused = HistoryFile(SHIPPED / f"{name}.csv", blotter), list[Refused]()
    file.look()
    known = Known({}, 1_796_000_000_000_000_000, 900 * 10**9)
    found = [read_rows(rows, known, blotter.source) for rows in file.rounds(refused.append)]
    assert refused + [each for _, wrong in found for each in wrong] == []
    return [told for rounds, _ in found for told in rounds]


@pytest.mark.parametrize("name", MAPPINGS)
def test_every_row_is_taken(name: str) -> None:
    lines = (SHIPPED / f"{name}.csv").read_text(encoding="utf-8").splitlines()
    assert sum(len(told.seen.asks) for told in taken(name)) == len(lines) - 1
    assert f"`{name}.toml` `{name}.csv`" in (SHIPPED / "README.md").read_text(encoding="utf-8")


def test_what_a_bank_bought_the_desk_sold() -> None:
    first, second, *_ = [told.seen for told in taken("bank_rfqs")]
    assert (first.side, first.quantity, first.n_asked) == (Side.sell, Decimal(2_500_000), 4)
    assert first.asks[0].edge_bps == pytest.approx((96.412 - 96.447) / 96.447 * 1e4)
    assert (second.side, second.asks[0].taken) == (Side.buy, Taken.filled)
    assert second.asks[0].edge_bps == pytest.approx((101.822 - 101.885) / 101.822 * 1e4)
    assert second.sent_ns == 1_789_372_132_000_000_000, "09:48:52 in Madrid is 07:48:52 UTC"


def test_a_quote_is_the_ask_where_the_desk_buys_and_the_bid_where_it_sells() -> None:
    prices = {(told.seen.rfq_id[-1], ask.dealer): ask.price for told in taken("rfq_quotes") for ask in told.seen.asks}
    assert prices["1", "alder"] == Decimal("99.71875")
    assert prices["2", "birch"] == Decimal("97.5")

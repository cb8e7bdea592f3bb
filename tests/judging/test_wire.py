"""The running program and its street: what the measurements over FIX are made of; few orders, so nothing is judged."""

from __future__ import annotations

import statistics
from decimal import Decimal
from pathlib import Path

import pytest
from judging import main
from judging.wire import measure
from judging.wire.desk import _isin
from judging.wire.street import Mids, Planted, Setting, read
from paper.prices import Security
from paper.styles import Style, plan_quote

from engine.domain.observation import Horizon
from engine.market.securities import parse_securities

MINUTE_NS = 60 * 1_000_000_000
FAST = 120.0


def test_a_mid_walks_by_what_was_planted_and_moves_by_what_is_said() -> None:
    bonds = {f"B{at}": Security(f"B{at}", Decimal(100)) for at in range(400)}
    mids = Mids(bonds, 1, 0, 8.0, 10.0)
    before = {name: mids.fair(name, 0) for name in bonds}
    assert set(before.values()) == {Decimal("100.000")}
    drifts = [float((mids.fair(name, 30 * MINUTE_NS) or 0) - 100) * 100 for name in bonds]
    assert statistics.fmean(drifts) == pytest.approx(0.0, abs=4 * 8.0 / 400**0.5)
    assert statistics.stdev(drifts) == pytest.approx(8.0, rel=4 / 800**0.5)
    at_once = mids.fair("B0", 30 * MINUTE_NS)
    mids.move("B0", 10.0)
    moved = mids.fair("B0", 30 * MINUTE_NS)
    assert moved is not None
    assert at_once is not None
    assert float(moved - at_once) == pytest.approx(0.1, abs=0.001)
    assert mids.fair("B1", 30 * MINUTE_NS) == mids.fair("B1", 30 * MINUTE_NS), "the same as often as it is looked at"
    assert mids.fair("unknown", 0) is None


def test_quotes_scatter_around_where_they_were_planted() -> None:
    style = Style((1, 2), (40, 40), (60, 60), silent=0, declines=0, indicative=0, skew_bps=0, scatter_bps=3)
    told = [plan_quote(style, 1, "ALDER", "B", nth, speciality=False).half_spread_bps for nth in range(400)]
    assert statistics.fmean(told) == pytest.approx(40, abs=4 * 3 / 20)
    assert statistics.stdev(told) == pytest.approx(3, rel=4 / 800**0.5)


def test_bonds_are_such_as_the_engine_takes() -> None:
    text = "\n".join(["isin,name,issuer,asset_class", *(f"{_isin(at)},B,I{at},corporate" for at in range(100))])
    assert len(parse_securities(text).securities) == 100


def test_a_setting_comes_back_as_it_was_written(tmp_path: Path) -> None:
    setting = Setting((Planted("alder", 2.0, 10.0),), 3.0, 8.0, 40.0, 10.0, 1, 60.0, 5, str(tmp_path))
    assert read(setting.write()) == setting


def test_orders_over_fix_ask_three_dealers_each() -> None:
    [found] = measure.discovery("classic", 1, 6, FAST)
    assert len(found.rounds) == 6
    for each in found.rounds:
        assert len(each.base) == 3
        assert len(each.asked) in (2, 3), "one may be left out by a draw"
        assert set(each.asked) - set(each.base) == set(each.explored)
        assert each.winner in each.asked
    assert any("both good ones" in line for line in measure.discovery_told([found]))


def test_a_leak_over_fix_is_solved_of_every_round() -> None:
    [blamed] = measure.victim("random", 1, [12], FAST, Horizon.minute)
    assert blamed.solved["rounds"] == 12
    assert sum(blamed.asked.values()) == 3 * 12
    assert sum(blamed.won.values()) + blamed.untraded == 12
    assert blamed.won[measure.LEAKER] == 0
    assert {each["dealer"] for each in blamed.table["leak_post"]["dealers"]} <= set(measure.NAMES)
    assert any(measure.LEAKER in line for line in measure.victim_told([blamed]))


def test_what_it_cannot_do_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["wire", "nothing"]) == 2
    assert main.main(["wire", "victim", "--panels", "none"]) == 2
    assert main.main(["wire", "--speed", "1"]) == 2
    assert "there is no nothing" in capsys.readouterr().err

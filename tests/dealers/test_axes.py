"""What a live interest makes of what is expected of its dealer."""

from __future__ import annotations

from dataclasses import fields, replace
from decimal import Decimal
from math import log

import pytest

from engine.dealers.axes import AxeParameters, with_axe
from engine.dealers.outlook import Identified, Measure, Outlook
from engine.domain.axe import Axe
from engine.domain.order import Side
from engine.errors import ConfigError

AXE = Axe("ash", "A1", "X", Side.sell, Decimal(5_000_000), None, None, None, 0, 10, "ash")
ONE = Measure(1.0, 0.0, 1.0, 1.0, 0.0)
NONE = Measure(0.0, 0.0, 0.0, 0.0, 0.0)
OUTLOOK = Outlook(
    dealer="ash",
    q=Measure(0.5, 0.1, 0.34, 0.66, 24.0),
    q_slope=-0.3,
    in_time=0.9,
    latency_p50_s=12.0,
    latency_p90_s=40.0,
    e=Measure(-3.0, 1.0, -4.6, -1.4, 10.0),
    e_noise_sd=4.0,
    e_df=5.0,
    f=ONE,
    reject_move_bps=0.0,
    z=ONE,
    leak_in=NONE,
    leak_post=NONE,
    leak_identified=Identified.none,
    r=NONE,
    asks=24,
)


def test_without_one_nothing_changes() -> None:
    assert with_axe(OUTLOOK, None, AxeParameters()) is OUTLOOK
    assert with_axe(OUTLOOK, AXE, AxeParameters(0.0, 0.0)).e == OUTLOOK.e


def test_it_raises_the_chance_of_an_answer_and_the_edge_and_nothing_else() -> None:
    found = with_axe(OUTLOOK, AXE, AxeParameters(q_logit=log(2), e_bps=1.5))
    # Even odds doubled: two to one.
    assert found.q.value == pytest.approx(2 / 3)
    assert found.q.low == pytest.approx(2 * 0.34 / (2 * 0.34 + 0.66))
    assert found.q.high == pytest.approx(2 * 0.66 / (2 * 0.66 + 0.34))
    assert found.q.sd == pytest.approx(0.1 * (2 / 9) / (1 / 4))
    assert (found.e.value, found.e.sd, found.e.low, found.e.high) == (
        -1.5,
        1.0,
        pytest.approx(-3.1),
        pytest.approx(0.1),
    )
    assert (found.q.n_eff, found.e.n_eff) == (24.0, 10.0)
    same = {each.name for each in fields(OUTLOOK)} - {"q", "e"}
    assert all(getattr(found, name) == getattr(OUTLOOK, name) for name in same)


@pytest.mark.parametrize("value", [0.0, 1e-12, 0.5, 1 - 1e-12, 1.0])
def test_a_chance_stays_one(value: float) -> None:
    outlook = replace(OUTLOOK, q=Measure(value, 0.0, value, value, 1.0))
    found = with_axe(outlook, AXE, AxeParameters(q_logit=25.0)).q
    assert value <= found.value <= 1
    assert found.low == found.value == found.high


@pytest.mark.parametrize("wrong", [-0.1, float("nan"), float("inf")])
def test_an_interest_never_counts_against_its_dealer(wrong: float) -> None:
    for name in ("q_logit", "e_bps"):
        with pytest.raises(ConfigError, match=name):
            AxeParameters(**{name: wrong})

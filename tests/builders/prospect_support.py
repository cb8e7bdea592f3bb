"""Outlooks for the tests of panels and sequences: equal dealers, and random ones of a seed."""

from __future__ import annotations

import math
import random

from engine.dealers.outlook import Identified, Measure, Outlook
from engine.selection.prospect import Prospect, Stakes, prospect

Z_90 = 1.6449


def measure(value: float, sd: float = 0.0, n_eff: float = 50.0) -> Measure:
    return Measure(value, sd, value - Z_90 * sd, value + Z_90 * sd, n_eff)


def outlook(
    dealer: str = "ash",
    *,
    q: float = 1.0,
    slope: float = 0.0,
    in_time: float = 1.0,
    edge: float = 0.0,
    edge_sd: float = 0.0,
    noise: float = 10.0,
    degrees: float = math.inf,
    firm: float = 1.0,
    move: float = 0.0,
    leak_in: float = 0.0,
    leak_post: float = 0.0,
    leak_sd: float = 0.0,
    q_sd: float = 0.0,
    firm_sd: float = 0.0,
    asks: int = 50,
    latency: float | None = 10.0,
) -> Outlook:
    return Outlook(
        dealer=dealer,
        q=measure(q, q_sd, asks),
        q_slope=slope,
        in_time=in_time,
        latency_p50_s=latency,
        latency_p90_s=None if latency is None else 2 * latency,
        e=measure(edge, edge_sd, asks),
        e_noise_sd=noise,
        e_df=degrees,
        f=measure(firm, firm_sd, asks),
        reject_move_bps=move,
        z=measure(1.0),
        leak_in=measure(leak_in, leak_sd, asks),
        leak_post=measure(leak_post, leak_sd, asks),
        leak_identified=Identified.relative,
        r=measure(0.2),
        asks=asks,
    )


def equal(count: int, stakes: Stakes, **each: float) -> list[Prospect]:
    return [prospect(outlook(f"d{at}", **each), stakes) for at in range(count)]  # type: ignore[arg-type]


def some(draw: random.Random, count: int) -> list[Outlook]:
    """Dealers as they come: good ones, wide ones, leaking ones, some that hardly answer."""
    return [
        outlook(
            f"d{at:02}",
            q=draw.uniform(0.1, 0.99),
            slope=draw.choice([0.0, -draw.uniform(0, 0.6)]),
            in_time=draw.uniform(0.6, 1.0),
            edge=draw.gauss(-6, 5),
            edge_sd=draw.uniform(0.2, 4),
            noise=draw.uniform(1, 8),
            degrees=draw.choice([4.0, 6.0, 12.0, 40.0, math.inf]),
            firm=draw.uniform(0.5, 1.0),
            move=draw.choice([0.0, draw.uniform(0, 4)]),
            leak_in=draw.uniform(0, 1.0),
            leak_post=abs(draw.gauss(0, 1.0)),
            leak_sd=draw.uniform(0, 1),
            q_sd=0.05,
            firm_sd=0.03,
            asks=draw.randrange(100),
        )
        for at in range(count)
    ]


def stakes_of(draw: random.Random) -> Stakes:
    limit = draw.choice([None, None, draw.uniform(-20, -3)])
    return Stakes(draw.choice([5.0, 15.0, 40.0]), 1.0, draw.choice([0.2, 0.5, 1.0]), limit, 0.005)

"""What of a round is taken, worked by hand."""

from __future__ import annotations

import pytest

from engine.dealers.tally import clipped

NOISE_BPS, SDS = 1.0, 3.0


@pytest.mark.parametrize(
    ("quotes", "taken"),
    [
        # Offs and the mark's 0, in order; the middle, drawn in to 3; what each is off from the middle, drawn in to 3.
        pytest.param((2.0,), (2.0,), id="0 2: 1, and 1 from it"),
        pytest.param((10.0,), (6.0,), id="0 10: 5 is 3, and 5 from it is 3"),
        pytest.param((10.0, 11.0), (3.0, 4.0), id="0 10 11: 10 is 3, and 0 and 1 from it"),
        pytest.param((-8.0, -2.0, 1.0), (-4.0, -2.0, 1.0), id="-8 -2 0 1: -1, and -7 is -3, -1, 2"),
    ],
)
def test_a_wild_quote_is_drawn_in_around_the_middle_of_the_quotes_and_the_mark(
    quotes: tuple[float, ...], taken: tuple[float, ...]
) -> None:
    names = ("alder", "birch", "cedar")[: len(quotes)]
    expected = dict.fromkeys(names, (0.0, 0.0))
    found = clipped(dict(zip(names, quotes, strict=True)), expected, lambda dealer: NOISE_BPS, 0.0, SDS)
    assert found == tuple(zip(names, taken, strict=True))

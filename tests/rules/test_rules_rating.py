"""The rating scale and its spellings."""

from __future__ import annotations

import pytest

from engine.rules.rating import NR, NotRated, Rating, band, parse


@pytest.mark.parametrize(
    ("text", "rating"),
    [
        pytest.param("BBB+", Rating.BBB_PLUS, id="letters and sign"),
        pytest.param("Baa1", Rating.BBB_PLUS, id="the other agency's count from 1"),
        pytest.param("Baa3", Rating.BBB_MINUS, id="3 is the lowest of a band"),
        pytest.param("aa2", Rating.AA, id="any case"),
        pytest.param(" AAA ", Rating.AAA, id="white space around"),
        pytest.param("Caa2", Rating.CCC, id="triple C"),
        pytest.param("Ca", Rating.CC, id="one notch for two takes the worse"),
        pytest.param("SD", Rating.D, id="selective default is default"),
        pytest.param("NR", NR, id="not rated"),
        pytest.param("not rated", NR, id="not rated in words"),
        pytest.param("WR", NR, id="withdrawn"),
        pytest.param("", None, id="the empty text is unknown"),
        pytest.param(None, None, id="nothing is unknown"),
        pytest.param("BBBB", None, id="no rating"),
        pytest.param("AAA+", None, id="no notch above the best"),
    ],
)
def test_parse(text: str | None, rating: Rating | NotRated | None) -> None:
    assert parse(text) is rating


def test_better_credit_is_larger() -> None:
    assert Rating.AAA > Rating.BBB_PLUS > Rating.BBB > Rating.BBB_MINUS > Rating.BB_PLUS > Rating.D


@pytest.mark.parametrize("rating", list(Rating))
def test_every_notch_reads_back(rating: Rating) -> None:
    assert parse(rating.text) is rating
    assert parse(str(rating)) is rating


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        pytest.param("BBB", (Rating.BBB_MINUS, Rating.BBB_PLUS), id="a plain letter is a band"),
        pytest.param("Baa", (Rating.BBB_MINUS, Rating.BBB_PLUS), id="in either spelling"),
        pytest.param("BBB-", (Rating.BBB_MINUS, Rating.BBB_MINUS), id="a sign makes it a notch"),
        pytest.param("AAA", (Rating.AAA, Rating.AAA), id="the best has one notch"),
        pytest.param("CC", (Rating.CC, Rating.CC), id="so has CC"),
        pytest.param("NR", None, id="NR is off the scale"),
        pytest.param("XYZ", None, id="no rating"),
    ],
)
def test_band(text: str, ends: tuple[Rating, Rating] | None) -> None:
    assert band(text) == ends

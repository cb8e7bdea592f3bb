"""What a call that is spelt wrong is told."""

from __future__ import annotations

import pytest

from engine.commands.parameters import did_you_mean, rows

pytestmark = pytest.mark.starts("noon")
"""Nothing here is about the time."""

KNOWN = ("reason", "dealer", "Session", "quote", "quota")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        pytest.param("reson", "reason", id="a letter too few"),
        pytest.param("REASON", "reason", id="in other letters"),
        pytest.param("sesion", "Session", id="known in other letters"),
        pytest.param("dealers", "dealer", id="a letter too many"),
        pytest.param("quotee", "quote", id="the nearest of two"),
        pytest.param("quotaa", "quota", id="the nearest, whichever stands first"),
        pytest.param("price", "", id="nothing like it"),
        pytest.param("", "", id="nothing at all"),
    ],
)
def test_the_nearest_known_word_is_named(word: str, meant: str) -> None:
    assert did_you_mean(word, KNOWN) == (f" (did you mean '{meant}'?)" if meant else "")


@pytest.mark.parametrize(
    ("before", "is_near"), [pytest.param(36, True, id="64 characters"), pytest.param(37, False, id="65 characters")]
)
def test_of_a_long_word_64_characters_are_compared(before: int, is_near: bool) -> None:
    """To compare takes the square of its length; with all 65 characters it would be near enough as well."""
    known = "k" * 28
    assert bool(did_you_mean("-" * before + known, (known,))) is is_near
    assert 2 * 28 / (65 + 28) > 0.6 > 2 * 27 / (64 + 28)


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        pytest.param([{}, {"a": 1}, "foo", 7], "a list of rows, each an object, which row 3 is not", id="text"),
        pytest.param([[]], "a list of rows, each an object, which row 1 is not", id="a list"),
        pytest.param([], "a list of 1 to 1000 rows", id="none"),
        pytest.param({"a": 1}, "a list of 1 to 1000 rows", id="one, not in a list"),
    ],
)
def test_a_delivery_that_is_no_list_of_rows_is_told_where(given: object, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        rows.read(given)

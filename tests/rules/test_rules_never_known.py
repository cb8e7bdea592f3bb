"""What a book reads in vain: fields that can only be unknown where it is to run, each place named, none a mistake."""

from __future__ import annotations

from rules_catalogue import CATALOGUE, DEFAULT

from engine.rules import Book, Source, compile_book

FIRST = """\
define thin as notional > 10% of adv(30d)
define quiet as days_since_trade > 7

protect "large" when thin
  at most 3 dealers
rule "thin too" when thin or quiet
  consider dealers where leakage(90d) > 0bp and connected
  ask top 3
"""
SECOND = f"""\
tiers for liquidity_score >= 7 by classic over 90d
  tier 1 when leakage > 0bp and rank in top 20%
rule "tiers" when side == sell and adv(60d) is known
  ask all of tier 1
{DEFAULT}"""


def made() -> Book:
    return compile_book([Source("1.rules", FIRST), Source("2.rules", SECOND)], CATALOGUE)


def never(book: Book, *names: str) -> list[str]:
    """Places, and what is said there, for an installation where these are never known: `adv` or `adv(60d)`."""

    def why(name: str, days: int | None) -> tuple[str, str] | None:
        shown = name if days is None else f"{name}({days}d)"
        return ("nobody tells", "ask somebody") if {name, shown} & set(names) else None

    return [f"{each.source.name}:{each.line}:{each.column}: {each.text}" for each in book.never_known(why)]


def test_nothing_is_said_where_everything_can_be_known() -> None:
    assert never(made()) == []


def test_every_place_is_named_once_in_the_order_of_the_text_with_what_the_unknown_counts_as() -> None:
    """A definition is named where it is written, once for protections and once for rules."""
    assert never(made(), "adv") == [
        "1.rules:1:34: 'adv(30d)' is never known here, which counts as false in a rule: nobody tells (ask somebody)",
        "1.rules:1:34: 'adv(30d)' is never known here, which counts as true in a protection:"
        " nobody tells (ask somebody)",
        "2.rules:3:36: 'adv(60d)' is never known here, which counts as false in a rule: nobody tells (ask somebody)",
    ]


def test_a_window_can_be_unknown_where_another_is_known() -> None:
    assert [line.split(": ")[0] for line in never(made(), "adv(60d)")] == ["2.rules:3:36"]


def test_conditions_of_dealers_and_of_tiers_are_looked_at_too() -> None:
    places = [line.split(": ")[0] for line in never(made(), "leakage", "liquidity_score", "days_since_trade")]
    assert places == ["1.rules:2:17", "1.rules:7:26", "2.rules:1:11", "2.rules:2:15"]

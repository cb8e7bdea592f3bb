"""The invented history: the same for the same seed, and one that an engine takes in without a word."""

from __future__ import annotations

import csv
import io
from collections import Counter
from datetime import date
from pathlib import Path

import pytest
from paper import past
from paper.prices import load_securities

ROOT = Path(__file__).resolve().parents[2]
SECURITIES = load_securities(ROOT / "config" / "securities" / "sample.csv")
SHIPPED = ROOT / "config" / "history" / "sample.csv"


def text(seed: int = 1, until: date = date(2026, 11, 21), days: int = 90) -> str:
    out = io.StringIO()
    past.write(past.Past(SECURITIES, seed, until, days).rows(), out)
    return out.getvalue()


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    return list(csv.DictReader(SHIPPED.open(encoding="utf-8", newline="")))


def test_the_shipped_file_is_what_the_generator_makes() -> None:
    assert SHIPPED.read_text(encoding="utf-8") == text()


def test_another_seed_is_another_history() -> None:
    assert text(seed=2, days=10) != text(days=10)


def test_it_says_that_it_is_invented_and_ends_before_its_end(rows: list[dict[str, str]]) -> None:
    assert {row["source"] for row in rows} == {"invented"}
    assert max(row["sent_at"] for row in rows) < "2026-11-21"
    assert min(row["sent_at"] for row in rows) >= "2026-08-23"


def test_every_dealer_was_asked_by_its_classes_and_answers_in_its_style(rows: list[dict[str, str]]) -> None:
    asked = Counter(row["dealer"] for row in rows)
    assert set(asked) == {each.name.lower() for each in past.COUNTERPARTIES}
    assert min(asked.values()) > 100
    silent = Counter(row["dealer"] for row in rows if row["answer"] == "none")
    # Cedar's style is silent half of the time; 4 standard errors of 300 asks.
    assert abs(silent["cedar"] / asked["cedar"] - 0.5) < 0.12
    assert silent["elm"] / asked["elm"] < 0.08
    rejected = Counter(row["dealer"] for row in rows if row["outcome"] == "rejected")
    assert set(rejected) == {"dogwood"}


def test_panels_differ_in_size_and_some_rounds_end_without_a_trade(rows: list[dict[str, str]]) -> None:
    assert len({row["n_asked"] for row in rows}) >= 4
    rounds = {row["rfq_id"] for row in rows}
    traded = {row["rfq_id"] for row in rows if row["outcome"] == "filled"}
    assert 0 < len(rounds - traded) < len(rounds)

"""A configuration made again from the texts that a journal keeps of it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from engine.config import Config, ConfigProblems, load, recalled

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def configured() -> Config:
    return load(ROOT / "engine.toml")


def texts(config: Config) -> dict[str, str]:
    return {each.kind: each.text for each in (*config.texts, *config.tables)}


def test_it_is_what_was_loaded(configured: Config) -> None:
    again = recalled(configured.path, texts(configured))
    differing = {
        field.name
        for field in dataclasses.fields(Config)
        if getattr(again, field.name) != getattr(configured, field.name)
    }
    # Calendars are made anew; of the texts it keeps those that a desk is made of.
    assert differing <= {"calendars", "texts", "tables"}
    assert [(each.name, each.zone) for each in again.calendars] == [
        (each.name, each.zone) for each in configured.calendars
    ]
    assert {each.kind: each.sha256 for each in again.texts}.items() <= {
        each.kind: each.sha256 for each in configured.texts
    }.items()


def test_limits_as_they_were_read_last_stand_in_place_of_those_of_the_start(configured: Config) -> None:
    kept = texts(configured)
    limits = json.loads(kept["limits"])
    limits["rfq"]["wait_s"] = "61.5"
    again = recalled(configured.path, {**kept, "limits": json.dumps(limits)})
    assert again.rfq == dataclasses.replace(configured.rfq, wait_s=61.5)
    assert again.market == configured.market
    assert again.risk == configured.risk


def test_no_file_is_opened(configured: Config, tmp_path: Path) -> None:
    again = recalled(tmp_path / "nowhere" / "engine.toml", texts(configured))
    assert [each.id for each in again.dealers] == [each.id for each in configured.dealers]


def test_a_missing_text_is_named(configured: Config) -> None:
    kept = texts(configured)
    del kept["dealers"]
    with pytest.raises(ConfigProblems, match="no text of dealers of then"):
        recalled(configured.path, kept)


def test_what_this_build_does_not_know_is_named(configured: Config) -> None:
    kept = texts(configured)
    with pytest.raises(ConfigProblems, match="unknown table"):
        recalled(configured.path, {**kept, "engine": kept["engine"] + "\n[former]\nkey = 1\n"})

"""A command that needs the extra `research` where it is not installed."""

from __future__ import annotations

import importlib

import pytest

from engine.admin.extra import research
from engine.errors import ConfigError


def test_what_is_missing_is_named_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(name: str) -> None:
        raise ModuleNotFoundError(f"No module named 'numpy.linalg' for {name}", name="numpy.linalg")

    monkeypatch.setattr("engine.admin.extra.import_module", fails)
    with pytest.raises(ConfigError, match=r"needs numpy, .*: pip install 'rfq-engine\[research\]'"):
        research("scores")


def test_a_mistake_of_ours_stays_one() -> None:
    with pytest.raises(ModuleNotFoundError):
        research("no_such_module")
    assert importlib.import_module("engine.research")

"""Every input brings randomness of its own."""

from __future__ import annotations

import inspect
import typing

import pytest

from engine.turn import inputs


@pytest.mark.parametrize("kind", typing.get_args(inputs.Input), ids=lambda kind: kind.__name__)
def test_whatever_happens_brings_entropy_and_none_is_made_up(kind: type) -> None:
    """Identifiers drawn without it would be the same in every such turn, and known beforehand."""
    entropy = inspect.signature(kind).parameters["entropy"]
    assert entropy.default is inspect.Parameter.empty

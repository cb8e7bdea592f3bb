"""Which vendors' engines there are. QuickFIX takes ten minutes to compile, so it runs in `scripts/test --full` only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import pytest
from interop_scene import Scene, SceneOf, Vendor, scene

VENDORS = [
    pytest.param("fixcore", marks=pytest.mark.interop),
    pytest.param("quickfix", marks=[pytest.mark.interop, pytest.mark.full]),
]


@pytest.fixture(params=VENDORS)
def vendor(request: pytest.FixtureRequest) -> Vendor:
    """An engine that is not ours, as the maker of all counterparties of a test."""
    if request.param == "fixcore":
        pytest.importorskip("fixcore", reason="fixcore-engine is not installed: pip install -e '.[interop]'")
        from interop_fixcore import FixcoreParty

        return FixcoreParty
    pytest.importorskip("quickfix", reason="QuickFIX is not installed: scripts/test --full installs it")
    from interop_quickfix import QuickfixParty

    return QuickfixParty


@pytest.fixture
def scene_of(vendor: Vendor, tmp_path: Path) -> Iterator[SceneOf]:
    """Builds the test's market; everything of it ends with the test."""
    with ExitStack() as stack:

        def build(**how: Any) -> Scene:
            made: AbstractContextManager[Scene] = scene(vendor, tmp_path, **how)
            return stack.enter_context(made)

        yield build

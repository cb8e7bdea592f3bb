"""Which vendors' engines there are. A test of the session layer or of the desk meets each of them."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import pytest
from interop_scene import Scene, SceneOf, Vendor, scene
from interop_seeds import table

VENDORS = ("fixcore", "quickfix")
DAY_S = 86_400
LONGEST_S = 45.0
"""More than a test takes whose orders are still spoken of."""

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))  # Our own side speaks by `echo.endpoint`.


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Once with each vendor's engine; `full_with` names those with which the test is a long one.

    A module whose tests only make sense with some of them has a `VENDORS` of its own.
    """
    if "vendor" not in metafunc.fixturenames:
        return
    vendors: tuple[str, ...] = getattr(metafunc.module, "VENDORS", VENDORS)
    long = {name for mark in metafunc.definition.iter_markers("full_with") for name in mark.args}
    marks = {name: [pytest.mark.interop, *([pytest.mark.full] if name in long else [])] for name in vendors}
    metafunc.parametrize("vendor", [pytest.param(name, marks=marks[name]) for name in vendors], indirect=True)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What the noise of this run came to, if there was any."""
    for line in table():
        terminalreporter.write_line(line)


@pytest.fixture(autouse=True)
def _within_one_day() -> None:
    """All parties go by the real clock, and at midnight UTC day orders end and ClOrdIDs begin anew: not amid a test."""
    left_s = DAY_S - time.time() % DAY_S
    if left_s < LONGEST_S:
        threading.Event().wait(left_s)


@pytest.fixture
def vendor(request: pytest.FixtureRequest) -> Vendor:
    """The maker of all counterparties of a test: another vendor's engine, or our own session layer."""
    if request.param == "ours":
        from interop_ours import OursParty

        return OursParty
    if request.param == "fixcore":
        pytest.importorskip("fixcore", reason="fixcore-engine is not installed: pip install -e '.[interop]'")
        from interop_fixcore import FixcoreParty

        return FixcoreParty
    pytest.importorskip("quickfix", reason="QuickFIX is not installed: pip install -e '.[interop]'")
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

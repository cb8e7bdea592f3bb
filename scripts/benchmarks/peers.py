"""Who is installed beside us, and where their dictionaries are. Absent peers are lines that say `not present`."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType
from typing import Final

ENGINE_CPP: Final = "QuickFIX C++"
"""Needs the library's headers and a compiler; nobody installs those here."""


def find(name: str) -> ModuleType | None:
    """The peer's package, None if it is not installed or does not load."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def quickfix_dictionary() -> Path:
    """QuickFIX's FIX44.xml: its wheels come without it, fixcore brings it word for word."""
    fixcore = find("fixcore")
    assert fixcore is not None
    return Path(fixcore.__path__[0]) / "specs" / "FIX44.xml"

"""Views in plain words, for whoever opens the file with sqlite3. Made anew at every start."""

from __future__ import annotations

from typing import Final

NAMES: Final[tuple[str, ...]] = ()
VIEWS: Final = ""


def drop_views() -> str:
    return "".join(f"DROP VIEW IF EXISTS {name};\n" for name in NAMES)

"""Every test of the desk runs once per start; those that are slow, or about something else, say `starts`.

The days on which everything happens are those of the desk's tests.
"""

from __future__ import annotations

import sys
from pathlib import Path

from desk_start import desk_start

sys.path.append(str(Path(__file__).resolve().parents[1] / "desk"))

__all__ = ["desk_start"]

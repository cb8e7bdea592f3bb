"""Makes what tests of several folders share importable by name: the builders, and the simulation."""

from __future__ import annotations

import sys
from pathlib import Path

for folder in ("builders", "simulation"):
    sys.path.insert(0, str(Path(__file__).resolve().parent / folder))

"""Makes what tests of several folders share importable by name, and says how hypothesis searches.

The default run tries the same examples every time and judges no machine by its speed; `scripts/test --full` searches
for new ones.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

for folder in ("builders", "simulation"):
    sys.path.insert(0, str(Path(__file__).resolve().parent / folder))

settings.register_profile("steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("searching", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

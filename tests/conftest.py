"""Makes what tests of several folders share importable by name, and says how hypothesis searches.

The default run tries the same examples every time and judges no machine by its speed; `scripts/test --full` searches
for new ones.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from engine.logs import QUIET_LOGGERS

for folder in ("builders", "simulation"):
    sys.path.insert(0, str(Path(__file__).resolve().parent / folder))

settings.register_profile("steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("searching", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))


@pytest.fixture
def root_logger() -> Iterator[logging.Logger]:
    """For tests that set up logging: as it was before when the test is over, or every later one would log there too."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield root
    for handler in root.handlers:
        if handler not in handlers:
            handler.close()
    root.setLevel(level)
    root.handlers[:] = handlers
    logging.captureWarnings(False)
    for name in QUIET_LOGGERS:
        logging.getLogger(name).setLevel(logging.NOTSET)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    from desk_start import parametrize_starts  # Found only once the folders above are on the path.

    parametrize_starts(metafunc)

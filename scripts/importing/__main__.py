"""`python -m importing`."""

from __future__ import annotations

import sys

from engine.admin import streams
from importing.main import main

sys.exit(streams.run("history_test", main))

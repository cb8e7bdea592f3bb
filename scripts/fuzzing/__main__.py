"""`python -m fuzzing`."""

import sys

from engine.admin import streams
from fuzzing.main import main

sys.exit(streams.run("fuzz", main))

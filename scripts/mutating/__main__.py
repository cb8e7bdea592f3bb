"""`python -m mutating`."""

import sys

from engine.admin import streams
from mutating.main import main

sys.exit(streams.run("mutate", main))

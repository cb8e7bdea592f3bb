"""`python -m judging`."""

import sys

from engine.admin import streams
from judging.main import main

if __name__ == "__main__":
    sys.exit(streams.run("judge", main))

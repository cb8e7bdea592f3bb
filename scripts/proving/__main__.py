"""`python -m proving`."""

import sys

from engine.admin import streams
from proving.main import main

if __name__ == "__main__":
    sys.exit(streams.run("evidence", main))

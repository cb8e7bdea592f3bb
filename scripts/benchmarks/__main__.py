import sys

from benchmarks.main import main
from engine.admin import streams

sys.exit(streams.run("bench", main))

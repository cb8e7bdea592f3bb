import sys

from demo.main import main
from engine.admin import streams

sys.exit(streams.run("demo", main))

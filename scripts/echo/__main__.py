import sys

from echo.main import main
from engine.admin import streams

sys.exit(streams.run("fix_echo", main))

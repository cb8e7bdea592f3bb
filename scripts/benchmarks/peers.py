"""Who is installed beside us, and where their dictionaries are. Absent peers are lines that say `not present`."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Final

_SOURCE: Final = Path(__file__).parent / "acceptors" / "by_quickfix_cpp.cpp"


def find(name: str) -> ModuleType | None:
    """The peer's package, None if it is not installed or does not load."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


@cache
def quickfix_cpp() -> Path | None:
    """The acceptor in C++, compiled once beside the interpreter; None without g++ or QuickFIX's headers.

    Debian has these as `g++` and `libquickfix-dev`.
    """
    program = Path(sys.prefix) / "bin" / "quickfix-cpp-acceptor"
    if program.exists() and program.stat().st_mtime > _SOURCE.stat().st_mtime:
        return program
    compiler = shutil.which("g++")
    if compiler is None:
        return None
    command = [compiler, "-O2", "-std=c++14", "-Wno-deprecated", "-o", str(program), str(_SOURCE), "-lquickfix"]
    return program if subprocess.run(command, capture_output=True, check=False).returncode == 0 else None


def quickfix_dictionary() -> Path:
    """QuickFIX's FIX44.xml: its wheels come without it, fixcore brings it word for word."""
    fixcore = find("fixcore")
    assert fixcore is not None
    return Path(fixcore.__path__[0]) / "specs" / "FIX44.xml"

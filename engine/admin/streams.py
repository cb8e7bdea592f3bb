"""The standard streams of a command: what it prints arrives, or one line says that it did not. No traceback.

A stream may be closed, a full disk, or a pipe that nobody reads any more. A closed one would be worse than mute: its
number goes to the next file that is opened, and what is printed then ends up in a journal or a socket. So its number is
held from the beginning, by something that takes nothing.
"""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Callable
from typing import Any, Final

LOST: Final = 4
"""Exit status: what was asked may have been done, but what was to be printed, or written to a file, could not be."""

_OF_OUTPUT: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF, errno.EPIPE})


def run(program: str, command: Callable[[], int]) -> int:
    """The exit status of `command`, whose output has arrived by then. What it leaves by SystemExit, goes on."""
    hold()
    try:
        try:
            status = command()
        finally:
            if not isinstance(sys.exc_info()[1], OSError):
                sys.stdout.flush()
    except BrokenPipeError:
        _silence(sys.stdout)  # Whoever read us has seen enough.
        return 0
    except OSError as error:
        _silence(sys.stdout)
        if not is_of_output(error):
            say(f"{program}: {error.filename}: {error.strerror}" if error.filename else f"{program}: {error}")
            return 1
        say(f"{program}: the output could not be written: {error.strerror}; what was asked may have been done")
        return LOST
    return status


class Parser(argparse.ArgumentParser):
    """One that does not keep quiet where its help cannot be printed; what it says otherwise goes to stderr."""

    def _print_message(self, message: str, file: Any = None) -> None:
        if file is sys.stdout:
            file.write(message)
        elif message:
            say(message.removesuffix("\n"))


def is_of_output(error: OSError) -> bool:
    """Whether what failed was writing to a stream: it has a number and no name."""
    return error.filename is None and error.errno in _OF_OUTPUT


def say(line: str) -> None:
    """One line for a person; where there is no stderr to take it, the exit status has to do."""
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:
        _silence(sys.stderr)


def hold() -> None:
    """Open again what was closed: reading or writing it is an error, and no other file gets its number."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            wrong_way = os.O_WRONLY if name == "stdin" else os.O_RDONLY
            _put(number, wrong_way)
            mode, buffering = "r" if name == "stdin" else "w", 1 if name == "stderr" else -1
            setattr(sys, name, os.fdopen(number, mode, buffering, encoding="utf-8", closefd=False))
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # A terminal of fewer characters shows the others escaped.


def _silence(stream: Any) -> None:
    """What is still in its buffer must not fail once more when the interpreter ends."""
    try:
        number = stream.fileno()
    except (OSError, ValueError):
        return
    _put(number, os.O_WRONLY)


def _put(number: int, way: int) -> None:
    opened = os.open(os.devnull, way)
    if opened != number:
        os.dup2(opened, number)
        os.close(opened)

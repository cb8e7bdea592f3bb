r"""The daemon's log: one line a record, credentials masked, and no phrase more often than it is read.

    2026-01-05T14:30:00.123456Z WARNING engine.runtime.loop session warning session=alder code=gap text=asked for 2 to 4

Time is real UTC, also where the engine's clock is scaled. What came from outside cannot begin a line of its own: SOH
is shown as `|`, other control characters as `\x..`. A traceback follows its line, indented.

Of each phrase of a logger (`log.info("this, before its values", ...)`) so many lines go out in a window; the rest are
counted, and the count is logged once the window is over.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from logging.handlers import WatchedFileHandler
from pathlib import Path
from typing import Final

from engine.errors import StartError
from engine.masking import masked, one_line, printable

LINES_MAX: Final = 50
"""Lines of one phrase that go out in one window."""
WINDOW_S: Final = 10.0
PHRASES_MAX: Final = 1000
"""Phrases that are counted apart; those beyond share one count per logger."""
MESSAGE_CHARS_MAX: Final = 4_000
"""What is shown of one message: a counterparty's words in it may be as long as fix.max_message_bytes."""
PHRASE_CHARS_MAX: Final = 200
"""What phrases are told apart by."""
QUIET_LOGGERS: Final = ("aiosqlite", "asyncio")
"""Libraries that write their own workings at DEBUG, statement by statement."""


def set_up_logging(level: str, file: Path | None) -> None:
    """Log from `level` on to `file`, or to stderr; a second call replaces the first.

    The file is opened anew when it was moved away, as logrotate does. Raises StartError if it cannot be opened.
    """
    sink: logging.Handler = logging.StreamHandler(sys.stderr) if file is None else _opened(file)
    sink.setFormatter(LineFormatter())
    root = logging.getLogger()
    for handler in [each for each in root.handlers if isinstance(each, BoundedHandler)]:
        root.removeHandler(handler)
        handler.close()
    root.addHandler(BoundedHandler(sink))
    set_level(level)
    logging.captureWarnings(True)


def set_level(level: str) -> None:
    """Tell more, or less, from now on."""
    root = logging.getLogger()
    root.setLevel(level.upper())
    for name in QUIET_LOGGERS:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


class LineFormatter(logging.Formatter):
    """Time, level, logger, message; then a traceback, if there is one, indented."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        message = one_line(masked(record.getMessage()))
        if record.levelno > logging.DEBUG:  # At which the wire is shown, whole.
            message = _bounded(message)
        line = f"{at} {record.levelname} {record.name} {message}"
        details = []
        if record.exc_info:
            details.append(self.formatException(record.exc_info))
        if record.stack_info:
            details.append(self.formatStack(record.stack_info))
        below = printable(masked("\n".join(details))).replace("\n", "\n    ") if details else ""
        return f"{line}\n    {below}" if below else line


def _bounded(message: str) -> str:
    more = len(message) - MESSAGE_CHARS_MAX
    return message if more <= 0 else f"{message[:MESSAGE_CHARS_MAX]} ... and {more} characters more"


class _Window:
    """One phrase of one logger since `began_s`."""

    __slots__ = ("began_s", "lines", "suppressed")

    def __init__(self, began_s: float) -> None:
        self.began_s = began_s
        self.lines = 0
        self.suppressed = 0


class BoundedHandler(logging.Handler):
    """Passes records on to `sink`, of each phrase at most `lines_max` in `window_s` seconds; CRITICAL always.

    What was suppressed is said when its window is over and anything at all is logged, or at the end.
    """

    def __init__(
        self,
        sink: logging.Handler,
        *,
        lines_max: int = LINES_MAX,
        window_s: float = WINDOW_S,
        phrases_max: int = PHRASES_MAX,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self.sink = sink
        self._lines_max = lines_max
        self._window_s = window_s
        self._phrases_max = phrases_max
        self._monotonic = monotonic
        self._windows: dict[tuple[str, str], _Window] = {}
        self._next_look_s = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        # Called under this handler's lock: the journal's thread logs too.
        now_s = self._monotonic()
        if now_s >= self._next_look_s:
            self._close_windows(now_s)
        if record.levelno < logging.CRITICAL:
            window = self._window(record, now_s)
            if window.lines >= self._lines_max:
                window.suppressed += 1
                return
            window.lines += 1
        self.sink.handle(record)

    def flush(self) -> None:
        self.sink.flush()

    def close(self) -> None:
        """Say what is still unsaid, and close the sink."""
        self.acquire()
        try:
            for key, window in self._windows.items():
                self._say(key, window)
            self._windows.clear()
        finally:
            self.release()
        self.sink.close()
        super().close()

    def _window(self, record: logging.LogRecord, now_s: float) -> _Window:
        key = (record.name, str(record.msg)[:PHRASE_CHARS_MAX])
        window = self._windows.get(key)
        if window is None:
            if len(self._windows) >= self._phrases_max:
                key = (record.name, "")
            window = self._windows.setdefault(key, _Window(now_s))
        return window

    def _close_windows(self, now_s: float) -> None:
        """End every window that is over, and look again when the next may be."""
        over = [key for key, window in self._windows.items() if now_s >= window.began_s + self._window_s]
        for key in over:
            self._say(key, self._windows.pop(key))
        began = min((window.began_s for window in self._windows.values()), default=now_s)
        self._next_look_s = began + self._window_s

    def _say(self, key: tuple[str, str], window: _Window) -> None:
        if window.suppressed:
            logger, phrase = key
            what = f"like {phrase!r}" if phrase else "of many phrases"
            text = f"suppressed {window.suppressed} lines {what}"
            self.sink.handle(logging.LogRecord(logger, logging.WARNING, "", 0, text, None, None))


class FileSink(WatchedFileHandler):
    """A log file. What it does not take, a full disk's, is counted, and one line on stderr says so.

    The engine goes on. Once lines are taken again the log itself has how many are missing.
    """

    def __init__(self, file: Path) -> None:
        super().__init__(file, encoding="utf-8")
        self.lost_total = 0
        self._lost = 0
        """Since a line was last taken."""
        self._was_told = False

    def emit(self, record: logging.LogRecord) -> None:
        before = self._lost
        super().emit(record)
        if before and self._lost == before:
            self._lost = 0
            text = f"log lines lost count={before}: the log file could not be written"
            super().emit(logging.LogRecord(__name__, logging.ERROR, "", 0, text, None, None))

    def handleError(self, record: logging.LogRecord) -> None:
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
            return
        self._lost += 1
        self.lost_total += 1
        if self._was_told:
            return
        self._was_told = True
        why = error.strerror or error
        line = f"the log cannot be written to {self.baseFilename}: {why}; make room there: lines are counted and lost"
        with contextlib.suppress(OSError, AttributeError):
            print(line, file=sys.stderr, flush=True)

    def close(self) -> None:
        # What the buffer still holds goes where the lines before it went.
        with contextlib.suppress(OSError):
            super().close()


def lost_total() -> int:
    """Lines that no log file took."""
    handlers = logging.getLogger().handlers
    sinks = [each.sink for each in handlers if isinstance(each, BoundedHandler)]
    return sum(sink.lost_total for sink in sinks if isinstance(sink, FileSink))


def _opened(file: Path) -> logging.Handler:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        return FileSink(file)
    except OSError as error:
        raise StartError(
            f"--log-file: cannot write {file}: {error.strerror or error}; name a file in a folder that can be written"
        ) from error

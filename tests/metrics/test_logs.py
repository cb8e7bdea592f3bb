r"""The log: one line a record, no credential in it, no line of somebody else's making, no flood."""

from __future__ import annotations

import errno
import io
import logging
import os
import re
import threading
import traceback
from pathlib import Path

import pytest

from engine.errors import StartError
from engine.logs import BoundedHandler, FileSink, LineFormatter, _opened, set_up_logging
from engine.masking import MASK

SECRET = "hunter2"


def fix(text: str) -> bytes:
    return text.replace("|", "\x01").encode("latin-1")


FRAME = fix(f"8=FIX.4.4|9=70|35=A|34=1|49=A|56=B|553=kim|554={SECRET}|925={SECRET}9|108=30|10=000|")


# --- lines ---------------------------------------------------------------------------------------


class Log:
    """A logger of its own behind a bounded handler, with a clock that only the test moves."""

    def __init__(self, **bounds: int) -> None:
        self.now_s = 100.0
        self.stream = io.StringIO()
        sink = logging.StreamHandler(self.stream)
        sink.setFormatter(LineFormatter())
        self.handler = BoundedHandler(sink, monotonic=lambda: self.now_s, **bounds)
        self.logger = logging.Logger("engine.test")
        self.logger.addHandler(self.handler)

    @property
    def lines(self) -> list[str]:
        return self.stream.getvalue().splitlines()

    @property
    def messages(self) -> list[str]:
        return [line.split(" ", 3)[3] for line in self.lines]


def test_a_line_has_utc_time_level_logger_and_message() -> None:
    log = Log()
    log.logger.info("session active session=%s next_in=%d", "oms", 7)
    (line,) = log.lines
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z INFO engine.test session active session=oms next_in=7", line
    )


def test_the_time_is_utc_wherever_the_machine_is(monkeypatch: pytest.MonkeyPatch) -> None:
    record = logging.LogRecord("x", logging.INFO, "", 0, "hello", None, None)
    record.created = 1_790_000_000.5
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    assert LineFormatter().format(record) == "2026-09-21T14:13:20.500000Z INFO x hello"


def test_a_peers_text_cannot_make_a_line_of_its_own() -> None:
    log = Log()
    log.logger.warning("peer said text=%s", "bye\n2026-01-01T00:00:00.000000Z CRITICAL engine forged\r\x1b[2J")
    (line,) = log.lines
    assert line.endswith(r"text=bye\n2026-01-01T00:00:00.000000Z CRITICAL engine forged\r\x1b[2J")


def test_a_line_is_no_longer_than_anybody_reads() -> None:
    """A counterparty's MsgType(35) can be as long as a message, and fifty such lines may go out at a time."""
    log = Log()
    log.logger.warning("unexpected %s", "x" * 60_000)
    log.logger.warning("late %s", "y" * 3_985 + f" 554={SECRET}")
    log.logger.debug("< %s", "z" * 5_000)
    first, second, wire = log.messages
    assert first == f"unexpected {'x' * 3_989} ... and 56011 characters more"
    assert SECRET not in second, "masked before it is cut"
    assert wire == "< " + "z" * 5_000


def test_credentials_are_masked_in_messages_and_in_tracebacks() -> None:
    log = Log()
    log.logger.error("cannot decode frame=%r", FRAME)
    try:
        raise ValueError(f"bad frame {FRAME!r}")
    except ValueError:
        assert SECRET in traceback.format_exc()
        log.logger.exception("decoding failed")
    assert SECRET not in log.stream.getvalue()
    assert log.stream.getvalue().count(MASK) >= 2


def test_a_traceback_follows_its_line_indented() -> None:
    log = Log()
    try:
        raise ValueError("two\nlines")
    except ValueError:
        log.logger.exception("failed")
    first, *rest = log.lines
    assert first.endswith("ERROR engine.test failed")
    assert rest[0] == "    Traceback (most recent call last):"
    assert all(line.startswith("    ") for line in rest)


# --- rates ---------------------------------------------------------------------------------------


def test_a_phrase_is_said_so_often_and_then_counted() -> None:
    log = Log(lines_max=3)
    for number in range(10):
        log.logger.info("tick number=%d", number)
    log.logger.info("something else")
    assert log.messages == ["tick number=0", "tick number=1", "tick number=2", "something else"]
    log.now_s += 10
    log.logger.info("tick number=%d", 10)
    assert log.messages[4:] == ["suppressed 7 lines like 'tick number=%d'", "tick number=10"]


def test_what_was_suppressed_is_said_when_anything_is_logged_after_the_window() -> None:
    log = Log(lines_max=1)
    log.logger.info("tick")
    log.logger.info("tick")
    log.now_s += 9.9
    log.logger.info("too early")
    assert log.messages == ["tick", "too early"]
    log.now_s += 0.2
    log.logger.info("late enough")
    assert log.messages[2:] == ["suppressed 1 lines like 'tick'", "late enough"]
    log.now_s += 100
    log.logger.info("once more")
    assert log.messages[4:] == ["once more"], "nothing was suppressed since"


def test_what_was_suppressed_is_said_at_the_end() -> None:
    log = Log(lines_max=1)
    for _ in range(5):
        log.logger.error("disk full")
    log.handler.close()
    assert log.messages == ["disk full", "suppressed 4 lines like 'disk full'"]


def test_the_same_phrase_of_two_loggers_is_two() -> None:
    log = Log(lines_max=1)
    other = logging.Logger("engine.other")
    other.addHandler(log.handler)
    log.logger.info("tick")
    other.info("tick")
    assert len(log.lines) == 2


def test_what_ends_the_process_is_never_suppressed() -> None:
    log = Log(lines_max=1)
    for _ in range(3):
        log.logger.critical("stopping")
    assert log.messages == ["stopping"] * 3


def test_phrases_without_end_share_one_count() -> None:
    log = Log(lines_max=2, phrases_max=5)
    for number in range(100):
        log.logger.info(f"made up {number}")
    assert len(log.lines) == 5 + 2
    log.handler.close()
    assert log.messages[-1] == "suppressed 93 lines of many phrases"


def test_a_suppressed_phrase_is_masked_like_any_other() -> None:
    log = Log(lines_max=1)
    for _ in range(2):
        log.logger.info(f"frame {FRAME!r}")
    log.handler.close()
    assert "suppressed 1" in log.lines[-1]
    assert SECRET not in log.stream.getvalue()


def test_threads_log_together_and_every_line_is_said_or_counted() -> None:
    log = Log(lines_max=10)
    threads = [threading.Thread(target=lambda: [log.logger.info("tick") for _ in range(200)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.handler.close()
    assert log.messages == ["tick"] * 10 + ["suppressed 790 lines like 'tick'"]


# --- set-up --------------------------------------------------------------------------------------


def test_to_a_file_from_a_level_on(root_logger: logging.Logger, tmp_path: Path) -> None:
    file = tmp_path / "logs" / "rfqd.log"
    set_up_logging("info", file)
    logging.getLogger("engine.x").debug("not this")
    logging.getLogger("engine.x").info("but this name=%s", "é")
    logging.getLogger("aiosqlite").info("nor that")
    (line,) = file.read_text("utf-8").splitlines()
    assert line.endswith(" INFO engine.x but this name=é")


def test_to_stderr(root_logger: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging("WARNING", None)
    logging.getLogger("engine.x").warning("here")
    assert capsys.readouterr().err.endswith(" WARNING engine.x here\n")


def test_a_second_call_replaces_the_first(root_logger: logging.Logger, tmp_path: Path) -> None:
    set_up_logging("INFO", tmp_path / "first.log")
    set_up_logging("INFO", tmp_path / "second.log")
    logging.getLogger("engine.x").info("hello")
    assert (tmp_path / "first.log").read_text() == ""
    assert (tmp_path / "second.log").read_text().count("hello") == 1


def test_a_file_that_was_moved_away_is_begun_anew(root_logger: logging.Logger, tmp_path: Path) -> None:
    file = tmp_path / "rfqd.log"
    set_up_logging("INFO", file)
    logging.getLogger("engine.x").info("one")
    file.rename(tmp_path / "rfqd.log.1")
    logging.getLogger("engine.x").info("two")
    assert "two" in file.read_text()
    assert "two" not in (tmp_path / "rfqd.log.1").read_text()


def test_a_file_that_cannot_be_written(root_logger: logging.Logger, tmp_path: Path) -> None:
    before = list(root_logger.handlers)
    with pytest.raises(StartError, match=r"--log-file: cannot write .*: Is a directory; name a file"):
        set_up_logging("INFO", tmp_path)
    assert root_logger.handlers == before


def test_a_log_file_that_takes_nothing_is_one_line_on_stderr_and_counted(capsys: pytest.CaptureFixture[str]) -> None:
    sink = _opened(Path("/dev/full"))
    assert isinstance(sink, FileSink)
    sink.setFormatter(LineFormatter())
    logger = logging.Logger("engine.test")
    logger.addHandler(BoundedHandler(sink))
    for number in range(704):
        logger.error("line %d of %s", number, "x" * number)
        logger.error(f"a phrase of its own {number}")
    logger.handlers[0].close()
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("the log cannot be written to /dev/full: No space left on device; make room")
    assert sink.lost_total >= 704


def test_a_log_file_that_takes_lines_again_says_how_many_are_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "log"
    sink = FileSink(file)
    logger = logging.Logger("engine.test")
    logger.addHandler(sink)
    full = [True]
    flush = sink.flush

    def failing() -> None:
        if full[0]:
            sink.stream.seek(0)
            sink.stream.truncate()
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        flush()

    monkeypatch.setattr(sink, "flush", failing)
    for number in range(5):
        logger.error("lost %d", number)
    full[0] = False
    logger.error("taken")
    sink.close()
    assert file.read_text().splitlines()[-2:] == ["taken", "log lines lost count=5: the log file could not be written"]
    assert capsys.readouterr().err.count("\n") == 1

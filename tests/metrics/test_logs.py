r"""The log: one line a record, no credential in it, no line of somebody else's making, no flood."""

from __future__ import annotations

import io
import json
import logging
import re
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.errors import StartError
from engine.logs import MASK, QUIET_LOGGERS, BoundedHandler, LineFormatter, masked, printable, set_up_logging, wire

SECRET = "hunter2"


def fix(text: str) -> bytes:
    return text.replace("|", "\x01").encode("latin-1")


# --- masking -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        pytest.param("35=A|553=kim|554=hunter2|108=30|", "35=A|553=kim|554=***|108=30|", id="Password"),
        pytest.param("35=A|554=hunter2|925=hunter3|10=1|", "35=A|554=***|925=***|10=1|", id="NewPassword too"),
        pytest.param("554=hunter2|", "554=***|", id="first"),
        pytest.param("35=A|554=hunter2", "35=A|554=***", id="cut off"),
        pytest.param("35=A|554=a=b 925=c|10=1|", "35=A|554=***|10=1|", id="a password that looks like fields"),
        pytest.param("35=A|1402=xyz|1404=uvw|", "35=A|1402=***|1404=***|", id="encrypted passwords"),
        pytest.param("35=A|95=7|96=hunter2|10=1|", "35=A|95=7|96=***|10=1|", id="RawData"),
        pytest.param("35=A|95=9|96=hun|er2|x|10=1|", "35=A|95=9|96=***|10=1|", id="RawData with SOH in it"),
        pytest.param("35=A|95=999|96=hunter2|10=1|", "35=A|95=999|96=***", id="a length that is too long"),
        pytest.param("35=A|95=1|96=hunter2|10=1|", "35=A|95=1|96=***|10=1|", id="a length that is too short"),
        pytest.param("35=D|11=554|1554=x|55=554=|", "35=D|11=554|1554=x|55=554=***|", id="tags that end alike"),
        pytest.param("35=D|38=96|44=96.554|58=at 96|", "35=D|38=96|44=96.554|58=at 96|", id="values alone"),
    ],
)
def test_the_wire_is_shown_without_credentials(data: str, shown: str) -> None:
    assert wire(fix(data)) == shown


def test_a_password_with_the_bar_in_it_is_masked_whole() -> None:
    assert wire(b"35=A\x01554=hun|ter2\x01108=30\x01") == "35=A|554=***|108=30|"


def test_what_is_not_printable_is_escaped() -> None:
    assert wire(b"58=a\nb\x00\x1b[31m\xe9\x9b\x01") == "58=a\\nb\\x00\\x1b[31mé\\x9b|"
    assert printable("a\x01b\u2028c") == "a|b\\u2028c"


FRAME = fix(f"8=FIX.4.4|9=70|35=A|34=1|49=A|56=B|553=kim|554={SECRET}|925={SECRET}9|108=30|10=000|")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(FRAME.decode(), id="as it is"),
        pytest.param(wire(FRAME), id="as shown"),
        pytest.param(repr(FRAME), id="repr of bytes"),
        pytest.param(repr(FRAME.decode()), id="repr of text"),
        pytest.param(json.dumps({"frame": FRAME.decode()}), id="JSON"),
        pytest.param(FRAME.decode().replace("\x01", "^A"), id="caret notation"),
        pytest.param(FRAME.decode().replace("\x01", "|"), id="bars"),
        pytest.param(f"bad field 554={SECRET}", id="one field in prose"),
        pytest.param(f"(554={SECRET})", id="behind a bracket"),
    ],
)
def test_whatever_looks_like_fix_is_masked(text: str) -> None:
    assert SECRET not in masked(text)
    assert MASK in masked(text)


@pytest.mark.parametrize("text", ["in 12 ms", "session=oms next_in=96", "x554=y", "a.96=b", "1925=c", ""])
def test_what_is_no_fix_stays_as_it_is(text: str) -> None:
    assert masked(text) == text


def test_too_much_is_masked_rather_than_too_little() -> None:
    assert masked("refused 96=100 session=oms\nnext line") == "refused 96=***\nnext line"


PASSWORDS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters="\x01"), min_size=1)


@given(PASSWORDS, st.binary(max_size=20))
@example("|", b"\x01")
@example("554=", b"|96=|")
def test_nothing_of_a_credential_is_ever_shown(password: str, raw: bytes) -> None:
    marked = f"<{password}>"
    data = b"\x01".join(
        (b"8=FIX.4.4", b"35=A", b"554=" + marked.encode("latin-1"), b"95=%d" % len(raw), b"96=" + raw, b"108=30", b"")
    )
    shown = wire(data)
    assert shown == f"8=FIX.4.4|35=A|554={MASK}|95={len(raw)}|96={MASK}|108=30|"


@given(st.text())
def test_masking_twice_is_masking_once_and_never_fails(text: str) -> None:
    assert masked(masked(text)) == masked(text)


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


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The root logger, as it was before when the test is over."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield root
    for handler in root.handlers:
        if handler not in handlers:
            handler.close()
    root.setLevel(level)
    root.handlers[:] = handlers
    logging.captureWarnings(False)
    for name in QUIET_LOGGERS:
        logging.getLogger(name).setLevel(logging.NOTSET)


def test_to_a_file_from_a_level_on(root: logging.Logger, tmp_path: Path) -> None:
    file = tmp_path / "logs" / "rfqd.log"
    set_up_logging("info", file)
    logging.getLogger("engine.x").debug("not this")
    logging.getLogger("engine.x").info("but this name=%s", "é")
    logging.getLogger("aiosqlite").info("nor that")
    (line,) = file.read_text("utf-8").splitlines()
    assert line.endswith(" INFO engine.x but this name=é")


def test_to_stderr(root: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging("WARNING", None)
    logging.getLogger("engine.x").warning("here")
    assert capsys.readouterr().err.endswith(" WARNING engine.x here\n")


def test_a_second_call_replaces_the_first(root: logging.Logger, tmp_path: Path) -> None:
    set_up_logging("INFO", tmp_path / "first.log")
    set_up_logging("INFO", tmp_path / "second.log")
    logging.getLogger("engine.x").info("hello")
    assert (tmp_path / "first.log").read_text() == ""
    assert (tmp_path / "second.log").read_text().count("hello") == 1


def test_a_file_that_was_moved_away_is_begun_anew(root: logging.Logger, tmp_path: Path) -> None:
    file = tmp_path / "rfqd.log"
    set_up_logging("INFO", file)
    logging.getLogger("engine.x").info("one")
    file.rename(tmp_path / "rfqd.log.1")
    logging.getLogger("engine.x").info("two")
    assert "two" in file.read_text()
    assert "two" not in (tmp_path / "rfqd.log.1").read_text()


def test_a_file_that_cannot_be_written(root: logging.Logger, tmp_path: Path) -> None:
    before = list(root.handlers)
    with pytest.raises(StartError, match=r"--log-file: cannot write .*: Is a directory; name a file"):
        set_up_logging("INFO", tmp_path)
    assert root.handlers == before

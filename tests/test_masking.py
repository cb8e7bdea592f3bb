"""No password gets out: masked in text of any spelling, in every channel that people or programs read."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from session_world import SessionWorld

from engine.admin import protocol
from engine.domain import events as e
from engine.errors import CommandError, ConfigError, GarbledMessage
from engine.fix.capture.dissection import dissect
from engine.fix.flows.dialect import Dialect, ExtraTag
from engine.fix.flows.samples import render_samples
from engine.fix.standard.dictionaries import built_in
from engine.fix.wire import codec
from engine.fix.wire.framing import Framer
from engine.journal.events import events_codec
from engine.logs import LineFormatter
from engine.masking import MASK, SECRET_TAGS, for_keeping, masked, masked_values, may_hold_secret, printable, wire

SECRET = "hunter2"


def fix(text: str) -> bytes:
    return text.replace("|", "\x01").encode("latin-1")


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
        pytest.param("35=A|1401=9|1402=hun|er2|x|10=1|", "35=A|1401=9|1402=***|10=1|", id="encrypted, SOH in it"),
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
        pytest.param(f"0554={SECRET}", id="zeros before the tag"),
        pytest.param(f"\x0100554={SECRET}\x01", id="zeros behind SOH"),
        pytest.param(f"554 ={SECRET}", id="a blank behind the tag"),
        pytest.param(f"\x01 554={SECRET}\x01", id="a blank before the tag"),
    ],
)
def test_whatever_looks_like_fix_is_masked(text: str) -> None:
    assert SECRET not in masked(text)
    assert MASK in masked(text)


@pytest.mark.parametrize("text", ["in 12 ms", "session=oms next_in=96", "x554=y", "a.96=b", "1925=c", "10554=d", ""])
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


# --- every channel -------------------------------------------------------------------------------


def secrets_of_a_logon() -> tuple[tuple[int, str], ...]:
    return ((553, "kim"), (554, SECRET), (95, str(len(SECRET))), (96, SECRET), (925, SECRET))


def everything_told(world: SessionWorld) -> str:
    """What leaves the machine for people and for the record: events, notes, notices, warnings, answers."""
    encode = events_codec().encode
    told: list[Any] = [encode(event) for event in world.events]
    told += [(notice.topic, notice.body) for notice in world.notices]
    told += [(turn.warnings, turn.notes, turn.endings, turn.ref) for turn in world.turns]
    told += [turn.inbound for turn in world.turns]
    told.append(world.command("sessions"))
    told += [world.command("session.show", session=key) for key in world.machine.settings]
    return repr(told)


def damaged(frame: bytes) -> bytes:
    """The same frame, its checksum wrong."""
    return frame[:-4] + (b"000\x01" if frame[-4:-1] != b"000" else b"001\x01")


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "byte by byte"])
@pytest.mark.parametrize("spoilt", [False, True], ids=["good", "bad checksum"])
@pytest.mark.parametrize("first", ["Logon", "live"])
def test_a_password_on_the_wire_is_told_to_nobody(whole: bool, spoilt: bool, first: str) -> None:
    world = SessionWorld()
    if first == "live":
        world.log_on("oms")
    connection = world.state("oms").connection or world.connect("oms")
    logon = codec.frame(
        begin_string="FIX.4.4",
        msg_type="A",
        seq_num=2 if first == "live" else 1,
        sender="OMS",
        target="BUYSIDE",
        sending_time="20261123-15:00:00.000",
        body=codec.encode_body([(98, "0"), (108, "30"), *secrets_of_a_logon()]),
    )
    data = damaged(logon) if spoilt else logon
    framer = Framer()
    for piece in (data,) if whole else (data[at : at + 1] for at in range(len(data))):
        for frame in framer.feed(piece):
            world.receive("oms", frame, connection)
    assert SECRET not in everything_told(world)


@pytest.mark.parametrize("msg_type", ["BE", "D", "8", "zz"])
def test_a_password_in_an_application_message_is_not_kept(msg_type: str) -> None:
    world = SessionWorld(validation="off")
    world.log_on("oms")
    world.say("oms", msg_type, (923, "u1"), (924, "1"), (553, "kim"), (554, SECRET), (925, SECRET))
    assert any(turn.inbound for turn in world.turns)
    assert SECRET not in everything_told(world)


def test_an_input_that_could_not_be_handled_is_kept_without_its_credentials() -> None:
    world = SessionWorld(validation="off")
    world.log_on("oms")

    def fail(*_: Any) -> None:
        raise RuntimeError(f"cannot handle 554={SECRET}")

    world.trading.hear = fail  # type: ignore[method-assign]
    world.say("oms", "D", (95, str(len(SECRET))), (96, SECRET), (554, SECRET))
    (kept,) = world.recorded(e.InputRefused)
    assert "554=***" in kept.input
    assert SECRET not in repr(kept)
    assert SECRET not in str([notice.body for notice in world.notices])


def test_not_even_an_input_that_could_not_be_refused_is_kept_with_them() -> None:
    world = SessionWorld(validation="off")
    world.log_on("oms")

    def fail(*_: Any) -> None:
        raise RuntimeError(f"cannot handle 554={SECRET}")

    world.trading.hear = world.trading.refuse = fail  # type: ignore[method-assign]
    world.say("oms", "D", (554, SECRET))
    assert SECRET not in repr(world.recorded(e.InputRefused))
    assert world.recorded(e.InputRefused)[0].input


def test_a_wrong_password_is_not_repeated_to_whoever_asks_why() -> None:
    world = SessionWorld(username="kim", password="another")
    world.log_on("oms", (553, "kim"), (554, SECRET))
    assert world.machine.history.last("oms", 1)[0].text.startswith("Username(553) or Password(554)")
    told = everything_told(world)
    assert SECRET not in told
    assert "another" not in told


def test_the_log_of_the_wire_has_no_credentials() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(LineFormatter())
    frame = codec.encode_body([(35, "A"), *secrets_of_a_logon(), (108, "30")])
    record = logging.LogRecord("engine.runtime.loop", logging.DEBUG, "", 0, "wire %s %s", ("<", wire(frame)), None)
    handler.emit(record)
    handler.emit(logging.LogRecord("engine", logging.DEBUG, "", 0, "as bytes %r", (frame,), None))
    assert stream.getvalue().count("553=kim") == 2
    assert SECRET not in stream.getvalue()


def test_nobody_is_told_one_over_the_admin_socket() -> None:
    frame = fix(f"8=FIX.4.4|35=A|554={SECRET}|96={SECRET}|108=30|").decode()
    told = {"order": "O-1", "note": frame, "lines": [{"raw": frame}, 7, None], frame: 1}
    lines = (
        protocol.result_line(1, told),
        protocol.error_line(1, protocol.REFUSED, f"no {frame}", "unknown"),
        protocol.notice_line("page", 1, told, 0),
    )
    for line in lines:
        assert SECRET.encode() not in line
        orjson.loads(line)
    assert orjson.loads(lines[0])["result"]["note"] == "8=FIX.4.4\x0135=A\x01554=***\x0196=***\x01108=30\x01"


def test_decoding_errors_quote_no_value() -> None:
    for at in range(5, len(FRAME)):
        for spoilt in (FRAME[:at], FRAME[:at] + b"\x01" + FRAME[at:], FRAME[:at] + b"=" + FRAME[at:]):
            with pytest.raises(GarbledMessage) as caught:
                codec.decode(spoilt, built_in("FIX.4.4"))
            assert SECRET not in str(caught.value), spoilt


def test_an_error_of_a_command_is_masked_where_it_leaves() -> None:
    world = SessionWorld()
    with pytest.raises(CommandError) as caught:
        world.command("session.show", session=f"554={SECRET}")
    assert SECRET.encode() not in protocol.refusal_line(1, str(caught.value), caught.value.code)


def fields(text: str) -> list[tuple[int, bytes]]:
    """Of a message whose data fields have no `|` in them."""
    return [(int(tag), value) for tag, _, value in (each.partition(b"=") for each in fix(text).split(b"\x01") if each)]


def test_what_is_kept_for_years_loses_credentials_and_nothing_else() -> None:
    came = fields(f"8=FIX.4.4|9=9|35=BE|554={SECRET}|925={SECRET}|95=7|96={SECRET}|1401=1|1402=x|58=554=z|10=000|")
    kept = fix("8=FIX.4.4|9=9|35=BE|554=***|925=***|95=7|96=*******|1401=1|1402=*|58=554=z|10=000|")
    assert for_keeping(came) == kept
    same = "8=FIX.4.4|9=9|35=D|11=554|58=at 925|95=0|96=|10=000|"
    assert for_keeping(fields(same)) == fix(same)


@pytest.mark.parametrize("version", ["FIX.4.4", "FIXT.1.1"])
def test_raw_data_of_a_message_is_covered_in_the_journal_and_still_ends_where_it_says(version: str) -> None:
    """Whatever is in it: field ends, what looks like fields, bytes that are no text."""
    dictionary = built_in(version, "9" if version == "FIXT.1.1" else None)
    for raw in (SECRET.encode(), b"a\x0110=000\x01554=" + SECRET.encode(), bytes(range(256))):
        text = "café, in 96=" if raw.isascii() else "caf"
        body = b"148=Keys\x0133=1\x0158=%b\x0195=%d\x0196=%b\x01" % (text.encode(), len(raw), raw)
        came = codec.frame(
            begin_string=version,
            msg_type="B",
            seq_num=2,
            sender="ALDER",
            target="BUYSIDE",
            sending_time="20261123-15:00:00.000",
            body=body,
        )
        message = codec.decode(came, dictionary)
        assert message.layout.has_secrets
        assert b"".join(b"%d=%b\x01" % each for each in message.fields) == came
        kept = for_keeping(message.fields)
        assert kept == came.replace(raw, b"*" * len(raw))
        assert dissect(kept, dictionary).get(96) == "*" * len(raw)


def test_a_turn_hands_the_journal_no_credential_of_what_came_in() -> None:
    world = SessionWorld()
    world.log_on("oms")
    world.say("oms", "B", (148, "Keys"), (33, "1"), (58, "x"), (95, str(len(SECRET))), (96, SECRET))
    world.say("oms", "B", (148, "Keys"), (33, "1"), (58, "x"), (554, SECRET))
    kept = [inbound.data for turn in world.turns for inbound in turn.inbound]
    assert len(kept) == 2
    assert not [data for data in kept if SECRET.encode() in data]
    assert b"\x0195=7\x0196=*******\x01" in kept[0]


def test_nothing_that_we_say_to_be_said_again_has_a_credential() -> None:
    """What leaves is kept byte for byte, for a resend: so there must be none in it, and no dialect may add one."""
    for _, _, said in render_samples(Dialect()):
        message = codec.decode(said, built_in("FIX.4.4"))
        assert SECRET_TAGS.isdisjoint(message.tags), message
    for tag in (*SECRET_TAGS, 95, 1401, 1403):
        for msg_type in ("R", "D", "F", "H", "V"):
            with pytest.raises(ConfigError, match="is a credential"):
                Dialect(extra_tags=(ExtraTag(msg_type, tag, SECRET),))


def test_masking_values_keeps_everything_else() -> None:
    plain = {"a": [1, 2.5, None, True, "text"], "b": {"c": ()}}
    assert masked_values(plain) == {"a": [1, 2.5, None, True, "text"], "b": {"c": []}}
    assert not may_hold_secret(orjson.dumps(plain))

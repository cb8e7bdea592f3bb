"""A connection that has not said who it is: whatever comes over it is nobody's harm but its own."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from desk_builder import make_desk

from engine.clock import NS_PER_S, Instant
from engine.domain import events as e
from engine.errors import GarbledMessage
from engine.fix.session.phases import Phase
from engine.fix.session.reasons import DisconnectReason
from engine.fix.session.settings import SessionSettings
from engine.fix.standard.dictionaries import built_in
from engine.fix.standard.dictionary import Dictionary
from engine.turn import Close, ConnectionUp, Machine, Received, Turn, Write
from engine.turn.trading import Trading

NOW = Instant(NS_PER_S, 1_790_000_000 * NS_PER_S)
SENT_AT = "20260921-14:13:20"


def frame(text: str) -> bytes:
    content = text.replace("|", "\x01").encode()
    data = b"8=FIX.4.4\x019=%d\x01%b" % (len(content), content)
    return data + b"10=%03d\x01" % (sum(data) % 256)


def logon(more: str = "") -> bytes:
    return frame(f"35=A|34=1|49=OMS|52={SENT_AT}|56=BUYSIDE|98=0|108=30|{more}")


def with_data_field(dictionary: Dictionary, data_tag: int, length_tag: int) -> Dictionary:
    """The same dictionary, with one more data field: a file may know hundreds that others do not."""
    more = Dictionary(
        dictionary.begin_string,
        fields=dictionary.fields,
        header=dictionary.header,
        trailer=dictionary.trailer,
        messages=dictionary.messages,
    )
    more.data_lengths = {**more.data_lengths, data_tag: length_tag}
    more.data_tokens = frozenset(map(str, more.data_lengths))
    return more


def machine(oms: Dictionary | None = None) -> Machine:
    plain = built_in("FIX.4.4")
    settings = {
        key: SessionSettings(key, "FIX.4.4", "BUYSIDE", key.upper(), role, initiator=False)
        for key, role in (("dropcopy", "dropcopy"), ("oms", "oms"))
    }
    return Machine(Trading(make_desk()), settings, {"dropcopy": plain, "oms": oms or plain})


def first_words(engine: Machine, data: bytes | GarbledMessage) -> Turn:
    engine.take(ConnectionUp(NOW, 1, "", bytes(16)))
    return engine.take(Received(NOW, 1, data, bytes(16)))


def test_a_logon_that_only_another_session_could_read_is_garbled() -> None:
    """Its length says two bytes and one comes: no length at all to who knows 5001 for an ordinary field."""
    engine = machine(with_data_field(built_in("FIX.4.4"), 5001, 5000))
    turn = first_words(engine, logon("5000=2|5001=a|"))
    [close] = turn.effects
    assert isinstance(close, Close)
    assert (close.connection, close.code) == (1, DisconnectReason.LOGON_REFUSED)
    assert engine.state("oms").phase is Phase.DISCONNECTED
    assert first_words(engine, logon()).effects, "the session itself is as it was"
    assert engine.session_up("oms")


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(logon("141=Y|554=guess|553=me|"), id="a password that is none"),
        pytest.param(frame(f"35=A|34=1|49=OMS|52={SENT_AT}|56=BUYSIDE|98=0|108=x|141=Y|"), id="no Logon at all"),
        pytest.param(frame(f"35=0|34=1|49=OMS|52={SENT_AT}|56=BUYSIDE|"), id="another message"),
        pytest.param(frame("35=A|34=1|49=OMS|52=20010101-00:00:00|56=BUYSIDE|98=0|108=30|141=Y|"), id="another time"),
    ],
)
def test_who_may_not_log_on_does_not_come_near_the_session(words: bytes) -> None:
    """Neither its numbers nor its hours are touched, and whom it belongs to is let in meanwhile."""
    engine = machine()
    engine.settings["oms"] = dataclasses.replace(engine.settings["oms"], username="me", password="secret")
    before = engine.state("oms")
    [close] = first_words(engine, words).effects
    assert isinstance(close, Close)
    assert engine.state("oms") == before
    engine.take(ConnectionUp(NOW, 2, "", bytes(16)))
    engine.take(Received(NOW, 2, logon("553=me|554=secret|"), bytes(16)))
    assert engine.session_up("oms"), "before the stranger's connection has even ended"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        pytest.param(GarbledMessage("a frame of 70,000 bytes", reason="too_long"), "too_long", id="no frame"),
        pytest.param(logon()[:-4] + b"000\x01", "checksum", id="a checksum that is another"),
        pytest.param(frame("35=A|34=1|x=1|"), "field", id="a tag that is none"),
    ],
)
def test_a_first_message_that_cannot_be_read_is_counted_and_closes_its_connection(
    said: bytes | GarbledMessage, reason: str
) -> None:
    """Counted for no session: whose it was is not known."""
    turn = first_words(machine(), said)
    assert list(turn.garbled) == [("", reason)]
    [close] = turn.effects
    assert isinstance(close, Close)
    assert (close.connection, close.code) == (1, DisconnectReason.LOGON_REFUSED)
    assert close.text.startswith("the first message is garbled: ")


@pytest.mark.parametrize("known", [False, True], ids=["while it says who it is", "while its session takes it"])
def test_a_first_message_that_cannot_be_handled_closes_its_connection_only(
    monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    """Nobody has logged on, so there is no session to pause; the process goes on."""

    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("a bug")

    engine = machine()
    with monkeypatch.context() as poison:
        poison.setattr(
            *("engine.fix.session.protocol.connected", broken) if known else ("engine.turn.Machine.find", broken)
        )
        turn = first_words(engine, logon())
    [refused] = turn.events
    assert isinstance(refused, e.InputRefused)
    assert "ZeroDivisionError" in refused.error
    [close] = turn.effects
    assert isinstance(close, Close)
    assert (close.connection, close.code) == (1, DisconnectReason.INPUT_REFUSED)
    assert 1 not in engine.connections
    assert engine.may_log_on("oms")

    answered = first_words(engine, logon())
    assert any(isinstance(effect, Write) for effect in answered.effects)
    assert engine.session_up("oms")

"""Sessions on one port are told apart by what a first message calls itself and us."""

from __future__ import annotations

import pytest
from wire_support import wire

from engine.fix.session.directory import Directory, described
from engine.fix.session.settings import SessionSettings
from engine.fix.standard.dictionaries import built_in
from engine.fix.wire import codec
from engine.fix.wire.message import Message


def session(key: str, begin_string: str = "FIX.4.4", target: str = "PEER", **more: str) -> SessionSettings:
    version = "9" if begin_string == "FIXT.1.1" else None
    return SessionSettings(key, begin_string, "US", target, "echo", False, appl_ver_id=version, **more)  # type: ignore[arg-type]


DIRECTORY = Directory(
    [
        session("plain"),
        session("fixt", "FIXT.1.1"),
        session("other", target="OTHER"),
        session("desk", target_sub_id="CREDIT"),
        session("desk in London", target_sub_id="CREDIT", target_location_id="LDN"),
        session("ours", target="SHARED", sender_sub_id="BONDS"),
    ]
)


def logon(text: str, begin_string: str = "FIX.4.4") -> Message:
    return codec.decode(wire(f"35=A|34=1|{text}|", begin_string=begin_string), built_in("FIX.4.4"))


@pytest.mark.parametrize(
    ("message", "key"),
    [
        pytest.param(logon("49=PEER|56=US"), "plain", id="CompIDs"),
        pytest.param(logon("49=PEER|56=US", "FIXT.1.1"), "fixt", id="the same CompIDs under another version"),
        pytest.param(logon("49=OTHER|56=US"), "other", id="another peer"),
        pytest.param(logon("49=PEER|50=CREDIT|56=US"), "desk", id="a SubID that was agreed"),
        pytest.param(logon("49=PEER|50=CREDIT|56=US|142=LDN"), "desk in London", id="the closest match"),
        pytest.param(logon("49=PEER|50=RATES|56=US"), "plain", id="a SubID nobody agreed"),
        pytest.param(logon("49=SHARED|56=US|57=BONDS"), "ours", id="our SubID"),
        pytest.param(logon("49=SHARED|56=US"), None, id="without the SubID that was agreed"),
        pytest.param(logon("49=US|56=PEER"), None, id="the wrong way round"),
        pytest.param(logon("49=PEER|56=US", "FIX.4.2"), None, id="a version nobody speaks"),
        pytest.param(logon("56=US"), None, id="no SenderCompID"),
    ],
)
def test_who_it_is_for(message: Message, key: str | None) -> None:
    assert DIRECTORY.find(message) == key


def test_a_stranger_is_described_within_bounds() -> None:
    assert described(logon(f"49={'X' * 900}|50=A|56=US")) == (
        f"FIX.4.4, from '{'X' * 64}', to 'US', SenderSubID(50) 'A'"
    )

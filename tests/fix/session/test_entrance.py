"""engine/fix/session/entrance.py: what a connection has to show before it may speak for a session."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest

from engine.fix.session.entrance import LOCAL, Origin, flaw
from engine.fix.session.settings import SessionSettings

GOOD, OLD, OTHER = "a" * 64, "b" * 64, "c" * 64
INSIDE = ipaddress.ip_network("10.0.0.0/8")


def session(**terms: Any) -> SessionSettings:
    return SessionSettings("oms", "FIX.4.4", "BUYSIDE", "OMS", "oms", initiator=False, **terms)


@pytest.mark.parametrize(
    ("terms", "origin", "text"),
    [
        pytest.param({}, LOCAL, None, id="nothing is asked for"),
        pytest.param({"tls": True}, Origin("10.0.0.1", tls=True), None, id="TLS as agreed"),
        pytest.param({"tls": True}, Origin("10.0.0.1"), "session oms is for TLS alone", id="plain where TLS is agreed"),
        pytest.param({}, Origin("10.0.0.1", tls=True), None, id="TLS where plain would do"),
        pytest.param({"tls": True, "pins": (GOOD,)}, Origin("10.0.0.1", True, GOOD), None, id="its certificate"),
        pytest.param(
            {"tls": True, "pins": (OLD, GOOD)}, Origin("10.0.0.1", True, GOOD), None, id="its next certificate"
        ),
        pytest.param(
            {"tls": True, "pins": (GOOD,)},
            Origin("10.0.0.1", True, OTHER),
            f"certificate {OTHER} was shown, session oms is pinned to another",
            id="another certificate",
        ),
        pytest.param(
            {"tls": True, "pins": (GOOD,)},
            Origin("10.0.0.1", True),
            "no certificate was shown, session oms is pinned to another",
            id="no certificate",
        ),
        pytest.param({"allow": (INSIDE,)}, Origin("10.9.9.9"), None, id="its address"),
        pytest.param(
            {"allow": (INSIDE,)},
            Origin("192.0.2.1"),
            "address 192.0.2.1 is not among those that session oms allows",
            id="another address",
        ),
        pytest.param(
            {"allow": (INSIDE,)}, LOCAL, "address  is not among those that session oms allows", id="no address"
        ),
    ],
)
def test_who_may_speak_for_a_session(terms: dict[str, Any], origin: Origin, text: str | None) -> None:
    assert flaw(session(**terms), origin) == text

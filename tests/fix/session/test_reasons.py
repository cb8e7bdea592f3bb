"""Reasons of disconnects: one closed set, and the first one said is the one that stands."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from engine.clock import NS_PER_S, Instant
from engine.fix.session import protocol as session
from engine.fix.session.protocol import Phase, SessionSettings, SessionState
from engine.fix.session.reasons import DisconnectReason, Ending, Side
from engine.fix.session.step import StepDraft

ENGINE = Path(__file__).parents[3] / "engine"
NOW = Instant(5 * NS_PER_S, 1_790_000_000 * NS_PER_S)
SETTINGS = SessionSettings("oms", "FIX.4.4", "BUYSIDE", "OMS", "oms", initiator=False)
ACTIVE = SessionState.fresh()._replace(phase=Phase.ACTIVE, connection=1, heart_bt_int_s=30)
LOST = Ending(DisconnectReason.CONNECTION_LOST, "[Errno 104] Connection reset by peer")


@pytest.mark.parametrize("reason", DisconnectReason)
def test_every_reason_says_what_it_means_and_what_to_do(reason: DisconnectReason) -> None:
    assert reason.meaning
    assert reason.advice
    assert isinstance(reason.side, Side)
    assert DisconnectReason(str(reason)) is reason
    assert re.fullmatch("[a-z_]+", reason), "fit for a label"


def test_an_ending_reads_as_code_and_text_and_names_who() -> None:
    assert str(LOST) == "connection_lost: [Errno 104] Connection reset by peer"
    assert str(Ending(DisconnectReason.CLOSED_BY_PEER, "")) == "closed_by_peer"
    assert LOST.by == "network"
    assert Ending(DisconnectReason.OPERATOR_LOGOUT, "lunch", "jane").by == "jane"


def test_what_was_said_first_stands_however_the_connection_goes() -> None:
    stopping = Ending(DisconnectReason.STOPPING, "the daemon is stopping")
    leaving = session.logout(SETTINGS, ACTIVE, stopping, NOW)
    assert session.LoggedOut(stopping) in leaving.actions
    down = session.disconnected(SETTINGS, leaving.state, LOST, NOW)
    assert down.state.ending == stopping
    assert session.connected(SETTINGS, down.state, 2, NOW).state.ending is None, "a new connection has not ended"


def test_a_connection_that_merely_goes_ends_by_what_the_network_said() -> None:
    down = session.disconnected(SETTINGS, ACTIVE, LOST, NOW)
    assert down.state.ending == LOST
    assert down.actions == (session.LoggedOut(LOST),)


def test_the_text_leaves_as_text_58_while_logged_on_and_never_before() -> None:
    draft = StepDraft(SETTINGS, ACTIVE, NOW)
    draft.logout_and_close(DisconnectReason.SEQ_TOO_LOW, "expecting 5")
    sent = draft.actions[0]
    assert isinstance(sent, session.Transmit)
    assert b"\x0135=5\x01" in sent.numbered.data
    assert b"\x0158=expecting 5\x01" in sent.numbered.data
    waiting = ACTIVE._replace(phase=Phase.AWAITING_LOGON)
    stopping = Ending(DisconnectReason.STOPPING, "the daemon is stopping")
    assert [type(action) for action in session.logout(SETTINGS, waiting, stopping, NOW).actions] == [
        session.CloseConnection
    ]


def test_every_reason_is_given_somewhere() -> None:
    said = {node.attr for path in ENGINE.rglob("*.py") for node in _reasons(ast.parse(path.read_text()))}
    assert {reason.name for reason in DisconnectReason} - said == set()


def test_only_where_nothing_can_be_said_does_the_session_layer_close_without_a_logout() -> None:
    silent: set[str] = set()
    for path in (ENGINE / "fix").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "close":
                silent |= {reason.attr for reason in _reasons(node)}
    assert silent == {
        "LOGON_REFUSED",  # a stranger
        "LOGON_TIMEOUT",  # a stranger, or whoever leaves our own Logon(A) unanswered
        "OUTSIDE_SCHEDULE",  # a stranger
        "SILENT",
        "LOGOUT_TIMEOUT",  # ours is out already
        "RESEND_LOOP",  # the peer lacks messages of ours, and may count a Logout(5) in place of the first one
        "GAP_TIMEOUT",  # so may this one: what is lost on the way is seldom lost in one direction only
    }, "beside the answer to a Logout(5) of the peer, whose code depends on what it says"


def _reasons(tree: ast.AST) -> list[ast.Attribute]:
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "DisconnectReason"
    ]

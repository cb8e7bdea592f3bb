"""The turn: an input comes in, pure code decides, the outcome is applied and handed on to be made durable.

`Machine` owns the sessions' states, what waits for a number, and the application's state. `take` is the whole of it:

    decide   a `Turn` from the state and one input; changes nothing
    adopt    the turn becomes the state; memory is now ahead of the disk

`deciding` makes the turn: `newcomers` says who is let to a session, `numbering` which number a message takes and what
waits for one, `refusing` what our own failure over an input comes to, `session_commands` what people ask of a session.

The runtime stages each turn, commits, and only then carries out its effects, in order. Nothing here reads a clock,
a socket or a disk.

If deciding fails, nothing of it was applied: the input is decided once more as refused, which uses up its number,
tells the peer and leaves a person to look. If that or `adopt` fails too, the process has to stop.
"""

from __future__ import annotations

from engine.turn.application import Application, SentAs
from engine.turn.effects import (
    Behind,
    BindMore,
    Close,
    Connect,
    Effect,
    Gate,
    Publish,
    ReadSentRows,
    ReadTlsFiles,
    ReadUndelivered,
    Reply,
    TakeUpTls,
    Welcome,
    Withhold,
    Write,
)
from engine.turn.inputs import (
    BindDue,
    CallFailed,
    CommandGiven,
    ConnectionDown,
    ConnectionUp,
    HeldDue,
    Input,
    LogoutWanted,
    Noted,
    NotSent,
    ProofWanted,
    Received,
    SentPage,
    TimerDue,
    TlsFilesRead,
    UndeliveredPage,
)
from engine.turn.machine import LEDGER_MAX, UNBOUND_MAX, Machine
from engine.turn.numbering import BEHIND_RESEND_MAX, BIND_BYTES_MAX
from engine.turn.outcome import Bound, Inbound, Turn, Waiting
from engine.turn.refusing import INPUT_KEPT_MAX, REFUSALS_MAX

__all__ = [
    "BEHIND_RESEND_MAX",
    "BIND_BYTES_MAX",
    "INPUT_KEPT_MAX",
    "LEDGER_MAX",
    "REFUSALS_MAX",
    "UNBOUND_MAX",
    "Application",
    "Behind",
    "BindDue",
    "BindMore",
    "Bound",
    "CallFailed",
    "Close",
    "CommandGiven",
    "Connect",
    "ConnectionDown",
    "ConnectionUp",
    "Effect",
    "Gate",
    "HeldDue",
    "Inbound",
    "Input",
    "LogoutWanted",
    "Machine",
    "NotSent",
    "Noted",
    "ProofWanted",
    "Publish",
    "ReadSentRows",
    "ReadTlsFiles",
    "ReadUndelivered",
    "Received",
    "Reply",
    "SentAs",
    "SentPage",
    "TakeUpTls",
    "TimerDue",
    "TlsFilesRead",
    "Turn",
    "UndeliveredPage",
    "Waiting",
    "Welcome",
    "Withhold",
    "Write",
]

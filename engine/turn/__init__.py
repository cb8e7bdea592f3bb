"""The turn: an input comes in, pure code decides, the outcome is applied and handed on to be made durable.

`Machine` is what stands between turns and what handles each input. `take` is the whole of it:

    decide   a `Turn` from what stands and one input; changes nothing
    adopt    the turn becomes what stands; memory is now ahead of the disk

From the bottom up: `link` is all that is kept of one session, `standing` everything that decisions read, `draft` what
is decided in a turn while it is decided. Handlers are functions that fill the draft: `numbering` gives messages their
numbers, `steps` takes a session's step in, `newcomers` says who is let to a session, `refusing` what our own failure
over an input comes to, `machine` has what each input comes to and picks it. `trading` is the desk behind it.

The runtime stages each turn, commits, and only then carries out its effects, in order. Nothing here reads a clock,
a socket or a disk.

If deciding fails, nothing of it was applied: the input is decided once more as refused, which uses up its number,
tells the peer and leaves a person to look. If that or `adopt` fails too, the process has to stop.
"""

from __future__ import annotations

from engine.desk.draft import Page
from engine.turn.application import Application, SentAs
from engine.turn.inputs import (
    BindDue,
    CallFailed,
    CommandGiven,
    ConnectionDown,
    ConnectionUp,
    DigestDue,
    FilesRead,
    HeldDue,
    HoldChanged,
    Input,
    LeaksFound,
    LogoutWanted,
    Noted,
    NotSent,
    ProofWanted,
    Received,
    SentPage,
    TimerDue,
    Traffic,
    UndeliveredPage,
)
from engine.turn.link import LEDGER_MAX, Ledger, Link, Position, Waiting
from engine.turn.machine import Machine
from engine.turn.numbering import BEHIND_RESEND_MAX, BIND_BYTES_MAX
from engine.turn.outcome import (
    Behind,
    BindMore,
    Bound,
    Change,
    Close,
    Connect,
    Connection,
    Effect,
    Gate,
    Inbound,
    ReadFiles,
    ReadSentRows,
    ReadUndelivered,
    Reply,
    SetLogLevel,
    Settled,
    SolveLeaks,
    Turn,
    Welcome,
    Withhold,
    Write,
)
from engine.turn.refusing import INPUT_KEPT_MAX, REFUSALS_MAX
from engine.turn.standing import UNBOUND_MAX

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
    "Change",
    "Close",
    "CommandGiven",
    "Connect",
    "Connection",
    "ConnectionDown",
    "ConnectionUp",
    "DigestDue",
    "Effect",
    "FilesRead",
    "Gate",
    "HeldDue",
    "HoldChanged",
    "Inbound",
    "Input",
    "LeaksFound",
    "Ledger",
    "Link",
    "LogoutWanted",
    "Machine",
    "NotSent",
    "Noted",
    "Page",
    "Position",
    "ProofWanted",
    "ReadFiles",
    "ReadSentRows",
    "ReadUndelivered",
    "Received",
    "Reply",
    "SentAs",
    "SentPage",
    "SetLogLevel",
    "Settled",
    "SolveLeaks",
    "TimerDue",
    "Traffic",
    "Turn",
    "UndeliveredPage",
    "Waiting",
    "Welcome",
    "Withhold",
    "Write",
]

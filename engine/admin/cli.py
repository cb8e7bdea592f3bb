"""`rfqctl`: the desk at a terminal.

Owns the command line and the exit status; what a command does is `acts`. Most are one call over the admin socket and
one view of the answer; `rules check`, `rules fields`, `session messages`, `audit` and `fix decode` need no daemon.

Exit status: 0 done, 1 the desk refused (or what was checked does not hold), 2 a wrong command line or
configuration, 3 no daemon answers.
"""

from __future__ import annotations

import argparse
import difflib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import orjson

from engine import __version__
from engine.admin import acts, advice, reload_views, session_views, story, tls_views, views
from engine.admin.acts import Act
from engine.admin.client import TIMEOUT_S
from engine.errors import CommandError, ConfigError, EngineError, RuleError, StartError

_Arguments = argparse.Namespace


def main(argv: Sequence[str] | None = None) -> int:
    """The exit status. One line per error, never a traceback for what a person can put right."""
    given = _parser().parse_args(argv)
    try:
        status: int = given.run(given)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read us has seen enough; the interpreter must not flush into the closed pipe on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    except EngineError as error:
        return _failed(given, error)
    return status


def _failed(given: _Arguments, error: EngineError) -> int:
    status = 3 if isinstance(error, StartError) else 2 if isinstance(error, ConfigError) else 1
    if given.json:
        code = error.code if isinstance(error, CommandError) else type(error).__name__
        print(orjson.dumps({"error": {"code": code, "message": str(error)}}).decode(), file=sys.stderr)
    else:
        lead = "" if isinstance(error, RuleError) else "rfqctl: "
        print(f"{lead}{error}", file=sys.stderr)
    return status


# --- the command line ----------------------------------------------------------------------------


class _Parser(argparse.ArgumentParser):
    """One line per mistake, with the nearest right word."""

    def error(self, message: str) -> NoReturn:
        word, _, choices = message.partition("invalid choice: ")[2].partition(" (choose from ")
        known = [each.strip(" ')") for each in choices.split(",")]
        near = difflib.get_close_matches(word.strip("'"), known, n=1) if choices else []
        hint = f": did you mean '{near[0]}'?" if near else ""
        self.exit(2, f"{self.prog}: {message}{hint} (see {self.prog} --help)\n")


def _common() -> argparse.ArgumentParser:
    """What may stand anywhere on the line; a default would hide what was given further left."""
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("--json", action="store_true", help="print the answer as JSON")
    common.add_argument("--socket", type=Path, metavar="PATH", help="the daemon's admin socket")
    common.add_argument("--config", type=Path, metavar="FILE", help="engine.toml that names it (default: here)")
    common.add_argument("--color", choices=("auto", "always", "never"), help="colours: on a terminal by default")
    common.add_argument("--timeout", type=float, metavar="SECONDS", help=f"for an answer, default {TIMEOUT_S:g}")
    return common


def _parser() -> argparse.ArgumentParser:
    common = _common()
    # One of its own: setting a default changes the actions that parents share.
    parser = _Parser(prog="rfqctl", description="The desk at a terminal.", parents=[_common()])
    parser.add_argument("--version", action="version", version=f"rfqctl {__version__}", help="which version this is")
    parser.set_defaults(json=False, socket=None, config=None, color="auto", timeout=TIMEOUT_S)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=_Parser)

    def add(
        under: Any,
        name: str,
        doc: str,
        run: Act,
        *arguments: tuple[tuple[str, ...], dict[str, Any]],
    ) -> argparse.ArgumentParser:
        command: argparse.ArgumentParser = under.add_parser(name, help=doc, description=doc, parents=[common])
        for flags, options in arguments:
            command.add_argument(*flags, **options)
        command.set_defaults(run=run)
        return command

    def group(name: str, doc: str) -> Any:
        holder = commands.add_parser(name, help=doc, description=doc)
        return holder.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=_Parser)

    order = _arg("order", metavar="ORDER", help="such as O-000012, or 12")
    reason = _arg("--reason", required=True, help="why, for the record")
    bond = (
        _arg("--limit", metavar="PRICE", help="limit price in percent of par"),
        _arg("--account", help="the account it is for"),
    )

    add(commands, "status", "the desk at a glance", acts.call("status", views.status))
    add(commands, "sessions", "FIX sessions: state, numbers, what waits", acts.call("sessions", session_views.sessions))
    _session_commands(group("session", "one FIX session: look, log on and off, numbers"), add)
    add(
        commands,
        "reload",
        "read files again and put them in force together, or say what is wrong",
        acts.call("reload", reload_views.reloaded, "kinds", "reason"),
        _arg(
            "kinds",
            nargs="*",
            metavar="KIND",
            help="rules (role trader), scoring, dealers, limits, people, securities, sessions, tls; default all",
        ),
        reason,
    )
    level = group("log", "what the log tells")
    add(
        level,
        "level",
        "tell more or less until the process ends; DEBUG shows the wire, secrets masked; role operator",
        acts.call("log.level", reload_views.level, "level", "reason"),
        _arg("level", choices=("DEBUG", "INFO", "WARNING", "ERROR")),
        reason,
    )
    _tls_commands(group("tls", "certificates and revocation lists"), add, reason)
    add(
        commands,
        "orders",
        "orders, the latest first",
        acts.call("orders", views.orders, "state", "limit"),
        _arg("--state", default="open", help="open (default), all, or one state"),
        _arg("--limit", type=int, metavar="N", help="how many at most"),
    )
    _order_commands(group("order", "one order"), add, order, reason, bond)
    add(
        commands,
        "recommend",
        "whom the engine would ask, and why; records nothing",
        acts.recommend,
        _arg(
            "what", nargs="+", metavar="ORDER | SIDE QUANTITY SECURITY", help="such as 12, or: sell 12mm US99O014AG12"
        ),
        *bond,
    )
    add(
        commands,
        "send",
        "ask the recommended dealers",
        acts.call("send", views.sent, "order", "fresh"),
        order,
        _arg("--fresh", action="store_true", help="recommend anew and send that"),
    )
    add(
        commands,
        "override",
        "ask other dealers than the recommended ones",
        acts.call("override", views.sent, "order", "dealers", "reason", "past_protection"),
        order,
        _arg("dealers", nargs="+", metavar="DEALER", help="whom to ask, in order"),
        reason,
        _arg("--past-protection", action="store_true", help="go past a protection; role operator"),
    )
    add(
        commands,
        "execute",
        "take the best quote, or one dealer's",
        acts.call("execute", views.executed, "order", "dealer"),
        order,
        _arg("--dealer", help="whose quote"),
    )
    add(
        commands,
        "dealers",
        "dealers with what they did, best first",
        acts.call("dealers", views.dealers, "dealer", "asset_class"),
        _arg("dealer", nargs="?", help="only this one"),
        _arg("--asset-class", help="only what it did there"),
    )
    add(commands, "quarantine", "fills that wait for a person", acts.call("quarantine", views.quarantine))
    _rules_commands(group("rules", "the rule book"), add, order)
    _kill_commands(group("kill", "stop everything, a dealer or an account"), add, reason)
    _audit_commands(group("audit", "the journal file; needs no daemon"), add)
    _fix_commands(group("fix", "FIX messages in files; needs no daemon"), add)
    add(
        commands,
        "watch",
        "what happens, as it happens",
        acts.watch_live,
        _arg("--topic", action="append", help="only notices of this topic; may be repeated"),
        _arg("--count", type=int, default=0, metavar="N", help="end after so many notices"),
        _arg("--plain", action="store_true", help="lines, though this is a terminal"),
    )
    return parser


def _session_commands(under: Any, add: Callable[..., Any]) -> None:
    key = _arg("session", metavar="KEY", help="the session, as in engine.toml")
    reason = _arg("--reason", required=True, help="why, for the record")
    told = _arg("--reason", required=True, help="why, for the record; the peer is told too, in Text(58)")

    def act(name: str, doc: str, view: views.View, *arguments: Any, names: tuple[str, ...] = ()) -> None:
        method = f"session.{name.replace('-', '_')}"
        add(under, name, f"{doc}; role operator", acts.call(method, view, "session", "reason", *names), key, *arguments)

    add(
        under,
        "show",
        "where a session stands: numbers, what is outstanding, last events, last disconnect; without KEY all of them",
        acts.session_show,
        _arg("session", nargs="?", metavar="KEY", help="the session, as in engine.toml"),
        _arg("--events", type=int, metavar="N", help="how many of the last events, default 20"),
    )
    add(
        under,
        "messages",
        "application messages of a session, from the journal file; needs no daemon",
        acts.session_messages,
        key,
        _arg("--last", type=_natural, metavar="N", help="how many of the last ones, default 20, of a range 10,000"),
        _arg("--from", dest="begin", type=_natural, metavar="SEQ", help="from this number on, of the latest epoch"),
        _arg("--to", dest="end", type=_natural, metavar="SEQ", help="up to this number"),
        _arg("--epoch", type=_natural, metavar="N", help="only this epoch: numbers begin anew in each"),
        _arg("--direction", choices=("in", "out"), help="only what came in, or went out"),
        _arg("--fields", action="store_true", help="a field a line"),
        _arg("--raw", action="store_true", help="the message as it is, SOH as |; secrets stay masked"),
        _arg("--dictionary", action="append", type=Path, metavar="FILE", help="names from this QuickFIX-format file"),
        _arg("--transport", type=Path, metavar="FILE", help="and for FIXT.1.1 this one"),
        _arg("--journal", type=Path, metavar="FILE", help="the journal; default: the configured one"),
    )
    act(
        "logon",
        "connect now rather than after the pause, where we are the ones who do",
        session_views.logged_on,
        reason,
    )
    act("logout", "log out; a session that we initiate connects again by itself", session_views.logged_out, told)
    act("disconnect", "close the connection at once, without Logout(5)", session_views.disconnected, reason)
    act("enable", "let a session log on again that was disabled or paused", session_views.enabled, reason)
    act("disable", "log out, and refuse every logon until enabled, over restarts too", session_views.disabled, told)
    act(
        "set-seq",
        "set the numbers of a session that is logged off, as agreed with the peer",
        session_views.numbers,
        _arg("--in", dest="next_in", type=_natural, metavar="N", help="the number expected next from the peer"),
        _arg("--out", dest="next_out", type=_natural, metavar="N", help="the number our next message takes"),
        reason,
        names=("next_in", "next_out"),
    )
    act(
        "reset",
        "restart both numbers of a session that is logged off at 1; the peer has to do the same",
        session_views.numbers,
        reason,
    )
    act(
        "test-request",
        "ask the peer to prove that it lives and has everything sent so far",
        session_views.test_requested,
        reason,
    )
    act(
        "resend",
        "send reports to an OMS or drop copy again under their numbers, as possible duplicates",
        session_views.sent_again,
        _arg("begin", type=_natural, metavar="BEGIN", help="our first number to send again"),
        _arg("end", type=_natural, nargs="?", metavar="END", help="our last one; default: all that follow"),
        reason,
        names=("begin", "end"),
    )


def _tls_commands(under: Any, add: Callable[..., Any], reason: Any) -> None:
    add(
        under,
        "show",
        "certificates and revocation lists in use, and when each ends",
        acts.call("tls.show", tls_views.show),
    )
    add(
        under,
        "reload",
        "take up renewed certificates, keys, authorities, pins and revocation lists for new connections; role operator",
        acts.call("tls.reload", tls_views.reloaded, "reason"),
        reason,
    )


def _order_commands(under: Any, add: Callable[..., Any], order: Any, reason: Any, bond: tuple[Any, ...]) -> None:
    add(
        under,
        "new",
        "enter an order",
        acts.call("order.new", story.order, "side", "quantity", "security", "limit", "account", "tif", "until", "hold"),
        _arg("side", choices=("buy", "sell")),
        _arg("quantity", help="face amount, such as 5mm"),
        _arg("security", help="ISIN or CUSIP"),
        *bond,
        _arg("--tif", choices=("day", "gtd", "ioc", "fok"), help="time in force, default day"),
        _arg("--until", metavar="DATE", help="the last day of a gtd order"),
        _arg("--hold", action="store_true", help="no rule sends it or executes it by itself"),
    )
    add(under, "show", "the whole story of an order", acts.call("order.show", story.order, "order"), order)
    add(under, "cancel", "cancel an order", acts.call("order.cancel", views.canceled, "order"), order)
    add(
        under,
        "force-state",
        "release an acceptance that its dealer does not answer for; role operator",
        acts.call("order.force_state", views.forced, "order", "state", "reason"),
        order,
        _arg("state", nargs="?", choices=("released",), default="released", help="what it becomes"),
        reason,
    )
    add(
        under,
        "allow-duplicate",
        "say that an order like an earlier one is meant",
        acts.call("order.allow_duplicate", story.order, "order", "reason"),
        order,
        reason,
    )


def _rules_commands(under: Any, add: Callable[..., Any], order: Any) -> None:
    add(
        under,
        "check",
        "check a rule book; needs no daemon",
        acts.rules_check,
        _arg(
            "files",
            nargs="*",
            type=Path,
            metavar="FILE",
            help="a file, checked as part of the book in its folder; or a folder",
        ),
        _arg("--book", type=Path, metavar="FOLDER", help="the book they are to be part of"),
    )
    add(under, "fields", "what a rule may speak of; needs no daemon", acts.rules_fields)
    add(
        under,
        "explain",
        "why an order went where it went",
        acts.call("rules.explain", advice.explain, "order", "now"),
        order,
        _arg("--now", action="store_true", help="decide again, as things are now"),
    )


def _kill_commands(under: Any, add: Callable[..., Any], reason: Any) -> None:
    for switch, doc in (("on", "stop; what is out is called back"), ("off", "let go again; role operator")):
        command = add(under, switch, doc, acts.kill, reason)
        scope = command.add_mutually_exclusive_group(required=True)
        scope.add_argument("--all", action="store_true", help="everything")
        scope.add_argument("--dealer", help="this dealer")
        scope.add_argument("--account", help="this account")
        command.set_defaults(switch=switch)


def _audit_commands(under: Any, add: Callable[..., Any]) -> None:
    journal = _arg("--journal", type=Path, metavar="FILE", help="the journal; default: the configured one")
    add(
        under,
        "verify",
        "is the record what was written?",
        acts.audit_verify,
        journal,
        _arg("--anchor", type=Path, metavar="FILE", help="where its head was noted; default: beside it"),
    )
    add(
        under,
        "tail",
        "the last events",
        acts.audit_tail,
        journal,
        _arg("-n", "--count", type=int, default=20, metavar="N", help="how many, default 20"),
        _arg("-f", "--follow", action="store_true", help="and those to come"),
    )


def _fix_commands(under: Any, add: Callable[..., Any]) -> None:
    command = add(
        under,
        "decode",
        "captured FIX messages with names and values, and what is wrong with each",
        acts.fix_decode,
        _arg("file", metavar="FILE", help="a log or a raw stream; - reads the standard input"),
        _arg(
            "--dictionary",
            action="append",
            type=Path,
            metavar="XML",
            help="a dictionary in QuickFIX's format, for messages of its version; may be repeated",
        ),
        _arg("--transport", type=Path, metavar="XML", help="the one of FIXT.1.1, which carries FIX 5.0 dictionaries"),
        _arg(
            "--begin-string",
            metavar="VERSION",
            help="read every message as one of this version, such as FIX.4.4, whatever its BeginString(8)",
        ),
        _arg(
            "--validation",
            choices=("strict", "tolerant", "off"),
            default="tolerant",
            help="what of the content counts as wrong: strict everything; tolerant (default) what a tolerant session"
            " would refuse, the rest is a note; off nothing",
        ),
        _arg("--only-wrong", action="store_true", help="show only messages with something wrong"),
        _arg("--raw", action="store_true", help="show each message in one line too, SOH as |"),
        _arg("--one-reading", action="store_true", help="without simplefix's: three times as fast"),
    )
    command.formatter_class = argparse.RawDescriptionHelpFormatter
    command.description = _DECODE
    command.epilog = _DECODE_STATUS


_DECODE = """\
Finds FIX messages in a log or a captured stream, whatever stands between them, and shows each with names and
values, groups indented. SOH may be written as it is or as |, ^A, ;, <SOH>, \\x01, \\u0001, a tab, a line end or
any other sign: what stands behind BeginString(8) is taken for it, message by message. A message may have a time
and a direction before it on its line, stand beside others, or be broken into lines.

BodyLength(9) and CheckSum(10) are verified on the message with SOH put back, its content is held against a
dictionary, and simplefix reads it a second time: where the two readings differ is said. Passwords and raw data
(554, 925, 96) are always masked. Built-in dictionaries there are for FIX.4.2, FIX.4.4 and FIXT.1.1 with 5.0 SP2;
a message of another version is shown with the names of the nearest one and not validated.

With --json, one line is one message; the last line is the summary."""

_DECODE_STATUS = """\
exit status: 0 nothing is wrong, 1 some message is wrong (its frame, its content, or simplefix reads it
differently), 2 a wrong command line, file or dictionary. Numbers that do not follow each other and bytes in no
message are shown and change no status: captures are cut and filtered."""


def _natural(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a number from 1, found '{text}'")
    return int(text)


def _arg(*flags: str, **options: Any) -> tuple[tuple[str, ...], dict[str, Any]]:
    return flags, options


if __name__ == "__main__":
    sys.exit(main())

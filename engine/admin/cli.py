"""`rfqctl`: the desk at a terminal.

Most commands are one call over the admin socket and one view of the answer; `rules check`, `rules fields` and `audit`
need no daemon, and load what they need when they run: rules and journal take longer to import than an answer takes.
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
from typing import Any, Final, NoReturn

import orjson

from engine.admin import story, views
from engine.admin.client import TIMEOUT_S, AdminClient
from engine.admin.tables import Paper, clipped
from engine.admin.views import View
from engine.admin.watch import is_screen, watch
from engine.config import Places, places
from engine.errors import CommandError, ConfigError, EngineError, RuleError, StartError

DEFAULT_CONFIG: Final = Path("engine.toml")

EVENT_WIDTH: Final = 240
"""Columns of an event's contents that are shown; --json has all of it."""

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


# --- one call, one view --------------------------------------------------------------------------


def _call(method: str, view: View, *names: str) -> Callable[[_Arguments], int]:
    """A command that is one call: `names` are the arguments that are its parameters."""

    def run(given: _Arguments) -> int:
        return _ask(given, method, view, {name: getattr(given, name) for name in names})

    return run


def _ask(given: _Arguments, method: str, view: View, params: dict[str, Any]) -> int:
    sent = {name: value for name, value in params.items() if value is not None and value is not False}
    with AdminClient(_socket(given), given.timeout) as desk:
        _print(given, desk.call(method, **sent), view)
    return 0


def _print(given: _Arguments, answer: Any, view: View) -> None:
    if given.json:
        print(orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode())
    else:
        print("\n".join(view(_paper(given), answer)))


def _paper(given: _Arguments) -> Paper:
    on_screen = sys.stdout.isatty()
    colour = given.color == "always" or (given.color == "auto" and on_screen)
    return Paper(colour, os.get_terminal_size(sys.stdout.fileno()).columns if on_screen else 0)


def _socket(given: _Arguments) -> Path:
    if given.socket is not None:
        return Path(given.socket)
    path: Path = given.config if given.config is not None else DEFAULT_CONFIG
    if given.config is None and not path.exists():
        raise StartError(f"there is no {path} here: name it with --config, or the daemon's socket with --socket")
    return places(path).socket


def _places(given: _Arguments) -> Places | None:
    """The configuration, if one was named or lies here."""
    if given.config is not None:
        return places(given.config)
    return places(DEFAULT_CONFIG) if DEFAULT_CONFIG.exists() else None


def _recommend(given: _Arguments) -> int:
    what: list[str] = given.what
    if len(what) == 1:
        return _ask(given, "recommend", views.recommend, {"order": what[0]})
    if len(what) != 3:
        raise ConfigError("recommend: expected ORDER, or SIDE QUANTITY SECURITY such as: sell 12mm US99O014AG12")
    side, quantity, security = what
    bond = {"side": side, "quantity": quantity, "security": security, "limit": given.limit, "account": given.account}
    return _ask(given, "recommend", views.recommend, bond)


def _kill(given: _Arguments) -> int:
    scope = "all" if given.all else f"dealer:{given.dealer}" if given.dealer else f"account:{given.account}"
    with AdminClient(_socket(given), given.timeout) as desk:
        answer = desk.call("kill", scope=scope, on=given.switch == "on", reason=given.reason)
    _print(given, answer, views.killed)
    return 0


def _watch(given: _Arguments) -> int:
    screen = is_screen(sys.stdout) and not given.json and not given.plain
    watch(
        _socket(given),
        _paper(given),
        sys.stdout,
        topics=tuple(given.topic or ()),
        count=given.count,
        screen=screen,
        as_json=given.json,
    )
    return 0


# --- without a daemon ----------------------------------------------------------------------------


def _rules_check(given: _Arguments) -> int:
    from engine.admin import offline

    checked = offline.check_rules(given.files, given.book, _places(given))
    _print(given, checked.plain(), _checked)
    return 0


def _checked(paper: Paper, answer: views.Answer) -> views.Lines:
    what = f"{len(answer['rules'])} rules, {len(answer['protections'])} protections in {len(answer['files'])} file(s)"
    return [paper.styled("no mistakes", "green") + f": {what}", *(f"  {name}" for name in answer["files"])]


def _rules_fields(given: _Arguments) -> int:
    from engine.desk.enquiries import listing
    from engine.desk.fields import catalogue

    known = _places(given)
    dealers, currency = (known.dealers, known.base_currency) if known is not None else (None, "USD")
    _print(given, listing(catalogue(dealers, currency)), views.fields)
    return 0


def _audit_verify(given: _Arguments) -> int:
    from engine.admin import offline

    journal, anchor = _journal(given)
    answer = offline.verify_journal(journal, given.anchor or anchor)
    _print(given, answer, _verdict)
    return 0 if answer["holds"] else 1


def _verdict(paper: Paper, answer: views.Answer) -> views.Lines:
    bad = answer["bad"]
    if bad is None:
        lines = [paper.styled("the record holds", "green") + f": {answer['turns']:,} turns of {answer['journal']}"]
    else:
        where = f"turn {bad['turn']}, {bad['table']}: {bad['row']}: {bad['problem']}"
        lines = [paper.styled("the record does not hold", "red") + f": {answer['journal']}: {where}"]
        lines.append(f"{answer['turns']:,} turns before it hold")
    if answer["anchored_until"]:
        lines.append(f"unanchored since {answer['anchored_until']}: turns cut off after that could not be told")
    else:
        lines.append("no anchor confirms it: turns cut off at its end could not be told")
    return [*lines, *(f"note: {note}" for note in answer["notes"])]


def _audit_tail(given: _Arguments) -> int:
    from engine.admin import offline

    journal, _ = _journal(given)
    paper = _paper(given)
    for row in offline.tail_journal(journal, given.count, given.follow):
        if given.json:
            print(orjson.dumps(row).decode(), flush=given.follow)
        else:
            print(_event_line(paper, row), flush=given.follow)
    return 0


def _event_line(paper: Paper, row: dict[str, Any]) -> str:
    body = {name: value for name, value in row["body"].items() if name != "at_ns" and value not in (None, "")}
    words = " ".join(f"{name}={_flat(value)}" for name, value in body.items())
    head = f"{row['seq']:>8} {row['time']} {paper.styled(row['type'], 'bold')}"
    return f"{head} {clipped(words, EVENT_WIDTH)}"


def _flat(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _journal(given: _Arguments) -> tuple[Path, Path | None]:
    if given.journal is not None:
        return given.journal, None
    known = _places(given)
    if known is None:
        raise StartError(f"there is no {DEFAULT_CONFIG} here: name the file with --journal, or --config")
    return known.journal, known.anchor


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
    parser.set_defaults(json=False, socket=None, config=None, color="auto", timeout=TIMEOUT_S)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=_Parser)

    def add(
        under: Any,
        name: str,
        doc: str,
        run: Callable[[_Arguments], int],
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

    add(commands, "status", "the desk at a glance", _call("status", views.status))
    add(commands, "sessions", "FIX sessions: state, numbers, what waits", _call("sessions", views.sessions))
    add(
        commands,
        "orders",
        "orders, the latest first",
        _call("orders", views.orders, "state", "limit"),
        _arg("--state", default="open", help="open (default), all, or one state"),
        _arg("--limit", type=int, metavar="N", help="how many at most"),
    )
    _order_commands(group("order", "one order"), add, order, reason, bond)
    add(
        commands,
        "recommend",
        "whom the engine would ask, and why; records nothing",
        _recommend,
        _arg(
            "what", nargs="+", metavar="ORDER | SIDE QUANTITY SECURITY", help="such as 12, or: sell 12mm US99O014AG12"
        ),
        *bond,
    )
    add(
        commands,
        "send",
        "ask the recommended dealers",
        _call("send", views.sent, "order", "fresh"),
        order,
        _arg("--fresh", action="store_true", help="recommend anew and send that"),
    )
    add(
        commands,
        "override",
        "ask other dealers than the recommended ones",
        _call("override", views.sent, "order", "dealers", "reason", "past_protection"),
        order,
        _arg("dealers", nargs="+", metavar="DEALER", help="whom to ask, in order"),
        reason,
        _arg("--past-protection", action="store_true", help="go past a protection; role operator"),
    )
    add(
        commands,
        "execute",
        "take the best quote, or one dealer's",
        _call("execute", views.executed, "order", "dealer"),
        order,
        _arg("--dealer", help="whose quote"),
    )
    add(
        commands,
        "dealers",
        "dealers with what they did, best first",
        _call("dealers", views.dealers, "dealer", "asset_class"),
        _arg("dealer", nargs="?", help="only this one"),
        _arg("--asset-class", help="only what it did there"),
    )
    add(commands, "quarantine", "fills that wait for a person", _call("quarantine", views.quarantine))
    _rules_commands(group("rules", "the rule book"), add, order)
    _kill_commands(group("kill", "stop everything, a dealer or an account"), add, reason)
    _audit_commands(group("audit", "the journal file; needs no daemon"), add)
    add(
        commands,
        "watch",
        "what happens, as it happens",
        _watch,
        _arg("--topic", action="append", help="only notices of this topic; may be repeated"),
        _arg("--count", type=int, default=0, metavar="N", help="end after so many notices"),
        _arg("--plain", action="store_true", help="lines, though this is a terminal"),
    )
    return parser


def _order_commands(under: Any, add: Callable[..., Any], order: Any, reason: Any, bond: tuple[Any, ...]) -> None:
    add(
        under,
        "new",
        "enter an order",
        _call("order.new", story.order, "side", "quantity", "security", "limit", "account", "tif", "until", "hold"),
        _arg("side", choices=("buy", "sell")),
        _arg("quantity", help="face amount, such as 5mm"),
        _arg("security", help="ISIN or CUSIP"),
        *bond,
        _arg("--tif", choices=("day", "gtd", "ioc", "fok"), help="time in force, default day"),
        _arg("--until", metavar="DATE", help="the last day of a gtd order"),
        _arg("--hold", action="store_true", help="no rule sends it or executes it by itself"),
    )
    add(under, "show", "the whole story of an order", _call("order.show", story.order, "order"), order)
    add(under, "cancel", "cancel an order", _call("order.cancel", views.canceled, "order"), order)
    add(
        under,
        "force-state",
        "release an acceptance that its dealer does not answer for; role operator",
        _call("order.force_state", views.forced, "order", "state", "reason"),
        order,
        _arg("state", nargs="?", choices=("released",), default="released", help="what it becomes"),
        reason,
    )
    add(
        under,
        "allow-duplicate",
        "say that an order like an earlier one is meant",
        _call("order.allow_duplicate", story.order, "order", "reason"),
        order,
        reason,
    )


def _rules_commands(under: Any, add: Callable[..., Any], order: Any) -> None:
    add(
        under,
        "check",
        "check a rule book; needs no daemon",
        _rules_check,
        _arg("files", nargs="*", type=Path, metavar="FILE", help="checked as part of the book in its folder"),
        _arg("--book", type=Path, metavar="FOLDER", help="the book they are to be part of"),
    )
    add(under, "fields", "what a rule may speak of; needs no daemon", _rules_fields)
    add(
        under,
        "explain",
        "why an order went where it went",
        _call("rules.explain", views.explain, "order", "now"),
        order,
        _arg("--now", action="store_true", help="decide again, as things are now"),
    )


def _kill_commands(under: Any, add: Callable[..., Any], reason: Any) -> None:
    for switch, doc in (("on", "stop; what is out is called back"), ("off", "let go again; role operator")):
        command = add(under, switch, doc, _kill, reason)
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
        _audit_verify,
        journal,
        _arg("--anchor", type=Path, metavar="FILE", help="where its head was noted; default: beside it"),
    )
    add(
        under,
        "tail",
        "the last events",
        _audit_tail,
        journal,
        _arg("-n", "--count", type=int, default=20, metavar="N", help="how many, default 20"),
        _arg("-f", "--follow", action="store_true", help="and those to come"),
    )


def _arg(*flags: str, **options: Any) -> tuple[tuple[str, ...], dict[str, Any]]:
    return flags, options


if __name__ == "__main__":
    sys.exit(main())

"""What each command of rfqctl does, given its arguments: an exit status; output as tables or as JSON.

What needs no daemon loads what it needs when it runs: rules and journal take longer to import than an answer takes.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

import orjson

from engine.admin import advice, views
from engine.admin.client import AdminClient
from engine.admin.naming import named
from engine.admin.tables import Paper, clipped
from engine.admin.views import View
from engine.admin.watch import is_screen, watch
from engine.commands.table import COMMANDS
from engine.config import Places, places
from engine.errors import CommandError, ConfigError, StartError

DEFAULT_CONFIG: Final = Path("engine.toml")
EVENT_WIDTH: Final = 240
"""Columns of an event's contents that are shown; --json has all of it."""

_Arguments = argparse.Namespace

# --- one call, one view --------------------------------------------------------------------------


def ask(given: _Arguments, method: str, params: dict[str, Any]) -> int:
    """One call, and the view that the table names for its answer; what was not given is not sent."""
    sent = {name: value for name, value in params.items() if value is not None and value is not False and value != []}
    with AdminClient(_socket(given), given.timeout) as desk:
        _print(given, desk.call(method, **sent), named(COMMANDS[method].shown))
    return 0


def _print(given: _Arguments, answer: Any, view: View) -> None:
    if given.json:
        print(orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode())
    else:
        paper = _paper(given)
        print("\n".join((*views.banner(paper, answer), *view(paper, answer))))


def _paper(given: _Arguments) -> Paper:
    on_screen = sys.stdout.isatty()
    colour = given.color == "always" or (given.color == "auto" and on_screen)
    return Paper(colour, os.get_terminal_size(sys.stdout.fileno()).columns if on_screen else 0)


def _socket(given: _Arguments) -> Path:
    if given.socket is not None:
        return Path(given.socket)
    path = _config_path(given)
    if given.config is None and not path.exists():
        raise StartError(f"there is no {path} here: name it with --config, or the daemon's socket with --socket")
    return places(path).socket


def _config(given: _Arguments) -> Path | None:
    """The file of the configuration, if one was named or lies here."""
    path = _config_path(given)
    return path if given.config is not None or path.exists() else None


def _config_path(given: _Arguments) -> Path:
    """Where engine.toml is, or would be."""
    named: Path | None = given.config
    return named if named is not None else DEFAULT_CONFIG


def _places(given: _Arguments) -> Places | None:
    """What it says of places, if there is one."""
    config = _config(given)
    return None if config is None else places(config)


def recommend(given: _Arguments) -> int:
    what: list[str] = given.what
    supposed = {"rank": given.rank, "assume_connected": given.assume_connected}
    if len(what) == 1:
        return ask(given, "recommend", {"order": what[0], **supposed})
    if len(what) != 3:
        raise ConfigError("recommend: expected ORDER, or SIDE QUANTITY SECURITY such as: sell 12mm US99O014AG12")
    side, quantity, security = what
    bond = {"side": side, "quantity": quantity, "security": security, "limit": given.limit, "account": given.account}
    return ask(given, "recommend", {**bond, **supposed})


def dealers(given: _Arguments) -> int:
    """The list, one dealer's profile, or one dealer paused or let go again."""
    switches = [name for name in ("pause", "resume") if getattr(given, name)]
    if len(switches) > 1:
        raise ConfigError("dealers: expected either --pause or --resume, found both")
    if switches and (given.dealer is None or given.reason is None):
        missing = "the DEALER" if given.dealer is None else "--reason REASON"
        raise ConfigError(f"dealers --{switches[0]}: {missing} is missing")
    if given.history:
        if switches or given.dealer is None:
            raise ConfigError("dealers --history: expected a DEALER and nothing else")
        return ask(given, "dealer.history", {"dealer": given.dealer})
    if given.reason is not None and not switches:
        raise ConfigError("dealers: --reason goes with --pause or --resume")
    if switches:
        return ask(given, f"dealer.{switches[0]}", {"dealer": given.dealer, "reason": given.reason})
    if given.dealer is not None:
        return ask(given, "dealer.show", {"dealer": given.dealer, "asset_class": given.asset_class})
    return ask(given, "dealers", {"asset_class": given.asset_class})


def session_show(given: _Arguments) -> int:
    if given.session is None:
        return ask(given, "sessions", {})
    return ask(given, "session.show", {"session": given.session, "events": given.events})


def kill_on(given: _Arguments) -> int:
    return _kill(given, on=True)


def kill_off(given: _Arguments) -> int:
    return _kill(given, on=False)


def _kill(given: _Arguments, *, on: bool) -> int:
    scope = "all" if given.all else f"dealer:{given.dealer}" if given.dealer else f"account:{given.account}"
    with AdminClient(_socket(given), given.timeout) as desk:
        answer = desk.call("kill", scope=scope, on=on, reason=given.reason)
    _print(given, answer, named(COMMANDS["kill"].shown))
    return 0


def watch_live(given: _Arguments) -> int:
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


def rules_check(given: _Arguments) -> int:
    from engine.admin import offline

    checked = offline.check_rules(given.files, given.book, _places(given))
    _print(given, checked.plain(), _checked)
    return 0


def _checked(paper: Paper, answer: views.Answer) -> views.Lines:
    what = f"{len(answer['rules'])} rules, {len(answer['protections'])} protections in {len(answer['files'])} file(s)"
    lines = [paper.styled("no mistakes", "green") + f": {what}", *(f"  {name}" for name in answer["files"])]
    for each in answer["never_known"]:
        lines.append(
            f"{each['file']}:{each['line']}:{each['column']}: {paper.styled('warning', 'yellow')}: {each['text']}"
        )
    return lines


def rules_try(given: _Arguments) -> int:
    from engine.admin import rule_views, rules_acts

    journal, config = _journal(given)[0], _config_path(given)
    if given.order is None:
        if given.decided:
            raise ConfigError("rules try --decided: the --order is missing")
        _print(given, rules_acts.try_open(given, journal, config), rule_views.tried_open)
    else:
        _print(given, rules_acts.try_rules(given, journal, config), rule_views.tried)
    return 0


def rules_backtest(given: _Arguments) -> int:
    from engine.admin import rule_views, rules_acts

    answer = rules_acts.compare_books(given, _journal(given)[0], _config_path(given))
    _print(given, answer, lambda paper, found: rule_views.compared(paper, found, given.limit, given.rule))
    return 0


def rules_fields(given: _Arguments) -> int:
    from engine.admin import offline
    from engine.commands.desk_enquiries import listing

    known = _places(given)
    dealers, currency = (known.dealers, known.base_currency) if known is not None else (None, "USD")
    _print(given, listing(offline.known_here(known).catalogue(dealers, currency)), advice.fields)
    return 0


def history_import(given: _Arguments) -> int:
    from engine.admin import history_acts

    return history_acts.import_file(given, _socket(given), _paper(given))


def history_export(given: _Arguments) -> int:
    from engine.admin import history_acts

    journal, _ = _journal(given)
    known = _places(given)
    return history_acts.export_file(given, journal, known.name if known is not None else "rfq")


def backtest(given: _Arguments) -> int:
    from engine.admin import backtest_acts

    known = _places(given)
    sources = [str(each) for each in given.sources or ()]
    if not sources:
        if known is None:
            raise StartError(f"there is no {DEFAULT_CONFIG} here: name journals or history files, or --config")
        sources = [str(known.journal)]
    return backtest_acts.backtest(given, sources, _config(given), _paper(given))


def warehouse_export(given: _Arguments) -> int:
    from engine.admin import warehouse_acts

    journals = given.journals or [_configured_journal(given)[0]]
    return warehouse_acts.export_journals(given, journals)


def warehouse_scores(given: _Arguments) -> int:
    from engine.admin import warehouse_acts

    folder: Path | None = given.folder
    if folder is None:
        known = _places(given)
        if known is None:
            raise StartError(f"there is no {DEFAULT_CONFIG} here: name the FOLDER, or --config")
        folder = known.journal.with_name(warehouse_acts.FOLDER)
    return warehouse_acts.scores(given, folder, _config(given), _paper(given))


def history_report(given: _Arguments) -> int:
    from engine.admin import history_acts

    journal = Path() if given.sources else _journal(given)[0]
    return history_acts.report(given, journal, _config(given), _paper(given))


def marks_import(given: _Arguments) -> int:
    from engine.admin import market_acts

    return market_acts.import_file(given, market_acts.MARKS, _socket(given), _paper(given))


def rates_put(given: _Arguments) -> int:
    """One rate; 1 where it was refused."""
    row = {"pair": given.pair, "price": given.price, "has_moved": given.has_moved}
    if given.time is not None:
        row["time"] = given.time
    with AdminClient(_socket(given), given.timeout) as desk:
        answer = desk.call("rates.put", rows=[row], source=given.source, reason=given.reason)
    refused = answer["refused"]
    if refused and not given.json:
        raise CommandError(refused[0]["reason"], code="refused")
    _print(given, answer, named(COMMANDS["rates.put"].shown))
    return 1 if refused else 0


def trades_import(given: _Arguments) -> int:
    from engine.admin import market_acts

    return market_acts.import_file(given, market_acts.TRADES, _socket(given), _paper(given))


def tca_import(given: _Arguments) -> int:
    from engine.admin import tca_acts

    return tca_acts.import_file(given, _socket(given), _paper(given))


def best_execution(given: _Arguments) -> int:
    from engine.admin import report_acts

    journal, _ = _journal(given)
    return report_acts.best_execution(given, journal, _paper(given))


def scorecard(given: _Arguments) -> int:
    from engine.admin import report_acts

    journal, _ = _journal(given)
    return report_acts.scorecard(given, journal, _paper(given))


def audit_verify(given: _Arguments) -> int:
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


def audit_tail(given: _Arguments) -> int:
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


def session_messages(given: _Arguments) -> int:
    from engine.admin import fix_decode, kept_messages

    journal, _ = _journal(given)
    paper = _paper(given)
    wanted = kept_messages.Wanted(given.session, given.last, given.begin, given.end, given.direction, given.epoch)
    for kept in kept_messages.read(
        journal, wanted, fix_decode.load_shelf(given.dictionary or (), given.transport, None)
    ):
        if given.json:
            print(orjson.dumps(kept_messages.plain(kept, with_raw=given.raw)).decode())
        elif given.fields:
            print("\n".join(kept_messages.block(paper, kept)))
        else:
            print(kept_messages.line(paper, kept, with_raw=given.raw))
    return 0


def fix_decode(given: _Arguments) -> int:
    from engine.admin import fix_decode

    shelf = fix_decode.load_shelf(given.dictionary or (), given.transport, given.begin_string)
    wanted = fix_decode.Wanted(given.only_wrong, given.json, given.raw, not given.one_reading)
    with _capture(given.file) as (source, size):
        decoder = fix_decode.decode(source, size, shelf, given.validation, wanted, _paper(given), sys.stdout)
    if unread := decoder.unread():
        raise CommandError(f"{given.file}: {unread}", code="unread")
    return 1 if decoder.tally.wrong else 0


@contextmanager
def _capture(path: str) -> Iterator[tuple[BinaryIO, int | None]]:
    """A capture and its size in bytes; `-` is the standard input, whose size nobody knows."""
    if path == "-":
        yield sys.stdin.buffer, None
        return
    with ExitStack() as stack:
        try:
            file = stack.enter_context(open(path, "rb"))
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
        yield file, os.fstat(file.fileno()).st_size or None


def calibrate(given: _Arguments) -> int:
    from engine.admin import calibrate_acts

    known = _places(given)
    if not given.source and known is None:
        raise StartError(f"there is no {DEFAULT_CONFIG} here: name a SOURCE, or --config")
    return calibrate_acts.calibrate(given, _config(given), known.journal if known is not None else None, _paper(given))


def _journal(given: _Arguments) -> tuple[Path, Path | None]:
    return (given.journal, None) if given.journal is not None else _configured_journal(given)


def _configured_journal(given: _Arguments) -> tuple[Path, Path | None]:
    """The journal of the configuration, and where its anchors are."""
    known = _places(given)
    if known is None:
        raise StartError(f"there is no {DEFAULT_CONFIG} here: name the journal, or --config")
    return known.journal, known.anchor

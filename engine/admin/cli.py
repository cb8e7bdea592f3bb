"""`rfqctl`: the desk at a terminal.

Owns the exit status and makes the command line of `commands.table`. Most commands are one call over the admin socket
and one view of the answer; the others are carried out by `acts`, some of them without a daemon.

Exit status: 0 done, 1 the desk refused (or what was checked does not hold), 2 a wrong command line or
configuration, 3 no daemon answers, 4 the output could not be written.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import orjson

from engine import __version__
from engine.admin import streams
from engine.admin.client import TIMEOUT_S
from engine.admin.naming import named
from engine.commands.parameters import Kind, Param, flag
from engine.commands.table import GROUPS, TYPED, By, Command
from engine.errors import CommandError, ConfigError, EngineError, RuleError, StartError

_Arguments = argparse.Namespace


def main(argv: Sequence[str] | None = None) -> int:
    """The exit status. One line per error, never a traceback for what a person can put right."""
    return streams.run("rfqctl", partial(_carry_out, argv))


def _carry_out(argv: Sequence[str] | None) -> int:
    given = _parser().parse_args(argv)
    try:
        status: int = given.run(given)
    except KeyboardInterrupt:
        return 130
    except EngineError as error:
        return _failed(given, error)
    return status


def _failed(given: _Arguments, error: EngineError) -> int:
    status = 3 if isinstance(error, StartError) else 2 if isinstance(error, ConfigError) else 1
    if given.json:
        code = error.code if isinstance(error, CommandError) else type(error).__name__
        streams.say(orjson.dumps({"error": {"code": code, "message": str(error)}}).decode())
    else:
        lead = "" if isinstance(error, RuleError) else "rfqctl: "
        streams.say(f"{lead}{error}")
    return status


# --- the command line ----------------------------------------------------------------------------


class _Parser(streams.Parser):
    """One line per mistake, with the nearest right word."""

    def error(self, message: str) -> NoReturn:
        word, _, choices = message.partition("invalid choice: ")[2].partition(" (choose from ")
        known = [each.strip(" ')") for each in choices.split(",")]
        near = difflib.get_close_matches(word.strip("'"), known, n=1) if choices else []
        hint = f": did you mean '{near[0]}'?" if near else ""
        if message.startswith("unrecognized arguments: -"):
            given = message.partition(": ")[2].split()[0].partition("=")[0]
            options = [flag for action in self._named().values() for flag in action.option_strings]
            close = difflib.get_close_matches(given, options, n=1)
            hint = f": did you mean '{close[0]}'?" if close else ""
        self.exit(2, f"{self.prog}: {message}{hint} (see {self.prog} --help)\n")

    def _named(self) -> dict[str, argparse.Action]:
        return {action.dest: action for action in self._actions if action.option_strings}

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """What a command does not know is its own mistake, and said by it."""
        found, rest = super().parse_known_args(args, namespace)
        if rest and self._subparsers is None:
            self.error(f"unrecognized arguments: {' '.join(rest)}")
        return found, rest


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
    """Every command of the table."""
    common = _common()
    # One of its own: setting a default changes the actions that parents share.
    parser = _Parser(prog="rfqctl", description="The desk at a terminal.", parents=[_common()])
    parser.add_argument("--version", action="version", version=f"rfqctl {__version__}", help="which version this is")
    parser.set_defaults(json=False, socket=None, config=None, color="auto", timeout=TIMEOUT_S)
    top = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=_Parser)
    groups: dict[str, Any] = {}
    for command in TYPED:
        *group, last = command.words
        under = top
        if group:
            if group[0] not in groups:
                holder = top.add_parser(group[0], help=GROUPS[group[0]], description=GROUPS[group[0]])
                groups[group[0]] = _commands_of(holder, required=True)
            under = groups[group[0]]
        added = _add(under, last, command, common)
        if not group and last in GROUPS:
            # A word that does something by itself, and others behind it: `rates`, `rates put`.
            groups[last] = _commands_of(added, required=False)
    return parser


def _commands_of(parser: argparse.ArgumentParser, *, required: bool) -> Any:
    return parser.add_subparsers(title="commands", metavar="COMMAND", required=required, parser_class=_Parser)


def _add(under: Any, name: str, command: Command, common: argparse.ArgumentParser) -> argparse.ArgumentParser:
    doc = command.doc + (f"; role {command.role}" if command.role else "; needs no daemon")
    wide = argparse.RawDescriptionHelpFormatter
    parser: argparse.ArgumentParser = under.add_parser(
        name,
        help=doc.replace("%", "%%"),
        description=command.about or doc,
        epilog=command.after or None,
        parents=[common],
        **({"formatter_class": wide} if command.about else {}),
    )
    one_of = parser.add_mutually_exclusive_group(required=True) if command.one_of else None
    for param in command.typed_params:
        flags, options = _argument(param)
        holder = one_of if one_of is not None and param.name in command.one_of else parser
        holder.add_argument(*flags, **options)
    parser.set_defaults(run=partial(_run, command))
    return parser


def _argument(param: Param) -> tuple[tuple[str, ...], dict[str, Any]]:
    """One parameter for argparse."""
    flags, kind = param.flags, param.kind
    many, word = param.spelling.endswith("..."), param.spelling.removesuffix("...")
    options: dict[str, Any] = {"help": param.told.replace("%", "%%"), "default": param.default}
    if kind is flag:
        return flags, {**options, "action": "store_true", "dest": param.name, "default": False}
    if kind.choices:
        options["choices"] = kind.choices
    else:
        options["type"] = _typed(kind)
    if flags:
        options |= {"dest": param.name, "required": param.required}
        if not kind.choices:
            options["metavar"] = " ".join(each for each in word.split() if not each.startswith("-"))
        return flags, options | ({"action": "append"} if many else {})
    optional = word.startswith("[")
    if optional:
        word = word.strip("[]")
        many = word.endswith("...")
        word = word.removesuffix("...")
    if not kind.choices:
        options["metavar"] = word
    if many or optional:
        options["nargs"] = "*" if many and optional else "+" if many else "?"
    return (param.name,), options


def _typed(kind: Kind) -> Callable[[str], Any]:
    def parse(word: str) -> Any:
        try:
            return kind.parse(word)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"expected {error}, found '{word}'") from None

    return parse


def _run(command: Command, given: _Arguments) -> int:
    """What the command does; only what it needs is imported."""
    function = command.carried_out if command.by is By.terminal else command.typed.carried_out if command.typed else ""
    if function:
        status: int = named(function)(given)
        return status
    from engine.admin import acts

    params = {param.name: getattr(given, param.name) for param in command.typed_params}
    return acts.ask(given, command.name, params)


if __name__ == "__main__":
    sys.exit(main())

"""The table of commands: everything it names is there, every mistake gets a kind word, and the page is made from it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from session_world import SessionWorld

from engine.admin import cli
from engine.admin.help import COMMON, bash, markdown, zsh
from engine.admin.naming import named
from engine.admin.record import Record
from engine.commands.answering import HANDLERS, understood
from engine.commands.parameters import (
    Param,
    amount,
    date,
    flag,
    name,
    names,
    natural,
    pair,
    path,
    price,
    rows,
    text,
    whole,
)
from engine.commands.table import COMMANDS, GROUPS, NOTES_SHOWN_MAX, TABLE, TYPED, By, Command
from engine.errors import CommandError
from engine.turn.history import NOTES_MAX

ROOT: Final = Path(__file__).parents[2]

pytestmark = pytest.mark.starts("noon")
"""Nothing here is about the time."""

RIGHT: Final[Mapping[int, Any]] = {
    id(text): "a word",
    id(name): "O-000012",
    id(flag): True,
    id(names): ["ash", "oak"],
    id(amount): "5mm",
    id(price): "99.25",
    id(date): "2026-11-30",
    id(pair): "EURUSD",
    id(rows): [{"security": "US99B001AB35"}],
}
WRONG: Final[Mapping[int, tuple[Any, ...]]] = {
    id(text): (7, "", "two\nlines", "x" * 501, ["a"], True),
    id(name): (7, " ", "two\nlines", {}),
    id(flag): ("yes", 1, 0),
    id(names): ("ash", [], [7], ["ash", "ash"]),
    id(amount): (5.0, "lots", 0, -1, "1e999", True),
    id(price): (99.5, "x", "0", "-1", "NaN", True, "1000"),
    id(date): ("tomorrow", 20261130, "2026-13-01"),
    id(pair): ("eurusd", "EUR", 7, "EUR/EUR", "GBX/USD"),
    id(rows): ({}, [], [7], [{}] * 1_001),
}
OF_THE_DAEMON: Final = tuple(COMMANDS.values())
PARAMS: Final = tuple((command, param) for command in OF_THE_DAEMON for param in command.params)
PARAM_IDS: Final = [f"{command.name} {param.name}" for command, param in PARAMS]


def right(param: Param) -> Any:
    if param.kind.choices:
        return param.kind.choices[0]
    return RIGHT.get(id(param.kind), 1)


def wrong(param: Param) -> tuple[Any, ...]:
    if param.kind.choices:
        return ("no such word", 7, None.__class__, [param.kind.choices[0]])
    return WRONG.get(id(param.kind), (-1, 10**30, "1", 1.5, True))


def all_right(command: Command) -> dict[str, Any]:
    return {param.name: right(param) for param in command.params}


def refused(command: Command, params: Mapping[str, Any]) -> str:
    with pytest.raises(CommandError) as error:
        understood(command.name, params, "kim", "operator")
    assert error.value.code == "params"
    return str(error.value)


# --- what is named is there ----------------------------------------------------------------------


def test_names_are_taken_once_and_groups_are_told() -> None:
    assert len({command.name for command in TABLE}) == len(TABLE)
    assert {command.words[0] for command in TYPED if len(command.words) > 1} == set(GROUPS)


def test_every_handler_view_and_function_is_there() -> None:
    assert list(HANDLERS) == [each.name for each in COMMANDS.values() if each.by is not By.record]
    for command in TABLE:
        if command.by is By.record:
            assert callable(getattr(Record, command.carried_out.removeprefix("record."))), command.name
        if command.shown:
            assert callable(named(command.shown)), command.name
        if command.by is By.terminal:
            assert callable(named(command.carried_out)), command.name
        if command.typed is not None and command.typed.carried_out:
            assert callable(named(command.typed.carried_out)), command.name


def test_what_is_typed_has_a_view_or_a_function_of_its_own() -> None:
    for command in TYPED:
        own = command.by is By.terminal or (command.typed is not None and command.typed.carried_out)
        assert own or command.shown, command.name


def test_as_many_notes_can_be_shown_as_are_kept() -> None:
    assert NOTES_SHOWN_MAX == NOTES_MAX


def test_what_acts_on_a_session_or_the_process_needs_a_reason() -> None:
    acting = [command for command in OF_THE_DAEMON if command.by is By.sessions and command.role != "viewer"]
    assert len(acting) > 8
    assert all(command.needs_reason for command in acting)


# --- edges ---------------------------------------------------------------------------------------

WHOLE: Final = {
    ("bond", "window"): (1, 3_650),
    ("orders", "limit"): (1, 1_000),
    ("axes", "limit"): (1, 10_000),
    ("quarantine.list", "limit"): (1, 1_000),
    ("events", "after"): (0, 2**53),
    ("events", "limit"): (1, 500),
    ("events", "wait_s"): (0, 60),
    ("executions", "after"): (0, 2**53),
    ("executions", "limit"): (1, 500),
    ("executions", "wait_s"): (0, 60),
    ("session.show", "events"): (0, 50),
    ("session.resend", "begin"): (1, 10**18 - 1),
    ("session.resend", "end"): (1, 10**18 - 1),
    ("session.set_seq", "next_in"): (1, 10**18 - 1),
    ("session.set_seq", "next_out"): (1, 10**18 - 1),
}
"""The bounds of every whole number that is sent."""


def edges_of(param: Param) -> tuple[int, int]:
    words = param.kind.words.split()
    return int(words[-3]), int(words[-1])


def test_every_whole_number_has_the_bounds_that_are_written_here() -> None:
    bounded = [(command, param) for command, param in PARAMS if param.kind.words.startswith("a whole number from")]
    assert {(command.name, param.name): edges_of(param) for command, param in bounded} == WHOLE


@pytest.mark.parametrize(("least", "most"), [(0, 50), (1, 999_999_999), (7, 7)])
def test_a_whole_number_is_taken_to_its_bounds_sent_and_typed(least: int, most: int) -> None:
    kind = whole(least, most)
    for number in (least, most):
        assert kind.read(number) == kind.parse(str(number)) == number
    for number in (least - 1, most + 1):
        with pytest.raises(ValueError, match=f"^a whole number from {least} to {most}$"):
            kind.read(number)
        with pytest.raises(ValueError, match=f"^a whole number from {least} to {most}$"):
            kind.parse(str(number))


def test_a_text_may_be_as_long_as_is_said() -> None:
    assert text.read("x" * 500) == "x" * 500
    with pytest.raises(ValueError, match="at most 500 characters"):
        text.read("x" * 501)


# --- bad input, of programs ----------------------------------------------------------------------


@pytest.mark.parametrize("command", OF_THE_DAEMON, ids=lambda command: command.name)
def test_what_is_right_is_understood(command: Command) -> None:
    _, values = understood(command.name, all_right(command), "kim", "operator")
    assert set(values) == {param.name for param in command.params}


@pytest.mark.parametrize("command", OF_THE_DAEMON, ids=lambda command: command.name)
def test_a_command_that_is_misspelt_names_the_nearest(command: Command) -> None:
    with pytest.raises(CommandError) as error:
        understood(command.name + "x", {}, "kim", "operator")
    assert error.value.code == "unknown_command"
    assert str(error.value) == f"no command '{command.name}x' (did you mean '{command.name}'?)"


@pytest.mark.parametrize("command", OF_THE_DAEMON, ids=lambda command: command.name)
def test_a_role_that_is_too_small_is_told(command: Command) -> None:
    least = {"operator": "trader", "trader": "viewer", "viewer": "feed", "feed": "trader"}[command.role]
    with pytest.raises(CommandError) as error:
        understood(command.name, all_right(command), "kim", least)
    assert str(error.value) == f"{command.name} needs role {command.role}; kim is {least}"


@pytest.mark.parametrize(("command", "param"), PARAMS, ids=PARAM_IDS)
def test_a_parameter_that_is_missing_is_told_with_what_it_is(command: Command, param: Param) -> None:
    given = all_right(command)
    del given[param.name]
    if param.required:
        assert refused(command, given) == f"{command.name}: missing parameter '{param.name}': {param.doc}"
    else:
        assert understood(command.name, given, "kim", "operator")[1][param.name] == param.default


@pytest.mark.parametrize(("command", "param"), PARAMS, ids=PARAM_IDS)
def test_a_parameter_that_is_misspelt_names_the_nearest(command: Command, param: Param) -> None:
    said = refused(command, {**all_right(command), f"{param.name}x": 1})
    assert said == f"{command.name}: unknown parameter '{param.name}x' (did you mean '{param.name}'?)"


@pytest.mark.parametrize(("command", "param"), PARAMS, ids=PARAM_IDS)
def test_a_value_that_is_wrong_is_told_with_what_is_expected(command: Command, param: Param) -> None:
    for value in wrong(param):
        said = refused(command, {**all_right(command), param.name: value})
        assert said.startswith(f"{command.name}: parameter '{param.name}': expected "), (value, said)
        assert ", found " in said
        assert len(said) < 300


def test_every_mistake_of_a_call_is_told_at_once() -> None:
    said = refused(COMMANDS["order.new"], {"side": "up", "quantity": "lots", "limt": "99"})
    for word in ("'limt' (did you mean 'limit'?)", "missing parameter 'security'", "'side'", "'quantity'"):
        assert word in said


@pytest.mark.parametrize("command", OF_THE_DAEMON, ids=lambda command: command.name)
def test_a_machine_answers_bad_input_of_every_command_and_goes_on(command: Command) -> None:
    """Through a turn: the refusal is the answer, and nothing of it stays."""
    world = SessionWorld()
    with pytest.raises(CommandError) as error:
        world.command(command.name, nonsense=1)
    assert error.value.code == "params"
    assert not world.events
    assert world.command("status")["orders"]["total"] == 0


# --- bad input, of people ------------------------------------------------------------------------


def typed_wrong(command: Command) -> list[tuple[list[str], str]]:
    """Lines with one mistake each, and what has to be said of it."""
    words = list(command.words)
    if command.one_of:
        words += [f"--{command.one_of[0]}"]
    whole = [*words, *(word for param in command.typed_params for word in typed(param) if param.required)]
    lines = [([*whole, "--jsn"], "did you mean '--json'?")]
    for param in command.typed_params:
        if param.required:
            left = [each for each in command.typed_params if each.required and each is not param]
            if not param.flags and any(each.kind is names for each in left):
                continue  # One of several names stands in its place.
            # Without a word in its place the next one stands there: it is no choice, or one is missing at the end.
            said = (
                ""
                if not param.flags and any(each.kind.choices for each in (param, *left))
                else "arguments are required"
            )
            lines.append(([*words, *(word for each in left for word in typed(each))], said))
        if param.kind.choices and param.flags:
            lines.append(([*whole, param.flags[-1], "nonsense"], "invalid choice: 'nonsense'"))
        elif param.flags and param.kind.parse not in (str, Path):
            lines.append(([*whole, param.flags[-1], "nonsense"], f"argument {'/'.join(param.flags)}: expected a"))
    return lines


def typed(param: Param) -> list[str]:
    value = right(param) if param.kind not in (natural, path) else "1"
    values = [str(each) for each in value] if isinstance(value, list) else [str(value)]
    return [*param.flags[-1:], *values]


@pytest.mark.parametrize("command", TYPED, ids=lambda command: command.name)
def test_what_is_typed_wrong_gets_one_line(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    for line, words in typed_wrong(command):
        with pytest.raises(SystemExit) as ended:
            cli.main(line)
        said = capsys.readouterr().err
        assert (ended.value.code, words in said, len(said.splitlines())) == (2, True, 1), (line, said)


@pytest.mark.parametrize("command", TYPED, ids=lambda command: command.name)
def test_a_command_that_is_typed_wrong_names_the_nearest(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    *before, last = command.words
    with pytest.raises(SystemExit):
        cli.main([*before, last + "x"])
    assert f"did you mean '{last}'?" in capsys.readouterr().err


# --- made from it --------------------------------------------------------------------------------


def test_the_page_for_operators_has_the_table() -> None:
    """If this fails: put what `rfqctl help --markdown` prints into config/README.md."""
    assert markdown() in (ROOT / "config" / "README.md").read_text()


@pytest.mark.parametrize("command", TYPED, ids=lambda command: command.name)
def test_help_tells_each_command(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["help", *command.words]) == 0
    said = capsys.readouterr().out
    assert command.doc in said
    for param in command.typed_params:
        assert param.told in said
        assert "true: " not in param.told


def test_help_of_nothing_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["help", "order", "cancle"]) == 2
    assert "help: no command 'order cancle' (did you mean 'order cancel'?)" in capsys.readouterr().err


def completed(*line: str) -> list[str]:
    """What bash offers for the last word of a line."""
    words = " ".join(f"'{word}'" for word in line)
    script = (
        f"{bash()}\nCOMP_WORDS=({words}); COMP_CWORD={len(line) - 1}; _rfqctl; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, cwd="/")
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
@pytest.mark.parametrize(
    ("line", "offered"),
    [
        pytest.param(("rfqctl", "ses"), ["sessions", "session"], id="a command"),
        pytest.param(("rfqctl", "session", "res"), ["reset", "resend"], id="of a group"),
        pytest.param(("rfqctl", "--json", "order", "can"), ["cancel"], id="behind an option"),
        pytest.param(("rfqctl", "orders", "--st"), ["--state"], id="an option"),
        pytest.param(("rfqctl", "order", "cancel", "12", "--js"), ["--json"], id="one that all have"),
        pytest.param(("rfqctl", "log", "level", "W"), ["WARNING"], id="a choice"),
    ],
)
def test_bash_completes(line: tuple[str, ...], offered: list[str]) -> None:
    assert completed(*line) == offered


def test_scripts_of_completion_have_every_command_and_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["completion", "zsh"]) == 0
    assert capsys.readouterr().out == zsh()
    for script in (bash(), zsh()):
        for command in TYPED:
            case = f'"{" ".join(command.words)}")'
            line = next(line for line in script.splitlines() if line.strip().startswith(case))
            assert all(flag_ in line for param in command.typed_params for flag_ in param.flags)
            assert all(option in line for option in COMMON)


@pytest.mark.skipif(shutil.which("zsh") is None, reason="no zsh here")
def test_zsh_can_read_its_script() -> None:
    done = subprocess.run(["zsh", "-n"], input=zsh(), capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_terminal_starts_without_the_engine() -> None:
    """Its table names functions; only what a command needs is imported."""
    told = "import sys; from engine.admin import cli; cli.main(['help']); print(*sorted(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    loaded = done.stderr.split()
    heavy = ("engine.desk", "engine.rules", "engine.turn", "engine.journal", "engine.selection", "asyncio", "numpy")
    assert not [module for module in loaded if module.startswith(heavy)]

"""`scripts/mutate` in small: what it draws, leaves out, remembers and excuses, and that it tells caught from survived.

What needs the mutation tools is skipped where they are not installed: scripts/mutate alone installs them.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from mutating.cores import cores, shells
from mutating.covering import NEAR, SECONDS_MAX, SLOW_S, TESTS_MAX, Map
from mutating.equivalents import FILE, Equivalents
from mutating.main import report
from mutating.sites import LEFT_OUT, Mutant, Shape, Site, draw
from mutating.tree import Ran, Tree
from mutating.trial import Judge
from mutating.verdicts import Outcome, Verdict, Verdicts

ROOT = Path(__file__).resolve().parents[2]

SITE = Site(
    path="engine/fix/wire/codec.py", function="f", kind="ReplaceComparisonOperator", line=3, column=9, lines=(3, 3),
    at_import=False, names=(), text="if a < b:", ways=(("ReplaceComparisonOperator_Lt_LtE", 0),),
)  # fmt: skip
MUTANT = Mutant(SITE, "ReplaceComparisonOperator_Lt_LtE", "if a < b:", "if a <= b:", "")
CAUGHT = Verdict(Outcome.Caught, 1.5, 3, 4, "tests/test_a.py::test_it")
SURVIVED = Verdict(Outcome.Survived, 1.5, 3, 4, "")


def places(count: int) -> list[Site]:
    return [replace(SITE, line=n, text=f"if a < {n}:") for n in range(count)]


# What is drawn


def test_the_same_seed_draws_the_same_places_in_whatever_order_they_come() -> None:
    assert draw(places(200), 7) == draw(reversed(places(200)), 7)
    assert draw(places(200), 7) != draw(places(200), 8)


def test_a_larger_sample_begins_with_the_smaller_one_and_a_new_line_elsewhere_leaves_it() -> None:
    before = draw(places(200), 7)
    after = draw([*places(200), replace(SITE, text="if c < d:")], 7)
    assert [site for site in after if site.text != "if c < d:"] == before


# Where


def test_cores_are_what_the_architecture_calls_neither_shell_nor_wiring() -> None:
    text = 'SHELLS: set[str] = {"hub", "fix.sockets"}\nSHELL_ROOMS = {"admin"} | {"boot"}\nOTHER = {"rules"}\n'
    assert shells(text) == {"hub", "fix.sockets", "admin", "boot"}
    with pytest.raises(LookupError, match="SHELLS"):
        shells("ALLOWED = {}")


def test_the_cores_of_today_hold_the_rules_and_no_sockets() -> None:
    found = {path.as_posix() for path in cores(ROOT)}
    assert any(path.startswith("engine/rules/") for path in found)
    assert any(path.startswith("engine/desk/") for path in found)
    assert not any(path.startswith("engine/admin/") for path in found)
    assert "engine/app.py" not in found
    assert len(found) > 100


SOURCE = """\
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from a import b
Event = One | Two[int] | None
FLAGS = WRITE | READ
LIMIT = 30
class A:
    size: Literal[1] = 2
    @cached(3)
    def f(self, x: Literal[4] = 5) -> Literal[6]:
        assert x > 7
        for a, b in zip(x, y, strict=True):
            raise ValueError(f"{a + 1}")
        match x:
            case 8 if a > b:
                return 9
            case _:
                assert_never(x)
        if (
            x
            > 10
        ):
            return 11
    def g(self, /, x, *, y=12):
        return x
"""
LINES = SOURCE.splitlines()


def where(text: str) -> tuple[int, int]:
    line = next(i for i, each in enumerate(LINES, 1) if text in each)
    return line, LINES[line - 1].index(text)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        pytest.param("from a", "TYPE_CHECKING", id="imports for types"),
        pytest.param("| Two", "type alias", id="a union of types"),
        pytest.param("| READ", None, id="flags are no types"),
        pytest.param("30", None, id="a constant"),
        pytest.param("1] =", "annotation", id="the type of a member"),
        pytest.param("2", None, id="the value of a member"),
        pytest.param("3)", "decorator", id="the option of a decorator"),
        pytest.param("4] =", "annotation", id="the type of an argument"),
        pytest.param("5)", None, id="a default"),
        pytest.param("6]:", "annotation", id="what is returned"),
        pytest.param("/, x", "signature", id="by place alone"),
        pytest.param("*, y", "signature", id="by name alone"),
        pytest.param("12", None, id="a default behind them"),
        pytest.param("> 7", "assert", id="a guarantee of our own"),
        pytest.param("True", "strict zip", id="zip as long as the other"),
        pytest.param("+ 1", "text of an error", id="the text of an error"),
        pytest.param("8 if", None, id="a case"),
        pytest.param("> b", None, id="the guard of a case"),
        pytest.param("assert_never", "assert_never", id="nobody comes there"),
        pytest.param("> 10", None, id="a condition"),
    ],
)
def test_what_cannot_matter_is_left_out(text: str, kind: str | None) -> None:
    assert Shape(SOURCE).left_out(*where(text)) == kind
    assert kind is None or kind in LEFT_OUT


def test_a_place_knows_its_function_its_statement_and_whether_an_import_runs_it() -> None:
    shape = Shape(SOURCE)
    assert shape.function(*where("> 10")) == "A.f"
    statement = shape.statement(*where("> 10"))
    assert [LINES[line - 1].strip() for line in range(statement.lines[0], statement.lines[1] + 1)] == [
        "if (", "x", "> 10", "):",
    ]  # fmt: skip
    assert not statement.at_import
    assert shape.statement(*where("30")).names == ("LIMIT",)
    assert shape.statement(*where("2")).names == ("size",)
    assert not shape.statement(*where("5)")).at_import
    assert shape.statement(*where("5)")).lines == (where("assert x")[0], where("return 11")[0])
    assert not shape.statement(*where("> b")).at_import
    assert shape.statement(*where("> b")).lines == (where("> b")[0],) * 2


# Which tests


class Known(Map):
    """A map with nothing but times."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self.seconds = seconds


def test_every_file_has_a_say_before_the_time_is_over_and_the_fastest_come_first() -> None:
    seconds = {f"tests/rules/a.py::test[{n}]": SLOW_S / 4 + n / 1000 for n in range(99)}
    seconds |= {"tests/rules/b.py::test_b": SLOW_S / 2, "tests/rules/c.py::test_c": SLOW_S * 2}
    chosen = Known(seconds).chosen("engine/rules/parser.py", seconds)
    assert "tests/rules/b.py::test_b" in chosen
    assert "tests/rules/c.py::test_c" not in chosen
    assert sum(seconds[test] for test in chosen) <= SECONDS_MAX
    assert chosen == sorted(chosen, key=seconds.__getitem__)


def test_the_test_files_that_have_most_of_a_name_in_theirs_come_first() -> None:
    seconds = {f"tests/desk/test_intake.py::test[{n}]": 0.1 for n in range(500)}
    seconds |= {"tests/desk/test_risk_gate.py::test_it": 0.9}
    assert "tests/desk/test_risk_gate.py::test_it" in Known(seconds).chosen("engine/desk/gate/risk.py", seconds, 0.25)


def test_most_of_the_time_belongs_to_the_folder_that_mirrors_the_file() -> None:
    seconds = {f"tests/{n % 9}/a.py::test[{n}]": 0.1 for n in range(500)}
    seconds |= {f"tests/rules/a.py::test[{n}]": 0.1 for n in range(500)}
    chosen = Known(seconds).chosen("engine/rules/parser.py", seconds)
    near = [test for test in chosen if test.startswith("tests/rules/")]
    assert len(near) == pytest.approx(NEAR * SECONDS_MAX / 0.1, abs=1)
    assert len(chosen) == pytest.approx(SECONDS_MAX / 0.1, abs=1)


def test_a_test_that_is_too_slow_still_runs_where_there_is_no_other_and_many_have_a_bound() -> None:
    slow = {"tests/c.py::test_c": SECONDS_MAX * 2}
    assert Known(slow).chosen("engine/rules/parser.py", slow) == ["tests/c.py::test_c"]
    many = {f"tests/a.py::test[{n}]": 0.0 for n in range(TESTS_MAX + 5)}
    assert len(Known(many).chosen("engine/rules/parser.py", many)) == TESTS_MAX


# What is remembered


class Slow:
    """A tree on a machine with much to do: `runs` are the ends of pytest's runs, one after the other."""

    def __init__(self, *runs: Ran) -> None:
        self.runs = list(runs)
        self.asked: list[int] = []

    def holding(self, path: str, source: str) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def pytest(self, said: dict[str, Any], arguments: list[str], limit_s: float) -> Ran:
        self.asked.append(len(said["tests"]))
        return self.runs.pop(0)


class Covering(Known):
    def tests(self, site: Site) -> set[str]:
        return set(self.seconds)


def test_what_a_slow_machine_ends_is_tried_again_with_fewer_tests_and_counts_as_caught_by_none() -> None:
    """pytest broke down under the bug, and had no time to show that it does not without it."""
    broke, ended = Ran(2, {}, "cannot collect"), Ran(None, {}, "")
    covering = Covering({f"tests/fix/wire/test_a.py::test[{n}]": SLOW_S / 3 for n in range(64)})
    tree = Slow(broke, ended, broke, Ran(0, {}, ""))
    assert Judge(covering).judge(MUTANT, cast(Tree, tree)).outcome is Outcome.Caught
    assert tree.asked[2] < tree.asked[0]
    alone = Covering({"tests/fix/wire/test_a.py::test": 0.1})
    assert Judge(alone).judge(MUTANT, cast(Tree, Slow(broke, ended))).outcome is Outcome.Survived


def test_verdicts_are_there_after_a_restart_but_for_a_line_that_was_cut_off(tmp_path: Path) -> None:
    file = tmp_path / "verdicts.jsonl"
    first = Verdicts(file)
    first.keep("a", CAUGHT)
    first.keep("b", SURVIVED)
    whole = file.read_bytes()
    file.write_bytes(whole[:-5])
    second = Verdicts(file)
    assert (second["a"], "b" in second) == (CAUGHT, False)
    second.keep("b", SURVIVED)
    assert file.read_bytes() == whole
    assert (Verdicts(file)["a"], Verdicts(file)["b"]) == (CAUGHT, SURVIVED)


# What is excused

ENTRY = """
[[equivalent]]
module = "engine/fix/wire/codec.py"
function = "f"
was = "if  a < b:"
becomes = "if a <= b:"
reason = "a is never b"
"""


def test_an_equivalent_is_known_wherever_its_line_stands_and_by_nothing_less() -> None:
    listed = Equivalents(ENTRY)
    assert listed.reason(replace(MUTANT, site=replace(SITE, line=99))) == "a is never b"
    assert listed.reason(replace(MUTANT, becomes="if a >= b:")) is None
    assert listed.reason(replace(MUTANT, site=replace(SITE, function="g"))) is None
    assert listed.reason(replace(MUTANT, site=replace(SITE, path="engine/fix/other.py"))) is None


@pytest.mark.parametrize("text", [ENTRY.replace("a is never b", " "), ENTRY.replace("reason", "because")])
def test_an_equivalent_without_an_argument_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"entry 1: .*reason"):
        Equivalents(text)


def test_the_entries_that_are_there_can_be_read() -> None:
    Equivalents(FILE.read_text())


@pytest.mark.parametrize(
    ("listed", "verdicts", "status"),
    [
        pytest.param("", [CAUGHT] * 17 + [SURVIVED] * 3, 0, id="85 of 100 will do"),
        pytest.param("", [CAUGHT] * 16 + [SURVIVED] * 4, 1, id="80 will not"),
        pytest.param(ENTRY, [CAUGHT] * 1 + [SURVIVED] * 4, 0, id="but for those excused"),
        pytest.param("", [Verdict(Outcome.TimedOut, 30.0, 1, 1, "")], 0, id="one that never ends is caught"),
        pytest.param("", [Verdict(Outcome.NotExecuted, 0.0, 0, 0, "")], 1, id="one that nobody runs is not"),
    ],
)
def test_the_status_says_whether_enough_was_caught(
    listed: str, verdicts: list[Verdict], status: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / SITE.path
    file.parent.mkdir(parents=True)
    file.write_text("if a < b:\n")
    bugs = [
        (MUTANT if not verdict.caught else replace(MUTANT, becomes="if a > b:"), verdict)
        for n, verdict in enumerate(verdicts)
    ]
    assert report(bugs, Equivalents(listed), 85.0, tmp_path) == status
    said = capsys.readouterr().out
    survivors = sum(not verdict.caught for verdict in verdicts)
    assert f"Survivors: {survivors}\n" in said
    assert said.count("engine/fix/wire/codec.py:3 f ReplaceComparisonOperator_Lt_LtE\n  - if a < b:") == survivors


def test_an_entry_whose_line_is_gone_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report([], Equivalents(ENTRY), 85.0, tmp_path)
    assert "engine/fix/wire/codec.py has no line 'if a < b:' any more" in capsys.readouterr().out


# With the tools


def test_every_operator_does_what_its_examples_say() -> None:
    pytest.importorskip("cosmic_ray")
    from cosmic_ray.mutating import mutate_code
    from mutating.operators import OPERATORS

    for name, operator in OPERATORS.items():
        for example in operator.examples():
            mutated = mutate_code(example.pre_mutation_code, operator, example.occurrence)
            assert (mutated or example.pre_mutation_code).split() == example.post_mutation_code.split(), name


def test_a_bug_stands_where_its_place_says() -> None:
    """cosmic-ray counts occurrences its own way: counted otherwise, another place would be changed."""
    pytest.importorskip("cosmic_ray")
    from mutating.sites import planted, sites

    file = ROOT / "engine" / "fix" / "session" / "schedule.py"
    source = file.read_text() + "\n\ndef f(x):\n    assert x\n    x.y = 1\n    x()\n    x.y **= 2\n    return x\n"
    found = list(sites(Path("engine/fix/session/schedule.py"), source))
    assert {site.text for site in found if site.function == "f"} == {"x.y = 1", "x()", "x.y **= 2"}
    for site in [*draw(found, 1)[:30], *found[-3:]]:
        mutant = planted(site, source, 1)
        assert mutant is not None
        both = zip(source.splitlines(), mutant.source.splitlines(), strict=False)
        assert next(i for i, (was, becomes) in enumerate(both, 1) if was != becomes) == site.line


CODE = """\
LIMIT = 3


def small(n):
    return n < LIMIT


def lost(n):
    return n < 5


def forever(n):
    while n:
        n -= 1
    return n


def unseen(n):
    return n + 1
"""
TESTS = """\
import subprocess
import sys

import pytest

from engine.core import forever, lost, small, unseen

seen = []


@pytest.mark.parametrize("n", [2, 3])
def test_small(n):
    assert small(n) == (n == 2)


def test_lost():
    assert lost(1)


def test_forever():
    assert forever(3) == 0


def test_in_another_process():
    subprocess.run([sys.executable, "-c", ""], check=True)
    assert unseen(1) == 2


def test_first():
    seen.append(1)
    lost(1)


def test_only_after_the_first():
    assert seen
    lost(1)
"""


def test_a_whole_run_tells_what_was_caught_from_what_was_not(tmp_path: Path) -> None:
    """A small checkout of its own: the map, the bugs, the verdicts."""
    pytest.importorskip("cosmic_ray")
    pytest.importorskip("pytest_cov")
    from mutating.covering import make_map
    from mutating.sites import planted, sites
    from mutating.tree import Tree, files, fingerprint
    from mutating.trial import Judge

    root, kept = tmp_path / "root", tmp_path / "kept"
    for name, text in {
        "engine/__init__.py": "", "engine/core.py": CODE, "tests/test_core.py": TESTS,
        "pytest.ini": "[pytest]\nmarkers =\n  full\n  interop\n",
    }.items():  # fmt: skip
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "scripts").symlink_to(ROOT / "scripts")
    kept.mkdir()
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    assert "engine/core.py" in files(root)
    before = fingerprint(root)
    tree = Tree(root, tmp_path / "tree")
    (tree.path / "scripts").mkdir(exist_ok=True)
    if not (tree.path / "scripts" / "mutating").exists():
        (tree.path / "scripts" / "mutating").symlink_to(ROOT / "scripts" / "mutating")

    assert make_map(tree, kept) == []
    assert json.loads((kept / "tests.json").read_text())["spawning"] == ["tests/test_core.py::test_in_another_process"]
    covering = Map(kept, root)
    judge = Judge(covering, limit_s=6.0)
    wanted = {
        ("return n < LIMIT", "return n <= LIMIT"): Outcome.Caught,
        ("LIMIT = 3", "LIMIT = 4"): Outcome.Caught,
        ("return n < 5", "return n <= 5"): Outcome.Survived,
        ("return n < 5", "return n >= 5"): Outcome.Caught,
        ("n -= 1", "pass"): Outcome.TimedOut,
        ("return n + 1", "return n - 1"): Outcome.NotExecuted,
    }
    outcomes = {}
    for site in sites(Path("engine/core.py"), CODE):
        for way in site.ways:
            mutant = planted(replace(site, ways=(way,)), CODE, 1)
            assert mutant is not None
            if (mutant.was, mutant.becomes) not in wanted:
                continue
            verdict = judge.judge(mutant, tree)
            outcomes[mutant.was, mutant.becomes] = verdict.outcome
            if mutant.becomes == "return n >= 5":
                assert verdict.by.startswith("tests/test_core.py::test_lost")
    assert outcomes == wanted
    assert (tree.path / "engine/core.py").read_text() == CODE == (root / "engine/core.py").read_text()

    (root / "engine" / "core.py").write_text(CODE + "\n")
    assert fingerprint(root) != before

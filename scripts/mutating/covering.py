"""Which tests execute a line: from one run of the suite under coverage, and which of them are run under a bug there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import chain, zip_longest
from pathlib import Path
from typing import Final

from mutating.sites import Site
from mutating.tree import Tree

SECONDS_MAX: Final = 10.0
"""Of tests under one bug, as they took under coverage; with starting pytest they stay well within 30 s."""
SLOW_S: Final = 1.0
NEAR: Final = 0.7
"""The share of both that belongs to test files with words of the file's name in theirs."""
TESTS_MAX: Final = 600

_SETTINGS: Final = """\
[run]
source = engine
relative_files = true
data_file = {data}
"""
_SUITE: Final = ("tests", "-m", "not full and not interop", "--ignore=tests/interop", "--ignore=tests/mutating")


class Map:
    """What the suite executed. Tests that failed or started other processes are not in it."""

    def __init__(self, folder: Path, root: Path) -> None:
        from coverage import CoverageData

        # Read now: the checkout may be edited while the bugs are tried, in copies of what it was.
        self._engine = {
            path.relative_to(root).as_posix(): path.read_text().splitlines()
            for path in sorted((root / "engine").rglob("*.py"))
        }
        self._data = CoverageData(basename=str(folder / "coverage"))
        self._data.read()
        self.seconds: dict[str, float] = json.loads((folder / "tests.json").read_text())["seconds"]
        self._of_file: dict[str, dict[int, frozenset[str]]] = {}
        self._imports: dict[str, frozenset[int]] = {}

    def tests(self, site: Site) -> set[str]:
        """Every test that executes a site.

        What runs at an import, and whatever is called there, runs in no test, and who reads what it made leaves no
        trace: there it is whoever executes a line that names what is set, else whoever executes the module or its
        importers; and in any case the tests in the folder that mirrors its own.
        """
        lines = range(site.lines[0], site.lines[1] + 1)
        executing = self._at(site.path, lines)
        if not site.at_import and self._imports[site.path].isdisjoint(lines):
            return executing
        near = {
            test
            for file, tests in self._tests_of_file.items()
            if _folders(file) == _folders(site.path)
            for test in tests
        }
        if not site.at_import:
            return near | executing
        for name in site.names:
            pattern = re.compile(rf"\b{re.escape(name)}\b")
            found = set().union(
                *(
                    self._at(path, [i for i, text in enumerate(lines, 1) if pattern.search(text)])
                    for path, lines in self._engine.items()
                )
            )
            if found:
                return near | found
        return near | (self._at(site.path, self._by_line(site.path)) or self._importers(site.path))

    def chosen(self, path: str, tests: Iterable[str], share: float = 1.0) -> list[str]:
        """Those that are run under a bug in this file, fastest first; `share` of the time there is.

        Test files that have more words of its name in theirs look at it more closely: `desk/test_risk_gate.py` at
        `desk/gate/risk.py`. They come first, and most of the time is theirs; what they leave belongs to the others.
        Among equals every file has its say before one has a second: its fastest, then its next, for as long as the time
        goes round. Slow tests have what is left.
        """
        by_file: dict[str, list[str]] = {}
        slow: list[str] = []
        for test in sorted(tests, key=lambda test: (self.seconds[test], test)):
            (by_file.setdefault(_file(test), []) if self.seconds[test] < SLOW_S else slow).append(test)
        by_words: dict[int, list[list[str]]] = {}
        for file, rows in by_file.items():
            by_words.setdefault(len(_words(file) & _words(path)), []).append(rows)
        far = [*_in_turn(by_words.pop(0, []))]
        near = [test for _, files in sorted(by_words.items(), reverse=True) for test in _in_turn(files)]
        chosen: dict[str, None] = {}
        self._fill(chosen, near, NEAR * share)
        self._fill(chosen, chain(far, near, slow), share)
        return sorted(chosen, key=lambda test: (self.seconds[test], test))

    def _fill(self, chosen: dict[str, None], tests: Iterable[str], share: float) -> None:
        left = share * SECONDS_MAX - sum(self.seconds[test] for test in chosen)
        for test in tests:
            if test not in chosen and len(chosen) < share * TESTS_MAX and (self.seconds[test] <= left or not chosen):
                chosen[test] = None
                left -= self.seconds[test]

    def _at(self, path: str, lines: Iterable[int]) -> set[str]:
        by_line = self._by_line(path)
        return set().union(*(by_line.get(line, frozenset()) for line in lines))

    def _by_line(self, path: str) -> dict[int, frozenset[str]]:
        if path not in self._of_file:
            contexts = self._data.contexts_by_lineno(path)
            self._of_file[path] = {line: self._executing(found) for line, found in contexts.items()}
            self._imports[path] = frozenset(line for line, found in contexts.items() if "" in found)
        return self._of_file[path]

    def _executing(self, contexts: Iterable[str]) -> frozenset[str]:
        tests, prepared = set[str](), dict[str, list[str]]()
        for context in contexts:
            test, _, phase = context.rpartition("|")
            if test in self.seconds:
                tests.add(test)
                if phase == "setup":
                    prepared.setdefault(_file(test), []).append(test)
        for file, by in prepared.items():
            if len(by) == 1:  # a fixture of the whole file: its first test made it, the others use it
                tests.update(self._tests_of_file.get(file, ()))
        return frozenset(tests)

    @cached_property
    def _tests_of_file(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for test in self.seconds:
            found.setdefault(_file(test), []).append(test)
        return found

    def _importers(self, path: str) -> set[str]:
        module = ".".join(Path(path).with_suffix("").parts)
        parent, _, name = module.rpartition(".")
        pattern = re.compile(rf"(from|import) {re.escape(module)}\b|from {re.escape(parent)} import .*\b{name}\b")
        paths = [other for other, lines in self._engine.items() if any(pattern.search(line) for line in lines)]
        return set().union(*(self._at(other, self._by_line(other)) for other in paths))


def make_map(tree: Tree, folder: Path) -> list[str]:
    """Run the suite once under coverage; says which tests failed, and so are left out."""
    settings = folder / "settings.ini"  # not coverage.*: pytest-cov clears those away
    data = folder / "coverage"
    data.unlink(missing_ok=True)
    settings.write_text(_SETTINGS.format(data=data))
    arguments = ("--cov", f"--cov-config={settings}", "--cov-context=test", "--cov-report=", *_SUITE)
    ran = tree.pytest({"watch": True}, arguments, None)
    if ran.status not in (0, 1) or not ran.done:
        raise RuntimeError(f"the suite did not run to its end:\n{ran.output[-3000:]}")
    part = folder / "tests.json.part"
    part.write_text(json.dumps(ran.done))
    part.replace(folder / "tests.json")  # last: where it is there, the map is whole
    return list(ran.done["failed"])


def _in_turn(rows: Iterable[list[str]]) -> Iterator[str]:
    return (test for row in zip_longest(*rows) for test in row if test is not None)


def _folders(path: str) -> tuple[str, ...]:
    """Of `engine/fix/wire/codec.py`, and of the tests that mirror it: fix, wire."""
    return Path(path).parts[1:-1]


def _words(path: str) -> set[str]:
    """Of `tests/desk/test_risk_gate.py`: desk, risk, gate. The last letter of a plural does not count."""
    return {word.removesuffix("s") for word in re.split(r"\W|_", path)} - {"engine", "test", "py", ""}


def _file(test: str) -> str:
    return test.partition("::")[0]

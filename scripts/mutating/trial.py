"""One bug and the tests that execute its line."""

from __future__ import annotations

import threading
import time
from typing import Final

from mutating.covering import Map
from mutating.sites import Mutant
from mutating.tree import Ran, Tree
from mutating.verdicts import Outcome, Verdict

LIMIT_S: Final = 30.0
PASSED: Final = 0
NOTHING_TO_RUN: Final = 5
_QUICK: Final = ("-x", "-q", "--tb=no", "-W", "ignore")


class Judge:
    """What the workers share: the map, and which tests also pass alone and without a bug.

    A test that fails because of what ran before it, or did not, must not pass for one that caught something.
    """

    def __init__(self, covering: Map, limit_s: float = LIMIT_S) -> None:
        self._map = covering
        self._limit_s = limit_s
        self._sound: dict[str, bool] = {}
        self._lock = threading.Lock()

    def judge(self, mutant: Mutant, tree: Tree) -> Verdict:
        begun = time.monotonic()
        with self._lock:
            covering = self._map.tests(mutant.site)
        left_out: set[str] = set()
        share = 1.0
        while True:
            with self._lock:
                unsound = {test for test, ok in self._sound.items() if not ok}
                tests = self._map.chosen(mutant.site.path, covering - left_out - unsound, share)
            outcome, by = self._try(mutant, tests, tree)
            broken = self._broken(by, tests, tree) if outcome is Outcome.Caught else ""
            if broken:
                left_out.add(broken)
                continue
            if broken is None or (outcome is Outcome.TimedOut and not self._in_time(tests, tree)):
                if len(tests) > 1:
                    share /= 2
                    continue
                outcome = Outcome.Survived
            return Verdict(outcome, round(time.monotonic() - begun, 2), len(tests), len(covering), by)

    def _try(self, mutant: Mutant, tests: list[str], tree: Tree) -> tuple[Outcome, str]:
        if not tests:
            return Outcome.NotExecuted, ""
        with tree.holding(mutant.site.path, mutant.source):
            ran = self._run(tests, tree)
        if ran.status is None:
            return Outcome.TimedOut, ""
        if ran.status in (PASSED, NOTHING_TO_RUN):
            return Outcome.Survived, ""
        return Outcome.Caught, ran.done.get("failed", "")

    def _broken(self, by: str, tests: list[str], tree: Tree) -> str | None:
        """The test that also fails without the bug; empty if none does, None if there was no time to see."""
        if by:
            if by not in self._sound:
                ok = self._run([by], tree).status == PASSED
                with self._lock:
                    self._sound[by] = ok
            return "" if self._sound[by] else by
        # Nothing was even collected, or pytest broke down: the bug's doing only if all is well without it.
        ran = self._run(tests, tree)
        if ran.status is None:
            return None
        if ran.status == PASSED:
            return ""
        if failed := ran.done.get("failed", ""):
            return str(failed)
        raise RuntimeError(f"pytest does not run the tests of {tests[0]}:\n{ran.output[-3000:]}")

    def _in_time(self, tests: list[str], tree: Tree) -> bool:
        """Whether they are quick without the bug, so that the bug was to blame and not a machine with much to do."""
        return self._run(tests, tree, self._limit_s / 2).status is not None

    def _run(self, tests: list[str], tree: Tree, limit_s: float | None = None) -> Ran:
        chosen = list(dict.fromkeys(test.partition("::")[0] for test in tests))
        return tree.pytest({"tests": tests}, [*_QUICK, *chosen], limit_s or self._limit_s)

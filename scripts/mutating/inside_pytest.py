"""The plugin of pytest: it watches the whole suite once, and runs a chosen few tests under each bug.

Its task stands in a file of JSON that MUTATE_TASK names: `{"watch": true}` or `{"tests": [ids, in order]}`. What became
of it is written beside that file, with the suffix `.done`.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any, Final

import pytest

TASK: Final = "MUTATE_TASK"
MEMORY_MAX: Final = 4 << 30
"""Of one process: a bug that never stops appending must not take the machine with it."""
PROCESSOR_S_MAX: Final = 60
"""An endless loop ends, even if nobody is left who would end it."""

_SPAWNING: Final = frozenset({"subprocess.Popen", "os.fork", "os.posix_spawn", "os.spawn", "pty.spawn"})


class Watching:
    """Keeps the seconds of each test that passed and started no other process: what such a process runs is not seen.

    They are seconds of the processor, so that a machine with other work to do makes no test look slow.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.failed: list[str] = []
        self.skipped: list[str] = []
        self.spawning: set[str] = set()
        self._now, self._begun = "", 0.0
        sys.addaudithook(self._audit)

    def _audit(self, name: str, _: tuple[Any, ...]) -> None:
        if name in _SPAWNING and self._now:
            self.spawning.add(self._now)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._now, self._begun = nodeid, time.process_time()

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self._now = ""
        self.seconds[nodeid] = round(time.process_time() - self._begun, 4)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not report.passed:
            (self.failed if report.failed else self.skipped).append(report.nodeid)

    def outcome(self) -> dict[str, Any]:
        bad = {*self.failed, *self.skipped, *self.spawning}
        good = {test: took for test, took in self.seconds.items() if test not in bad}
        return {"seconds": good, "failed": sorted(set(self.failed)), "spawning": sorted(self.spawning)}


class Choosing:
    """Runs these tests alone, in this order, and says which failed first.

    A bug can change the parameters of a test, and with them its id: then the function runs with those it has.
    """

    def __init__(self, tests: list[str]) -> None:
        self._order = {test: place for place, test in enumerate(tests)}
        self.failed = ""

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        gone = set(self._order) - {item.nodeid for item in items}
        functions = {_function(test): self._order[test] for test in gone}
        chosen = {
            item: self._order.get(item.nodeid, functions.get(_function(item.nodeid)))
            for item in items
            if item.nodeid in self._order or _function(item.nodeid) in functions
        }
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = sorted(chosen, key=lambda item: chosen[item] or 0)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self.failed:
            self.failed = report.nodeid

    def outcome(self) -> dict[str, Any]:
        return {"failed": self.failed}


def pytest_configure(config: pytest.Config) -> None:
    task = json.loads(Path(os.environ[TASK]).read_text())
    if task.get("watch"):
        config.pluginmanager.register(Watching(), TASK)
    else:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))
        resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_S_MAX, PROCESSOR_S_MAX))
        config.pluginmanager.register(Choosing(task["tests"]), TASK)


def pytest_unconfigure(config: pytest.Config) -> None:
    part = config.pluginmanager.get_plugin(TASK)
    if part is not None:
        Path(os.environ[TASK] + ".done").write_text(json.dumps(part.outcome()))


def _function(test: str) -> str:
    return test.partition("[")[0]

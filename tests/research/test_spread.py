"""Items over workers: the same results wherever, each kept once, and no worker's death stops the others."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from spread_work import frail, noted, squared

import engine
from engine.errors import ConfigError
from engine.research.code import digest
from engine.research.spread import TRIES_MAX, Item, SpreadError, Where, spread

ROOT = Path(engine.__file__).parents[1]
HERE = Path(__file__).parent
TWO = Where(processes=2)
PACKAGES = ("engine", "spread_work")
pytestmark = pytest.mark.starts("noon")  # There is no desk in it.


def items(count: int, **more: Any) -> list[Item]:
    return [Item(f"item {value}", {"value": value, **more}) for value in range(count)]


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def test_every_item_is_done_once_and_progress_says_how_much_is_left() -> None:
    told: list[tuple[int, int]] = []
    work = [Item("light", {"value": 2}, 1), Item("heavy", {"value": 3}, 9)]
    found = dict(spread(squared, work, where=TWO, progress=lambda done, whole: told.append((done, whole))))
    assert {key: result["square"] for key, result in found.items()} == {"light": 4, "heavy": 9}
    assert told[-1] == (10, 10)
    assert len(told) == 2


def test_no_items_are_no_work() -> None:
    assert list(spread(squared, [], where=TWO)) == []


def test_two_items_of_one_key_are_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="item 0"):
        list(spread(squared, [*items(1), *items(1)], where=TWO))


def test_a_result_is_the_same_made_here_or_read_from_its_file(tmp_path: Path) -> None:
    kept = tmp_path / "kept.jsonl"
    made = dict(spread(squared, items(3), where=TWO, kept=kept, packages=PACKAGES))
    read = dict(spread(squared, items(3), where=TWO, kept=kept, packages=PACKAGES))
    assert same(made, read)
    assert made["item 2"]["pair"] == [2, "x"]
    assert math.isnan(made["item 2"]["nan"])


def test_what_is_kept_is_not_done_again_and_a_torn_line_is(tmp_path: Path) -> None:
    kept, notes = tmp_path / "kept.jsonl", tmp_path / "notes"
    work = items(4, notes=str(notes))
    told: list[tuple[int, int]] = []
    list(spread(noted, work[:3], where=TWO, kept=kept))
    whole = kept.read_bytes()
    kept.write_bytes(whole[:-5])  # Killed while it wrote the last of three.
    found = dict(spread(noted, work, where=TWO, kept=kept, progress=lambda *each: told.append(each)))
    assert sorted(found.values()) == [0, 1, 2, 3]
    assert len(notes.read_text().split()) == 5  # One of the three was made twice.
    assert told[-1] == (2, 2)
    assert dict(spread(noted, work, where=TWO, kept=kept)) == found
    assert len(notes.read_text().split()) == 5


def test_what_other_code_made_is_made_again(tmp_path: Path) -> None:
    kept = tmp_path / "kept.jsonl"
    kept.write_text(json.dumps({"key": "item 0", "code": "another", "result": {"square": -1}}) + "\n")
    [(_, result)] = spread(squared, items(1), where=TWO, kept=kept)
    assert result["square"] == 0


def test_two_runs_do_not_keep_in_one_file_at_once(tmp_path: Path) -> None:
    kept = tmp_path / "kept.jsonl"
    first = spread(squared, items(2), where=TWO, kept=kept)
    next(first)
    with pytest.raises(ConfigError, match="another run"):
        list(spread(squared, items(2), where=TWO, kept=kept))
    list(first)


def test_a_death_costs_its_own_item_a_try_and_no_other_anything(tmp_path: Path) -> None:
    work = [
        Item(str(value), {"value": value, "marks": str(tmp_path), "deaths": 2 * (value == 1)}) for value in (1, 2, 3)
    ]
    assert dict(spread(frail, work, where=TWO)) == {"1": 1, "2": 2, "3": 3}


def test_what_kills_every_worker_is_given_up_and_named_when_all_else_is_done(tmp_path: Path) -> None:
    work = [
        Item("deadly", {"value": 1, "marks": str(tmp_path), "deaths": 99}),
        Item("wrong", {"value": 2, "marks": str(tmp_path), "raises": True}),
        *(Item(f"good {value}", {"value": value, "marks": str(tmp_path)}) for value in (3, 4, 5)),
    ]
    found: dict[str, Any] = {}
    with pytest.raises(SpreadError) as raised:
        found.update(iterated(spread(frail, work, where=TWO), found))
    assert found == {"good 3": 3, "good 4": 4, "good 5": 5}
    assert set(raised.value.failed) == {"deadly", "wrong"}
    assert "died 3 times" in raised.value.failed["deadly"]
    assert "cannot do 2" in str(raised.value)
    assert len(list(tmp_path.glob("1.*"))) == TRIES_MAX


def test_what_goes_wrong_with_many_in_one_way_is_told_once() -> None:
    wrong = {f"day {at}": "Traceback\nConfigError: no such folder" for at in range(30)} | {"odd": "ValueError: odd"}
    told = "31 items failed: day 0, day 1, day 2 and 27 more: ConfigError: no such folder; odd: ValueError: odd"
    assert str(SpreadError(wrong)) == told


def iterated(results: Iterator[tuple[str, Any]], into: dict[str, Any]) -> dict[str, Any]:
    for key, result in results:
        into[key] = result
    return into


def test_a_run_that_is_interrupted_leaves_no_worker_and_goes_on_from_its_file(tmp_path: Path) -> None:
    kept, notes = tmp_path / "kept.jsonl", tmp_path / "notes"
    program = f"""
from pathlib import Path
from spread_work import noted
from engine.research.spread import Item, Where, spread
if __name__ == "__main__":
    what = [{{"value": v, "notes": {str(notes)!r}, "seconds": 60.0 * (v > 1)}} for v in range(4)]
    work = [Item(f"item {{each['value']}}", each) for each in what]
    for key, result in spread(noted, work, where=Where(processes=2), kept=Path({str(kept)!r})):
        print(key, flush=True)
"""
    script = tmp_path / "program.py"
    script.write_text(program)
    running = subprocess.Popen(
        [sys.executable, str(script)],
        env=os.environ | {"PYTHONPATH": f"{ROOT}:{HERE}"},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert running.stdout is not None
    for _ in range(2):
        assert running.stdout.readline().startswith("item")
    until = time.monotonic() + 30
    while len(notes.read_text().split()) < 4 and time.monotonic() < until:  # Both workers sit in a long one.
        time.sleep(0.05)
    os.killpg(running.pid, signal.SIGINT)
    running.communicate(timeout=30)
    assert running.returncode != 0
    while time.monotonic() < until and is_there(running.pid):
        time.sleep(0.05)
    assert not is_there(running.pid)
    work = [Item(f"item {value}", {"value": value, "notes": str(notes)}) for value in range(4)]
    assert sorted(dict(spread(noted, work, where=TWO, kept=kept)).values()) == [0, 1, 2, 3]
    assert sorted(notes.read_text().split()) == ["0", "1", "2", "2", "3", "3"]


def is_there(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_code_that_is_changed_while_it_runs_makes_nothing(tmp_path: Path) -> None:
    """A process that is started later would work by another version: the run ends, and what is kept is good."""
    (tmp_path / "changing.py").write_text("def work(what):\n    return what\n")
    sys.path.insert(0, str(tmp_path))
    try:
        from changing import work  # type: ignore[import-not-found]

        digest.cache_clear()
        digest("changing", ("changing",))
        (tmp_path / "changing.py").write_text("def work(what):\n    return what + 1\n")
        with pytest.raises(ConfigError, match="changed while this ran"):
            list(spread(work, [Item("one", 1)], where=TWO, packages=("changing",)))
    finally:
        sys.path.remove(str(tmp_path))
        digest.cache_clear()


@pytest.mark.parametrize(
    ("where", "why"), [({"processes": 0}, "1 process"), ({"scheduler": "host:1"}, "tcp://host:port")]
)
def test_a_place_that_cannot_be_is_refused(where: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        Where(**where)


def test_the_digest_is_of_what_the_work_can_reach_and_of_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "made_up").mkdir()
    for name, text in {"__init__": "", "work": "from made_up import used", "used": "A = 1", "other": "B = 1"}.items():
        (tmp_path / "made_up" / f"{name}.py").write_text(text)
    sys.path.insert(0, str(tmp_path))
    try:
        found = []
        for changed in (None, "other", "used", "__init__"):
            if changed:
                (tmp_path / "made_up" / f"{changed}.py").write_text("C = 1")
            digest.cache_clear()
            found.append(digest("made_up.work", ("made_up",)))
    finally:
        sys.path.remove(str(tmp_path))
        digest.cache_clear()
    assert found[0] == found[1]
    assert len(set(found)) == 3


# --- a cluster -----------------------------------------------------------------------------------


@contextmanager
def local_cluster(path: str = f"{ROOT}:{HERE}", workers: int = 2) -> Iterator[str]:
    """A scheduler and workers as programs of their own, which find our code by PYTHONPATH alone; on loopback."""
    started: list[subprocess.Popen[str]] = []

    def start(*words: str) -> subprocess.Popen[str]:
        quiet = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1", "PYTHONPATH": path}
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", "distributed.cli." + words[0], *words[1:]],
                env=os.environ | quiet,
                stderr=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                text=True,
            )
        )
        return started[-1]

    try:
        scheduler = start("dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-jupyter")
        assert scheduler.stderr is not None
        address = ""
        for line in scheduler.stderr:
            if "Scheduler at:" in line:
                address = line.split()[-1]
                break
        assert address.startswith("tcp://127.0.0.1:"), "no scheduler"
        for _ in range(workers):
            start("dask_worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1")
        yield address
    finally:
        for process in reversed(started):
            process.kill()
        for process in started:
            process.communicate(timeout=30)


def test_a_cluster_of_two_workers_makes_the_same(tmp_path: Path) -> None:
    kept = tmp_path / "kept.jsonl"
    with local_cluster() as address:
        found = dict(spread(squared, items(20), where=Where(scheduler=address), kept=kept, packages=PACKAGES))
        wrong = [
            Item("wrong", {"value": 2, "raises": True}),
            *(Item(f"{v}", {"value": v, "marks": "."}) for v in (3, 4)),
        ]
        done: dict[str, Any] = {}
        with pytest.raises(SpreadError, match="cannot do 2"):
            iterated(spread(frail, wrong, where=Where(scheduler=address)), done)
        # The other worker takes what this one died of.
        work = [Item("frail", {"value": 7, "marks": str(tmp_path), "deaths": 1})]
        assert dict(spread(frail, work, where=Where(scheduler=address))) == {"frail": 7}
    assert done == {"3": 3, "4": 4}
    here = dict(spread(squared, items(20), where=TWO, packages=PACKAGES))
    assert same(found, here)
    # What the cluster made is kept, and taken by one process.
    assert same(dict(spread(squared, items(20), where=TWO, kept=kept, packages=PACKAGES)), here)
    assert len(kept.read_text().splitlines()) == 20


def test_a_cluster_with_other_code_is_refused(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "engine", tmp_path / "engine", ignore=shutil.ignore_patterns("__pycache__"))
    changed = (HERE / "spread_work.py").read_text().replace("value * value", "value * value + 1")
    (tmp_path / "spread_work.py").write_text(changed)
    with local_cluster(str(tmp_path), workers=1) as address, pytest.raises(ConfigError, match="other code"):
        list(spread(squared, items(2), where=Where(scheduler=address), packages=PACKAGES))


def test_a_cluster_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.research.spread._WORKERS_WITHIN_S", 1)
    for address in ("tcp://127.0.0.1:9", "tcp://127.0.0.1:dask", "dask://127.0.0.1:8786"):
        with pytest.raises(ConfigError, match="no scheduler"):
            list(spread(squared, items(2), where=Where(scheduler=address)))

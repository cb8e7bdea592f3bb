"""The same pure work over many items: on the processors of this machine, or on a Dask cluster; resumable.

    def scored(item: dict) -> dict: ...                    # in a module, pure; takes and gives plain values

    items = [Item(key=day, what={"day": day, ...}) for day in days]
    for key, result in spread(scored, items, where=Where(), kept=Path("scores.jsonl"), progress=told):
        ...                                                # as they come, in no order

Results are plain values (numbers, texts, None, lists, objects with text keys): each is the same whether it was just
made here, made on another machine or read from the file it was kept in. Kept lines carry the digest of the code that
made them (`code`); those of other code are not used. A run that was killed goes on where it stopped, if it is started
with the same file again.

`Where()` takes a process a processor. `Where(scheduler="tcp://host:8786")` hands the items to a Dask cluster. Its
scheduler and workers need the same code: the same version installed, or a checkout on the PYTHONPATH they were started
with. After a change they are started again. A result made by other code is refused.

A worker that dies costs the item it had: it is tried again, `TRIES_MAX` times in all. Work that raises, or that kills
every worker that takes it, stops nothing else: the rest is done, and a `SpreadError` at the end names them all.
"""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import os
import signal
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeAlias

from engine.errors import ConfigError, EngineError
from engine.research.code import digest
from engine.research.progress import Progress
from engine.research.words import counted

TRIES_MAX: Final = 3
"""Times that an item is given to a worker, where workers die of it."""
_WORKERS_WITHIN_S: Final = 10
"""So long a scheduler may take to name its first worker."""
_AHEAD: Final = 2
"""Items handed to a cluster, for each of its threads: one at work and one that waits."""

_NAMED: Final = 3
"""Items that are named of those that failed in one way."""

Plain: TypeAlias = Any
"""What JSON can hold."""
Work: TypeAlias = Callable[[Plain], Plain]
Outcome: TypeAlias = tuple[str, Plain, str]
"""(key, result, what went wrong instead of one)"""


class SpreadError(EngineError):
    """Some items came to nothing. `failed` says by key why; what went wrong with many in one way is told once."""

    def __init__(self, failed: dict[str, str]) -> None:
        self.failed = failed
        keys: dict[str, list[str]] = {}
        for key, why in failed.items():
            keys.setdefault(why.strip().splitlines()[-1], []).append(key)
        told = "; ".join(f"{_some(of_it)}: {why}" for why, of_it in keys.items())
        super().__init__(f"{counted(len(failed), 'item')} failed: {told}")


def _some(keys: Sequence[str]) -> str:
    if len(keys) <= _NAMED:
        return ", ".join(keys)
    return f"{', '.join(keys[:_NAMED])} and {len(keys) - _NAMED} more"


@dataclass(frozen=True, slots=True)
class Item:
    """`key` names it, for good; `what` the work is done on; `weight` is its share of the work, for the progress."""

    key: str
    what: Plain
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Where:
    """On so many processes of this machine (None: one a processor), or by the scheduler at this address."""

    processes: int | None = None
    scheduler: str | None = None

    def __post_init__(self) -> None:
        if self.processes is not None and self.processes < 1:
            raise ConfigError(f"expected 1 process or more, found {self.processes}")
        if self.scheduler is not None and "://" not in self.scheduler:
            raise ConfigError(f"expected a scheduler as tcp://host:port, found {self.scheduler!r}")


def spread(
    work: Work,
    items: Sequence[Item],
    *,
    where: Where | None = None,
    kept: Path | None = None,
    packages: tuple[str, ...] = ("engine",),
    progress: Progress | None = None,
) -> Iterator[tuple[str, Plain]]:
    """Key and result of every item as they come, those kept before first.

    `packages` are the top-level packages whose code decides what comes out. `progress` is told of (done, to do), in
    weights, of what this run has to do itself.

    Raises SpreadError when all else is done, if items failed; ConfigError where the file or the cluster cannot be used.
    """
    where = Where() if where is None else where
    _must_differ(items)
    made_by = digest(work.__module__, packages)
    if kept is None:
        yield from _all(work, items, where, made_by, packages, progress, None)
        return
    with _opened(kept) as file:
        wanted = {each.key for each in items}
        for key, result in _read(file, made_by):
            if key in wanted:
                wanted.discard(key)
                yield key, result
        left = [each for each in items if each.key in wanted]
        yield from _all(work, left, where, made_by, packages, progress, file)


def _all(
    work: Work,
    items: Sequence[Item],
    where: Where,
    made_by: str,
    packages: tuple[str, ...],
    progress: Progress | None,
    file: BinaryIO | None,
) -> Iterator[tuple[str, Plain]]:
    if not items:
        return
    weights = {each.key: each.weight for each in items}
    done, whole = 0, sum(weights.values())
    failed: dict[str, str] = {}
    if where.scheduler is not None:
        outcomes = _on_cluster(work, items, where.scheduler, made_by, packages)
    else:
        outcomes = _on_processes(
            work, items, min(where.processes or os.cpu_count() or 1, len(items)), made_by, packages
        )
    try:
        for key, result, wrong in outcomes:
            done += weights[key]
            if wrong:
                failed[key] = wrong
            else:
                # Live and kept results are the same values: tuples, say, are lists in both.
                line = json.dumps({"key": key, "code": made_by, "result": result})
                if file is not None:
                    file.write(line.encode() + b"\n")
                    file.flush()
                yield key, json.loads(line)["result"]
            if progress is not None:
                progress(done, whole)
    finally:
        outcomes.close()
    if failed:
        raise SpreadError(failed)


def _must_differ(items: Sequence[Item]) -> None:
    seen: set[str] = set()
    for each in items:
        if each.key in seen:
            raise ValueError(f"two items have the key {each.key}")
        seen.add(each.key)


# --- what is kept --------------------------------------------------------------------------------


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """The file to read and to append to, for this run alone; a line that was cut off in it is ended."""
    try:
        file = path.open("a+b")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ConfigError(f"{path}: another run keeps its results there just now") from error
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                file.write(b"\n")
        file.seek(0)
        yield file


def _read(file: BinaryIO, made_by: str) -> Iterator[tuple[str, Plain]]:
    """What this code made. A line that was cut off is no result: its item is done again."""
    for line in file:
        try:
            told = json.loads(line)
        except ValueError:
            continue
        if isinstance(told, dict) and told.get("code") == made_by and "result" in told:
            yield told["key"], told["result"]


# --- processes of this machine -------------------------------------------------------------------


@dataclass(slots=True)
class _Worker:
    process: multiprocessing.process.BaseProcess
    line: Connection
    has: Item | None = None


def _on_processes(
    work: Work, items: Sequence[Item], count: int, made_by: str, packages: tuple[str, ...]
) -> Generator[Outcome]:
    waiting, tries = deque(items), dict.fromkeys((each.key for each in items), 0)
    workers: list[_Worker] = []
    try:
        workers += (_started(work, packages) for _ in range(count))
        while True:
            for worker in workers:
                if worker.has is None and waiting:
                    _hand_over(worker, waiting.popleft(), tries)
            busy = {worker.line: worker for worker in workers if worker.has is not None}
            if not busy:
                return
            for line in wait(list(busy)):
                worker = busy[line]  # type: ignore[index]  # Of the lines given to it.
                item, worker.has = worker.has, None
                assert item is not None
                try:
                    its, result, wrong = worker.line.recv()
                except (EOFError, OSError):
                    workers.remove(worker)
                    code = _ended(worker)
                    is_tried_again = tries[item.key] < TRIES_MAX
                    if is_tried_again:
                        waiting.appendleft(item)
                    if waiting:
                        workers.append(_started(work, packages))
                    if is_tried_again:
                        continue
                    its, result = made_by, None
                    wrong = f"its worker died {TRIES_MAX} times, last with exit code {code}"
                if its != made_by:
                    raise ConfigError(
                        f"the code was changed while this ran: a process was started by {its}, the run by {made_by}; "
                        "what is kept is good, go on by the code that began it"
                    )
                yield item.key, result, wrong
    finally:
        for worker in workers:
            if worker.has is not None:
                worker.process.terminate()
            _ended(worker)


def _hand_over(worker: _Worker, item: Item, tries: dict[str, int]) -> None:
    tries[item.key] += 1
    worker.has = item
    with suppress(OSError):  # It is dead: its line says so when it is listened to.
        worker.line.send(item.what)


def _started(work: Work, packages: tuple[str, ...]) -> _Worker:
    # Spawned, not forked: a fork would inherit threads' locks, and other lines held open would hide that we are gone.
    context = multiprocessing.get_context("spawn")
    ours, its = context.Pipe()
    process = context.Process(target=_serve, args=(its, work, packages), daemon=True)
    process.start()
    its.close()
    return _Worker(process, ours)


def _ended(worker: _Worker) -> int | None:
    worker.line.close()
    worker.process.join()
    return worker.process.exitcode


def _serve(line: Connection, work: Work, packages: tuple[str, ...]) -> None:
    """In the worker: until whoever started it hangs up, or is gone. Says by which code it works."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group: the parent ends us.
    its = digest(work.__module__, packages)
    with suppress(EOFError, OSError):
        while True:
            what = line.recv()
            line.send((its, *_tried(work, what)))


def _tried(work: Work, what: Plain) -> tuple[Plain, str]:
    """(result, what went wrong): an error crosses to another process as words, for it may not be able to."""
    try:
        return work(what), ""
    except Exception:
        return None, traceback.format_exc()


# --- a Dask cluster ------------------------------------------------------------------------------


def _on_cluster(
    work: Work, items: Sequence[Item], address: str, made_by: str, packages: tuple[str, ...]
) -> Generator[Outcome]:
    from distributed import Client  # A second of imports, for those who have a cluster.
    from distributed import wait as wait_for

    with ExitStack() as stack:
        try:
            client = stack.enter_context(Client(address, timeout=_WORKERS_WITHIN_S))
            client.wait_for_workers(1, timeout=_WORKERS_WITHIN_S)
        except (OSError, TimeoutError, ValueError) as error:  # ValueError: an address that can be none.
            raise ConfigError(f"{address}: no scheduler with a worker is there: {error}") from error
        waiting = deque(items)
        running: dict[Any, str] = {}
        while waiting or running:
            room = max(_AHEAD * sum(client.nthreads().values()), 1)
            while waiting and len(running) < room:
                item = waiting.popleft()
                # By a key of its own: the same item of an earlier run may still be remembered, made by other code.
                running[client.submit(_elsewhere, work, item.what, packages, pure=False)] = item.key
            for future in wait_for(list(running), return_when="FIRST_COMPLETED").done:
                yield running.pop(future), *_arrived(future, address, made_by)


def _arrived(future: Any, address: str, made_by: str) -> tuple[Plain, str]:
    from distributed.scheduler import KilledWorker

    failure = future.exception()
    if isinstance(failure, KilledWorker):
        return None, f"its workers died: {failure}"
    if failure is not None:
        raise ConfigError(
            f"{address}: a worker cannot run this work: {failure}; scheduler and workers need the same version "
            "installed, or our code on their PYTHONPATH"
        ) from failure
    its, result, wrong = future.result()
    if its != made_by:
        raise ConfigError(
            f"{address}: a worker has other code than this program ({its}, here {made_by}): "
            "install the same version there, and start scheduler and workers again"
        )
    return result, wrong


def _elsewhere(work: Work, what: Plain, packages: tuple[str, ...]) -> tuple[str, Plain, str]:
    """On a worker of a cluster: by which code, and what came of it."""
    return (digest(work.__module__, packages), *_tried(work, what))

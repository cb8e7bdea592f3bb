"""Tables of immutable rows, and the indexes by which some of them are found.

A `Table` over another is a draft: it reads through and keeps its own writes, so that a decision can see its own events
before anybody else does and be dropped without a trace, or adopted. Indexes are made of the rows alone, as these are
written.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from itertools import filterfalse
from typing import Generic, TypeVar

V = TypeVar("V")

Group = Hashable
"""What the rows of an index have in common; None for a row that the index leaves out."""


class Index(Generic[V]):
    """Keys of a table's rows by group, each group in the order in which its keys came to it.

    `Table.put` keeps it: a row that is written moves from its old group to its new one, so that nobody can forget.
    Over another it is a draft, as the table is.
    """

    __slots__ = ("_below", "_gone", "_here", "_moves", "group_of")

    def __init__(self, group_of: Callable[[V], Group | None], below: Index[V] | None = None) -> None:
        self.group_of = group_of
        self._below = below
        self._here: dict[Group, dict[str, None] | str] = {}
        """Where a group has one key, that key: hardly an order has two rounds, placements or fills."""
        self._gone: dict[Group, set[str]] = {}
        """In a draft: what has left a group of the table below."""
        self._moves: list[tuple[str, Group | None, Group | None]] = []
        """In a draft: every key that went from one group to another, in order, for whoever adopts it."""

    def of(self, group: Group) -> Iterator[str]:
        """The keys in a group. None may be written while they are walked."""
        if self._below is not None:
            gone = self._gone.get(group)
            below = self._below.of(group)
            yield from below if gone is None else (key for key in below if key not in gone)
        here = self._here.get(group, ())
        if isinstance(here, str):
            yield here
        else:
            yield from here

    def count(self, group: Group) -> int:
        here = self._here.get(group, ())
        count = 1 if isinstance(here, str) else len(here)
        if self._below is None:
            return count
        return count + self._below.count(group) - len(self._gone.get(group, ()))

    def groups(self) -> tuple[Group, ...]:
        """Every group that has keys, in the order in which they began."""
        below = self._below.groups() if self._below is not None else ()
        return tuple(group for group in dict.fromkeys((*below, *self._here)) if self.count(group))

    def adopt(self, draft: Index[V]) -> None:
        """Every move that a draft over this one has made, in its order: keys stand as if they had moved here."""
        for key, old, new in draft._moves:
            self.move(key, old, new)

    def move(self, key: str, old: Group | None, new: Group | None) -> None:
        """A row that was written is in another group than before; None: in none."""
        if self._below is not None:
            self._moves.append((key, old, new))
        if old is not None:
            self._leave(old, key)
        if new is not None:
            here = self._here.get(new)
            if here is None:
                self._here[new] = key
            elif isinstance(here, str):
                self._here[new] = {here: None, key: None}
            else:
                here[key] = None

    def let_go(self) -> Iterator[None]:
        """Empty an index that nobody needs any more, group by group."""
        while self._here:
            self._here.popitem()
            yield

    def _leave(self, group: Group, key: str) -> None:
        here = self._here.get(group)
        if isinstance(here, dict) and key in here:
            del here[key]
            if not here:
                del self._here[group]
        elif here == key:
            del self._here[group]
        else:
            self._gone.setdefault(group, set()).add(key)


class Table(Generic[V]):
    """Rows by key. With `below` it is a draft over that table, and over its indexes."""

    __slots__ = ("_below", "_indexes", "_is_indexed", "_rows", "touched")

    def __init__(self, below: Table[V] | None = None, *groups: Callable[[V], Group | None]) -> None:
        self._rows: dict[str, V] = {}
        self._below = below
        self._is_indexed: bool = bool(groups) if below is None else below._is_indexed
        self._indexes = tuple([Index(group_of) for group_of in groups]) if below is None else None
        self.touched: dict[str, V | None] = {} if below is None else below.touched
        """Of the keys written since they were last hashed the rows of then, None for a new one; a draft notes none."""

    @property
    def indexes(self) -> tuple[Index[V], ...]:
        """In the order of the constructor. A draft has its own from its first row on: few drafts write to many."""
        table = self
        while table._indexes is None:
            assert table._below is not None
            table = table._below
        return table._indexes

    def _own_indexes(self) -> tuple[Index[V], ...]:
        """To be written to."""
        if self._indexes is None:
            assert self._below is not None
            self._indexes = tuple([Index(each.group_of, each) for each in self._below._own_indexes()])
        return self._indexes

    def get(self, key: str) -> V | None:
        row, below = self._rows.get(key), self._below
        while row is None and below is not None:
            row, below = below._rows.get(key), below._below
        return row

    def __getitem__(self, key: str) -> V:
        row = self._rows.get(key)
        if row is None:
            row = self.get(key)
        if row is None:
            raise KeyError(key)
        return row

    def __contains__(self, key: str) -> bool:
        return self.get(key) is not None

    def __len__(self) -> int:
        below = self._below
        if below is None:
            return len(self._rows)
        return len(below) + sum(below.get(key) is None for key in self._rows)

    def put(self, key: str, row: V) -> None:
        if self._is_indexed:
            before = self.get(key)
            for index in self._indexes or self._own_indexes():
                group_of = index.group_of
                old, new = None if before is None else group_of(before), group_of(row)
                if old != new:
                    index.move(key, old, new)
        if self._below is None and key not in self.touched:
            self.touched[key] = self._rows.get(key)
        self._rows[key] = row

    def adopt(self, draft: Table[V]) -> None:
        """What a draft over this table has written is written here."""
        if draft._indexes:
            for index, drafted in zip(self._own_indexes(), draft._indexes, strict=True):
                index.adopt(drafted)
        rows, touched = self._rows, self.touched
        if self._below is None:
            for key in draft._rows:
                if key not in touched:
                    touched[key] = rows.get(key)
        rows.update(draft._rows)

    def let_go(self) -> Iterator[None]:
        """Empty a table that nobody needs any more, row by row, and what is known of its keys."""
        while self._rows:
            self._rows.popitem()
            yield
        while self.touched:
            self.touched.popitem()
            yield
        for index in self._indexes or ():
            yield from index.let_go()

    def keys(self) -> Iterator[str]:
        """Keys in the order they were first written."""
        if self._below is not None:
            yield from self._below.keys()
            below = self._below
            yield from (key for key in self._rows if below.get(key) is None)
        else:
            yield from self._rows

    def values(self) -> Iterator[V]:
        for key in self.keys():
            yield self[key]

    def items(self) -> Iterator[tuple[str, V]]:
        for key in self.keys():
            yield key, self[key]

    def latest(self) -> Iterator[V]:
        """Rows from the newest key to the oldest, for whoever needs only the end."""
        return (row for _, row in self._latest_items())

    def _latest_items(self) -> Iterator[tuple[str, V]]:
        below = self._below
        if below is None:
            yield from reversed(self._rows.items())
            return
        yield from ((key, row) for key, row in reversed(self._rows.items()) if below.get(key) is None)
        yield from ((key, self._rows.get(key, row)) for key, row in below._latest_items())

    def written(self) -> list[str]:
        """Keys this draft wrote."""
        return list(self._rows)

    def is_written(self) -> bool:
        """Has this draft anything for whoever adopts it?"""
        return bool(self._rows)


class PassingTable(Table[V]):
    """A table whose rows go away again: what a row was for is over, and the journal has it."""

    __slots__ = ("_dropped",)

    def __init__(self, below: PassingTable[V] | None = None, *groups: Callable[[V], Group | None]) -> None:
        super().__init__(below, *groups)
        self._dropped: set[str] = set()
        """In a draft: keys of the table below that are gone."""

    def get(self, key: str) -> V | None:
        found = self._rows.get(key)
        if found is None and self._below is not None and key not in self._dropped:
            found = self._below.get(key)
        return found

    def __len__(self) -> int:
        below = self._below
        return len(self._rows) if below is None else sum(1 for _ in self.keys())

    def put(self, key: str, row: V) -> None:
        super().put(key, row)
        self._dropped.discard(key)

    def drop(self, key: str) -> None:
        """Let go of a row; of none, nothing happens."""
        before = self.get(key)
        if before is None:
            return
        for index in self._own_indexes():
            index.move(key, index.group_of(before), None)
        if self._below is None:
            self.touched.setdefault(key, before)
        else:
            self._dropped.add(key)
        self._rows.pop(key, None)

    def adopt(self, draft: Table[V]) -> None:
        assert isinstance(draft, PassingTable)
        super().adopt(draft)
        self._dropped.difference_update(draft._rows)
        for key in draft._dropped:
            if self._below is None:
                if key in self._rows:
                    self.touched.setdefault(key, self._rows[key])
            else:
                self._dropped.add(key)
            self._rows.pop(key, None)

    def keys(self) -> Iterator[str]:
        if self._below is None:
            yield from self._rows
            return
        below = self._below
        dropped = self._dropped
        yield from filterfalse(dropped.__contains__, below.keys())
        yield from (key for key in self._rows if below.get(key) is None)

    def _latest_items(self) -> Iterator[tuple[str, V]]:
        return reversed([*self.items()])

    def written(self) -> list[str]:
        return [*self._rows, *self._dropped]

    def is_written(self) -> bool:
        return bool(self._rows or self._dropped)

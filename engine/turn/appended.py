"""A sequence that grows at its end, as a value: what grows with a session costs the same after 20,000 orders.

What waits for a number (up to 50,000 messages) and the ledger (20,000 numbers) belong to the value that is kept of a
session, and a turn makes that value anew. A tuple would be copied by every turn; a list or a deque inside of it would
be changed by a turn that is then dropped. So all values that come from one another by `append` share one list, and
each knows which part of it is its own. Nobody ever changes an item, and the list itself only grows behind every
part that somebody holds:

- `append` to the value that ends where the list does adds to the list: O(1). That is the one the last turn has left.
- `append` to any other, because a turn that had appended was dropped over an error, copies its part first: O(n), once.
- `last` lets go of the oldest. They leave memory once there are more of them than of what is left: O(1) on average.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar, overload

Item = TypeVar("Item")


class Appended(Sequence[Item], Generic[Item]):
    """Looks like a tuple. `append` and `last` return another one and leave this one as it is."""

    __slots__ = ("_begin", "_end", "_items")

    def __init__(self, items: Iterable[Item] = ()) -> None:
        self._items = list(items)
        self._begin = 0
        self._end = len(self._items)

    def append(self, item: Item) -> Appended[Item]:
        if 0 < self._end == len(self._items):
            self._items.append(item)
            return self._part(self._begin, self._end + 1)
        return Appended([*self, item])  # An empty one may be the same for everybody.

    def last(self, count: int) -> Appended[Item]:
        """At most the last `count` items."""
        size = self._end - self._begin
        if size <= count:
            return self
        if self._begin > count:
            return Appended(self._items[self._end - count : self._end])
        return self._part(self._end - count, self._end)

    def place(self, item: Item) -> int:
        """Where `item` stands or would stand, if these are in ascending order."""
        items: list[Any] = self._items
        return bisect_left(items, item, self._begin, self._end) - self._begin

    def _part(self, begin: int, end: int) -> Appended[Item]:
        made: Appended[Item] = Appended.__new__(Appended)
        made._items, made._begin, made._end = self._items, begin, end
        return made

    def __len__(self) -> int:
        return self._end - self._begin

    @overload
    def __getitem__(self, at: int) -> Item: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Item]: ...
    def __getitem__(self, at: int | slice) -> Item | Sequence[Item]:
        if isinstance(at, slice):
            return self._items[self._begin : self._end][at]
        if at < 0:
            at += len(self)
        if not 0 <= at < len(self):
            raise IndexError(at)
        return self._items[self._begin + at]

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items[self._begin : self._end])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Appended):
            return NotImplemented
        return self is other or list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Appended({list(self)!r})"

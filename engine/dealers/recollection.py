"""When something last happened, per key, within bounds.

Used for "has this dealer quoted this issuer within 180 days" and "when was it last asked": the latest time
answers both. A few earlier times are kept where the latest can be taken back. At the bound the key that was
noted longest ago is forgotten, which errs on the side of "not that we know".
"""

from __future__ import annotations

from bisect import insort


class Recollection:
    """The latest times (UTC ns) of at most `keys_max` keys."""

    __slots__ = ("_keys_max", "_times", "_times_max")

    def __init__(self, keys_max: int, times_max: int = 1) -> None:
        self._times: dict[str, list[int]] = {}
        self._keys_max = keys_max
        self._times_max = times_max

    def note(self, key: str, at_ns: int) -> None:
        """It happened at `at_ns`, which may be earlier than what is known."""
        times = self._times.pop(key, None)
        if times is None:
            times = []
            if len(self._times) >= self._keys_max:
                del self._times[next(iter(self._times))]
        insort(times, at_ns)
        if len(times) > self._times_max:
            del times[0]
        self._times[key] = times

    def forget(self, key: str, at_ns: int) -> None:
        """It did not happen at `at_ns` after all."""
        times = self._times.get(key)
        if times is not None and at_ns in times:
            times.remove(at_ns)
            if not times:
                del self._times[key]

    def last(self, key: str) -> int | None:
        """The latest time; None for never."""
        times = self._times.get(key)
        return times[-1] if times else None

    def dump(self) -> list[tuple[str, list[int]]]:
        """Every key with its times, in the order of keys."""
        return [(key, list(self._times[key])) for key in sorted(self._times)]

    def load(self, dump: list[tuple[str, list[int]]]) -> None:
        """What `dump` gave; the order of forgetting becomes that of the latest times."""
        for key, times in sorted(dump, key=lambda entry: (entry[1][-1], entry[0])):
            self._times[key] = list(times)

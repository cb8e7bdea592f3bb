"""One heap behind one timer of the loop: each key rings once, when its time has come, whatever was set between."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from sim_time import Timeline, VirtualClock, VirtualLoop

from engine.runtime.timers import Deadlines

MS = 1_000_000
SLACK_NS = MS
acts = st.lists(
    st.tuples(st.sampled_from("abc"), st.one_of(st.none(), st.integers(-2, 6)), st.integers(0, 3)), max_size=30
)


class Desk:
    """Keys and their times, on a loop that jumps from one timer to the next; what rang, and when."""

    def __init__(self) -> None:
        self.timeline = Timeline(0)
        self.clock = VirtualClock(self.timeline, 7)
        self.rang: list[tuple[str, int]] = []
        self.again_ns: int | None = None
        loop = VirtualLoop(self.timeline, lambda: (0, 0))
        self.deadlines: Deadlines[str] = Deadlines(loop, self.clock, self._due)  # type: ignore[arg-type]

    @property
    def now_ns(self) -> int:
        return self.clock.now().monotonic_ns

    def _due(self, key: str) -> None:
        self.rang.append((key, self.now_ns))
        if self.again_ns is not None:
            at_ns, self.again_ns = self.again_ns, None
            self.deadlines.set(key, at_ns)

    def run(self, for_ns: int) -> None:
        end_ns = self.timeline.now_ns + for_ns
        while (at_ns := self.timeline.peek_ns()) is not None and at_ns <= end_ns:
            self.timeline.step()
        self.timeline.now_ns = end_ns


@settings(max_examples=200, deadline=None)
@given(acts)
def test_each_key_rings_once_when_its_last_time_has_come(script: list[tuple[str, int | None, int]]) -> None:
    desk, times = Desk(), dict[str, int]()
    for key, ahead, wait in script:
        if ahead is None:
            desk.deadlines.set(key, None)
            times.pop(key, None)
        else:
            times[key] = desk.now_ns + ahead * MS
            desk.deadlines.set(key, times[key])
        before = len(desk.rang)
        desk.run(wait * MS)
        for rung, at_ns in desk.rang[before:]:
            assert times.pop(rung) <= at_ns
        assert all(at_ns > desk.now_ns - 2 * SLACK_NS for at_ns in times.values())
        assert len(desk.deadlines) == len(times)
    before = len(desk.rang)
    desk.run(10 * MS)
    assert sorted(key for key, _ in desk.rang[before:]) == sorted(times)
    assert len(desk.deadlines) == 0


def test_what_rang_can_be_set_again_for_the_same_time() -> None:
    """Whoever was woken and is due all the same is woken once more."""
    desk = Desk()
    desk.again_ns = at_ns = desk.now_ns + MS
    desk.deadlines.set("a", at_ns)
    desk.run(10 * MS)
    assert [key for key, _ in desk.rang] == ["a", "a"]

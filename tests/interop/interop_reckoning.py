"""What each side of a session has of the other, told apart by number: QuickFIX's own records against the journal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from interop_ours import OursParty
from interop_quickfix import stored
from interop_scene import Scene
from interop_wire import Said, read

STAMPS = (9, 10, 34, 43, 52, 97, 122)
"""What may differ between a message and the same message sent again, beside its number."""


@dataclass(frozen=True, slots=True)
class Reckoning:
    """Application messages of one session, both ways, each as its sender and its receiver have it on record."""

    they_sent: Sequence[Said]
    """From the store of their engine."""
    we_took: Sequence[Said]
    """From the journal."""
    we_sent: Sequence[Said]
    they_heard: Sequence[Said]
    """As their engine gave them to its application, in that order."""

    @property
    def awaited(self) -> list[str]:
        """What is still to come: of theirs everything, of ours what is sent again when it is lost."""
        taken = {said.seq_num for said in self.we_took}
        here = [f"to us 35={said.kind} 34={said.seq_num}" for said in self.they_sent if said.seq_num not in taken]
        return here + [f"to them 35={said.kind} 34={said.seq_num}" for said in self.lost if said.kind not in ONCE]

    @property
    def lost(self) -> list[Said]:
        """What we sent and they never heard."""
        heard = {said.seq_num for said in self.they_heard}
        return [said for said in self.we_sent if said.seq_num not in heard]

    def agree(self, hint: str) -> None:
        """Every message came once, in order and unspoilt, but for what may leave once only."""
        assert listed(self.we_took) == listed(self.they_sent), f"{hint}: from them to us"
        lost = {said.seq_num for said in self.lost}
        came = [said for said in self.we_sent if said.seq_num not in lost]
        assert listed(self.they_heard) == listed(came), f"{hint}: from us to them"
        assert {said.kind for said in self.lost} <= ONCE, f"{hint}: {self.lost}"


ONCE = frozenset({"R", "D", "F", "H"})
"""To dealers these leave once: what is lost is filled over and judged anew."""


def listed(messages: Sequence[Said]) -> list[tuple[int, tuple[tuple[int, str], ...]]]:
    return [(said.seq_num, tuple(sorted(said.without(*STAMPS)))) for said in messages]


def reckon(market: Scene, key: str) -> Reckoning:
    rows = market.query(
        "SELECT direction, bytes FROM fix_messages"
        f" WHERE session = '{key}' AND admin = 0 AND bytes IS NOT NULL ORDER BY direction, seq"
    )
    party = market.parties[key]
    return Reckoning(
        they_sent=party.said if isinstance(party, OursParty) else stored(market.desk.folder / "stores" / key),
        we_took=[read(data) for direction, data in rows if direction == "in"],
        we_sent=[read(data) for direction, data in rows if direction == "out"],
        they_heard=list(market.parties[key].heard),
    )

"""Bytes of two connections that come in pieces, by turns: each peer is told what whole messages alone would tell it."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from runtime_world import runtime_world
from session_world import SessionWorld

from engine.clock import fix_timestamp
from engine.fix.session.phases import Phase
from engine.fix.wire import codec
from engine.journal.archive import ReadOnly

KEYS = ("oms", "dropcopy")
# Nothing that is read back from the disk: what comes meanwhile is answered first, and how much that is hangs on time.
SAID: dict[str, list[tuple[int, str]]] = {
    "1": [(112, "are you there")],
    "0": [],
    "H": [(11, "none"), (54, "1"), (55, "[N/A]")],
    "8": [(37, "not for us")],
}
NOW = SessionWorld().now


def stream(key: str, kinds: list[str]) -> bytes:
    """All that a peer says: it logs on, then these."""
    said = [("A", [(98, "0"), (108, "30")]), *((kind, SAID[kind]) for kind in kinds)]
    return b"".join(
        codec.frame(
            begin_string="FIX.4.4",
            msg_type=kind,
            seq_num=number,
            sender=key.upper(),
            target="BUYSIDE",
            sending_time=fix_timestamp(NOW.utc_ns),
            body=codec.encode_body(fields),
        )
        for number, (kind, fields) in enumerate(said, 1)
    )


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({cut % len(data) for cut in cuts} | {0, len(data)})
    return [data[begin:end] for begin, end in itertools.pairwise(places)]


def by_turns(parts: dict[str, list[bytes]], order: list[str]) -> list[tuple[str, bytes]]:
    left = {key: list(each) for key, each in parts.items()}
    mixed = [(key, left[key].pop(0)) for key in order if left[key]]
    return mixed + [(key, part) for key in KEYS for part in left[key]]


async def heard(path: Path, script: list[tuple[str, bytes]]) -> dict[str, Any]:
    """What each peer was sent, and what the journal has of it; `script` are the pieces as they come."""
    async with runtime_world(path) as world:
        for key in KEYS:
            world.connect(key)
        for key, part in script:
            await world.hear(key, part)
        told = {key: (world.wires[key].written, world.sessions.state(key)._replace(connection=None)) for key in KEYS}
    with ReadOnly(path) as file:
        rows = "SELECT direction, seq, bytes FROM fix_messages WHERE session = ? ORDER BY direction, seq"
        return {key: (*told[key], file.query(rows, (key,))) for key in KEYS}


@pytest.mark.parametrize("kinds", [["1", "H", "0", "8", "1"]])
def test_the_whole_streams_are_answered(tmp_path: Path, kinds: list[str]) -> None:
    found = asyncio.run(heard(tmp_path / "whole.db", [(key, stream(key, kinds)) for key in KEYS]))
    for key in KEYS:
        written, state, rows = found[key]
        assert state.phase is Phase.ACTIVE
        assert state.next_in == len(kinds) + 2
        assert written.count(b"\x01112=are you there\x01") == 2
        assert [seq for way, seq, _ in rows if way == "in"] == [3]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.fixed_dictionaries({key: st.lists(st.sampled_from(sorted(SAID)), max_size=8) for key in KEYS}),
    st.fixed_dictionaries({key: st.lists(st.integers(0, 10_000), max_size=12) for key in KEYS}),
    st.lists(st.sampled_from(KEYS), max_size=30),
)
def test_pieces_by_turns_are_what_whole_messages_alone_are(
    tmp_path_factory: pytest.TempPathFactory,
    kinds: dict[str, list[str]],
    cuts: dict[str, list[int]],
    order: list[str],
) -> None:
    folder = tmp_path_factory.mktemp("split")
    streams = {key: stream(key, kinds[key]) for key in KEYS}
    mixed = by_turns({key: pieces(streams[key], cuts[key]) for key in KEYS}, order)
    assert b"".join(part for key, part in mixed if key == "oms") == streams["oms"]
    whole = asyncio.run(heard(folder / "whole.db", list(streams.items())))
    assert asyncio.run(heard(folder / "split.db", mixed)) == whole

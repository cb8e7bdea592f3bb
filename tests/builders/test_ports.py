"""What every test with a port of its own stands on."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import ports
import pytest
from ports import BLOCK, Block, free_port


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """Ports that somebody uses; all others are free, whatever this machine does just now."""
    found: set[int] = set()
    monkeypatch.setattr(ports, "_is_free", lambda port: port not in found)
    return found


@pytest.fixture
def block(taken: set[int]) -> Iterator[Block]:
    with socket.socket() as sign:
        sign.bind(("127.0.0.1", 0))
        yield Block(sign)


def test_no_port_is_given_twice_though_nobody_listens_there_yet() -> None:
    drawn = [free_port() for _ in range(BLOCK // 2)]
    assert len(set(drawn)) == len(drawn)


def test_another_run_finds_the_block_taken() -> None:
    with socket.socket() as sign, pytest.raises(OSError, match="in use"):
        sign.bind(ports._block().sign.getsockname())
    assert free_port() in ports._block().ports


def test_bases_do_not_overlap_and_what_is_in_use_is_passed_over(block: Block, taken: set[int]) -> None:
    base = block.take((0, 10, 20))
    assert block.take((0,)) == base + 21
    taken.add(base + 22 + 5)
    assert block.take((0, 5)) == base + 23


def test_a_run_that_needs_many_goes_round(block: Block) -> None:
    first = block.take((0,))
    assert {block.take((0,)) for _ in block.ports} == set(block.ports)
    assert first == block.ports.start


def test_nothing_free_is_said(block: Block, taken: set[int]) -> None:
    taken.update(block.ports)
    with pytest.raises(AssertionError, match="no port from "):
        block.take((0,))


@pytest.mark.parametrize(
    ("outgoing", "safe"),
    [
        pytest.param("32768\t60999\n", range(20_000, 32_000), id="as usual"),
        pytest.param("25000 65000", range(20_000, 25_000), id="more of them"),
        pytest.param("10000 50000", range(50_001, 65_536), id="from far below"),
        pytest.param("1024 65535", range(20_000, 32_000), id="all there are"),
    ],
)
def test_ports_of_outgoing_connections_are_left_to_them(
    outgoing: str, safe: range, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "range").write_text(outgoing)
    monkeypatch.setattr(ports, "OUTGOING", tmp_path / "range")
    assert ports._safe() == safe

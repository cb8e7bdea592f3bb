"""What every scene stands on: ports of its own."""

from __future__ import annotations

from interop_link import free_port


def test_no_port_is_given_twice_though_nobody_listens_there_yet() -> None:
    drawn = [free_port() for _ in range(1_000)]
    assert len(set(drawn)) == len(drawn)
    assert all(20_000 <= port < 32_000 for port in drawn), "outgoing connections are given ports from 32,768 up"

"""When and which way, by what logs write before a message."""

from __future__ import annotations

import pytest

from engine.fix.capture.log_prefix import LogPrefix, read_prefix


@pytest.mark.parametrize(
    ("prefix", "time", "direction"),
    [
        pytest.param("", "", "", id="nothing"),
        pytest.param("2018/02/23 19:14:25.174454 ", "2018/02/23 19:14:25.174454", "", id="slashes"),
        pytest.param("2026-01-02T10:00:00.123Z < ", "2026-01-02T10:00:00.123Z", "in", id="ISO and an arrow"),
        pytest.param("2026-01-02 10:00:00,123+01:00 > ", "2026-01-02 10:00:00,123+01:00", "out", id="a zone"),
        pytest.param("20260102-10:00:00.123: ", "20260102-10:00:00.123", "", id="as FIX writes it"),
        pytest.param("<20260102-10:00:00, FIX.4.4:A->B, incoming> (", "20260102-10:00:00", "in", id="QuickFIX's in"),
        pytest.param("<20260102-10:00:00, FIX.4.4:A->B, outgoing> (", "20260102-10:00:00", "out", id="QuickFIX's out"),
        pytest.param("02-Jan-2026 10:00:00 [main] INFO toApp: ", "02-Jan-2026 10:00:00", "out", id="a callback"),
        pytest.param("10:00:00 RX ", "10:00:00", "in", id="received"),
        pytest.param("10:00:00 TX ", "10:00:00", "out", id="transmitted"),
        pytest.param("1767348000.123456 -> ", "1767348000.123456", "out", id="an epoch"),
        pytest.param("1767348000123456789 <- ", "1767348000123456789", "in", id="an epoch in ns"),
        pytest.param("<", "", "in", id="a mere arrow"),
        pytest.param(">> ", "", "out", id="two arrows"),
        pytest.param("→ ", "", "out", id="a drawn arrow"),
        pytest.param("Sent message in order to test: ", "", "out", id="a word, not a preposition"),
        pytest.param("session A>B 12:99:99:99 x", "", "", id="no time, no arrow"),
    ],
)
def test_what_a_prefix_says(prefix: str, time: str, direction: str) -> None:
    assert read_prefix(prefix.encode()) == LogPrefix(time, direction)

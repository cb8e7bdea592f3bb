"""When calendars end, as Prometheus has it: those in use, each with how long ahead it is to be known."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from engine.metrics.collector import Metrics


def levels(metrics: Metrics) -> dict[tuple[str, str], float]:
    pieces, _ = metrics.exposition("text/plain")
    families = text_string_to_metric_families(b"".join(pieces).decode())
    found = [each for family in families for each in family.samples if each.name.startswith("calendar_known_")]
    return {(each.name.removeprefix("calendar_known_"), each.labels["calendar"]): each.value for each in found}


def test_each_calendar_in_use_has_its_end_and_no_other() -> None:
    metrics = Metrics("1")
    assert levels(metrics) == {}
    metrics.calendars({"target": 1000.0, "london": 2000.0}, 500.0)
    assert levels(metrics) == {
        ("until_timestamp_seconds", "target"): 1000.0,
        ("until_timestamp_seconds", "london"): 2000.0,
        ("ahead_min_seconds", "target"): 500.0,
        ("ahead_min_seconds", "london"): 500.0,
    }
    metrics.calendars({"london": 3000.0}, 0.0)
    assert levels(metrics) == {
        ("until_timestamp_seconds", "london"): 3000.0,
        ("ahead_min_seconds", "london"): 0.0,
    }

"""The sample rules for Prometheus: they speak of metrics that exist, and say what to do."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from session_world import SessionWorld

from engine.commands.table import TYPED
from engine.metrics.collector import Metrics

FOLDER = Path(__file__).parents[2] / "config" / "prometheus"
ALERTS = (FOLDER / "alerts.yml").read_text()

WORDS = {"absent", "and", "by", "histogram_quantile", "increase", "min_over_time", "on", "or", "rate", "sum", "time"}
"""What PromQL itself says in our rules."""
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "info": ("_info",)}


def rules() -> list[tuple[str, str]]:
    """Every rule with its name and its text."""
    parts = re.split(r"^      - (?:alert|record): (\S+)\n", ALERTS, flags=re.M)
    return list(zip(parts[1::2], parts[2::2], strict=True))


def expression(text: str) -> str:
    """The text of `expr`, in one line or folded over several."""
    found = re.search(r"^        expr: (?:>-\n((?: {10}.*\n)+)|(.*)\n)", text, flags=re.M)
    assert found is not None, text
    return (found[1] or found[2]).strip()


def metrics_of(expr: str) -> set[str]:
    """The names an expression asks for, without label matchers, ranges, groupings and PromQL's own words."""
    bare = re.sub(r'"[^"]*"|\{[^}]*\}|\[[^\]]*\]|\b(?:by|on) *\([^)]*\)', " ", expr)
    return set(re.findall(r"\b[a-zA-Z_][\w:]*", bare)) - WORDS


def known() -> set[str]:
    names = {"up", *(name for name, _ in rules())}
    for family in Metrics("9.9").registry.collect():
        names |= {family.name + suffix for suffix in SUFFIXES.get(family.type, ("",))}
    return names


@pytest.mark.parametrize(("name", "text"), rules(), ids=[name for name, _ in rules()])
def test_a_rule_speaks_of_metrics_that_exist(name: str, text: str) -> None:
    asked = metrics_of(expression(text))
    assert asked, "an expression without a metric"
    assert asked <= known()


ALERT_TEXTS = [(name, text) for name, text in rules() if ":" not in name]


@pytest.mark.parametrize(("name", "text"), ALERT_TEXTS, ids=[name for name, _ in ALERT_TEXTS])
def test_an_alert_says_how_urgent_it_is_and_what_to_do(name: str, text: str) -> None:
    assert re.search(r"^          severity: (page|ticket)$", text, flags=re.M)
    assert re.search(r'^          summary: ".+"$', text, flags=re.M)
    action = re.search(r'^          action: "(.+)"$', text, flags=re.M)
    assert action is not None
    known = {" ".join(command.words) for command in TYPED}
    for said in re.findall(r"'rfqctl ([^']+)'", action[1]):
        assert said in known, f"'rfqctl {said}' is no command"


def test_a_scrape_of_the_shipped_address_is_configured() -> None:
    scrape = (FOLDER / "prometheus.yml").read_text()
    shipped = (FOLDER.parents[1] / "engine.toml").read_text()
    port = re.search(r"^\[metrics\]\n(?:.*\n)*?port = (\d+)", shipped, flags=re.M)
    assert port is not None
    assert f'"127.0.0.1:{port[1]}"' in scrape
    assert "job_name: rfqd" in scrape
    assert 'job="rfqd"' in ALERTS


@pytest.mark.parametrize(("what", "file"), [("rules", "alerts.yml"), ("config", "prometheus.yml")])
def test_prometheus_itself_takes_them(what: str, file: str) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool of Prometheus is not installed: it would check the rules with its own parser")
    done = subprocess.run([promtool, "check", what, str(FOLDER / file)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_itself_finds_nothing_to_say_of_our_metrics() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool of Prometheus is not installed: it would check names, types and help texts")
    world = SessionWorld()
    world.log_on("oms")
    world.order()
    world.metrics.sessions(world.machine, world.now, {})
    pieces, _ = world.metrics.exposition()
    done = subprocess.run([promtool, "check", "metrics"], input=b"".join(pieces), capture_output=True, timeout=60)
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


def test_what_is_recorded_has_no_gaps() -> None:
    """An alert that must hold for an hour begins anew at a gap, and Prometheus forgets a sample after five minutes."""
    minutes = re.findall(r"^    interval: (\d+)m\b", ALERTS, flags=re.M)
    assert minutes
    assert max(map(int, minutes)) < 5

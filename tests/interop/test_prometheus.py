"""A real Prometheus scrapes the daemon with the shipped configuration, judges the shipped alerts, and sees it die.

Needs Prometheus' own program, which is no dependency: without it these tests are skipped.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from interop_daemon import ISIN
from interop_link import PATIENCE_S
from interop_market import order
from interop_nursery import ROOT
from interop_scene import SceneOf
from ports import free_port

VENDORS = ("fixcore",)
"""The desk has to have something to count; whose engine brings it is all the same."""


class Prometheus:
    """One that scrapes four times a second, with nothing else changed in what is shipped."""

    def __init__(self, folder: Path, program: str, target: str) -> None:
        self._url = f"http://127.0.0.1:{free_port()}"
        shipped = (ROOT / "config/prometheus/prometheus.yml").read_text()
        assert shipped.count("127.0.0.1:9464") == 1
        quick = shipped.replace("127.0.0.1:9464", target).replace("interval: 15s", "interval: 250ms")
        folder.mkdir()
        (folder / "prometheus.yml").write_text(quick)
        shutil.copy(ROOT / "config/prometheus/alerts.yml", folder)
        command = [program, f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}"]
        command += [f"--web.listen-address={self._url.removeprefix('http://')}"]
        with (folder / "log").open("wb") as log:
            self._process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def ask(self, path: str, **params: str) -> Any:
        url = f"{self._url}/api/v1/{path}?{urllib.parse.urlencode(params)}"
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
            return json.load(answer)["data"]

    def until(self, what: str, path: str, found: Any, **params: str) -> Any:
        """What it answers, once that is as wanted."""
        ends = time.monotonic() + PATIENCE_S
        answer: Any = "nothing"
        while time.monotonic() < ends:
            with contextlib.suppress(OSError):
                answer = self.ask(path, **params)
                if found(answer):
                    return answer
            time.sleep(0.1)
        raise AssertionError(f"waited in vain for {what}: {answer}")

    def value(self, expression: str, wanted: float) -> None:
        def found(answer: Any) -> bool:
            return [float(each["value"][1]) for each in answer["result"]] == [wanted]

        self.until(f"{expression} to be {wanted:g}", "query", found, query=expression)

    def end(self) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE_S)


@pytest.fixture
def prometheus_of(tmp_path: Path) -> Iterator[Any]:
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("Prometheus is not installed: it would scrape the daemon")
    with contextlib.ExitStack() as stack:

        def build(target: str) -> Prometheus:
            made = Prometheus(tmp_path / "prometheus", program, target)
            stack.callback(made.end)
            return made

        yield build


def test_prometheus_scrapes_judges_and_misses_the_daemon(scene_of: SceneOf, prometheus_of: Any) -> None:
    market = scene_of()
    market.start()
    url = market.rfqd.until_said("metrics endpoint listening url=").partition("url=")[2].split()[0]
    prometheus = prometheus_of(url.removeprefix("http://").partition("/")[0])
    prometheus.value('up{job="rfqd", desk="credit"}', 1)
    prometheus.value('fix_session_up{session="alder"}', 1)
    market.oms.send("D", order("A-1", ISIN, 1_000_000))
    market.heard("oms", t150="F")
    prometheus.value("fills_total", 1)
    (target,) = prometheus.ask("targets")["activeTargets"]
    assert (target["health"], target["lastError"]) == ("up", "")
    # It asks for OpenMetrics first, and the answer had metadata of each name.
    metadata = prometheus.ask("targets/metadata", metric="fix_session_up")
    assert [(each["type"], bool(each["help"])) for each in metadata] == [("gauge", True)]
    rules = [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]
    assert rules
    prometheus.until(
        "every rule to be judged", "rules", lambda it: {r["health"] for g in it["groups"] for r in g["rules"]} == {"ok"}
    )
    assert not [rule for rule in rules if rule.get("lastError")]
    market.end_well()
    prometheus.value('up{job="rfqd"}', 0)
    prometheus.until(
        "EngineDown to be pending",
        "alerts",
        lambda it: "EngineDown" in {each["labels"]["alertname"] for each in it["alerts"]},
    )

"""engine/admin/tls_views.py: certificates as people read them, and which of them is urgent."""

from __future__ import annotations

import re
from typing import Any

import pytest

from engine.admin import tls_views
from engine.admin.tables import Paper

PAPER = Paper(False, 0)


def file(key: str, days: int | None, *, kind: str = "certificate", count: int = 1, changed: bool = False) -> Any:
    ends = None if days is None else "2027-03-01T12:00:00.000Z"
    return {
        "key": key,
        "path": "/etc/rfq/x.pem",
        "kind": kind,
        "subject": "fix.buyside.example",
        "sha256": "9f2c51d07be3a6c4" * 4,
        "count": count,
        "ends": ends,
        "days": days,
        "changed": changed,
    }


def test_files_and_peers_are_a_table_each() -> None:
    peer = {"session": "alder", "sha256": "ab" * 32, "ends": "2027-03-01T12:00:00.000Z", "days": 96}
    lines = tls_views.show(PAPER, {"files": [file("fix.tls.certificate", 96, count=2)], "peers": [peer]})
    assert [re.split("  +", line) for line in lines if line.startswith(("fix", "alder"))] == [
        ["fix.tls.certificate", "fix.buyside.example and 1 more", "2027-03-01, in 96 days", "9f2c51d07be3a6c4"],
        ["alder", "2027-03-01, in 96 days", "ab" * 32],
    ]


def test_without_any_it_is_said_in_words() -> None:
    assert tls_views.show(PAPER, {"files": [], "peers": []}) == [
        "no file of certificates is configured, and nobody is connected over TLS with one"
    ]
    assert tls_views.reloaded(PAPER, {"files": []})[-1] == "no file of certificates is configured"


def test_a_reload_names_what_has_changed() -> None:
    lines = tls_views.reloaded(PAPER, {"files": [file("a", 396, changed=True), file("b", 96)]})
    assert lines[0] == (
        "taken up, 1 of 2 file(s) changed: new connections use them, those that are up go on as they are"
    )
    assert [line.endswith("changed") for line in lines[2:]] == [True, False]


@pytest.mark.parametrize(
    ("days", "kind", "text", "style"),
    [
        pytest.param(96, "certificate", "2027-03-01, in 96 days", "", id="far"),
        pytest.param(29, "authorities", "2027-03-01, in 29 days", "yellow", id="soon"),
        pytest.param(6, "peer", "2027-03-01, in 6 days", "red", id="urgent"),
        pytest.param(-1, "certificate", "2027-03-01, is over", "red", id="over"),
        pytest.param(6, "revocations", "2027-03-01, in 6 days", "", id="a list lives for days"),
        pytest.param(0, "revocations", "2027-03-01, in less than a day", "yellow", id="a list due today"),
        pytest.param(None, "revocations", "without an end", "", id="a list that does not say"),
    ],
)
def test_an_end_is_the_louder_the_nearer_it_is(days: int | None, kind: str, text: str, style: str) -> None:
    cell = tls_views.until(file("k", days, kind=kind))
    assert (cell.text, cell.style) == (text, style)

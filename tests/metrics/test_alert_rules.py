"""The sample alerts, judged by Prometheus' own engine: each fires when it should, says so, and is quiet else.

Needs promtool, which is no dependency: without it only the table is held against the rules. Series are written in
promtool's notation, a value every 15 s: `0x20` is twenty-one zeros, `0+1x20` counts up from 0.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from test_alerts import FOLDER, rules

TARGET = {"job": "rfqd", "instance": "127.0.0.1:9464", "desk": "credit"}
"""What a scrape adds to every series."""
DAY_S = 86_400
OMS, ASH = {"session": "oms"}, {"session": "ash"}


@dataclass(frozen=True)
class Case:
    """`series` by name and labels, judged at `at`: an alert with these `labels` and this `summary`, or none at all."""

    alert: str
    series: dict[str, str]
    summary: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    at: str = "10m"

    @property
    def id(self) -> str:
        return f"{self.alert} {'fires' if self.summary else 'is quiet'}: {next(iter(self.series.items()))}"


def session(up: int = 0, is_open: int = 1, enabled: int = 1) -> dict[str, str]:
    """A dealer's session for as long as any case takes."""
    return {
        'fix_session_up{session="ash",role="dealer"}': f"{up}x500",
        'fix_session_open{session="ash",role="dealer"}': f"{is_open}x500",
        'fix_session_enabled{session="ash"}': f"{enabled}x500",
    }


def once(name: str) -> dict[str, str]:
    """A counter that stood at 0 and has counted one two minutes before it is looked at."""
    return {name: "0x31 1x20"}


def none(name: str) -> dict[str, str]:
    return {name: "7x60"}


def buckets(name: str, *, fast: int, slow: int) -> dict[str, str]:
    """A histogram that counts so many fast and slow cases every 15 s."""
    bounds = (("0.01", fast), ("0.5", fast + slow), ("+Inf", fast + slow))
    return {f'{name}_bucket{{le="{le}"}}': f"0+{count}x200" for le, count in bounds}


DISCONNECTS = 'fix_disconnects_total{{session="ash",reason="{}"}}'

CASES = [
    Case("EngineDown", {"up{}": "1x10 0x40"}, "The engine does not answer"),
    Case("EngineDown", {"up{}": "1x60"}),
    Case("SessionDown", session(), "FIX session ash (dealer) has been down for a minute", {**ASH, "role": "dealer"}),
    Case("SessionDown", session(up=1)),
    Case("SessionDown", session(is_open=0)),
    Case("SessionDown", session(enabled=0)),
    Case(
        "NumbersDisagree",
        once(DISCONNECTS.format("seq_too_low")),
        "ash ended because its numbers are not the peer's: seq_too_low",
        {**ASH, "reason": "seq_too_low"},
    ),
    Case("NumbersDisagree", once(DISCONNECTS.format("logged_out"))),
    Case("NumbersDisagree", once('fix_disconnects_total{session="none",reason="seq_too_low"}')),
    Case(
        "ResendLoop",
        once(DISCONNECTS.format("resend_loop")),
        "ash asked for the same messages again and again and was disconnected",
        {**ASH, "reason": "resend_loop"},
    ),
    Case("ResendLoop", none(DISCONNECTS.format("resend_loop"))),
    Case(
        "SlowConsumer",
        once(DISCONNECTS.format("slow_consumer")),
        "ash reads so slowly that it was disconnected",
        {**ASH, "reason": "slow_consumer"},
    ),
    Case("SlowConsumer", none(DISCONNECTS.format("slow_consumer"))),
    Case(
        "KillSwitchOn",
        {'kill_switch_state{scope="dealer"}': "0x20 2x40"},
        "2 kill switch(es) of kind 'dealer' are on: nothing they cover goes to a dealer",
        {"scope": "dealer"},
    ),
    Case("KillSwitchOn", {'kill_switch_state{scope="all"}': "0x60"}),
    Case(
        "JournalWriteErrors",
        {"db_write_errors_total{}": "0x31 1x20"},
        "The journal did not take a commit: no turn is decided until it does",
    ),
    Case("JournalWriteErrors", none("db_write_errors_total{}")),
    Case(
        "DropCopyBehind",
        {'dropcopy_unsent{session="dc"}': "0x20 12x40", 'fix_session_open{session="dc",role="dropcopy"}': "1x60"},
        "12 reports for dc have waited longer than 30 s",
        {"session": "dc"},
    ),
    Case(
        "DropCopyBehind",
        {'dropcopy_unsent{session="dc"}': "12x60", 'fix_session_open{session="dc",role="dropcopy"}': "0x60"},
    ),
    Case(
        "PlacementNeedsPerson",
        {'placements_in_doubt{needs="person"}': "0x39 1x20"},
        "1 accepted quotes have no answer and asking did not help",
        {"needs": "person"},
    ),
    Case("PlacementNeedsPerson", {'placements_in_doubt{needs="answer"}': "3x60"}),
    Case(
        "FillQuarantined",
        once("quarantined_fills_total{}"),
        "A dealer reported a fill that could not be booked as it stands",
    ),
    Case("FillQuarantined", none("quarantined_fills_total{}")),
    Case(
        "FillStillInQuarantine",
        {"fills_in_quarantine{}": "0x20 1x60 2x120"},
        "2 fill(s) in quarantine, some of them for half an hour",
        at="45m",
    ),
    Case("FillStillInQuarantine", {"fills_in_quarantine{}": "1x100 0x1 1x100"}, at="45m"),
    Case(
        "TradeRefused",
        once('fix_warnings_total{session="ash",code="trade_refused"}'),
        "A trade that ash reported was refused for what its message lacks: it is not booked",
        {**ASH, "code": "trade_refused"},
    ),
    Case("TradeRefused", once('fix_warnings_total{session="ash",code="rejected"}')),
    Case(
        "InputRefused",
        once('inputs_refused_total{source="oms"}'),
        "An input of oms could not be handled: nothing of it happened",
        {"source": "oms"},
    ),
    Case("InputRefused", none('inputs_refused_total{source="oms"}')),
    Case(
        "Gaps",
        {'fix_gaps_detected_total{session="oms"}': "0+1x60"},
        "Messages of oms have been missing or asked for again for 5 minutes",
        OMS,
    ),
    Case("Gaps", {'fix_gaps_detected_total{session="oms"}': "0x10 1x50"}),
    Case(
        "Garbled",
        once('fix_garbled_total{session="ash",reason="checksum"}'),
        "1 messages of ash were dropped as garbage: checksum",
        {**ASH, "reason": "checksum"},
    ),
    Case("Garbled", once('fix_garbled_total{session="none",reason="checksum"}')),
    Case("SessionDisabled", session(enabled=0), "ash has been disabled for an hour", ASH, at="70m"),
    Case("SessionDisabled", session(enabled=0, is_open=0), at="70m"),
    Case(
        "RejectRatio",
        {
            'fix_rejects_total{session="oms",direction="out",kind="session"}': "0+1x200",
            'fix_messages_total{session="oms",direction="in",msg_type="D"}': "0+6x200",
            'fix_messages_total{session="oms",direction="out",msg_type="8"}': "0+4x200",
        },
        "10% of the messages of oms are rejects",
        OMS,
        at="40m",
    ),
    Case(
        "RejectRatio",
        {
            'fix_rejects_total{session="oms",direction="out",kind="session"}': "0x200",
            'fix_messages_total{session="oms",direction="in",msg_type="D"}': "0x200",
        },
        at="40m",
    ),
    Case(
        "SessionUnstable",
        {DISCONNECTS.format("silent"): "0x8 1x8 2x8 3x8 4x200"},
        "ash was disconnected 4 times in an hour: silent",
        {**ASH, "reason": "silent"},
        at="55m",
    ),
    Case("SessionUnstable", {DISCONNECTS.format("silent"): "0x8 1x8 2x200"}, at="55m"),
    Case(
        "NumbersReset",
        once('fix_seq_resets_total{session="oms",cause="schedule"}'),
        "The numbers of oms began anew: schedule",
        {**OMS, "cause": "schedule"},
    ),
    Case("NumbersReset", none('fix_seq_resets_total{session="oms",cause="schedule"}')),
    Case(
        "PlacementUnanswered",
        {'placements_in_doubt{needs="answer"}': "1x60"},
        "For five minutes there was always some accepted quote without an answer",
        {"needs": "answer"},
    ),
    Case("PlacementUnanswered", {'placements_in_doubt{needs="answer"}': "1x30 0x1 1x30"}),
    Case(
        "RequestsWithheld",
        {'withheld_total{reason="late"}': "0x20 6x40"},
        "6 requests or acceptances were recorded and did not leave in an hour: late",
        {"reason": "late"},
    ),
    Case("RequestsWithheld", {'withheld_total{reason="kill"}': "0x20 60x40"}),
    Case(
        "JournalSlow",
        buckets("journal_commit_seconds", fast=90, slow=10),
        "1 in 100 commits takes longer than 451ms",
        at="30m",
    ),
    Case("JournalSlow", buckets("journal_commit_seconds", fast=1_000, slow=1), at="30m"),
    Case(
        "LoopLag",
        buckets("event_loop_lag_seconds", fast=90, slow=10),
        "The event loop is late by 451ms in 1 of 100 looks",
        at="30m",
    ),
    Case("LoopLag", buckets("event_loop_lag_seconds", fast=1_000, slow=1), at="30m"),
    Case(
        "MarksMissing",
        {'tca_mark_missing_total{mark="arrival"}': "0x20 11x40"},
        "11 costs of the last hour have no mark to be measured against",
    ),
    Case("MarksMissing", {'tca_mark_missing_total{mark="arrival"}': "0x20 3x40"}),
    Case(
        "DealerDrifted",
        {'dealer_drift_total{dealer="alder",measure="edge"}': "0x20 1x40"},
        "alder is not what it was: edge",
        {"dealer": "alder", "measure": "edge"},
    ),
    Case("DealerDrifted", {'dealer_drift_total{dealer="alder",measure="edge"}': "2x60"}),
    Case(
        "LeaksNotSolved",
        {'leak_batches_total{outcome="failed"}': "0x20 1x200"},
        "What asking a dealer costs was not found anew: the last finding is used on",
        {"outcome": "failed"},
        at="2h",
    ),
    Case("LeaksNotSolved", {'leak_batches_total{outcome="solved"}': "0x20 1x200"}, at="2h"),
    Case(
        "CertificateEnds",
        {'fix_certificate_not_after_seconds{key="fix.tls.certificate"}': f"{3 * DAY_S + 600}x60"},
        "The certificate of fix.tls.certificate ends in 3d 0h 0m 0s",
        {"key": "fix.tls.certificate"},
    ),
    Case("CertificateEnds", {'fix_certificate_not_after_seconds{key="fix.tls.certificate"}': f"{15 * DAY_S}x60"}),
    Case(
        "PeerCertificateEnds",
        {'fix_peer_certificate_not_after_seconds{session="ash"}': f"{3 * DAY_S + 600}x60"},
        "The certificate that ash shows ends in 3d 0h 0m 0s",
        ASH,
    ),
    Case("PeerCertificateEnds", {'fix_peer_certificate_not_after_seconds{session="ash"}': f"{15 * DAY_S}x60"}),
    Case(
        "CalendarEnds",
        {
            'calendar_known_until_timestamp_seconds{calendar="target"}': f"{179 * DAY_S + 600}x60",
            'calendar_known_ahead_min_seconds{calendar="target"}': f"{180 * DAY_S}x60",
        },
        "The holidays of calendar target are known for 179d 0h 0m 0s more",
        {"calendar": "target"},
    ),
    Case(
        "CalendarEnds",
        {
            'calendar_known_until_timestamp_seconds{calendar="target"}': f"{181 * DAY_S}x60",
            'calendar_known_ahead_min_seconds{calendar="target"}': f"{180 * DAY_S}x60",
        },
    ),
    Case(
        "RateStale",
        {
            'exchange_rate_age_seconds{currency="EUR"}': f"{26 * 3600}x60",
            'exchange_rate_age_max_seconds{currency="EUR"}': f"{24 * 3600}x60",
        },
        "What EUR is worth is 1d 2h 0m 0s old",
        {"currency": "EUR"},
    ),
    Case(
        "RateStale",
        {
            'exchange_rate_age_seconds{currency="EUR"}': f"{23 * 3600}x60",
            'exchange_rate_age_max_seconds{currency="EUR"}': f"{24 * 3600}x60",
        },
    ),
    Case(
        "OrdersWithoutRate",
        {"orders_without_rate": "2x60"},
        "2 orders wait, since nobody knows what their currency is worth",
    ),
    Case("OrdersWithoutRate", {"orders_without_rate": "0x60"}),
    Case(
        "RevocationListEnds",
        {'fix_revocation_list_next_update_seconds{key="fix.tls.client_crl"}': f"{2 * 3600 + 600}x60"},
        "The next revocation list of fix.tls.client_crl is due in 2h 0m 0s",
        {"key": "fix.tls.client_crl"},
    ),
    Case(
        "RevocationListEnds", {'fix_revocation_list_next_update_seconds{key="fix.tls.client_crl"}': f"{2 * DAY_S}x60"}
    ),
    Case(
        "StrangersKnocking",
        {'fix_connections_refused_total{code="failures"}': "0x20 101x40"},
        "101 connections were refused in 15 minutes, by failures",
        {"code": "failures"},
    ),
    Case("StrangersKnocking", {'fix_connections_refused_total{code="failures"}': "0x20 50x40"}),
]

NOT_JUDGED = {"DealerAnswersHalved"}
"""It compares a day with a month: judged below, on samples further apart."""


def test_every_alert_is_seen_to_fire_and_to_be_quiet() -> None:
    alerts = {name for name, _ in rules() if ":" not in name} - NOT_JUDGED
    assert {case.alert for case in CASES if case.summary} == alerts
    assert {case.alert for case in CASES if not case.summary} == alerts


def judged(folder: Path, *tests: dict[str, Any], interval: str = "15s") -> str:
    """What promtool complains of, judging every `interval`; empty if all came out as expected."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool of Prometheus is not installed: it would judge the rules")
    file = folder / "cases.json"  # JSON is YAML.
    given = {"rule_files": [str(FOLDER / "alerts.yml")], "evaluation_interval": interval, "tests": tests}
    file.write_text(json.dumps(given))
    done = subprocess.run([promtool, "test", "rules", str(file)], capture_output=True, text=True, timeout=120)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def labelled(series: str) -> str:
    """The series as it is after a scrape."""
    name, _, labels = series.rstrip("}").partition("{")
    added = ",".join(f'{key}="{value}"' for key, value in TARGET.items())
    return f"{name}{{{labels}{',' if labels else ''}{added}}}"


def written(series: dict[str, str]) -> list[dict[str, str]]:
    return [{"series": labelled(name), "values": values} for name, values in series.items()]


def expected(case: Case) -> list[dict[str, Any]]:
    if not case.summary:
        return []
    text = dict(rules())[case.alert]
    severity, action = re.search(r"severity: (\w+)", text), re.search(r'action: "(.+)"', text)
    assert severity is not None
    assert action is not None
    return [
        {
            "exp_labels": {**TARGET, **case.labels, "severity": severity[1]},
            "exp_annotations": {"summary": case.summary, "action": action[1]},
        }
    ]


def test_alerts_fire_when_they_should_and_say_what_they_mean(tmp_path: Path) -> None:
    """All at once: a process of its own for each would take a second."""
    tests = [
        {
            "name": case.id,
            "interval": "15s",
            "input_series": written(case.series),
            "alert_rule_test": [{"eval_time": case.at, "alertname": case.alert, "exp_alerts": expected(case)}],
        }
        for case in CASES
    ]
    assert judged(tmp_path, *tests) == ""


def test_a_dealer_that_answers_half_of_what_it_did_in_its_month_is_a_ticket(tmp_path: Path) -> None:
    """Three requests an hour: all quoted for some days, then two of three left unanswered."""
    before, after = 40, 30
    series = {
        'rfq_quotes_total{dealer="ash",type="tradeable"}': f"0+3x{before} {3 * before}+1x{after}",
        'rfq_declines_total{dealer="ash"}': f"0x{before + after}",
        'rfq_timeouts_total{dealer="ash"}': f"0x{before} 0+2x{after}",
    }
    case = Case(
        "DealerAnswersHalved", series, "ash answers 33.33% of requests, half of its month or less", {"dealer": "ash"}
    )
    test = {
        "interval": "1h",
        "input_series": written(series),
        "alert_rule_test": [
            {"eval_time": f"{before + 28}h", "alertname": case.alert, "exp_alerts": expected(case)},
            {"eval_time": f"{before - 2}h", "alertname": case.alert, "exp_alerts": []},
        ],
    }
    assert judged(tmp_path, test, interval="4m") == ""

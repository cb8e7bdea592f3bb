"""What every simulated engine is configured with: bonds, dealers, rules, sessions. Read once, built per process."""

from __future__ import annotations

import copy
from dataclasses import replace
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Final

from sim_time import MS, NS

from engine.boot import assembly
from engine.config import load
from engine.dealers.book import DealerBook
from engine.dealers.estimates import EstimateParameters
from engine.dealers.stats import DealerStats, StatsParameters
from engine.desk.fields import catalogue
from engine.desk.learning import Learning
from engine.desk.setting import Desk, RfqClocks, RiskLimits
from engine.fix.session.settings import SessionSettings
from engine.fix.standard.dictionaries import built_in
from engine.fix.standard.dictionary import Dictionary
from engine.market.calendars import Calendars
from engine.market.marks import MarkBook
from engine.rules.program import compile_book
from engine.rules.source import Source
from engine.selection.ranking import Rankings
from engine.selection.request import Parameters

ROOT: Final = Path(__file__).resolve().parents[2]
DEALERS: Final = ("alder", "birch", "cedar", "dogwood")

RULES: Final = """
protect "many at once"
  when notional > 4mm
  stagger 2s

rule "small"
  when notional <= 500k
  ask top 4
  wait 8s
  send automatically
  execute automatically when within 60bp price of fair and at least 1 quotes, else ask trader

rule "one after the other"
  when notional <= 1mm
  ask top 3 one at a time, wait 5s, accept within 30bp price of fair
  send automatically
  execute automatically when within 100bp price of fair and at least 1 quotes, else ask trader

rule "staggered"
  when notional <= 2mm
  ask top 3
  stagger 2s
  wait 10s
  send automatically
  execute by trader

rule "everything else"
  when true
  ask top 3
  wait 15s
"""


class Setting:
    """The unchanging parts. `desk` makes what a process makes at its start."""

    def __init__(self) -> None:
        config = load(ROOT / "engine.toml")
        bonds, problems = assembly.securities(config.reference.securities)
        assert not problems
        liquid = [b for b in bonds.values() if b.asset_class.value == "corporate" and b.rating and b.dv01]
        self.securities = {bond.security_id: bond for bond in liquid[:6]}
        self.isins = tuple(self.securities)
        self.fair = {isin: Decimal(95 + 2 * place) for place, isin in enumerate(self.isins)}
        self.dealers = tuple(each.profile() for each in config.dealers if each.id in DEALERS)
        self.book = compile_book([Source("simulation.rules", RULES)], catalogue(list(DEALERS), "USD"))
        self.weights = config.scoring.classic.percent
        self.calendars = Calendars(config.calendars)
        self.dictionaries: dict[str, Dictionary] = {
            key: built_in("FIX.4.4", None) for key in ("oms", "dropcopy", "marks", *DEALERS)
        }

        windows = tuple(sorted({*self.book.windows(), 90, 180}))
        self._no_stats = DealerStats(StatsParameters(windows_days=windows))

    def desk(self, **clocks: int) -> Desk:
        stats = copy.deepcopy(self._no_stats)  # Its tables of powers take longer to make than all else here.
        dealers = DealerBook(self.dealers)
        return Desk(
            base_currency="USD",
            risk=RiskLimits(Decimal(50_000_000), 20, 300.0, 5 * NS, frozenset()),
            clocks=replace(
                RfqClocks(
                    wait_ns=10 * NS,
                    decide_ns=15 * NS,
                    guard_ns=250 * MS,
                    stale_order_ns=60 * NS,
                    mark_age_ns_max=900 * NS,
                    undelivered_ask_ns=5 * NS,
                    reversion_ns=90 * NS,
                    quotes_per_rfq_max=32,
                ),
                **clocks,
            ),
            dealers=dealers,
            securities=self.securities,
            calendars=self.calendars,
            marks=MarkBook(),
            stats=stats,
            rankings=Rankings(stats, dealers.ids),
            learning=Learning(EstimateParameters()),
            parameters=Parameters(self.weights),
            book=self.book,
            scoring_hash="simulation",
            drop_copies=("dropcopy",),
            market_sessions=("marks",),
        )

    def sessions(self, heart_bt_s: int, reset_on_logon: tuple[str, ...] = ()) -> dict[str, SessionSettings]:
        def one(key: str, role: str, *, initiator: bool, validation: str = "tolerant") -> SessionSettings:
            return SessionSettings(
                key=key,
                begin_string="FIX.4.4",
                sender_comp_id="BUYSIDE",
                target_comp_id=key.upper(),
                role=role,  # type: ignore[arg-type]
                initiator=initiator,
                heart_bt_int_s=heart_bt_s,
                reset_on_logon=key in reset_on_logon,
                validation=validation,  # type: ignore[arg-type]
            )

        return {
            "oms": one("oms", "oms", initiator=False, validation="strict"),
            "dropcopy": one("dropcopy", "dropcopy", initiator=False),
            **{key: one(key, "dealer", initiator=True) for key in DEALERS},
            "marks": one("marks", "market", initiator=True),
        }


@lru_cache(maxsize=1)
def setting() -> Setting:
    return Setting()

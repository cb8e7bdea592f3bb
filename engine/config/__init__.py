"""Configuration: engine.toml and the files it names, as one tree of frozen dataclasses.

`load` is the one way in; `check` verifies offline what a start would need. See `engine.toml` for what
every key means.
"""

from engine.config.check import check
from engine.config.dealers import DealerConfig
from engine.config.load import (
    REREAD,
    Config,
    ConfigText,
    Numbers,
    Places,
    dealers_in,
    load,
    load_echo,
    loopback_only,
    numbers,
    places,
    recalled,
    reread,
    with_clock,
    with_dealers,
    with_passphrases,
)
from engine.config.market import MarketConfig
from engine.config.reading import ConfigProblems
from engine.config.schedules import Reset, ScheduleConfig, Weekday
from engine.config.scoring import ClassicWeights, ScoringConfig
from engine.config.sessions import BeginString, ConnectionType, SessionConfig, SessionRole, Validation
from engine.config.tables import (
    AdminConfig,
    AdminPerson,
    ClockConfig,
    Durability,
    EchoFile,
    EngineConfig,
    FixConfig,
    JournalConfig,
    MetricsConfig,
    ReferenceConfig,
    RfqConfig,
    RiskConfig,
    Role,
    RulesConfig,
    TcaConfig,
)
from engine.config.tls import ListenerTls

__all__ = [
    "REREAD",
    "AdminConfig",
    "AdminPerson",
    "BeginString",
    "ClassicWeights",
    "ClockConfig",
    "Config",
    "ConfigProblems",
    "ConfigText",
    "ConnectionType",
    "DealerConfig",
    "Durability",
    "EchoFile",
    "EngineConfig",
    "FixConfig",
    "JournalConfig",
    "ListenerTls",
    "MarketConfig",
    "MetricsConfig",
    "Numbers",
    "Places",
    "ReferenceConfig",
    "Reset",
    "RfqConfig",
    "RiskConfig",
    "Role",
    "RulesConfig",
    "ScheduleConfig",
    "ScoringConfig",
    "SessionConfig",
    "SessionRole",
    "TcaConfig",
    "Validation",
    "Weekday",
    "check",
    "dealers_in",
    "load",
    "load_echo",
    "loopback_only",
    "numbers",
    "places",
    "recalled",
    "reread",
    "with_clock",
    "with_dealers",
    "with_passphrases",
]

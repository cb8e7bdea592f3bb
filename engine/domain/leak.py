"""What asking dealers costs, as a batch has found it; `dealers.leak` says how.

Bps are a cost: positive is against us. `leak_in` is until the decision, on the whole size; `leak_post` after it, on
what is left of the parent order.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.domain.measure import Identified, Measure
from engine.domain.rows import row


@row
@dataclass(frozen=True, slots=True)
class LeakOf:
    """One dealer's leak of one outcome.

    `se_bps` is the error of the estimate alone, without the prior's part. `lost_bps` and `won_bps` are what the
    dealer's rounds without and with a trade of its own would say each for itself, None where there were none: a
    diagnostic, nothing is chosen by it.
    """

    dealer: str
    leak: Measure
    se_bps: float
    identified: Identified
    asks: int
    lost_bps: float | None = None
    won_bps: float | None = None


@row
@dataclass(frozen=True, slots=True)
class LeakOutcome:
    """One outcome: every dealer asked in the window, in order of name, and what all have in common.

    `common` is what a dealer costs of whom nothing is known. `identified` is the best that any dealer's is.
    `drift_bps` is the intercept: how the market moves with nobody asked. `between_bps` is tau, `noise_bps` what a
    usual window scatters by.
    """

    dealers: tuple[LeakOf, ...]
    common: Measure
    unknown: Measure
    identified: Identified
    drift_bps: float
    between_bps: float
    noise_bps: float
    rows: int
    clipped: int


@row
@dataclass(frozen=True, slots=True)
class LeakTable:
    """The outcome of a batch: what asking whom costs, as of `at_ns`.

    `digest` is of the rows and parameters that it rests on.
    """

    at_ns: int
    leak_in: LeakOutcome
    leak_post: LeakOutcome
    digest: str

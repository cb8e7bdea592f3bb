"""What a dealer's advertised interest says of it beyond its record: it answers more often, and at a better price.

How much is a parameter of the desk's, not learnt: few dealers advertise often enough for an estimate of its own. The
interval moves with the value; the record's own `n_eff` stays, since an interest is no observation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from engine.dealers.outlook import Measure, Outlook
from engine.domain.axe import Axe
from engine.errors import ConfigError

_LOGIT_MAX = 30.0


@dataclass(frozen=True, slots=True)
class AxeParameters:
    """What a live interest adds: to the logit of the chance of an answer, and to the edge in bps.

    0.8 makes of a chance of one half one of 0.69. Both are 0 or more: an interest never counts against a dealer.
    """

    q_logit: float = 0.8
    e_bps: float = 1.5

    def __post_init__(self) -> None:
        for name in ("q_logit", "e_bps"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ConfigError(f"axe {name} is {value}, expected a number of 0 or more")


def with_axe(outlook: Outlook, axe: Axe | None, parameters: AxeParameters) -> Outlook:
    """What to expect of the dealer while this interest lives; the same where there is none.

    It has to be live, in the bond that is asked for, and on the side that is of use: whoever looks it up sees to that.
    """
    if axe is None:
        return outlook
    return replace(outlook, q=_likelier(outlook.q, parameters.q_logit), e=_moved(outlook.e, parameters.e_bps))


def _likelier(q: Measure, by: float) -> Measure:
    """The logit moved. The sd changes with the slope of the chance in its logit."""
    value = _shifted(q.value, by)
    before, after = q.value * (1 - q.value), value * (1 - value)
    sd = q.sd * after / before if before > 0 else q.sd
    return Measure(value, sd, _shifted(q.low, by), _shifted(q.high, by), q.n_eff)


def _shifted(chance: float, by: float) -> float:
    if not 0 < chance < 1:
        return chance
    logit = min(_LOGIT_MAX, math.log(chance / (1 - chance)) + by)
    return 1 / (1 + math.exp(-logit))


def _moved(e: Measure, by: float) -> Measure:
    return Measure(e.value + by, e.sd, e.low + by, e.high + by, e.n_eff)

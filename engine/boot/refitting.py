"""The daily fit of estimates, in pieces between turns: done at once it would hold the loop for 50 ms and more.

On the loop and not aside: a fit of 50 dealers is a few dozen pieces of a millisecond. It rests on sums that stand still
(`dealers.fitting`), so that what it comes to does not depend on when its pieces are done. What puts it in force is an
event, behind which every decision is made by it, in a replay as well.
"""

from __future__ import annotations

import asyncio
import logging
import time
from functools import partial
from typing import Final

from engine.dealers.estimates import Estimates
from engine.domain import events as e
from engine.runtime.loop import Runtime
from engine.turn.trading import Trading

log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 0.25
SLICE_S: Final = 0.001
"""So long the loop is held at a time; the piece that is begun by then is finished."""
REST_S: Final = 0.002


async def refit(runtime: Runtime, trading: Trading) -> None:
    """Do the fits that days begin with, for as long as the daemon runs."""
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        began = time.monotonic()
        while (day := trading.desk.learning.estimates.fits) is not None:
            if not _go_on(trading.desk.learning.estimates):
                runtime.note("estimates fitted", partial(_fitted, day))
                log.info("estimates fitted day=%d s=%.3f", day, time.monotonic() - began)
                break
            await asyncio.sleep(REST_S)


def _fitted(day: int, at_ns: int) -> list[e.Event]:
    return [e.EstimatesFitted(at_ns, day)]


def _go_on(estimates: Estimates) -> bool:
    """A slice of the fit; False once nothing of it is left."""
    ends = time.monotonic() + SLICE_S
    while estimates.go_on():
        if time.monotonic() >= ends:
            return True
    return False

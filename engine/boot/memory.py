"""What the garbage collector is told, once the start has made what stays."""

from __future__ import annotations

import gc


def settle_memory() -> None:
    """What the start has made stays: have the garbage collector look at it no more, and seldomer at what comes.

    A turn makes some twenty objects that live until their batch is released, and no rings: at its defaults the
    collector walked over all open batches every forty turns, a twentieth of what an order costs.

    What an order leaves in the state, some forty objects, is looked at once or twice as it grows old and hardly ever
    again: every other look is the second one, at 40,000 objects, some 12 ms. With more of them at a time it held the
    loop for a tenth of a second every five thousand orders, and a look at everything, which takes seconds, comes after
    700,000 orders.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 0, 1_500)

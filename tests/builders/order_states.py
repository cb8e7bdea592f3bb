"""What the notices of orders make of a picture of their states: all that a screen needs to go on from a snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

ENDED: Final = {"2": "filled", "4": "canceled", "C": "expired"}
BECAME: Final = {"rfq": "asking", "accepted": "placed", "returned": "with_trader"}
NOT_TAKEN: Final = ("withheld", "placement")
"""The dealer did not take it, or has said its last word: the round goes on."""


def tell(states: dict[str, str], topic: str, body: Mapping[str, Any]) -> None:
    """Change the states as one notice says."""
    order_id = body.get("order_id", "")
    if topic == "report" and body["status"] in ENDED:
        states[order_id] = ENDED[body["status"]]
    elif topic == "report" and body["kind"] != "rejected":
        states.setdefault(order_id, "with_trader")
    elif topic in BECAME:
        states[order_id] = BECAME[topic]
    elif topic == "fill" and "order_state" in body:
        states[order_id] = body["order_state"]
    elif topic in NOT_TAKEN and states[order_id] == "placed":
        states[order_id] = "asking"


def states_in(picture: Mapping[str, Any]) -> dict[str, str]:
    """Those of the answer to `orders`."""
    return {each["order"]: each["state"] for each in picture["orders"]}

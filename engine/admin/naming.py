"""Functions of this room by the names that `commands.table` has for them: imported when they are wanted."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any


def named(name: str) -> Callable[..., Any]:
    """`views.orders` is the function `orders` of `engine.admin.views`."""
    module, _, function = name.partition(".")
    found: Callable[..., Any] = getattr(import_module(f"engine.admin.{module}"), function)
    return found

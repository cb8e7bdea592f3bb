"""Prometheus collectors."""

from __future__ import annotations

from typing import Any


class Metrics:
    def __init__(self, version: str) -> None:
        self.version = version

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: None

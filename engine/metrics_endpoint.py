from __future__ import annotations

from typing import Any


class MetricsEndpoint:
    def __init__(self, host: str, port: int, metrics: Any, readiness: Any) -> None: ...

    async def start(self) -> None: ...

    def close(self) -> None: ...

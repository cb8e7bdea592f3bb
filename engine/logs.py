from __future__ import annotations

import logging
from pathlib import Path


def set_up_logging(level: str, file: Path | None) -> None:
    logging.basicConfig(level=level, filename=file, format="%(asctime)s %(levelname)s %(name)s %(message)s")

"""Where what is made of years of records gets them: the sources that were typed, and what completes rows of files."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from engine.config import Numbers
from engine.config.text_file import NotText, read_text
from engine.desk.past.reading import Known
from engine.domain.instrument import Security
from engine.errors import ConfigError
from engine.market.securities import parse_securities
from engine.research.past import Source, source_of


def sources_of(typed: Sequence[str], journal: Path | None) -> list[Source]:
    """Those that were typed, else the journal. Raises ConfigError for one that is not there."""
    return [source_of(each) for each in typed or ([str(journal)] if journal is not None else [])]


def bonds_of(numbers: Numbers | None) -> dict[str, Security]:
    """By id, as the security file has them today; none where there is no such file."""
    if numbers is None or not numbers.securities.is_file():
        return {}
    day = datetime.fromtimestamp(numbers.securities.stat().st_mtime, UTC).date()
    try:
        text = read_text(numbers.securities)
    except OSError as error:
        raise ConfigError(f"{numbers.securities}: cannot be read: {error.strerror}") from error
    except NotText as error:
        raise ConfigError(f"{numbers.securities}: {error}") from error
    return {each.security_id: each for each in parse_securities(text, day).securities}


def known_of(numbers: Numbers | None, bonds: dict[str, Security]) -> Known | None:
    """What completes rows of history files: of volume what the file says today, as an import has it; None: nothing."""
    if numbers is None:
        return None

    def liquidity(security: Security) -> tuple[Decimal | None, float | None]:
        return security.adv_30d, None

    return Known(bonds, time.time_ns(), numbers.mark_age_ns_max, liquidity)

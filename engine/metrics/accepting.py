"""Which format of the exposition an Accept field prefers: by its quality values, and what it excludes is not sent.

Where a client takes none of what there is, it gets text all the same: a scraper reads it, and a person sees it.

Reference: RFC 9110, 12.4.2 and 12.5.1; Prometheus content negotiation.
"""

from __future__ import annotations

import re
from typing import Final

OPENMETRICS: Final = "application/openmetrics-text"
TEXT: Final = "text/plain"
_VERSIONS: Final = {OPENMETRICS: frozenset({"", "1.0.0"}), TEXT: frozenset({"", "0.0.4", "1.0.0"})}
"""Versions that can be made; without one the format's usual."""
_HEARD: Final = frozenset({"version", "escaping"})
"""Parameters of a format that are handed on; others change nothing."""
_WIDER: Final = ("text/*", "*/*", "application/*")

_QUOTED: Final = r'"(?:[^"\\]|\\.)*"'
_WORD: Final = re.compile(r"[A-Za-z0-9._-]+")
_MEMBER: Final = re.compile(rf'(?:{_QUOTED}|[^,"])+')
_PART: Final = re.compile(rf'(?:{_QUOTED}|[^;"])+')
_QUALITY: Final = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")


def preferred(accept: str) -> str:
    """The one media type to make, with its parameters and without its quality: `text/plain; version=0.0.4`."""
    wishes = [wish for member in _MEMBER.findall(accept) if (wish := _wish(member)) is not None]
    named = {media for media, _, _ in wishes}
    offers: list[tuple[float, str]] = []
    for media, params, quality in wishes:
        if media in _VERSIONS and params.get("version", "") in _VERSIONS[media]:
            offers.append((quality, "; ".join((media, *(f"{name}={value}" for name, value in params.items())))))
        elif media in _WIDER:
            # What is named itself is not meant by a wider range. Text is what most can read.
            meant = [each for each in (TEXT, OPENMETRICS) if each not in named and _covers(media, each)]
            offers += [(quality, each) for each in meant]
    offers = [each for each in offers if each[0] > 0]
    return max(offers, key=lambda offer: offer[0])[1] if offers else TEXT


def _wish(member: str) -> tuple[str, dict[str, str], float] | None:
    """Media range, parameters and quality; None for a wish whose quality is none."""
    media, *parts = [part.strip() for part in _PART.findall(member)] or [""]
    params: dict[str, str] = {}
    quality = 1.0
    for part in parts:
        name, _, value = part.partition("=")
        name, value = name.strip().lower(), value.strip()
        if value.startswith('"'):
            value = re.sub(r"\\(.)", r"\1", value.strip('"'))
        if name == "q":
            if not _QUALITY.fullmatch(value):
                return None
            quality = float(value)
            break  # What follows a quality is no parameter of the media type.
        if name in _HEARD and _WORD.fullmatch(value):
            params[name] = value
    return media.lower(), params, quality


def _covers(wider: str, media: str) -> bool:
    return wider == "*/*" or media.startswith(wider.removesuffix("*"))

"""Certificates and revocation lists in use, as people are told of them."""

from __future__ import annotations

from typing import Any

from engine.clock import NS_PER_DAY, NS_PER_S, iso_timestamp
from engine.fix.session.certificates import TlsFile


def described(file: TlsFile, now_ns: int) -> dict[str, Any]:
    return {
        "key": file.key,
        "path": file.path,
        "kind": str(file.kind),
        "subject": file.subject,
        "sha256": file.sha256,
        "count": file.count,
        **ending(file.ends_s, now_ns),
    }


def ending(ends_s: int | None, now_ns: int) -> dict[str, Any]:
    """When something ends, and in how many whole days: below zero once it is over."""
    if ends_s is None:
        return {"ends": None, "days": None}
    ends_ns = ends_s * NS_PER_S
    return {"ends": iso_timestamp(ends_ns), "days": (ends_ns - now_ns) // NS_PER_DAY}

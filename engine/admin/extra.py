"""Modules of `engine.research`, which need an extra that an installation may lack."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from engine.errors import ConfigError


def research(module: str) -> ModuleType:
    """`engine.research.<module>`, imported when it is wanted.

    Raises ConfigError where what it needs is not installed.
    """
    try:
        return import_module(f"engine.research.{module}")
    except ModuleNotFoundError as error:
        missing = (error.name or "").split(".")[0]
        if missing in ("", "engine"):
            raise
        raise ConfigError(
            f"this command needs {missing}, which is not installed: pip install 'rfq-engine[research]'"
        ) from error

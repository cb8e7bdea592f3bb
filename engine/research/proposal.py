"""What a calibration proposes, as files to review: keys for `scoring.toml`, and for `engine.toml` if a law was fitted.

Nothing reads them by itself. Each is a file that the engine's own reader takes: what is proposed stands in it, and what
was kept, with both losses, as comments.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.research.calibrating import Calibration, Finding
from engine.research.impact import ImpactFit, plain


@dataclass(frozen=True, slots=True)
class Proposal:
    """`scoring` is for `scoring.toml`, `engine` for `engine.toml`; empty where nothing is proposed for it.

    `why_none` says why numbers of estimates were not tried at all.
    """

    calibration: Calibration | None
    why_none: str
    impact: ImpactFit
    sources: tuple[str, ...]
    made: str
    """When, as text."""

    @property
    def scoring(self) -> str:
        found = self.calibration
        if found is None:
            return ""
        lines = [
            *self._head("scoring.toml", "scoring"),
            f"# {found.asks:,} asks on {found.days} days; judged by the last {found.judged_asks:,} asks on "
            f"{found.judged_days} days, which had no say in what was chosen.",
            "",
            "[estimates]",
        ]
        for each in found.findings:
            lines += _of_finding(each, found.level)
        return "\n".join([*lines, ""])

    @property
    def engine(self) -> str:
        if not self.impact.is_proposed:
            return ""
        found, impact = plain(self.impact.found), self.impact
        lines = [
            *self._head("engine.toml", "limits"),
            f"# {impact.trades:,} trades on {impact.days} days, {impact.why}: what was expected of a trade was off by "
            f"{impact.before.words(1, 'bps')} on average,",
            f"# and by {impact.after.words(1, 'bps')} as fitted; the loss changes by {impact.judged.words(4)}.",
            "",
            "[market.impact]",
            *(
                f"{name} = {shown(value)}  # {may_be(impact, name)}was {shown(plain(impact.now)[name])}"
                for name, value in found.items()
            ),
        ]
        return "\n".join([*lines, ""])

    def _head(self, name: str, reload: str) -> Iterator[str]:
        yield f"# What `rfqctl calibrate` proposes for {name}, made {self.made} of {_in_a_line(self.sources)}."
        yield f"# Nothing is changed by this file: copy what you take into {name}, then `rfqctl reload {reload}`."


def _in_a_line(sources: Sequence[str]) -> str:
    """A path may hold what would end a comment."""
    return "".join(each if each.isprintable() else "?" for each in ", ".join(sources))


def _of_finding(found: Finding, level: float) -> Sequence[str]:
    key, unit = found.knob.key.removeprefix("estimates."), found.knob.unit
    if found.is_proposed:
        return (
            f"# {found.knob.about}: {unit} an ask {found.before.words(4)} -> {found.after.words(4)},",
            f"# the difference {_difference(found, level)}; {found.why}.",
            f"{key} = {shown(found.found)}  # was {shown(found.knob.now)}",
        )
    return (f"# keep {key} = {shown(found.knob.now)}: {found.why}{_tried(found, level)}.",)


def _tried(found: Finding, level: float) -> str:
    if not found.judged.n:
        return ""
    return f" ({_difference(found, level)} {found.knob.unit} an ask)"


def _difference(found: Finding, level: float) -> str:
    return f"{found.judged.words(4)} at {100 * level:.3g} %"


def may_be(law: ImpactFit, name: str) -> str:
    """The interval of one number of a fitted law, before what is said next; empty for what has none."""
    low, high = law.ranges.get(name, (None, None))
    return "" if low is None or high is None else f"{low:.2f} to {high:.2f}, "


def shown(value: float) -> str:
    """A number as it stands in a file."""
    return f"{value:.4g}" if abs(value) >= 1e-4 or value == 0 else "0.0"

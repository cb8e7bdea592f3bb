"""Everything that the table shows, made from the rows of worlds alone: every figure with its interval."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from judging.table import by_world, way
from judging.trading import Played
from worlds.world import NO_LEAK, Kind

from proving.figures import Figure, mean, ratio, share
from proving.measured import DECILES
from proving.playing import ALL_BY_MODEL, SEVEN, WATCHED

World = Mapping[str, Any]
"""As `playing.world_played` gives it."""
Row = Mapping[str, Any]

BLIND: Final = "model-blind"
EVERY: Final = "all together"
"""In place of a kind: worlds of every kind."""
RIVALS: Final = ("classic", "static", "random")
WAY_MIN: Final = 0.6
Q_OFF_MAX: Final = 0.03
COVERED: Final = (0.87, 0.93)
SAME_WITHIN_BPS: Final = 0.5
"""No difference is shown where the whole interval lies within so much of 0; a wide one that holds 0 is not knowing."""
_SAME: Final = f"0 within the interval, no end beyond {SAME_WITHIN_BPS:g}"
ROWS_MIN: Final = 20_000


@dataclass(frozen=True, slots=True)
class PolicyLine:
    """One policy over all worlds. `saves_bps` is beside `classic`; `way` from `static` to `oracle`."""

    policy: str
    cost_bps: Figure
    saves_bps: Figure | None
    way: Figure
    leak_bps: Figure
    late: Figure
    late_bps: Figure
    asked: Figure
    asked_an_order: Figure
    failed: Figure
    explored: Figure


@dataclass(frozen=True, slots=True)
class KindLine:
    """One kind of world: what each policy costs, and what the model saves there beside others."""

    kind: str
    costs: Mapping[str, Figure]
    saves: Mapping[str, Figure]
    """By rival what the model saves beside it."""
    dearer: int
    """Worlds in which the model was dearer than `classic`."""
    late_less: Figure
    """By how much less of the size the model leaves for later than `classic` does."""
    leak_less_bps: Figure


@dataclass(frozen=True, slots=True)
class Tenth:
    """Chances of one tenth: what was predicted on average, what happened, by how much more, and how often."""

    predicted: Figure
    happened: Figure
    more: Figure
    count: int


@dataclass(frozen=True, slots=True)
class Chances:
    of: str
    tenths: Sequence[Tenth]
    more: Figure
    """What happened less what was predicted, over all."""
    saved_loss: Figure
    """Log-loss of the share of all so far, less that of what was predicted, a case; in nats."""
    count: int


@dataclass(frozen=True, slots=True)
class LeakLine:
    """Leaks of dealers in one kind of world beside the truth; `outcome` is in or post."""

    kind: str
    outcome: str
    dealers: int
    beyond_two: Figure
    held: Figure
    truth_bps: Figure
    estimate_bps: Figure
    leakers_bps: Figure
    share_found: Figure
    """Of what those leak who do, how much is estimated of them."""
    levels: Figure


@dataclass(frozen=True, slots=True)
class Bar:
    """What is asked of the run. `met` is None where the interval does not tell."""

    what: str
    wanted: str
    found: Figure
    form: str
    met: bool | None


@dataclass(frozen=True, slots=True)
class Found:
    policies: Sequence[PolicyLine]
    kinds: Sequence[KindLine]
    saves: Mapping[str, Figure]
    """By policy what the model saves beside it."""
    thirds: Sequence[Figure]
    """What the model saves beside `classic` in the first, the second and the last third of the rounds."""
    dearer: Sequence[tuple[int, str]]
    """Worlds in which the model was dearer than `classic`, with their kind."""
    worlds: int
    leaking: Figure
    """What minding leaks saves the model in all worlds where somebody leaks."""
    quiet: Mapping[str, Figure]
    """By kind without leak what the model saves beside the model that is blind to leaks."""
    equal: Mapping[str, Figure]
    """Among equal dealers: by policy that asks as many as may be, what `random` saves beside it."""
    chances: Sequence[Chances]
    edges_held: Figure
    edges_error_bps: Figure
    truth_held: Figure
    truth_error_bps: Figure
    places: Sequence[Figure]
    edges: int
    leaks: Sequence[LeakLine]
    surprise_bps: Figure
    """Realised less expected cost of a round."""
    expected_bps: Figure
    realised_bps: Figure
    expected_fill: Figure
    fill: Figure
    """The share of rounds in which anything trades, as expected and as it was."""
    rounds: int
    c_fail_bps: Figure
    late_bps: Figure
    bars: Sequence[Bar]


def found(worlds: Sequence[World]) -> Found:
    """From the rows of at least one world."""
    rows = {each["world"]: {row["policy"]: row for row in each["policies"]} for each in worlds}
    kinds = [kind.value for kind in Kind if any(each["kind"] == kind.value for each in worlds)]
    of_kind = {kind: [rows[each["world"]] for each in worlds if each["kind"] == kind] for kind in kinds}
    everywhere = list(rows.values())
    saves = {name: _saves(everywhere, WATCHED, name) for name in SEVEN if name != WATCHED}
    expected = [each["expected"] for each in worlds]
    thirds = [
        mean(row["classic"]["thirds_bps"][at] - row[WATCHED]["thirds_bps"][at] for row in everywhere) for at in range(3)
    ]
    chances = [_chances("answers", expected, "q"), _chances("fills", expected, "f")]
    edges = [each["e"] for each in expected]
    costs = [each["cost"] for each in expected]
    model = [row[WATCHED] for row in everywhere]
    made: dict[str, Any] = {
        "policies": [_policy_line(worlds, everywhere, name) for name in SEVEN],
        "kinds": [_kind_line(kind, of_kind[kind]) for kind in kinds],
        "saves": saves,
        "thirds": thirds,
        "dearer": [(each["world"], each["kind"]) for each in worlds if _dearer([rows[each["world"]]])],
        "worlds": len(worlds),
        "leaking": _saves(
            [rows[each["world"]] for each in worlds if Kind(each["kind"]) not in NO_LEAK], WATCHED, BLIND
        ),
        "quiet": {kind: _saves(of_kind[kind], WATCHED, BLIND) for kind in kinds if Kind(kind) in NO_LEAK},
        "equal": {
            name: _saves(of_kind["equal"], "random", name)
            for name in ("static", "classic", ALL_BY_MODEL)
            if "equal" in of_kind
        },
        "chances": chances,
        "edges_held": share((each["held"], each["count"]) for each in edges),
        "edges_error_bps": ratio((each["error_bps"], each["count"]) for each in edges),
        "truth_held": share((each["truth_held"], each["count"]) for each in edges),
        "truth_error_bps": ratio((each["truth_error_bps"], each["count"]) for each in edges),
        "places": [share((each["places"][at], each["count"]) for each in edges) for at in range(DECILES)],
        "edges": sum(each["count"] for each in edges),
        "leaks": _leak_lines(worlds, kinds),
        "surprise_bps": ratio((each["realised_bps"] - each["expected_bps"], each["count"]) for each in costs),
        "expected_bps": ratio((each["expected_bps"], each["count"]) for each in costs),
        "realised_bps": ratio((each["realised_bps"], each["count"]) for each in costs),
        "expected_fill": share((each["expected_fills"], each["count"]) for each in costs),
        "fill": share((each["fills"], each["count"]) for each in costs),
        "rounds": sum(each["count"] for each in costs),
        "c_fail_bps": ratio((each["c_fail_bps"], each["c_fail_size"]) for each in costs),
        "late_bps": ratio(_late(each) for each in model),
    }
    return Found(**made, bars=_bars(made, len(worlds)))


def _saves(rows: Iterable[Mapping[str, Row]], policy: str, than: str) -> Figure:
    """World by world what `policy` costs less than the other."""
    return mean(row[than]["cost_bps"] - row[policy]["cost_bps"] for row in rows)


def _dearer(rows: Iterable[Mapping[str, Row]]) -> int:
    return sum(row[WATCHED]["cost_bps"] > row["classic"]["cost_bps"] for row in rows)


def _late(row: Row) -> tuple[float, float]:
    return (row["late_bps"] * row["late"], row["late"]) if row["late_bps"] is not None else (0.0, 0.0)


def _policy_line(worlds: Sequence[World], rows: Sequence[Mapping[str, Row]], name: str) -> PolicyLine:
    own = [row[name] for row in rows]
    rounds = [each["rounds"] for each in worlds]
    return PolicyLine(
        policy=name,
        cost_bps=mean(each["cost_bps"] for each in own),
        saves_bps=None if name == "classic" else _saves(rows, name, "classic"),
        way=_way(worlds, name),
        leak_bps=mean(each["leak_bps"] for each in own),
        late=mean(each["late"] for each in own),
        late_bps=ratio(_late(each) for each in own),
        asked=mean(each["asked"] for each in own),
        asked_an_order=ratio((each["asked"] * count, each["orders"]) for each, count in zip(own, rounds, strict=True)),
        failed=share((each["failed"], each["orders"]) for each in own),
        explored=mean(each["explored"] for each in own),
    )


def _way(worlds: Sequence[World], name: str) -> Figure:
    played = by_world(
        Played(
            each["world"], each["kind"], row["policy"], each["rounds"], each["dealers"], row["cost_bps"],
            row["leak_bps"], row["late"], row["asked"], row["explored"], row["seconds"],
        )
        for each in worlds
        for row in each["policies"]
    )  # fmt: skip
    return Figure(*way(played, name), len(played))


def _kind_line(kind: str, rows: Sequence[Mapping[str, Row]]) -> KindLine:
    return KindLine(
        kind=kind,
        costs={name: mean(row[name]["cost_bps"] for row in rows) for name in SEVEN},
        saves={name: _saves(rows, WATCHED, name) for name in SEVEN if name != WATCHED},
        dearer=_dearer(rows),
        late_less=mean(row["classic"]["late"] - row[WATCHED]["late"] for row in rows),
        leak_less_bps=mean(row["classic"]["leak_bps"] - row[WATCHED]["leak_bps"] for row in rows),
    )


def _chances(of: str, expected: Sequence[Mapping[str, Any]], name: str) -> Chances:
    own = [each[name] for each in expected]
    tenths = []
    for at in range(DECILES):
        cases = [(each["predicted"][at], each["happened"][at], each["count"][at]) for each in own]
        count = sum(number for _, _, number in cases)
        if count:
            tenths.append(
                Tenth(
                    predicted=ratio((predicted, number) for predicted, _, number in cases),
                    happened=share((happened, number) for _, happened, number in cases),
                    more=ratio((happened - predicted, number) for predicted, happened, number in cases),
                    count=count,
                )
            )
    counts = [sum(each["count"]) for each in own]
    more = [sum(each["happened"]) - math.fsum(each["predicted"]) for each in own]
    saved = [each["base_log_loss"] - each["log_loss"] for each in own]
    return Chances(
        of, tenths, ratio(zip(more, counts, strict=True)), ratio(zip(saved, counts, strict=True)), sum(counts)
    )


def _leak_lines(worlds: Sequence[World], kinds: Sequence[str]) -> list[LeakLine]:
    """Of all worlds together, then by kind."""
    lines = [_leak_line(EVERY, outcome, [each["expected"] for each in worlds]) for outcome in ("in", "post")]
    for kind in kinds:
        own = [each["expected"] for each in worlds if each["kind"] == kind]
        lines += [_leak_line(kind, outcome, own) for outcome in ("in", "post")]
    return lines


def _leak_line(kind: str, outcome: str, expected: Sequence[Mapping[str, Any]]) -> LeakLine:
    own = [each[f"leak_{outcome}"] for each in expected]

    def pairs(what: str, of: str = "dealers") -> list[tuple[float, float]]:
        return [(each[what], each[of]) for each in own]

    return LeakLine(
        kind=kind,
        outcome=outcome,
        dealers=int(sum(each["dealers"] for each in own)),
        beyond_two=share(pairs("beyond_two")),
        held=share(pairs("held")),
        truth_bps=ratio(pairs("truth_bps")),
        estimate_bps=ratio(pairs("estimate_bps")),
        leakers_bps=ratio(pairs("leakers_bps", "leakers")),
        share_found=ratio(pairs("leakers_found_bps", "leakers_bps")),
        levels=share(pairs("levels")),
    )


# --- what is asked of the run --------------------------------------------------------------------


def _bars(made: Mapping[str, Any], worlds: int) -> list[Bar]:
    saves: Mapping[str, Figure] = made["saves"]
    bars = [
        Bar(f"the model saves beside {name}, bps a round", "above 0", saves[name], ".2f", _sign(saves[name]))
        for name in RIVALS
    ]
    line = next(each for each in made["policies"] if each.policy == WATCHED)
    bars.append(Bar("of the way from static to oracle", "60 % or more", line.way, ".1%", _sign(line.way.less(WAY_MIN))))
    for kind, figure in made["quiet"].items():
        what = f"where nobody leaks ({kind}), the model saves beside the blind one, bps"
        bars.append(Bar(what, _SAME, figure, ".2f", shows_no_difference(figure)))
    for name, figure in made["equal"].items():
        what = f"among equal dealers, as many asked, random saves beside {name}, bps"
        bars.append(Bar(what, _SAME, figure, ".2f", shows_no_difference(figure)))
    surprise: Figure = made["surprise_bps"]
    bars.append(
        Bar(
            "realised less expected cost of a round, bps",
            _SAME,
            surprise,
            ".2f",
            shows_no_difference(surprise),
        )
    )
    for each in made["chances"]:
        worst = max(each.tenths, key=_off, default=None)
        if worst is not None:
            what = f"chance of {each.of}: the worst tenth, happened less predicted ({each.count:,} cases)"
            enough = each.count >= ROWS_MIN
            met = _off(worst) <= Q_OFF_MAX if enough else None
            bars.append(Bar(what, "within 0.03 beyond its error", worst.more, ".3f", met))
    held: Figure = made["edges_held"]
    met = _within(held, *COVERED) if made["edges"] >= ROWS_MIN else None
    bars.append(Bar(f"quotes within their interval of 90 % ({made['edges']:,})", "87-93 %", held, ".1%", met))
    return bars


def _off(tenth: Tenth) -> float:
    """How far off beyond what its interval allows."""
    return max(0.0, tenth.more.low, -tenth.more.high) if math.isfinite(tenth.more.low) else 0.0


def _sign(figure: Figure) -> bool | None:
    return True if figure.is_above else False if figure.is_below else None


def _within(figure: Figure, low: float, high: float) -> bool | None:
    if figure.high < low or figure.low > high:
        return False
    return True if figure.low >= low and figure.high <= high else None


def shows_no_difference(figure: Figure) -> bool | None:
    """Is there no difference? None where nobody can tell."""
    if figure.worlds < 2:
        return None
    if figure.is_above or figure.is_below:
        return False
    return True if max(-figure.low, figure.high) <= SAME_WITHIN_BPS else None

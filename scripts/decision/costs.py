"""What steps cost by each way that they could take: rows of the parts, one layer of a step."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple

from decision.engine import Engine, Setting
from moe_results import NO_VERDICT, Row, interval_over_launches, lacks_verdict, why_no_time


class Candidate(NamedTuple):
    """What could run in place of the engine's default. `kind`: flag, setting or kernel."""

    name: str
    kind: str
    setting: Setting | None = None


class Sweep(NamedTuple):
    """Which rows are compared with each other."""

    phase: str
    setting: str
    skew: int


@dataclass
class Cell:
    """One case in one launch: microseconds of the layer by combine."""

    steps: int
    padding: str
    gate_open: bool
    us: dict[str, float] = field(default_factory=dict)
    no_verdict: set[str] = field(default_factory=set)


Launches = dict[str, dict[tuple, Cell]]  # by launch, by case


def candidates_of(engine: Engine, kernels: Iterable[str]) -> list[Candidate]:
    return [
        *(Candidate(value, "flag") for value in engine.values if value != engine.default),
        *(Candidate(setting.name, "setting", setting) for setting in engine.settings),
        *(Candidate(name, "kernel") for name in kernels),
    ]


def add_rows(sweeps: dict[Sweep, Launches], rows: Iterable[Row], engine: Engine, phase: str,
             setting: str) -> None:
    """Rows of one part. Those of a gather that the engine does not take in the step are left out."""
    for row in rows:
        gate_open = engine.gate_is_open(*(int(row[name]) for name in ("ranks", "dp", "ep")))
        way = engine.way(engine.default, str(row["padding"]), gate_open)
        if way is None or row["gather"] != way.gather or not row.get("steps"):
            continue
        launches = sweeps.setdefault(Sweep(phase, setting, int(row["skew_us"])), {})
        cell = launches.setdefault(str(row["launch"]), {}).setdefault(
            (row["load"], row["tokens"]), Cell(int(row["steps"]), str(row["padding"]), gate_open))
        if why_no_time(row) is None and row["layer_us_median"] > 0:
            cell.us[str(row["combine"])] = row["layer_us_median"]
        cell.no_verdict |= {reason for reason in NO_VERDICT if lacks_verdict(row, reason)}


@dataclass(frozen=True)
class Priced:
    """What a candidate saves of one layer, on average over the steps, against the default."""

    saved_us: dict[str, float]  # by launch
    default_us: float
    steps: int  # that were timed both ways in every launch
    all_steps: int
    same_way: bool  # as the default, in every case
    no_verdict: tuple[str, ...]  # why most of the times say nothing

    def saved(self) -> float:
        return median(self.saved_us.values())

    def interval(self) -> tuple[float, float] | None:
        """95 % over launches; None where there are too few of them."""
        return interval_of(self.saved_us.values())

    def share(self) -> float:
        return self.steps / self.all_steps if self.all_steps else 0


def interval_of(values: Iterable[float]) -> tuple[float, float] | None:
    low, high = interval_over_launches(sorted(values), [], [])
    return None if low != low else (low, high)


def price(candidate: Candidate, engine: Engine, sweeps: dict[Sweep, Launches], phase: str,
          skew: int) -> Priced | None:
    """None where no case was timed both ways in every launch."""
    setting = candidate.setting.name if candidate.setting else ""
    default = sweeps.get(Sweep(phase, "", skew), {})
    own = sweeps.get(Sweep(phase, setting, skew), {})
    launches = [launch for launch in default if launch in own]
    steps = {case: cell.steps for cells in default.values() for case, cell in cells.items()}
    pairs: dict[tuple, list[tuple[float, float]]] = {}
    same_way = not candidate.setting
    for case in steps:
        times = []
        for launch in launches:
            cell, other = default[launch].get(case), own[launch].get(case)
            if cell is None or other is None:
                break
            usual, combine = combines_of(candidate, engine, cell)
            same_way &= usual == combine
            if usual not in cell.us or combine not in other.us:
                break
            times.append((cell.us[usual], other.us[combine]))
        if launches and len(times) == len(launches):
            pairs[case] = times
    timed = sum(steps[case] for case in pairs)
    if not timed:
        return None
    of_default = [sum(steps[case] * times[i][0] for case, times in pairs.items()) / timed
                  for i in range(len(launches))]
    saved = {launch: sum(steps[case] * (times[i][0] - times[i][1])
                         for case, times in pairs.items()) / timed
             for i, launch in enumerate(launches)}
    return Priced(saved, median(of_default), timed, sum(steps.values()), same_way,
                  reasons_of_most([default[launch][case] for case in pairs for launch in launches]))


def combines_of(candidate: Candidate, engine: Engine, cell: Cell) -> tuple[str, str]:
    """What the default and what the candidate runs in a case; "" where the engine has nothing."""
    def of_value(value: str) -> str:
        way = engine.way(value, cell.padding, cell.gate_open)
        return way.combine if way else ""

    usual = of_value(engine.default)
    if candidate.kind == "flag":
        return usual, of_value(candidate.name)
    if candidate.setting:
        return usual, candidate.setting.instead.get(usual, usual)
    return usual, candidate.name


def reasons_of_most(cells: list[Cell]) -> tuple[str, ...]:
    """Why more than half of the times have no verdict, weighted by their steps."""
    total = sum(cell.steps for cell in cells)
    return tuple(reason for reason in NO_VERDICT
                 if 2 * sum(cell.steps for cell in cells if reason in cell.no_verdict) > total)

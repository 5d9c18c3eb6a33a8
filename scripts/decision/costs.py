"""What steps cost by each way that they could take: rows of the parts, one layer of a step."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple

from decision.engine import Engine, Setting
from moe_results import NO_VERDICT, Row, interval_over_launches, lacks_verdict, why_no_time


class Candidate(NamedTuple):
    """What could run in place of the engine's default. `kind`: flag, setting or kernel."""

    name: str
    kind: str
    value: str = ""  # of the flag; of a kernel none
    setting: Setting | None = None


class Sweep(NamedTuple):
    """Which rows are compared with each other."""

    phase: str
    setting: str
    skew: int


@dataclass
class Cell:
    """One case in one launch: microseconds by combine."""

    steps: int
    padding: str
    gate_open: bool
    us: dict[str, float] = field(default_factory=dict)
    no_verdict: set[str] = field(default_factory=set)


Launches = dict[str, dict[tuple, Cell]]  # by launch, by case


def candidates_of(engine: Engine, kernels: Iterable[str]) -> list[Candidate]:
    """A setting that changes which combine runs is one with every value of the flag."""
    others = [value for value in engine.values if value != engine.default]
    return [
        *(Candidate(value, "flag", value) for value in others),
        *(Candidate(setting.name, "setting", engine.default, setting)
          for setting in engine.settings),
        *(Candidate(f"{setting.name} {engine.flag} {value}", "setting", value, setting)
          for setting in engine.settings if setting.instead for value in others),
        *(Candidate(name, "kernel") for name in kernels),
    ]


def layer_us(row: Row) -> float | None:
    """The time of the whole layer; None where there is none."""
    return row["layer_us_median"] if row["layer_us_median"] > 0 else None


def add_rows(sweeps: dict[Sweep, Launches], rows: Iterable[Row], engine: Engine, phase: str,
             setting: str, time_of: Callable[[Row], float | None] = layer_us) -> None:
    """Rows of one part. Those of a gather that the engine does not take in the step are left out."""
    for row in rows:
        gate_open = engine.gate_is_open(*(int(row[name]) for name in ("ranks", "dp", "ep")))
        way = engine.way(engine.default, str(row["padding"]), gate_open)
        if way is None or row["gather"] != way.gather or not row.get("steps"):
            continue
        launches = sweeps.setdefault(Sweep(phase, setting, int(row["skew_us"])), {})
        cell = launches.setdefault(str(row["launch"]), {}).setdefault(
            (row["load"], row["tokens"]), Cell(int(row["steps"]), str(row["padding"]), gate_open))
        us = None if why_no_time(row) else time_of(row)
        if us is not None:
            cell.us[str(row["combine"])] = us
        cell.no_verdict |= {reason for reason in NO_VERDICT if lacks_verdict(row, reason)}


@dataclass(frozen=True)
class Priced:
    """What a candidate saves of one layer, on average over the steps, against the default."""

    saved_us: dict[str, float]  # by launch
    default_us: float
    steps: int  # that were timed both ways in most launches
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
    """None where no case was timed both ways in most launches. A case that a launch had no time for
    saves there what it saves elsewhere (the median)."""
    setting = candidate.setting.name if candidate.setting else ""
    default = sweeps.get(Sweep(phase, "", skew), {})
    own = sweeps.get(Sweep(phase, setting, skew), {})
    steps = {case: cell.steps for cells in default.values() for case, cell in cells.items()}
    launches = [launch for launch in default if launch in own]
    pairs = {case: {launch: pair for launch in launches
                    if (pair := _timed_both_ways(candidate, engine, default[launch].get(case),
                                                 own[launch].get(case)))}
             for case in steps}
    pairs = {case: times for case, times in pairs.items() if 2 * len(times) > len(launches)}
    timed = sum(steps[case] for case in pairs)
    if not timed:
        return None

    def weighted(of_case: Callable[[dict[str, Pair]], float]) -> float:
        return sum(steps[case] * of_case(times) for case, times in pairs.items()) / timed

    def saved_in(launch: str) -> float:
        return weighted(lambda times: times[launch].saved() if launch in times
                        else median(pair.saved() for pair in times.values()))

    def timed_in(launch: str) -> int:
        return sum(steps[case] for case, times in pairs.items() if launch in times)

    return Priced(
        {launch: saved_in(launch) for launch in launches if 2 * timed_in(launch) > timed},
        weighted(lambda times: median(pair.default for pair in times.values())),
        timed, sum(steps.values()),
        not candidate.setting and all(pair.same_way for times in pairs.values()
                                      for pair in times.values()),
        reasons_of_most([default[launch][case] for case, times in pairs.items()
                         for launch in times]))


class Pair(NamedTuple):
    """Microseconds of a case in a launch."""

    default: float
    own: float
    same_way: bool

    def saved(self) -> float:
        return self.default - self.own


def _timed_both_ways(candidate: Candidate, engine: Engine, default: Cell | None,
                     own: Cell | None) -> Pair | None:
    if default is None or own is None:
        return None
    usual, combine = combines_of(candidate, engine, default)
    if usual not in default.us or combine not in own.us:
        return None
    return Pair(default.us[usual], own.us[combine], usual == combine)


def combines_of(candidate: Candidate, engine: Engine, cell: Cell) -> tuple[str, str]:
    """What the default and what the candidate runs in a case; "" where the engine has nothing."""
    def of_value(value: str) -> str:
        way = engine.way(value, cell.padding, cell.gate_open)
        return way.combine if way else ""

    usual = of_value(engine.default)
    if candidate.kind == "kernel":
        return usual, candidate.name
    combine = of_value(candidate.value)
    instead = candidate.setting.instead if candidate.setting else {}
    return usual, instead.get(combine, combine)


def reasons_of_most(cells: list[Cell]) -> tuple[str, ...]:
    """Why more than half of the times have no verdict, weighted by their steps."""
    total = sum(cell.steps for cell in cells)
    return tuple(reason for reason in NO_VERDICT
                 if 2 * sum(cell.steps for cell in cells if reason in cell.no_verdict) > total)

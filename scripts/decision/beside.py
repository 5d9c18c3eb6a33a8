"""What a candidate is worth beside compute, as in two-batch overlap: rows of the parts with --beside,
in which the experts of a second batch, a GEMM, run while rows are exchanged."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from statistics import median

from decision.costs import Candidate, Launches, Priced, Sweep, add_rows, price
from decision.engine import Engine
from decision.gain import Gain, gain_of, says_nothing
from moe_results import Row

NO_ROWS = "nothing was launched beside a GEMM"
NO_CORE = "the GEMM has no core of its own"
TOO_LITTLE = "too little of it was timed, give more --minutes"
FEW_LAUNCHES = "too few launches for an interval"


@dataclass
class BesideSweeps:
    """Times of one layer beside a GEMM: until both have ended, and of the GEMM."""

    together: dict[Sweep, Launches] = field(default_factory=dict)
    gemm: dict[Sweep, Launches] = field(default_factory=dict)
    shares_core: bool = False

    def add(self, rows: Iterable[Row], engine: Engine, phase: str, setting: str) -> None:
        rows = list(rows)
        self.shares_core |= any(_shares_core(row) for row in rows)
        for sweeps, column in ((self.together, "together_us_median"),
                               (self.gemm, "beside_gemm_us_median")):
            add_rows(sweeps, rows, engine, phase, setting, _time_in(column))


@dataclass(frozen=True)
class BesidePrice:
    """Against the default beside the same GEMM. `why_not`: why there is no price; empty: there is."""

    together: Gain | None = None  # of a step, until exchange and GEMM have ended
    gemm_pct: float | None = None  # by which the GEMM takes longer
    why_not: str = ""


def beside_price(candidate: Candidate, engine: Engine, sweeps: BesideSweeps, phase: str,
                 layers: int) -> BesidePrice:
    together, gemm = (price(candidate, engine, times, phase, 0)
                      for times in (sweeps.together, sweeps.gemm))
    has_rows = candidate.kind != "kernel" and Sweep(phase, "", 0) in sweeps.together
    why_not = _why_not(together, sweeps.shares_core) if has_rows else NO_ROWS
    if why_not:
        return BesidePrice(why_not=why_not)
    gain = gain_of([us * layers / 1000 for us in together.saved_us.values()], None)
    longer = [-100 * us / gemm.default_us for us in gemm.saved_us.values()]
    return BesidePrice(gain, median(longer))


def _why_not(together: Priced | None, shares_core: bool) -> str:
    if shares_core:
        return NO_CORE
    if together is None:
        return TOO_LITTLE
    return says_nothing(together) or ("" if together.interval() else FEW_LAUNCHES)


def _shares_core(row: Row) -> bool:
    return str(row.get("gemm_shares_core", "")).lower() == "true"


def _time_in(column: str) -> Callable[[Row], float | None]:
    def time_of(row: Row) -> float | None:
        text = row.get(column, "")
        return float(text) if text and not _shares_core(row) else None

    return time_of

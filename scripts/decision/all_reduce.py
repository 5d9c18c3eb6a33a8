"""Whose all-reduce the times are of: our stand-in's, or the engine's own in its place.

A layer from a CUDA graph that runs the stand-in takes, with the engine's own,

    measured layer - calls in it * (call of the stand-in - call of the engine's own),

all of one launch. Layers outside of graphs keep the stand-in.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from decision.anchors import Call, read_calls
from decision.costs import layer_us
from decision.folder import read_rows
from moe_results import ResultsError, Row, why_no_time

STAND_IN = "all_reduce_engine_"  # how the strategies begin that run it
BF16_BYTES = 2
# Rows of bench_collectives are whole pages, as many for each rank.
PAGE = 4096


@dataclass(frozen=True)
class AllReduce:
    name: str = ""  # SGLang 0.5.23; empty: the stand-in
    why_not: str = ""  # the engine's own; empty too where no step runs any
    # By launch, by bytes; there is none where the engine takes NCCL's.
    calls: dict[str, dict[int, Call]] = field(default_factory=dict)

    def layer_us(self, row: Row) -> float | None:
        """The time of a row's layer with this all-reduce; None where there is none."""
        us = layer_us(row)
        if us is None or not in_graph(row):
            return us
        call = self.calls.get(str(row["launch"]), {}).get(bytes_of(row))
        return us - calls_of(row) * (call.stand_in - call.own) if call else us

    def sentence(self) -> str:
        """Empty where no step runs any."""
        if self.why_not:
            return f"All-reduce: our stand-in ({self.why_not})."
        if not self.name:
            return ""
        by_size: dict[int, list[Call]] = {}
        for calls in self.calls.values():
            for size, call in calls.items():
                by_size.setdefault(size, []).append(call)
        if not by_size:
            return f"All-reduce: NCCL's, which {self.name} takes at these sizes."
        own = _span([median(call.own / call.stand_in for call in calls)
                     for calls in by_size.values()], "{:.2f}")
        nccl = _span([median(call.nccl_beside_own / call.nccl_beside_stand_in for call in calls)
                      for calls in by_size.values()], "{:.2f}")
        sizes = _span([size / 1024 for size in by_size], "{:,.0f}")
        return (f"All-reduce: {self.name}'s own in CUDA graphs, which takes {own} times as long as our"
                f" stand-in at {sizes} KiB (NCCL's, timed in the same two ways: {nccl}); our stand-in"
                " elsewhere.")


def _span(values: Sequence[float], pattern: str) -> str:
    """0.79 to 1.04; 0.80 where both ends read the same."""
    return " to ".join(dict.fromkeys(map(pattern.format, (min(values), max(values)))))


def calls_of(row: Row) -> int:
    """How often the layer of a row runs the engine's all-reduce."""
    return sum(str(row[part]).startswith(STAND_IN) for part in ("gather", "combine"))


def in_graph(row: Row) -> bool:
    return row["graph"] == "on"


def bytes_of(row: Row) -> int:
    """Of the matrix, rounded up to pages of every rank."""
    unit = PAGE * int(row["ranks"])
    of_rows = int(row["rows"]) * int(row["hidden"]) * BF16_BYTES
    return max(1, -(-of_rows // unit)) * unit


def sizes_of(rows: Iterable[Row]) -> dict[str, set[int]]:
    """By launch: bytes at which a graph ran the engine's all-reduce."""
    sizes: dict[str, set[int]] = {}
    for row in rows:
        if calls_of(row) and in_graph(row) and why_no_time(row) is None:
            sizes.setdefault(str(row["launch"]), set()).add(bytes_of(row))
    return sizes


def read_all_reduce(folder: Path, plan: Mapping) -> AllReduce:
    """What decide.sh has timed beside the parts. The engine's own counts where every launch has it
    at all sizes of its steps."""
    rows = [row for part in plan["parts"] for row in read_rows(folder, part) if calls_of(row)]
    sizes = sizes_of(rows)
    if not rows:
        return AllReduce()
    if plan["backend"] != "cuda":
        return AllReduce(why_not="these are times of processor cores")
    if not sizes:
        return AllReduce(why_not="no step is from a CUDA graph")
    try:
        read = {launch: read_calls(folder, launch, own) for launch, own in sizes.items()}
    except ResultsError as why:
        return AllReduce(why_not=str(why))
    [name, *others] = {name for name, _ in read.values()}
    if others:
        return AllReduce(why_not="launches timed different versions of the engine")
    return AllReduce(name, calls={launch: calls for launch, (_, calls) in read.items()})

"""Times of single all-reduces that decide.sh takes in every launch, as chains of calls in a CUDA
graph: the engine's own by bench/micro/serving_anchor.py, our stand-in by bench_collectives."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from moe_results import ResultsError

# What serving_anchor.py says of the engine, and what is said in its place where it does not run.
WITHOUT = "without SGLang: "
VERSION = re.compile(r"^SGLang (\S+)$", re.MULTILINE)
REASON = re.compile(r"^(?:without SGLang|serving_anchor\.py): (.*)$", re.MULTILINE)
TIME = re.compile(r"^(sglang|nccl\.all_reduce)/(\d+) ([\d.]+) us", re.MULTILINE)
TAKES_NCCL = re.compile(r"^sglang/(\d+) chooses NCCL in a graph", re.MULTILINE)
# Of bench_collectives: collective and bytes.
CHAIN = re.compile(r"(all_reduce|all_reduce_engine)/graph/(\d+)/")


class Call(NamedTuple):
    """Microseconds of one call; NCCL's as each of the two programs times it."""

    own: float
    stand_in: float
    nccl_beside_own: float
    nccl_beside_stand_in: float


def anchor_file(folder: Path, launch: str) -> Path:
    return folder / f"anchor-{launch}.txt"


def stand_in_file(folder: Path, launch: str) -> Path:
    return folder / f"stand-in-{launch}.json"


def read_calls(folder: Path, launch: str, sizes: Iterable[int]) -> tuple[str, dict[int, Call]]:
    """The engine, and its calls by bytes, but for those in which it takes NCCL's all-reduce. A
    ResultsError that says why there are none."""
    text = _read_anchor(anchor_file(folder, launch), launch)
    own = {(name, int(size)): float(us) for name, size, us in TIME.findall(text)}
    ours = _read_stand_in(stand_in_file(folder, launch), launch)
    calls = {}
    for size in sorted(set(sizes) - set(map(int, TAKES_NCCL.findall(text)))):
        missing = [name for name, times, call in (
            ("SGLang's", own, "sglang"), ("NCCL's", own, "nccl.all_reduce"),
            ("the stand-in's", ours, "all_reduce_engine"), ("NCCL's", ours, "all_reduce"),
        ) if (call, size) not in times]
        if missing:
            raise ResultsError(f"launch {launch} has no time of {missing[0]} at {size} bytes")
        calls[size] = Call(own["sglang", size], ours["all_reduce_engine", size],
                           own["nccl.all_reduce", size], ours["all_reduce", size])
    return VERSION.search(text)[0], calls


def _read_anchor(file: Path, launch: str) -> str:
    """What it said, if it found the engine."""
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        raise ResultsError(f"launch {launch} did not time the engine's own") from None
    if not VERSION.search(text):
        reason = REASON.search(text)
        raise ResultsError(reason[1] if reason else f"serving_anchor.py failed, see {file.name}")
    return text


def _read_stand_in(file: Path, launch: str) -> dict[tuple[str, int], float]:
    try:
        runs = json.loads(file.read_text(encoding="utf-8"))["benchmarks"]
        return {(found[1], int(found[2])): float(run["real_time"]) for run in runs
                if (found := CHAIN.match(run["name"]))}
    except (OSError, ValueError, KeyError):
        raise ResultsError(f"launch {launch} did not time the stand-in, see stand-in.log") from None

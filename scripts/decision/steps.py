"""What a file of steps says of the engine and of the time of a step, by phase."""

import csv
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from moe_results import ResultsError

PHASES = ("prefill", "decode", "mixed")
ANY = "any"  # of steps none of which says its phase
# Of a phase's steps, those that must say how long they took.
MOST_WITHOUT_TIME = 0.05


@dataclass
class Tally:
    steps: int = 0
    timed: int = 0
    us: float = 0  # of all timed ones

    def step_ms(self) -> float | None:
        """Of a step on average; None where too few say it."""
        if self.timed < (1 - MOST_WITHOUT_TIME) * self.steps or not self.timed:
            return None
        return self.us / self.timed / 1000


@dataclass
class StepsSeen:
    role: str = ""
    engines: dict[str, int] = field(default_factory=dict)  # steps by name, such as sglang-0.5.23
    phases: dict[str, Tally] = field(default_factory=dict)


def scan_steps(path: Path) -> StepsSeen:
    """Rows that cannot be read are left to the program, which names each."""
    seen = StepsSeen()
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            lines = (line for line in file if line.strip())
            for step in _steps(lines, seen):
                _add(step, seen)
    except OSError as error:
        raise ResultsError(f"--steps '{path}': {error.strerror}") from None
    if list(seen.phases) == [""]:
        seen.phases = {ANY: seen.phases[""]}
    return seen


def _steps(lines: Iterator[str], seen: StepsSeen) -> Iterator[dict]:
    first = ""
    for first in lines:
        if not first.startswith("#"):
            break
        words = dict(word.split("=", 1) for word in first[1:].split() if "=" in word)
        seen.role = words.get("role", seen.role)
    if first.startswith("{"):
        for line in itertools.chain([first], lines):
            try:
                step = json.loads(line)
            except ValueError:
                continue
            if isinstance(step, dict):
                yield step
        return
    names = next(csv.reader([first]), [])
    for cells in csv.reader(line for line in lines if not line.startswith("#")):
        yield dict(zip(names, cells))


def _add(step: dict, seen: StepsSeen) -> None:
    try:
        count = int(step.get("count") or 1)
        us = float(step.get("step_us") or 0)
    except (TypeError, ValueError):
        return
    engine = "-".join(filter(None, (step.get("engine"), step.get("version"))))
    phase = step.get("phase") or (seen.role if seen.role in PHASES else "")
    if engine:
        seen.engines[engine] = seen.engines.get(engine, 0) + count
    tally = seen.phases.setdefault(phase, Tally())
    tally.steps += count
    if us > 0:
        tally.timed += count
        tally.us += us * count

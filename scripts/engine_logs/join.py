"""Joins the lines of the ranks into steps."""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from engine_logs.formats import Format
from engine_logs.line import Line
from moe_results import ResultsError

MOST_LEFT_OVER = 0.05  # of all lines


class Place(NamedTuple):
    """Where a step is in the logs, in their order."""

    run: int  # of the engine, from 0 on
    iteration: int


Steps = Mapping[Place, Mapping[int, Line]]  # by rank


class Joined(NamedTuple):
    ranks: int
    runs: int
    steps: list[Mapping[int, Line]]  # by rank; a rank that is not there had nothing to do
    left_over: int  # lines that belong to no step


class Runs:
    """Tells an engine's runs apart, each of which counts its iterations anew: a rank's next one
    begins with an iteration that its last one had."""

    def __init__(self) -> None:
        self.run: dict[int, int] = defaultdict(int)  # by rank
        self.seen: dict[int, set[int]] = defaultdict(set)  # iterations of that run
        self.last: dict[int, int] = {}

    def place_of(self, line: Line) -> Place | None:
        """None for a line that does not say where it belongs, or says what the one before says."""
        rank, iteration = line.rank, line.iteration
        if rank is None or iteration is None or self.last.get(rank) == iteration:
            return None
        if iteration in self.seen[rank]:
            self.run[rank] += 1
            self.seen[rank].clear()
        self.seen[rank].add(iteration)
        self.last[rank] = iteration
        return Place(self.run[rank], iteration)


def join(lines: Iterable[Line], form: Format) -> Joined:
    """The steps in the order of their runs and iterations. A ResultsError where too many lines are
    left over: the steps would not be those of the engine."""
    by_place: dict[Place, dict[int, Line]] = defaultdict(dict)
    runs = Runs()
    total = left_over = 0
    for line in lines:
        total += 1
        place = runs.place_of(line)
        if place is None or line.rank is None:
            left_over += 1
        else:
            by_place[place][line.rank] = line
    if total == 0:
        raise ResultsError(f"no line of an iteration; needed: {form.needs}")
    if total == left_over:
        raise ResultsError(f"none of {total} lines says rank and iteration; needed: {form.needs}")
    ranks = 1 + max(rank for step in by_place.values() for rank in step)
    if not form.every_rank:
        check_gaps(by_place, form)
    steps: list[Mapping[int, Line]] = []
    for _, step in sorted(by_place.items()):
        if form.every_rank and len(step) < ranks:
            left_over += len(step)
        elif any(line.prefill_tokens + line.decode_count for line in step.values()):
            steps.append(step)
    if left_over > MOST_LEFT_OVER * total:
        raise ResultsError(f"{left_over} of {total} lines join no others, more than "
                           f"{MOST_LEFT_OVER:.0%}; needed: {form.needs}")
    return Joined(ranks, 1 + max(place.run for place in by_place), steps, left_over)


def check_gaps(steps: Steps, form: Format) -> None:
    """Refuses logs in which busy ranks leave out steps: they would be taken for idle."""
    of_rank: dict[int, list[Place]] = defaultdict(list)
    for place, step in sorted(steps.items()):
        for rank in step:
            of_rank[rank].append(place)
    for rank, places in of_rank.items():
        gaps = [b.iteration - a.iteration for a, b in zip(places, places[1:]) if a.run == b.run]
        gap = statistics.median(gaps) if gaps else 1
        if gap > 1:
            raise ResultsError(f"lines of rank {rank} are {gap:g} iterations apart, not 1; needed: "
                               f"{form.needs}")

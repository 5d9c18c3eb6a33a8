"""Joins the lines of the ranks into steps."""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from engine_logs.formats import Format
from engine_logs.line import Line
from moe_results import ResultsError

MOST_LEFT_OVER = 0.05  # of all lines


class Joined(NamedTuple):
    ranks: int
    steps: list[dict[int, Line]]  # by rank; a rank that is not there had nothing to do
    left_over: int  # lines that belong to no step


def join(lines: Iterable[Line], form: Format) -> Joined:
    """The steps in the order of their iterations. A ResultsError where too many lines are left over:
    the steps would not be those of the engine."""
    by_iteration: dict[int, dict[int, Line]] = defaultdict(dict)
    total = left_over = 0
    for line in lines:
        total += 1
        if line.rank is None or line.iteration is None or line.rank in by_iteration[line.iteration]:
            left_over += 1
        else:
            by_iteration[line.iteration][line.rank] = line
    if total == left_over:
        raise ResultsError(f"none of {total} lines says rank and iteration; needed: {form.needs}")
    ranks = 1 + max(rank for step in by_iteration.values() for rank in step)
    if not form.every_rank:
        check_gaps(by_iteration, form)
    steps = []
    for _, step in sorted(by_iteration.items()):
        if form.every_rank and len(step) < ranks:
            left_over += len(step)
        elif any(line.prefill_tokens + line.decode_count for line in step.values()):
            steps.append(step)
    if left_over > MOST_LEFT_OVER * total:
        raise ResultsError(f"{left_over} of {total} lines join no others, more than "
                           f"{MOST_LEFT_OVER:.0%}; needed: {form.needs}")
    return Joined(ranks, steps, left_over)


def check_gaps(by_iteration: Mapping[int, Mapping[int, Line]], form: Format) -> None:
    """Refuses logs in which busy ranks leave out steps: they would be taken for idle."""
    of_rank: dict[int, list[int]] = defaultdict(list)
    for iteration, step in sorted(by_iteration.items()):
        for rank in step:
            of_rank[rank].append(iteration)
    for rank, iterations in of_rank.items():
        if len(iterations) < 2:
            continue
        gap = statistics.median(b - a for a, b in zip(iterations, iterations[1:]))
        if gap > 1:
            raise ResultsError(f"lines of rank {rank} are {gap:g} iterations apart, not 1; needed: "
                               f"{form.needs}")

"""What a launch did to all strategies of a case alike, such as a neighbour on the machine."""

import math
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from statistics import median

from moe_results import Row, why_no_time

# Of fewer, one that has changed by itself would move the median that stands for all.
FEWEST_STRATEGIES = 4

Launch = tuple[int, Hashable, Hashable]


def without_shared_noise(
    baseline: Sequence[Row], new: Sequence[Row], columns: Iterable[str], key: Sequence[str]
) -> list[list[Row]]:
    """Both arms with every time divided by its launch's factor: the median, over the strategies of
    the case, of how far each was from its own median over the launches of both arms. Launches may
    still be exchanged if nothing changed, so that an exact test stays exact. Cases of fewer than
    FEWEST_STRATEGIES are left as they are."""
    arms = [[dict(row) for row in rows] for rows in (baseline, new)]
    case = [name for name in key if name != "combine"]
    for column in columns:
        cases: dict[tuple, list[tuple[Launch, Row]]] = defaultdict(list)
        for arm, rows in enumerate(arms):
            for row in rows:
                if why_no_time(row) is None and row[column] > 0:
                    launch = (arm, row["run_id"], row["launch"])
                    cases[tuple(str(row[name]) for name in case)].append((launch, row))
        for timed in cases.values():
            _divide(timed, column)
    return arms


def _divide(timed: Sequence[tuple[Launch, Row]], column: str) -> None:
    usual: dict[Hashable, list[float]] = defaultdict(list)
    for _, row in timed:
        usual[row["combine"]].append(math.log(row[column]))
    if len(usual) < FEWEST_STRATEGIES:
        return
    level = {combine: median(times) for combine, times in usual.items()}
    apart: dict[Launch, list[float]] = defaultdict(list)
    for launch, row in timed:
        apart[launch].append(math.log(row[column]) - level[row["combine"]])
    factor = {launch: math.exp(median(values)) for launch, values in apart.items()}
    for launch, row in timed:
        row[column] /= factor[launch]

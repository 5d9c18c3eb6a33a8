"""What else ran on the machine while a cell was measured: why it gets no verdict."""

import math
from collections.abc import Iterable
from statistics import median

from moe_results import Row

# Of the time of a case: waited for a processor, or put off one.
MOST_DISTURBED_PCT = 5
SHARED = "shared_machine"
SHARED_TEXT = "other programs were on the device"


def doubt_of(*arms: Iterable[Row]) -> str:
    """Why the times of a cell may be another program's doing, or "". One launch on a shared
    machine is enough. Of disturbed ones the median has to be above MOST_DISTURBED_PCT in an arm: it
    is the median of the launches that is compared."""
    arms = [list(rows) for rows in arms]
    if any(row["claim"] == SHARED for rows in arms for row in rows):
        return SHARED_TEXT
    most = max(map(_disturbed_pct, arms), default=0.0)
    if most > MOST_DISTURBED_PCT:
        return f"disturbed for {most:.3g} % of the time"
    return ""


def _disturbed_pct(rows: Iterable[Row]) -> float:
    known = [row["disturbed_pct"] for row in rows if not math.isnan(row["disturbed_pct"])]
    return median(known) if known else 0.0

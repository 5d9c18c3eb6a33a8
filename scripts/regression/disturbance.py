"""What else ran on the machine while a cell was measured: why it gets no verdict."""

import math
from collections.abc import Iterable, Sequence
from statistics import median

from moe_results import DISTURBED, SHARED_MACHINE, Row, is_of_most, lacks_verdict

SHARED_TEXT = "other programs were on the device"


def doubt_of(*arms: Sequence[Row]) -> str:
    """Why the times of a cell may be another program's doing, or "". One launch on a shared
    machine is enough. Most launches of an arm have to be disturbed: it is their median that is
    compared."""
    if any(lacks_verdict(row, SHARED_MACHINE) for rows in arms for row in rows):
        return SHARED_TEXT
    disturbed = [_disturbed_pct(rows) for rows in arms if is_of_most(rows, DISTURBED)]
    return f"disturbed for {max(disturbed):.3g} % of the time" if disturbed else ""


def _disturbed_pct(rows: Iterable[Row]) -> float:
    known = [row["disturbed_pct"] for row in rows if not math.isnan(row["disturbed_pct"])]
    return median(known or [math.nan])

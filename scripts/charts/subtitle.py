"""What stands around the panels of every chart: the case, the launches, what was left out."""

from collections.abc import Iterable

import pandas as pd

import moe_results
from charts.format import values_of
from charts.style import style_order
from moe_results import FUNCTIONAL, PLANTED, SHARED_MACHINE
from reference import ENGINE_FORM

CLAIM_TEXT = {
    "interconnect": "claim: interconnect (one rank for each GPU or core, real links)",
    "memory": "claim: memory (one shared memory: not an interconnect's numbers)",
    SHARED_MACHINE: "shared_machine: other programs were on the device, times say nothing about"
                    " strategies",
    FUNCTIONAL: "functional: ranks > cores, times say nothing about speed",
}
SHARED_GPU = "functional: ranks share a GPU, times say nothing about an interconnect"


def claim_text(claim: str, backends: Iterable[str]) -> str:
    """What the numbers are for, of rows with one claim, by the backends that they are of."""
    shared = claim == FUNCTIONAL and set(backends) == {"cuda"}
    return SHARED_GPU if shared else CLAIM_TEXT[claim]


def reference_text(combine: str) -> str:
    """What speed-ups are over, in the words of a sentence."""
    return "the engines' all-reduce" if combine == ENGINE_FORM else "the baseline"


def reference_of(rows: pd.DataFrame) -> str:
    """Of rows of several the one word for all; the subtitle names them."""
    texts = {reference_text(combine) for combine in rows[moe_results.AGAINST]}
    return texts.pop() if len(texts) == 1 else "the baseline"


def subtitle_of(rows: pd.DataFrame) -> list[str]:
    def listed(column: str) -> str:
        values = values_of(rows, column)
        return ", ".join(values) if len(values) <= 4 else f"{values[0]} to {values[-1]}"

    columns = [
        ("device", "ranks", "hosts", "ranks_per_device", "backend", "transport"),
        ("model", "hidden", "dtype", "dp", "ep", "gather", "padding", "graph", "cache", "mode",
         moe_results.AGAINST),
    ]
    if set(rows["skew_us"]) != {"0"}:
        columns.append(("skew_us",))
    if set(rows["sms"]) != {"default"}:
        columns.append(("sms",))
    if set(rows["beside"]) != {"none"}:
        columns.append(("beside",))
    if set(rows["steps_source"]) != {""}:
        columns.append(("steps_source",))
    lines = [
        " · ".join(f"{name.replace('_', ' ')} {listed(name)}" for name in names if listed(name))
        for names in columns
    ]
    return [*lines, launches_text(rows)]


def launches_text(rows: pd.DataFrame) -> str:
    fewest, most = rows["launch_count"].min(), rows["launch_count"].max()
    if most == 1:
        return "one launch: intervals hold within this launch only"
    number = f"{most}" if fewest == most else f"{fewest} to {most}"
    if moe_results.order_statistic_rank(fewest):
        return f"{number} launches: medians and 95 % intervals over launches"
    return f"{number} launches: medians over launches, bars span the launches' own intervals"


def why_left_out(row: moe_results.Row) -> str | None:
    if moe_results.lacks_verdict(row, PLANTED):
        return f"planted slow-down of {row['planted_pct']:g} %, never a result"
    return moe_results.why_no_time(row)


def left_out_notes(rows: list[moe_results.Row]) -> list[str]:
    """One note for each reason, with the strategies it concerns."""
    reasons: dict[str, list[str]] = {}
    for row in rows:
        reason = why_left_out(row)
        if reason is not None:
            reasons.setdefault(reason, []).append(str(row["combine"]))
    notes = []
    for reason, strategies in sorted(reasons.items()):
        names = sorted(set(strategies), key=style_order)
        who = ", ".join(names) if len(names) <= 3 else f"{len(names)} strategies"
        count = f"{len(strategies)} row{'s' if len(strategies) > 1 else ''}"
        notes.append(f"left out: {who}: {reason} ({count})")
    return notes

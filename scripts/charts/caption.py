"""What stands below the panels of every chart: the case, the launches, what was left out."""

from collections.abc import Iterable

import pandas as pd

import moe_results
from charts.format import count_text, sentence, values_of
from charts.style import style_order
from moe_results import AGAINST, FUNCTIONAL, NO_VERDICT, PLANTED, SHARED_MACHINE
from reference import ENGINE_FORM

CLAIM_TEXT = {
    "interconnect": "claim: interconnect (one rank for each GPU or core, real links)",
    "memory": "claim: memory (one shared memory: not an interconnect's numbers)",
    SHARED_MACHINE: "shared_machine: other programs were on the device, times say nothing about"
                    " strategies",
    FUNCTIONAL: "functional: ranks > cores, times say nothing about speed",
}
# The columns that say what was measured.
CASE = (
    "device", "ranks", "hosts", "ranks_per_device", "backend", "transport", "model", "hidden",
    "dtype", "dp", "ep", "gather", "padding", "graph", "cache", "mode", AGAINST, "skew_us", "sms",
    "beside", "steps_source",
)
# The library whose all-reduce the usual baseline calls, by the backend.
BASELINE, LIBRARIES = "all_reduce_dp_scatter", {"cuda": "NCCL", "host": "MPI"}
SHARED_GPU = "functional: ranks share a GPU, times say nothing about an interconnect"


def claim_text(claim: str, backends: Iterable[str]) -> str:
    """What the numbers are for, of rows with one claim, by the backends that they are of."""
    shared = claim == FUNCTIONAL and set(backends) == {"cuda"}
    return SHARED_GPU if shared else CLAIM_TEXT[claim]


def reference_text(combine: str, backend: str) -> str:
    """What speed-ups are over, in the words of a sentence."""
    if combine == ENGINE_FORM:
        return "the engine's own all-reduce + dp_scatter"
    if combine == BASELINE and backend in LIBRARIES:
        return f"{LIBRARIES[backend]}'s all-reduce + dp_scatter"
    return combine or "the baseline"


def reference_of(rows: pd.DataFrame) -> str:
    """Of rows of several the one word for all; the caption names them."""
    texts = {reference_text(*both) for both in zip(rows[AGAINST], rows["backend"])}
    return texts.pop() if len(texts) == 1 else "the baseline"


def caption_of(rows: pd.DataFrame, claim: str) -> list[str]:
    """Paragraphs: what the numbers may claim, and the case. Settings as usual are not named."""
    usual = {"skew_us": "0", "sms": "default", "beside": "none"}
    names = [name for name in CASE if set(rows[name]) != {usual.get(name)}]
    case = "; ".join(f"{name.replace('_', ' ')} {some_of(values)}" for name in names
                      if (values := values_of(rows, name)))
    launches = launches_text(rows)
    if claim in NO_VERDICT:  # Then it is the headline.
        return [f"{sentence(launches)}.", case]
    return [f"{sentence(claim_text(claim, rows['backend']))}; {launches}.", case]


def some_of(values: list[str]) -> str:
    return ", ".join(values) if len(values) <= 4 else f"{values[0]} to {values[-1]}"


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
        notes.append(f"left out: {who}: {reason} ({count_text(len(strategies), 'row')})")
    return notes

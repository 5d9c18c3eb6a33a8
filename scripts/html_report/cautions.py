"""What a reader has to know before believing the numbers of a set."""

from collections.abc import Iterator, Sequence

from charts.caption import claim_text, left_out_notes
from charts.format import count_text
from html_report.cells import Cell
from moe_results import DISTURBED, NO_VERDICT, Row, lacks_verdict, order_statistic_rank
from reference import is_timed

WIDE_PCT = 10  # Of the median, the width of an interval from which on it is called wide.
# Expert kernels that are as fast as an engine's; layers with others take longer than there.
TUNED = {"blas_f32", "grouped_gemm_sm90"}
FLAGS = {
    "throttled": "the GPU's clock was held back",
    "above_limit": "faster than the calibrated limit, so that limit is no bound there",
}


def cautions_of(
    rows: Sequence[Row], runs: dict[str, dict], cells: Sequence[Cell]
) -> list[str]:
    timed = [row for row in rows if is_timed(row)]
    return [*_of_claims(timed), *_of_intervals(cells), *_of_rows(timed), *_of_runs(rows, runs),
            *left_out_notes(rows)]


def _of_claims(rows: Sequence[Row]) -> Iterator[str]:
    """Oversubscribed cores, a shared GPU, other programs on it: no verdict."""
    for claim in NO_VERDICT:
        weak = [row for row in rows if row["claim"] == claim]
        if weak:
            text = claim_text(claim, {str(row["backend"]) for row in weak})
            yield f"no verdict from {count_text(len(weak), 'row')}: {text}"


def _of_intervals(cells: Sequence[Cell]) -> Iterator[str]:
    launches = [cell.over_engine["launch_count"] for cell in cells]
    once, few = launches.count(1), sum(not order_statistic_rank(count) for count in launches)
    points = count_text(len(cells), "point")
    if once:
        yield (f"{once} of {points} are of one launch: launches differ by more than the intervals"
               " within one")
    if few > once:
        yield (f"{few - once} of {points} are of 2 to 5 launches: too few for an interval over"
               " launches, bars span theirs")
    wide = sum(_is_wide(cell.over_engine) for cell in cells)
    if wide:
        yield f"wide intervals: more than {WIDE_PCT} % of the median in {wide} of {points}"
    disturbed = sum(lacks_verdict(cell.over_engine, DISTURBED) for cell in cells)
    if disturbed:
        yield f"not resolved, for others had a rank's core: {disturbed} of {points}"


def _is_wide(row: Row) -> bool:
    width = row["output_us_high"] - row["output_us_low"]
    return width > WIDE_PCT / 100 * row["output_us_median"]


def _of_rows(rows: Sequence[Row]) -> Iterator[str]:
    """Columns that older files lack count as empty."""
    kernels = {kernel for row in rows if row["layer_us_median"] > 0
               for kernel in str(row.get("experts_kernel", "")).split(";") if kernel}
    if kernels - TUNED:
        yield (f"expert kernel not tuned for this device ({', '.join(sorted(kernels - TUNED))}):"
               " layer times are longer than an engine's")
    for flag, meaning in FLAGS.items():
        count = sum(flag in str(row.get("flags", "")).split(";") for row in rows)
        if count:
            yield f"{meaning}: {count_text(count, 'row')}"
    unchecked = sum(row["verified"] != "true" for row in rows)
    if unchecked:
        yield f"not verified: {count_text(unchecked, 'row')}"
    if any(str(row["steps_source"]).startswith("synthetic") for row in rows):
        yield "synthetic traffic: steps of a model of a scheduler, not of a log"


def _of_runs(rows: Sequence[Row], runs: dict[str, dict]) -> Iterator[str]:
    without = {row["run_id"] for row in rows} - set(runs)
    if without:
        yield f"no provenance of {count_text(len(without), 'run')}: no results.json beside the rows"
    if any(run.get("git_dirty") for run in runs.values()):
        yield "built from files that differ from their revision"

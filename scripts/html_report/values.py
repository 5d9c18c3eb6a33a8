"""What the page knows of one cell: the columns of its table and what its charts draw."""

import math

from charts.style import PHASES
from crossovers.series import verdict_of
from html_report.cells import Cell, Key
from html_report.samples import NAMES
from moe_results import CELL, Row
from reference import ratio

BYTES = {"bf16": 2, "f16": 2, "f32": 4}
# Columns of the table, behind those of the setting.
TABLE = (
    "tokens", "combine", "output_us", "over_engine", "verdict", "over_baseline", "layer_us",
    "busbw_gbps", "launches", "engine_path", "variant",
)

Quantiles = dict[Key, dict[str, float]]


def values_of(cell: Cell, quantiles: Quantiles) -> dict[str, object]:
    engine, baseline = cell.over_engine, cell.over_baseline
    row_bytes = int(engine["hidden"]) * BYTES.get(str(engine["dtype"]), math.nan)
    limit = ratio(engine["combine_us_median"], engine["contract_limit_us"])
    key = tuple(baseline[name] for name in CELL)
    return {
        "combine": cell.combine,
        "tokens": cell.tokens,
        "bytes": int(engine["rows"] or cell.tokens) * row_bytes,
        "output_us": engine["output_us_median"],
        "output_us_low": engine["output_us_low"],
        "output_us_high": engine["output_us_high"],
        **interval("over_engine", engine, "speedup_output"),
        **interval("over_baseline", baseline, "speedup_output"),
        **interval("layer_over_engine", engine, "speedup_layer"),
        **interval("layer_over_baseline", baseline, "speedup_layer"),
        "verdict": "reference" if cell.is_reference else verdict_of(engine),
        "layer_us": engine["layer_us_median"],
        "busbw_gbps": engine["busbw_gbps"],
        "limit_gbps": engine["busbw_gbps"] * limit,
        "launches": engine["launch_count"],
        "engine_path": engine["engine_path"],
        "variant": engine["variant"],
        **phases_of(engine),
        **quantiles.get(key, dict.fromkeys(NAMES, math.nan)),
    }


def interval(name: str, row: Row, column: str) -> dict[str, object]:
    return {f"{name}{end}": row[f"{column}{end}"] for end in ("", "_low", "_high")}


def phases_of(row: Row) -> dict[str, float]:
    """A fused strategy has no combine of its own: it is its output step, local combine included."""
    phases = {name: row[name] for name in PHASES}
    if math.isnan(row["combine_us_median"]) and any(value > 0 for value in phases.values()):
        phases |= {"combine_us_median": row["output_us_median"], "local_combine_us_median": 0.0}
    return phases

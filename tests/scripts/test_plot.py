"""Tests of scripts/plot.py, from the command line down to the text and colours of the SVGs."""

import csv
import math
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
sys.path.insert(0, str(SCRIPTS))

import moe_results  # noqa: E402
import plot  # noqa: E402

HEADER = (
    "schema_version run_id launch case_id backend device claim transport hosts ranks"
    " ranks_per_device model hidden experts top_k intermediate shared_intermediate scale_experts"
    " tokens load tokens_per_rank routing phase padding rows dp attn_tp ep moe_tp gather combine"
    " variant dtype graph scope cache mode layers epilogue seed planted_pct sglang_path"
    " is_baseline verified rms_error obstacle samples stop_reason layer_us_median layer_us_low"
    " layer_us_high layer_us_min layer_us_p95 layer_us_p99 output_us_median output_us_low"
    " output_us_high combine_us_median combine_us_low combine_us_high gather_us_median"
    " route_us_median permute_us_median experts_us_median local_combine_us_median"
    " shared_us_median wait_us_median arrival_spread_us_median instrumentation_pct speedup_layer"
    " speedup_layer_low speedup_layer_high speedup_output speedup_output_low speedup_output_high"
    " speedup_combine speedup_combine_low speedup_combine_high link_bytes_per_rank"
    " memory_bytes_per_rank launches sms algbw_gbps busbw_gbps contract_limit_us limit_us"
    " pct_of_limit tokens_per_s"
).split()

BASELINE = "all_reduce_dp_scatter"
NATIVE = "reduce_scatterv_native"
# Speed-up of the output step at (16, 1024) tokens; between them it grows with log tokens.
GAINS = {
    BASELINE: (1.0, 1.0),
    "all_reduce_slice": (1.05, 1.12),
    "reduce_scatterv_grouped": (0.82, 1.45),
    NATIVE: (0.97, 1.81),
}
SETTINGS = {
    "schema_version": 1, "run_id": "r1", "launch": 0, "case_id": "c", "backend": "host",
    "device": "EPYC 7763", "claim": "interconnect", "transport": "shared memory", "hosts": 1,
    "ranks": 8, "ranks_per_device": 1, "model": "custom", "hidden": 1024, "experts": 16,
    "top_k": 4, "intermediate": 512, "shared_intermediate": 512, "scale_experts": 1,
    "routing": "uniform", "padding": "sum_len", "dp": 8, "attn_tp": 1, "ep": 8, "moe_tp": 1,
    "gather": "all_reduce_zero_fill", "dtype": "bf16", "graph": "off", "scope": "layer",
    "cache": "weights_cold", "mode": "isolated", "layers": 1, "epilogue": "none", "seed": 1,
    "planted_pct": 0, "verified": "true", "samples": 40, "stop_reason": "ci",
}  # fmt: skip

Row = dict[str, object]


def timed(combine: str, tokens: int, load: str, speedup: float, **changes: object) -> Row:
    """A plausible row: the baseline's output step costs 40 us and 0.8 us for each token."""
    output = (40 + 0.8 * tokens) / speedup
    baseline = 40 + 0.8 * tokens
    experts = 60 + 2.2 * tokens * (1.6 if load == "hot" else 1)
    other = 20 + 0.4 * tokens + experts
    layer_speedup = (other + baseline) / (other + output)
    row = SETTINGS | {
        "combine": combine, "tokens": tokens, "load": load, "rows": tokens,
        "is_baseline": "true" if combine == BASELINE else "false",
        "gather_us_median": 8 + 0.3 * tokens, "route_us_median": 4 + 0.02 * tokens,
        "permute_us_median": 5 + 0.05 * tokens, "experts_us_median": experts,
        "shared_us_median": 3 + 0.08 * tokens, "local_combine_us_median": 0.2 * output,
        "combine_us_median": 0.8 * output, "wait_us_median": 6.0, "instrumentation_pct": 1.5,
    }  # fmt: skip
    width = 0.02 if combine != BASELINE else 0.0
    for stem, value, spread in (
        ("speedup_output", speedup, width), ("speedup_layer", layer_speedup, width),
    ):  # fmt: skip
        row |= {stem: value, f"{stem}_low": value - spread, f"{stem}_high": value + spread}
    for stem, value in (("output_us", output), ("layer_us", other + output)):
        row |= {f"{stem}_median": value, f"{stem}_low": 0.97 * value, f"{stem}_high": 1.03 * value}
    return row | changes


def sweep(
    gains: dict[str, tuple[float, float]] = GAINS,
    tokens: Iterable[int] = (16, 64, 256, 1024),
    loads: Iterable[str] = ("balanced", "hot"),
    **changes: object,
) -> list[Row]:
    def speedup(strategy: str, count: int) -> float:
        low, high = gains[strategy]
        share = math.log2(max(count, 1) / 16) / 6
        return max(0.05, low + (high - low) * share)

    return [
        timed(strategy, count, load, speedup(strategy, count), **changes)
        for load in loads
        for count in tokens
        for strategy in gains
    ]


def write_csv(file: Path, rows: Iterable[Row], header: Iterable[str] = HEADER) -> Path:
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, header, restval="", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return file

"""Rows of sweeps that were never measured, for charts."""

import math
from collections.abc import Iterable

BASELINE = "all_reduce_dp_scatter"
NATIVE = "reduce_scatterv_native"
MPI = "MPI's all-reduce + dp_scatter"  # What charts call that baseline on cores.
ALL_REDUCES = (BASELINE, "all_reduce_slice")
# Speed-up of the output step at (16, 1024) tokens; between them it grows with log tokens.
GAINS = {
    BASELINE: (1.0, 1.0),
    "all_reduce_slice": (1.05, 1.12),
    "reduce_scatterv_grouped": (0.82, 1.45),
    NATIVE: (0.97, 1.81),
}
SETTINGS = {
    "schema_version": 1, "run_id": "r1", "launch": 0, "backend": "host",
    "device": "EPYC 7763", "claim": "interconnect", "transport": "shared memory", "hosts": 1,
    "ranks": 8, "ranks_per_device": 1, "model": "custom", "hidden": 1024, "experts": 16,
    "top_k": 4, "intermediate": 512, "shared_intermediate": 512, "scale_experts": 1,
    "routing": "uniform", "padding": "sum_len", "dp": 8, "attn_tp": 1, "ep": 8, "moe_tp": 1,
    "gather": "all_reduce_zero_fill", "dtype": "bf16", "graph": "off", "scope": "layer",
    "cache": "cold_weights", "mode": "isolated", "layers": 1, "epilogue": "none", "seed": 1,
    "planted_pct": 0, "scoring": "softmax", "shared_gate": "false", "verified": "true",
    "samples": 40, "stop_reason": "ci",
}

# What a case_id is made of here.
CASE = ("model", "hidden", "load", "tokens", "dtype", "graph", "sms", "padding", "claim")

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
        "form": "all_reduce" if combine in ALL_REDUCES else "reduce_scatter",
        "is_baseline": "true" if combine == BASELINE else "false",
        "gather_us_median": 8 + 0.3 * tokens, "route_us_median": 4 + 0.02 * tokens,
        "permute_us_median": 5 + 0.05 * tokens, "experts_us_median": experts,
        "shared_us_median": 3 + 0.08 * tokens, "local_combine_us_median": 0.2 * output,
        "combine_us_median": 0.8 * output, "wait_us_median": 6.0, "instrumentation_pct": 1.5,
        "busbw_gbps": 0.5 * tokens / output, "contract_limit_us": 0.1 * baseline,
    }
    width = 0.02 if combine != BASELINE else 0.0
    for stem, value, spread in (
        ("speedup_output", speedup, width), ("speedup_layer", layer_speedup, width),
    ):
        row |= {stem: value, f"{stem}_low": value - spread, f"{stem}_high": value + spread}
    for stem, value in (("output_us", output), ("layer_us", other + output)):
        row |= {f"{stem}_median": value, f"{stem}_low": 0.97 * value, f"{stem}_high": 1.03 * value}
    row |= changes
    return {"case_id": " ".join(str(row.get(name)) for name in CASE)} | row


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

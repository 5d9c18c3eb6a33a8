"""Results as `case-attempt` documents of CollectiveX, SemiAnalysis InferenceX's benchmark of
expert-parallel communication: one document for each launch, strategy, phase and setting, with a row
for each point of its ladder of tokens.

The schema was read in SemiAnalysisAI/InferenceX, experimental/CollectiveX/bench/ep_results.py and
ep_case.py at 850d65ea228550dff0cde2736e868d7cf63bdfb7, and in its consumers: summarize.py there, and
SemiAnalysisAI/InferenceX-app, packages/app/src/components/collectivex/reader.ts at
0033e2843fbcd498b4d4855a8ad1777eefe98b94. What our results do not know is null, unavailable or empty
here, never made up; what CollectiveX has no field for is under `bench_moe_comm`.
"""

import hashlib
import json
import math
import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from typing import Any

from exports.samples import Samples
from moe_results import AGAINST, SETTINGS, Row, why_no_time

VERSION = 1
PERCENTS = (50, 90, 95, 99)
LAST_DECODE = 512  # tokens of a rank; CollectiveX's ladders are 1 to 512, then 1024 to 8192
BYTES = {"bf16": 2, "f16": 2, "f32": 4}

# How a sample was reduced over the ranks, by the column mode; CollectiveX's own, where ranks' longest
# duration counts, is called "measured".
ORIGIN = {"isolated": "latest-exit-minus-latest-arrival", "chained": "cuda-graph-replay",
          "pipelined": "mean-of-pipelined-burst"}
GATHER_ORIGIN = "median-of-marked-steps-on-the-critical-rank"
UNAVAILABLE = {"availability": "unavailable", "origin": None, "percentiles_us": None,
               "sample_count": 0}

UNKNOWN = {f"p{percent}": None for percent in PERCENTS}

# Settings that a document says by CollectiveX's names, in its case_id.
NAMED = ("model", "device", "gather", "graph", "ep", "routing", "dtype")

Document = dict[str, Any]


def documents(rows: Iterable[Row], samples: Samples, runs: dict[str, Any]) -> list[Document]:
    """Rows that were slowed down on purpose are no results, and make none."""
    attempts: dict[tuple, list[Row]] = {}
    for row in rows:
        if tokens_of(row) is None or row["planted_pct"] > 0:
            continue
        key = ("run_id", "combine", "load", "claim", *SETTINGS)
        attempts.setdefault((phase_of(row), *(row[name] for name in key)), []).append(row)
    return [document(attempt, samples, runs.get(attempt[0]["run_id"], {}))
            for attempt in attempts.values() if any(was_run(row) for row in attempt)]


def tokens_of(row: Row) -> int | None:
    """Tokens of a DP rank, the mean of an uneven load; nothing where they are no whole number, for
    which a ladder has no place."""
    tokens, rest = divmod(int(row["tokens"]), int(row["dp"]))
    return tokens if tokens > 0 and rest == 0 else None


def phase_of(row: Row) -> str:
    """By the ladders where the row does not say it."""
    by_ladder = "decode" if (tokens_of(row) or 0) <= LAST_DECODE else "prefill"
    return str(row["phase"]) or by_ladder


def was_run(row: Row) -> bool:
    return why_no_time(row) is None or row["verified"] == "false"


def slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def case_id(sku: str, case: Document) -> str:
    parts = (sku, case["backend"], case["workload"], case["mode"], case["phase"],
             f"ep{case['ep']}", case["routing"], case["precision"])
    return "-".join(slug(part) for part in parts)


def topology_of(row: Row) -> Document:
    hosts, ranks = int(row["hosts"]), int(row["ranks"])
    within, across = (row["transport"], None) if hosts == 1 else (None, row["transport"])
    return {
        "gpus_per_node": ranks // hosts, "nodes": hosts, "scale_up_domain": ranks // hosts,
        "scale_up_transport": within, "scale_out_transport": across,
        "scope": "scale-up" if hosts == 1 else "scale-out",
        "topology_class": slug(f"{row['device']}-{row['transport']}"),
        "transport": row["transport"],
    }


def case_of(row: Row, ladder: Sequence[int]) -> Document:
    """The factors of the case_id. A workload is named by its model and a hash of the settings that
    the id says nothing of, so that two cases never share an id."""
    hidden = {name: row[name] for name in (*SETTINGS, "claim")
              if name not in (*NAMED, AGAINST, "phase")}
    digest = hashlib.sha256(json.dumps(hidden, sort_keys=True).encode()).hexdigest()[:8]
    load = "" if row["load"] == "balanced" else f"-{row['load']}"
    return {
        "backend": f"{row['gather']}+{row['combine']}",
        "ep": int(row["ep"]), "experts": int(row["experts"]), "hidden": int(row["hidden"]),
        "ladder": " ".join(map(str, ladder)),
        "mode": "normal-graph" if row["graph"] == "on" else "normal",
        "phase": phase_of(row), "precision": row["dtype"], "routing": f"{row['routing']}{load}",
        "suite": "bench-moe-comm", "topk": int(row["top_k"]),
        "workload": f"{row['model']}-{digest}",
        **topology_of(row),
    }


def nearest_rank(ordered: Sequence[float], percent: int) -> float:
    return ordered[math.ceil(percent / 100 * len(ordered)) - 1]


def component(samples: Sequence[float], median: float, origin: str) -> Document:
    """From samples all percentiles, else the median alone."""
    if not samples and math.isnan(median):
        return UNAVAILABLE
    ordered = sorted(samples)
    known = {f"p{percent}": nearest_rank(ordered, percent) for percent in PERCENTS if ordered}
    return {"availability": "measured", "origin": origin,
            "percentiles_us": known or UNKNOWN | {"p50": median},
            "sample_count": len(ordered) or None}


def components_of(row: Row, samples: Samples) -> Document:
    """dispatch is the gather and combine the exchange; output and layer, which CollectiveX lacks,
    are the regions of those names. A pair of dispatch and combine alone is not measured: roundtrip
    keeps its percentiles, all null, since CollectiveX's summary looks into them."""
    def region(kind: str) -> Document:
        key = (row["run_id"], row["case_id"], row["combine"], kind)
        return component(samples.get(key, ()), row[f"{kind}_us_median"], ORIGIN[str(row["mode"])])

    dispatch = component((), row["gather_us_median"], GATHER_ORIGIN)
    return {"combine": region("combine"), "dispatch": dispatch, "isolated_sum": UNAVAILABLE,
            "layer": region("layer"), "output": region("output"), "pair_period": UNAVAILABLE,
            "roundtrip": UNAVAILABLE | {"percentiles_us": UNKNOWN}, "stage": UNAVAILABLE}


def point_of(row: Row, samples: Samples) -> Document:
    """Every rank receives every row, and has a partial sum of each: that is what the wire bytes
    count. Payload by the routing's fan-out is not known, so `byte_provenance` is empty."""
    rows, ranks = int(row["rows"] or row["tokens"]), int(row["ranks"])
    moved = rows * ranks * int(row["hidden"]) * BYTES[str(row["dtype"])]
    one_way = {"activation_data_bytes": moved, "scale_bytes": 0, "total_logical_bytes": moved}
    return {
        "tokens_per_rank": tokens_of(row),
        "global_tokens": int(row["tokens"]),
        "components": components_of(row, samples),
        "correctness": {"passed": row["verified"] == "true", "max_relative_error": None},
        "byte_provenance": {},
        "wire_byte_provenance": {"combine": one_way, "dispatch": one_way},
        "logical_copies": {"routed": None, "assignments": int(row["tokens"]) * int(row["top_k"]),
                           "wire": "every-rank"},
        "receive": {"max": rows, "mean": rows, "min": rows, "total": rows * ranks},
        "routing": {},
        "token_rate_at_latency_percentile": UNKNOWN,
        "bench_moe_comm": {
            "case_id": row["case_id"],
            "tokens_of_dp_ranks": [int(part) for part in str(row["tokens_per_rank"]).split(";")
                                   if part],
            "speedup_output": interval_of(row, "speedup_output"),
            "speedup_layer": interval_of(row, "speedup_layer"),
            "no_verdict": row["no_verdict"],
        },
    }


def interval_of(row: Row, name: str) -> list[float] | None:
    """The median and its 95 % interval."""
    values = [row[name], row[f"{name}_low"], row[f"{name}_high"]]
    return None if math.isnan(row[name]) else [None if math.isnan(x) else x for x in values]


def outcome_of(attempt: Sequence[Row]) -> Document:
    """invalid: a wrong result, or one that was not checked; diagnostic: right, but no verdict may
    rest on its times."""
    verified = {row["verified"] for row in attempt if was_run(row)}
    wrong = [reason for flag, reason in (("false", "wrong result"), ("", "not verified"))
             if flag in verified]
    doubts = {str(row["no_verdict"]) for row in attempt if row["no_verdict"]}
    if wrong:
        return {"status": "invalid", "reasons": wrong}
    return {"status": "diagnostic" if doubts else "success", "reasons": sorted(doubts)}


def written_at(run: Document) -> str | None:
    if "started" not in run:
        return None
    at = datetime.strptime(run["started"], "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
    return at.isoformat()


def document(attempt: Sequence[Row], samples: Samples, run: Document) -> Document:
    first = attempt[0]
    points = sorted((row for row in attempt if was_run(row)), key=tokens_of)
    ladder = [tokens_of(row) for row in points]
    dropped = sorted({tokens_of(row) for row in attempt} - set(ladder))
    sku, case = slug(str(first["device"])), case_of(first, ladder)
    revision, launch = run.get("git_revision"), int(first["launch"])
    identity = {
        "allocation_factors": {"run_attempt": launch, "run_id": first["run_id"],
                               "source_sha": revision},
        "attempt_ordinal": launch, "case_factors": {"case": case, "sku": sku},
        "case_id": case_id(sku, case),
    }
    outcome = outcome_of(attempt)
    return {
        "version": VERSION, "record_type": "case-attempt", "generated_at": written_at(run),
        "identity": identity,
        "workload": {"cross_rank_consistent": outcome["status"] != "invalid",
                     "ladder_measured": ladder, "ladder_dropped": dropped, "ladder_cap": None},
        "measurement": {"combine_dtype": first["dtype"], "combine_semantics": "activation-only",
                        "dispatch_dtype": first["dtype"], "payload_unit": "token-rank",
                        "rows": [point_of(row, samples) for row in points],
                        "sampling": {}},
        "implementation": {"name": case["backend"], "kernel_generation": "n-a",
                           "library_version": run.get("library"), "chained_period": False,
                           "cuda_graph_replay": first["graph"] == "on", "maturity": "candidate"},
        "topology": {"device_product": first["device"], "placement": "packed",
                     "world_size": int(first["ranks"]), **topology_of(first)},
        "runtime": {"vendor": "nvidia" if first["backend"] == "cuda" else "cpu"},
        "provenance": {"image": None, "source_sha": revision},
        "outcome": outcome,
        "bench_moe_comm": {name: first[name] for name in (*SETTINGS, "claim", "load")},
    }

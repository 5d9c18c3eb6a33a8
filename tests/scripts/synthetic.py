"""Results sets that were never measured: rows and provenance, as the program writes them.

By itself it stands in for mpirun and the program, as a launch that takes no time:
synthetic.py --out DIR --launch I/K [--combine LIST] [--plant NAME:PCT,...] [--resume]
"""

import csv
import json
import random
import sys
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

GOLDEN = Path(__file__).resolve().parents[1] / "golden/results_header.csv"
# With what the readers take and older files have not.
HEADER = list(dict.fromkeys([*GOLDEN.read_text().strip().split(","), "disturbed_pct"]))
BASELINE, SLICE, NATIVE = "all_reduce_dp_scatter", "all_reduce_slice", "reduce_scatterv_native"
US = {BASELINE: 200.0, SLICE: 180.0, NATIVE: 150.0}
SETTINGS = {
    "schema_version": 1, "case_id": "c", "backend": "host", "device": "EPYC", "claim": "memory",
    "transport": "shared_memory", "hosts": 1, "ranks": 2, "ranks_per_device": 1,
    "model": "custom", "hidden": 2048, "experts": 32, "top_k": 4, "intermediate": 64,
    "shared_intermediate": 256, "scale_experts": 1, "tokens": 64, "load": "balanced",
    "routing": "uniform", "padding": "sum_len", "dp": 2, "attn_tp": 1, "ep": 2, "moe_tp": 1,
    "gather": "all_reduce_zero_fill", "dtype": "bf16", "graph": "off", "scope": "output",
    "cache": "cold_weights", "mode": "isolated", "layers": 1, "epilogue": "none", "seed": 1,
    "planted_pct": 0, "scoring": "softmax", "shared_gate": "false", "verified": "true",
    "samples": 40, "stop_reason": "ci",
}
MACHINE = {
    "backend": "host", "device": "EPYC", "library": "Open MPI v4.1.4", "kernel": "Linux 6.1",
    "host_names": ["vm"], "hosts": 1, "ranks": 2, "ranks_on_host": 2, "cores_on_host": 2,
    "environment": {},
}

# Of a graph, as programs from before and with chains of regions say it; the case_id is the same.
ONE_BY_ONE, CHAINED = ({"graph": "on", "mode": mode} for mode in ("isolated", "chained"))

Row = dict[str, object]


def timed(combine: str, us: float, launch: int = 1, arm: str = "a", **changes: object) -> Row:
    row = SETTINGS | {
        "run_id": f"{arm}{launch}", "launch": launch, "combine": combine,
        "is_baseline": "true" if combine == BASELINE else "false",
        "output_us_median": us, "combine_us_median": us / 2,
        "speedup_output": US[BASELINE] / us, "speedup_combine": US[BASELINE] / us,
    }
    return row | changes


def write_rows(folder: Path, rows: Iterable[Row]) -> None:
    """Appends, with a header where there is no file yet."""
    folder.mkdir(parents=True, exist_ok=True)
    new = not (folder / "results.csv").exists()
    with (folder / "results.csv").open("a", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, HEADER, restval="", extrasaction="ignore")
        if new:
            writer.writeheader()
        writer.writerows(rows)


def runs_of(folder: Path) -> dict[str, Row]:
    file = folder / "results.json"
    return json.loads(file.read_text())["runs"] if file.exists() else {}


def write_runs(folder: Path, runs: dict[str, Row]) -> None:
    file = folder / "results.json"
    file.write_text(json.dumps({"runs": runs_of(folder) | runs, "schema_version": 1}))


def started(position: int) -> str:
    """The start of the run at a position of a series of which each takes half a minute."""
    at = datetime(2026, 11, 25) + timedelta(seconds=30 * position)
    return at.strftime("%Y%m%dT%H%M%SZ")


def launch_of_the_program(arguments: list[str], resume: bool) -> None:
    options = dict(zip(arguments[::2], arguments[1::2]))
    folder, (launch, _) = Path(options["--out"]), options["--launch"].split("/")
    run_id = f"{folder.name}{launch}"
    if resume and run_id in runs_of(folder):
        return
    plants = dict(one.split(":") for one in options.get("--plant", ",").split(",") if one)
    names = list(dict.fromkeys([BASELINE, *options.get("--combine", NATIVE).split(",")]))
    chance = random.Random(f"{folder}{launch}")
    rows = [
        timed(name, us * (1 + float(plant) / 100), int(launch), folder.name, planted_pct=plant,
              no_verdict="planted" if plant != "0" else "")
        for name in names
        for plant in [plants.get(name, "0")]
        for us in [US[name] * chance.gauss(1, 0.01)]
    ]
    write_rows(folder, rows)
    write_runs(folder, {run_id: MACHINE | {"started": started(int(launch))}})


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if word != "--resume"]
    launch_of_the_program(words, "--resume" in sys.argv)

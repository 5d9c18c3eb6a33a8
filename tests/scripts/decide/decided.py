"""Folders of decide.sh that were never measured: a plan, and rows of its parts."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from decision.engine import Engine, find_engine
from decision.plan import SKEWS
from synthetic import HEADER, SETTINGS

AR, RSV = "all_reduce_engine_dp_scatter", "reduce_scatterv_grouped"
H100 = {
    "backend": "cuda", "device": "NVIDIA H100 80GB HBM3", "claim": "interconnect", "ranks": 8,
    "dp": 8, "ep": 8, "model": "qwen3.5-397b-a17b", "gather": "all_reduce_engine_zero_fill",
    "rows": 64, "hidden": 4096, "nccl_version": "2.30.7", "nvls": "off", "scope": "layer", "disturbed_pct": 0, "no_verdict": "",
}
DEFAULT_US = 1000.0
PLAN = {
    "engine": "sglang-0.5.23", "model": "qwen3.5-397b-a17b", "moe_layers": 60, "backend": "cuda",
    "steps": "steps.csv", "traffic": "", "role": "both", "engines": {"sglang-0.5.23": 1},
    "steps_of_phases": {}, "step_ms": {}, "launcher": ["mpirun"], "extra": [],
    "opposed_settings": {},
}


def all_reduce_by_default() -> Engine:
    """An engine whose default is ar, as SGLang's is for some models."""
    return replace(find_engine("sglang-0.5.23"), default="ar", settings=())


def row(combine: str, us: float, launch: int, skew: int, steps: int, **changes: object) -> dict:
    return SETTINGS | H100 | {
        "run_id": f"r{launch}", "launch": launch, "combine": combine, "skew_us": skew,
        "is_baseline": str(combine == AR).lower(), "layer_us_median": us, "output_us_median": us / 9,
        "steps": steps, "load": f"counts:{steps}",
    } | changes


def rows_of(saved_ms: Sequence[float], steps: int, layers: int = 60, combine: str = RSV,
            skew: int = 0, **changes: object) -> list[dict]:
    """A launch for each time that the combine saves of a step."""
    return [
        row(name, us, launch, skew, steps, **changes)
        for launch, ms in enumerate(saved_ms, 1)
        for name, us in ((AR, DEFAULT_US), (combine, DEFAULT_US - 1000 * ms / layers))
    ]


def with_late_ranks(saved_ms: Sequence[float], steps: int, **changes: object) -> list[dict]:
    """The same at every skew."""
    return [one for skew in SKEWS for one in rows_of(saved_ms, steps, skew=skew, **changes)]


def chains_of(sizes: str, stand_in_us: float = 3.0) -> dict:
    """What bench_collectives writes for a list of bytes."""
    times = {"all_reduce": 6.0, "all_reduce_engine": stand_in_us}
    return {"benchmarks": [{"name": f"{name}/graph/{size}/manual_time", "real_time": us}
                           for name, us in times.items() for size in sizes.split(",")]}


def anchor_of(sizes: str, own_us: float = 2.4) -> str:
    """What serving_anchor.py says for a list of bytes."""
    lines = ["PyTorch 2.11.0, NCCL 2.28.9, CUDA 13.0 on 8 x NVIDIA H100", "SGLang 0.5.23"]
    for size in sizes.split(","):
        lines += [f"sglang/{size} chooses 1shot_push in a graph, 1shot_push without",
                  f"nccl.all_reduce/{size} 5.40 us  2x512", f"sglang/{size} {own_us} us  2x512"]
    return "\n".join(lines) + "\n"


def beside_rows(saved_ms: Sequence[float], gemm_pct: float, steps: int, layers: int = 60,
                combine: str = RSV, **changes: object) -> list[dict]:
    """The same beside a GEMM, of which the combine makes DEFAULT_US so much longer; both together end
    by what it saves earlier."""
    return [
        row(name, 0, launch, 0, steps, scope="output", beside="gemm",
            layer_us_median="", output_us_median=100, together_us_median=together,
            beside_gemm_us_median=gemm, gemm_shares_core="false") | changes
        for launch, ms in enumerate(saved_ms, 1)
        for name, together, gemm in (
            (AR, 2 * DEFAULT_US, DEFAULT_US),
            (combine, 2 * DEFAULT_US - 1000 * ms / layers, DEFAULT_US * (1 + gemm_pct / 100)))
    ]


def write_rows(folder: Path, rows: Sequence[Mapping]) -> None:
    """Appends, with a header where there is no file yet."""
    folder.mkdir(parents=True, exist_ok=True)
    columns = list(dict.fromkeys([*HEADER, *(key for one in rows for key in one)]))
    new = not (folder / "results.csv").exists()
    with (folder / "results.csv").open("a", newline="") as stream:
        writer = csv.DictWriter(stream, columns, restval="")
        if new:
            writer.writeheader()
        writer.writerows(rows)


def write_part(folder: Path, name: str, rows: Sequence[Mapping]) -> dict:
    """The results of a part; what the plan says of it."""
    write_rows(folder / name, rows)
    env = {"engine": "sglang-0.5.23", "set": {"NCCL_NVLS_ENABLE": "0"}, "kept": {}}
    grouping = {"cases": 6, "mean_bytes": 1000, "mean_error_bytes": 32}
    runs = {"r1": {"engine_env": env, "steps_grouping": [grouping]}}
    (folder / name / "results.json").write_text(json.dumps({"runs": runs}))
    phase, *rest = name.split("-")
    beside = "beside" in rest
    setting = [word for word in rest if word not in ("beside", "late", "ranks")]
    return {"name": name, "phase": phase, "setting": "-".join(setting), "beside": beside,
            "graph": name == "decode"}


def verdict_of(folder: Path, parts: Mapping[str, Sequence[Mapping]], capsys, **plan: object) -> dict:
    """verdict.json after the script ran; `printed` is what it said."""
    import verdict  # which takes long, and stand-ins that need the rows alone do without

    listed = [write_part(folder, name, rows) for name, rows in parts.items()]
    (folder / "plan.json").write_text(json.dumps(PLAN | {"parts": listed} | plan))
    assert verdict.main([str(folder)]) == 0, capsys.readouterr().err
    found = json.loads((folder / "verdict.json").read_text())
    return found | {"printed": capsys.readouterr().out}

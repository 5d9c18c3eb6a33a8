#!/usr/bin/env python3
"""Plans how the engine's own all-reduce is timed beside a launch of decide.sh.

decide_anchor.py FOLDER LAUNCH --program FILE

Writes FOLDER/anchor.words and FOLDER/stand-in.words, commands as decide_plan.py writes them: the
engine's own and our stand-in's all-reduce, at the bytes of the launch's steps. Where they cannot be
timed here, FOLDER/anchor-LAUNCH.txt says why, and where no step is from a CUDA graph that runs any,
nothing is written. FILE is bench_moe_comm; bench_collectives is wanted beside it, and SGLang in the
python3 of PATH. Exit status: 0, or 2 with one line on standard error.
"""

import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from cli import OneLineParser, command, write_text
from decision.all_reduce import sizes_of
from decision.anchors import WITHOUT, anchor_file, stand_in_file
from decision.engine import Engine, find_engine
from decision.folder import read_json, read_rows
from moe_results import ResultsError, Row
from plan_files import write_words

ANCHOR = Path(__file__).resolve().parents[1] / "bench/micro/serving_anchor.py"
# What Python knows of SGLang, without importing it, which takes long.
PROBE = """import importlib.metadata, importlib.util
print(importlib.metadata.version("sglang"))
print(*importlib.util.find_spec("sglang").submodule_search_locations)"""
SECONDS = 600  # the first launch builds the engine's kernels


def find_sglang(engine: Engine) -> Path:
    """Where Python finds the engine's release. A ResultsError that says why it cannot be used."""
    if not engine.name.startswith("sglang-"):
        raise ResultsError(f"only SGLang's own can be timed, not that of {engine.title}")
    try:
        probe = subprocess.run(["python3", "-c", PROBE], capture_output=True, text=True)
    except OSError as error:
        raise ResultsError(f"sglang is not installed: python3: {error.strerror}") from None
    if probe.returncode:
        why = probe.stderr.strip().splitlines()[-1].partition(": ")[2]
        raise ResultsError(f"sglang is not installed: {why}")
    version, folder = probe.stdout.splitlines()
    if engine.name != f"sglang-{version}":
        raise ResultsError(f"sglang {version} is installed, the steps are of {engine.name}")
    return Path(folder).parent


def commands_of(rows: Sequence[Row], sizes: Iterable[int], plan: Mapping, program: Path,
                stand_in_out: Path) -> dict[str, list[str]]:
    """By name. A ResultsError that says why it cannot be done here."""
    sglang = find_sglang(find_engine(plan["engine"]))
    collectives = program.with_name("bench_collectives")
    if not collectives.exists():
        raise ResultsError("bench_collectives, which times ours, is not built")
    for column, wanted, why in (("dtype", "bf16", "its kernels are timed in bf16 only"),
                                ("hosts", "1", "ranks are on several hosts")):
        if rows[0][column] != wanted:
            raise ResultsError(why)
    listed = ",".join(map(str, sorted(sizes)))
    return {
        "anchor": ["timeout", str(SECONDS), "python3", "-m", "torch.distributed.run", "--standalone",
                   "--nproc-per-node", str(rows[0]["ranks"]), str(ANCHOR), "--sglang", str(sglang),
                   "--bytes", listed, "--engine-only"],
        "stand-in": ["timeout", str(SECONDS), *plan["launcher"], str(collectives), "--backend", "cuda",
                     "--warm", "--sizes", listed,
                     "--benchmark_filter=^all_reduce(_engine)?/graph/",
                     f"--benchmark_out={stand_in_out}", "--benchmark_out_format=json"],
    }


@command("decide.sh")
def main(arguments: Sequence[str] | None) -> int:
    parser = OneLineParser(description="Plans how the engine's own all-reduce is timed.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("launch")
    parser.add_argument("--program", type=Path, required=True)
    options = parser.parse_args(arguments)
    folder, launch = options.folder.resolve(), options.launch
    plan = read_json(folder / "plan.json")
    rows = [row for part in plan["parts"] for row in read_rows(folder, part)
            if row["launch"] == launch]
    sizes = sizes_of(rows).get(launch)
    if not sizes:
        return 0
    try:
        commands = commands_of(rows, sizes, plan, options.program.absolute(),
                               stand_in_file(folder, launch))
    except ResultsError as why:
        write_text(anchor_file(folder, launch), f"{WITHOUT}{why}\n")
        return 0
    for name, words in commands.items():
        write_words(folder / f"{name}.words", words)
    return 0


if __name__ == "__main__":
    sys.exit(main())

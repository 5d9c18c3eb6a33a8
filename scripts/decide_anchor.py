#!/usr/bin/env python3
"""Plans how the engine's own all-reduce is timed beside a launch of decide.sh.

decide_anchor.py FOLDER LAUNCH --program FILE

Writes FOLDER/anchor.words and FOLDER/stand-in.words, commands as decide_plan.py writes them: the
engine's own and our stand-in's all-reduce, at the bytes of the launch's steps. Where they cannot be
timed here, FOLDER/anchor-LAUNCH.txt says why, and where no step is from a CUDA graph that runs any,
nothing is written. FILE is bench_moe_comm; bench_collectives is wanted beside it, and SGLang in the
python3 of PATH. Exit status: 0, or 2 with one line on standard error.
"""

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
from serving_anchors import Engines, find_engines

SECONDS = 600  # the first launch builds the engine's kernels


def find_release(engine: Engine) -> Engines:
    """The Python that has the engine's release. A ResultsError that says why it cannot be used."""
    if not engine.name.startswith("sglang-"):
        raise ResultsError(f"only SGLang's own can be timed, not that of {engine.title}")
    found = find_engines()
    if not (found.sglang and found.version):
        raise ResultsError(f"sglang is not installed: {found.obstacle or 'Python does not find it'}")
    if engine.name != f"sglang-{found.version}":
        raise ResultsError(f"sglang {found.version} is installed, the steps are of {engine.name}")
    return found


def commands_of(rows: Sequence[Row], sizes: Iterable[int], plan: Mapping, program: Path,
                stand_in_out: Path) -> dict[str, list[str]]:
    """By name. A ResultsError that says why it cannot be done here."""
    engines = find_release(find_engine(plan["engine"]))
    collectives = program.with_name("bench_collectives")
    if not collectives.exists():
        raise ResultsError("bench_collectives, which times ours, is not built")
    for column, wanted, why in (("dtype", "bf16", "its kernels are timed in bf16 only"),
                                ("hosts", "1", "ranks are on several hosts")):
        if rows[0][column] != wanted:
            raise ResultsError(why)
    listed = ",".join(map(str, sorted(sizes)))
    return {
        "anchor": ["timeout", str(SECONDS),
                   *engines.command(rows[0]["ranks"], "--bytes", listed, "--engine-only")],
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

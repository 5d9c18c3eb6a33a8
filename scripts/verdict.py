#!/usr/bin/env python3
"""Prices the values of an engine's flag by the launches of decide.sh.

verdict.py FOLDER

FOLDER is the one of decide.sh: its plan.json, and the results of the parts that were launched so
far. Writes verdict.md and verdict.json there, and prints the sentences. Exit status: 0, or 2 with
one line on standard error when the input cannot be used.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from cli import OneLineParser, command, write_text
from decision.all_reduce import AllReduce, read_all_reduce
from decision.beside import BesideSweeps
from decision.costs import Launches, Sweep, add_rows, candidates_of
from decision.coverage import notes_on
from decision.decision import Decision, Setup, decide
from decision.engine import Engine, find_engine
from decision.folder import read_json, read_rows
from decision.place import library_of, model_name, place_of, steps_name
from decision.plan import BETTER_KERNELS, LAUNCHES
from decision.report import json_of, markdown_of
from decision.words import sentences_of
from moe_results import ResultsError, Row


def read_parts(folder: Path, plan: Mapping, engine: Engine,
               all_reduce: AllReduce) -> tuple[dict[Sweep, Launches], BesideSweeps, Row]:
    """The times of all parts, and one row that says where they are from."""
    sweeps: dict[Sweep, Launches] = {}
    beside = BesideSweeps()
    first = None
    for part in plan["parts"]:
        rows = read_rows(folder, part)
        if part["beside"]:
            beside.add(rows, engine, part["phase"], part["setting"])
        else:
            add_rows(sweeps, rows, engine, part["phase"], part["setting"], all_reduce.layer_us)
        first = first or next(iter(rows), None)
    if not sweeps or first is None:
        raise ResultsError(f"{folder}: no launch has rows yet")
    return sweeps, beside, first


def runs_of(folder: Path, part: Mapping) -> list[dict]:
    """The provenance of a part's launches so far."""
    file = folder / part["name"] / "results.json"
    return list(read_json(file)["runs"].values()) if file.exists() else []


def groupings_of(folder: Path, plan: Mapping) -> dict[str, dict]:
    """How the steps of each phase were grouped; its launches have the same cases."""
    runs = ((part["phase"], run) for part in plan["parts"] if part["name"] == part["phase"]
            for run in runs_of(folder, part))
    return {phase: run["steps_grouping"][0] for phase, run in runs if run.get("steps_grouping")}


def decision_of(folder: Path, plan: Mapping) -> Decision:
    engine = find_engine(plan["engine"]).without(plan.get("opposed_settings", ()))
    all_reduce = read_all_reduce(folder, plan)
    sweeps, beside, row = read_parts(folder, plan, engine, all_reduce)
    runs = [run for part in plan["parts"] for run in runs_of(folder, part)]
    counted = sum(plan["steps_of_phases"].values()) or steps_of(sweeps)
    setup = Setup(
        engine, place_of(row), library_of(row, engine, runs), model_name(plan["model"]),
        plan["moe_layers"], int(row["dp"]), int(row["ep"]), steps_name(counted, plan["traffic"]),
        all_reduce.sentence())
    candidates = candidates_of(engine, BETTER_KERNELS)
    if plan["backend"] != "cuda":  # settings are NCCL's
        candidates = [one for one in candidates if not one.setting]
    return decide(setup, candidates, sweeps, beside, plan["step_ms"],
                  plan["role"] in ("prefill", "decode"))


def steps_of(sweeps: Mapping[Sweep, Launches]) -> int:
    return sum(
        max(sum(cell.steps for cell in cells.values()) for cells in launches.values())
        for sweep, launches in sweeps.items() if not sweep.setting and sweep.skew == 0)


@command("verdict.py")
def main(arguments: Sequence[str] | None) -> int:
    parser = OneLineParser(description="Prices an engine's flag by the launches of decide.sh.")
    parser.add_argument("folder", type=Path, help="the folder of decide.sh")
    folder = parser.parse_args(arguments).folder
    plan = read_json(folder / "plan.json")
    decision = decision_of(folder, plan)
    launches = decision.launches
    provisional = "" if launches >= LAUNCHES else \
        f"Provisional: {launches} of {LAUNCHES} launches."
    notes = notes_on(decision, plan, groupings_of(folder, plan))
    write_text(folder / "verdict.md", markdown_of(decision, notes, provisional))
    write_text(folder / "verdict.json",
               json.dumps(json_of(decision, notes, provisional), indent=1) + "\n")
    for line in filter(None, [provisional, *sentences_of(decision), decision.setup.all_reduce]):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What gate_power.py found: numbers for a file, and the table of scripts/README.md."""

import shlex
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from moe_results import ResultsError
from regression.power import (
    CONFIDENCE, EFFECTS, FOUND_SHARE, at_least, at_most, detectable, false_alarm, found,
    launch_spread,
)
from regression.sets import ResultsSet, fingerprint
from regression.trials import PLANTED, SAME, Plan, Trial
from regression.verdicts import MISSING, Gate

ROOT = Path(__file__).resolve().parents[2]

Judged = tuple[Trial, tuple[ResultsSet, ResultsSet], pd.DataFrame]


def make_power_report(judged: Sequence[Judged], plan: Plan, gate: Gate, deals: int) -> dict:
    for trial, _, cells in judged:
        _check(trial, cells, plan)
    same = [cells for trial, _, cells in judged if trial.kind == SAME]
    planted = [cells for trial, _, cells in judged if trial.kind == PLANTED]
    beside = [cells[~cells["combine"].isin(plan.plants)] for cells in planted]
    return {
        "machine": fingerprint(judged[0][1][0]),
        "command": shlex.join(plan.command).replace(f"{ROOT}/", ""),
        "launches": plan.launches,
        "cells": len(same[0]),
        "threshold_pct": 100 * gate.threshold,
        "alpha": gate.alpha,
        "launch_spread_pct": 100 * float(np.median([launch_spread(cells) for cells in same])),
        "false_alarms": _alarms(same),
        "false_alarms_beside_planted": _alarms([cells for cells in beside if len(cells)]),
        "planted": [
            {"strategy": name, "pct": pct, **_finds([found(cells, name) for cells in planted])}
            for name, pct in sorted(plan.plants.items(), key=lambda plant: plant[1])
        ],
        "smallest_detectable_pct": {
            name: None if effect is None else round(100 * effect)
            for name, effect in detectable(same, gate, deals).items()
        },
        "simulated_trials": deals * len(same),
    }


def _check(trial: Trial, cells: pd.DataFrame, plan: Plan) -> None:
    """Every trial has all launches of all cells, else its rate is not the gate's."""
    for cell in cells.itertuples():
        counts = len(cell.baseline), len(cell.new)
        if cell.verdict == MISSING or counts != (plan.launches, plan.launches):
            raise ResultsError(
                f"{trial.folder}: {cell.combine} has {counts[0]} and {counts[1]} launches with a"
                f" time, not {plan.launches}; {cell.reason or 'other rows are in the file'}"
            )
    absent = sorted(set(plan.plants) - set(cells["combine"]))
    if absent:
        raise ResultsError(f"planted, but not in the sweep: {', '.join(absent)}")


def _alarms(trials: Sequence[pd.DataFrame]) -> dict:
    count = sum(map(false_alarm, trials))
    return {"found": count, "of": len(trials),
            "at_most": at_most(count, len(trials)) if trials else None}


def _finds(outcomes: Sequence[bool]) -> dict:
    count = sum(outcomes)
    return {"found": count, "of": len(outcomes), "at_least": at_least(count, len(outcomes))}


def power_markdown(numbers: dict) -> str:
    lines = ["| trials | verdict | found | exact 95 % bound |", "| --- | --- | --- | --- |"]
    for what, name in (("A/A, any cell", "false_alarms"),
                       ("the cells beside planted ones", "false_alarms_beside_planted")):
        one = numbers[name]
        if one["of"]:
            lines.append(f"| {what} | false alarm | {one['found']} of {one['of']} |"
                         f" at most {_percent(one['at_most'])} |")
    for one in numbers["planted"]:
        lines.append(f"| {one['strategy']} slower by {one['pct']:g} % | regression |"
                     f" {one['found']} of {one['of']} | at least {_percent(one['at_least'])} |")
    least = numbers["smallest_detectable_pct"]
    lines.append(f"| {numbers['simulated_trials']} simulated | smallest effect found in"
                 f" {100 * FOUND_SHARE:.0f} % | {_effect(least['any_cell'])} |"
                 f" worst cell: {_effect(least['worst_cell'])} |")
    return "\n".join([
        *lines, "",
        f"{_machine_text(numbers['machine'])}. A trial is {numbers['launches']} launches of each"
        f" arm, in turns, {numbers['cells']} cells; threshold {numbers['threshold_pct']:g} %, alpha"
        f" {numbers['alpha']:g}; the bounds are one-sided (Clopper-Pearson,"
        f" {100 * CONFIDENCE:.0f} %). Launches of one cell lie {numbers['launch_spread_pct']:.1f} %"
        " apart (interquartile range / median). Simulated: the launches of an A/A trial are dealt"
        " anew into two arms, one cell of the new arm is slowed down, and the same test judges."
        " Command of a launch:", "",
        "```", numbers["command"], "```", "",
    ])


def _machine_text(machine: dict[str, str]) -> str:
    units = {"device": "", "cores_on_host": " cores", "ranks": " ranks", "kernel": "",
             "library": ""}
    return ", ".join(f"{machine[key]}{unit}" for key, unit in units.items() if key in machine)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _effect(pct: int | None) -> str:
    return f"{pct} %" if pct is not None else f"above {100 * EFFECTS[-1]:.0f} %"

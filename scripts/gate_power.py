#!/usr/bin/env python3
"""Measures how often the regression gate is wrong on this machine.

gate_power.py [--trials N] [--planted-trials N] [--launches K] [--plant NAME:PCT,...]
              [--threshold PCT] [--alpha A] [--command TEXT] [--out DIR] [-- SWEEP OPTIONS]

A trial is K launches of each of two arms, in turns, and the verdicts of check_regression.py on
them. In A/A trials both arms are the same; in planted trials some strategies of the new one are
slowed down, each by another share. Sweep options replace those of the reduced sweep by name. A
killed series goes on where it was. Writes gate_power.md and gate_power.json into DIR. Exit
status: 0, or 2 with one line on standard error; 130 when stopped.
"""

import argparse
import json
import shlex
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import packages  # noqa: F401, comes before what it looks for
from cli import STOPPED, OneLineParser, command, write_text
from moe_results import ResultsError
from regression.power_report import make_power_report, power_markdown
from regression.trials import Plan, judge_trial, keep_plan, read_trial, run_trial, trials_of
from regression.verdicts import Gate

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = ROOT / "build/host/bench/bench_moe_comm"
PLANTS = "all_reduce_slice:5,reduce_scatterv_native:10,reduce_scatterv_alltoallv:30"
# One case and few strategies: about two seconds for a launch on two cores.
SWEEP = {
    "--scope": "output", "--tokens": "256", "--load": "balanced", "--intermediate": "64",
    "--combine": "all_reduce_slice,reduce_scatterv_grouped,reduce_scatterv_alltoallv,"
                 "reduce_scatterv_native",
    "--verify": "off", "--budget": "0.6", "--progress": "none",
}


def default_command() -> str:
    """What starts the program here: launchers differ in how they are told to keep quiet."""
    quiet = subprocess.run([ROOT / "scripts/launcher.sh", "mpirun", "quiet"], capture_output=True,
                           text=True, check=True).stdout.strip()
    return " ".join(["mpirun", *quiet.split(), "-n 2 --bind-to core", shlex.quote(str(PROGRAM))])


def sweep_options(given: Sequence[str]) -> list[str]:
    names = {word.split("=", 1)[0] for word in given}
    kept = [word for name, value in SWEEP.items() if name not in names for word in (name, value)]
    return [*kept, *given]


def parse_plants(text: str) -> dict[str, float]:
    plants = {}
    for one in text.split(","):
        name, _, percent = one.partition(":")
        try:
            plants[name] = float(percent)
        except ValueError:
            plants[name] = 0
        if not name or not 0 < plants[name] <= 1000:
            raise ResultsError(f"--plant {one!r} is no NAME:PCT with PCT from 0 to 1000")
    return plants


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    at = arguments.index("--") if "--" in arguments else len(arguments)
    parser = OneLineParser(description="Measures how often the regression gate is wrong here.",
                           usage="gate_power.py [options] [-- SWEEP OPTIONS]")
    parser.add_argument("--trials", type=int, default=20, help="A/A trials (default: 20)")
    parser.add_argument("--planted-trials", type=int, default=20,
                        help="trials with a slower arm (default: 20)")
    parser.add_argument("--launches", type=int, default=7, help="of each arm (default: 7)")
    parser.add_argument("--plant", default=PLANTS, metavar="NAME:PCT,...",
                        help=f"strategies that are slower in planted trials (default: {PLANTS})")
    parser.add_argument("--threshold", type=float, default=5, metavar="PCT",
                        help="of the gate (default: 5)")
    parser.add_argument("--alpha", type=float, default=0.05, help="of the gate (default: 0.05)")
    parser.add_argument("--deals", type=int, default=50,
                        help="simulated trials from each A/A trial (default: 50)")
    parser.add_argument("--command",
                        help=f"what starts the program (default: mpirun, 2 ranks, {PROGRAM})")
    parser.add_argument("--out", type=Path, default=ROOT / "results/local/gate_power",
                        help="folder of the trials (default: results/local/gate_power)")
    options = parser.parse_args(arguments[:at])
    for name, least in (("trials", 1), ("planted_trials", 1), ("launches", 2), ("deals", 1)):
        if not least <= getattr(options, name) <= 1000:
            raise ResultsError(f"--{name.replace('_', '-')} {getattr(options, name)} is not from"
                               f" {least} to 1000")
    options.plants = parse_plants(options.plant)
    try:
        program = shlex.split(default_command() if options.command is None else options.command)
    except ValueError as error:
        raise ResultsError(f"--command {options.command!r}: {error}") from None
    if not program:
        raise ResultsError("--command is empty: what starts the program?")
    options.words = [*program, *sweep_options(arguments[at + 1 :])]
    return options


@command("gate_power.py")
def main(arguments: Sequence[str] | None) -> int:
    options = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    plan = Plan(options.words, options.launches, options.plants)
    gate = Gate.of_percent(options.threshold, options.alpha)
    keep_plan(options.out, plan)
    judged = []
    try:
        trials = list(trials_of(options.out, options.trials, options.planted_trials))
        for number, trial in enumerate(trials, 1):
            print(f"{trial.folder.name}, {number} of {len(trials)}", file=sys.stderr)
            run_trial(trial, plan)
            arms = read_trial(trial)
            judged.append((trial, arms, judge_trial(arms, gate)))
    except KeyboardInterrupt:
        print("gate_power.py: stopped; the same command goes on", file=sys.stderr)
        return STOPPED
    numbers = make_power_report(judged, plan, gate, options.deals)
    text = power_markdown(numbers)
    write_text(options.out / "gate_power.json", json.dumps(numbers, indent=2) + "\n")
    write_text(options.out / "gate_power.md", text)
    print(text, end="")
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())

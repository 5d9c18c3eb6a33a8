#!/usr/bin/env python3
"""Plans what decide.sh launches.

decide_plan.py FOLDER --program FILE --backend host|cuda --minutes N --model NAME
               [--steps FILE | --traffic TEXT] [--engine NAME] [--step-ms MS] [OPTION...] -- LAUNCHER...

Writes FOLDER/plan.json and, for each part, its command in FOLDER/NAME.words, each word ended by a
zero byte; prints a line for each part: its name, its weight in the time, and its group, whose parts
are compared case by case. Other OPTIONs are the program's. A plan that is there already must be the
same. A setting that needs another value of a variable than the environment has is left out, with a
line on standard error: who set it may have to, since not every machine bears NVLink multicast. Exit
status: 0, or 2 with one line on standard error.
"""

import os
import re
import subprocess
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from cli import OneLineParser, command
from decision.engine import Engine, find_engine
from decision.plan import Part, options_of, parse_step_ms, parts_of
from decision.steps import ANY, PHASES, StepsSeen, scan_steps
from moe_results import ResultsError
from plan_files import write_plan

NEWEST = "sglang"
# Options of the program that make a part what it is.
OF_PARTS = {
    "--baseline", "--beside", "--combine", "--csv", "--gather", "--graph", "--graph-sizes", "--launch",
    "--load", "--out", "--padding", "--phase", "--progress", "--resume", "--scope", "--skew", "--sms",
    "--step-cases", "--time", "--tokens",
}


def parse_arguments(words: Sequence[str]) -> Namespace:
    words = list(words)
    cut = words.index("--") if "--" in words else len(words)
    parser = OneLineParser(description="Plans what decide.sh launches.", allow_abbrev=False)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--program", required=True)
    parser.add_argument("--backend", required=True, choices=("host", "cuda"))
    parser.add_argument("--minutes", required=True, type=int)
    parser.add_argument("--model", required=True)
    parser.add_argument("--steps", default="")
    parser.add_argument("--traffic", default="")
    parser.add_argument("--engine", default="")
    parser.add_argument("--step-ms", default="")
    options, options.extra = parser.parse_known_args(words[:cut])
    options.launcher = words[cut + 1:]
    if bool(options.steps) == bool(options.traffic):
        raise ResultsError("either --steps FILE or --traffic TEXT says what the engine runs")
    if not options.launcher:
        raise ResultsError("no launcher after --, such as: -- mpirun -n 8")
    check_extra(options.extra)
    return options


def check_extra(words: Sequence[str]) -> None:
    """Refuses what would change or mix the times that are compared."""
    for word, following in zip(words, [*words[1:], ""]):
        name, equals, value = word.partition("=")
        if name in OF_PARTS:
            raise ResultsError(f"{name}: decide.sh says it for each of its parts")
        value = value if equals else following
        if name.startswith("--") and (value == "all" or "," in value):
            raise ResultsError(f"{name} '{value}': one value is priced at a time")


def engine_of(options: Namespace, seen: StepsSeen) -> Engine:
    """The one that was asked for, else the one that most steps are of."""
    most = max(seen.engines, key=seen.engines.get, default=NEWEST)
    return find_engine(options.engine or most)


def phases_of(options: Namespace, seen: StepsSeen) -> list[str]:
    """For traffic all, of which decide.sh leaves out those without steps."""
    phases = [phase for phase in (*PHASES, ANY) if phase in seen.phases]
    if not phases and not options.traffic:
        raise ResultsError(f"--steps '{options.steps}': there are no steps that can be read")
    return phases or list(PHASES)


def moe_layers(program: str, model: str) -> int:
    """Of the preset, as the program lists it; a layer of one's own is one."""
    listed = subprocess.run([program, "--list", "models"], capture_output=True, text=True)
    found = re.search(rf"^{re.escape(model)} .* (\d+|-)  ", listed.stdout, re.MULTILINE)
    if found is None:
        raise ResultsError(f"--model '{model}' is none of bench_moe_comm --list models")
    return int(found[1]) if found[1].isdigit() else 1


def environment_of(launcher: Sequence[str]) -> Mapping[str, str]:
    """What ranks find: this environment, and what the launcher's words set (mpirun -x NAME=VALUE,
    env NAME=VALUE, srun --export=ALL,NAME=VALUE)."""
    said = (match.groups() for word in launcher
            for match in re.finditer(r"(?:^(?:-x)?|[=,])([A-Z][A-Z0-9_]*)=([^,]*)", word))
    return {**os.environ, **dict(said)}


def opposed_settings(engine: Engine, backend: str, launcher: Sequence[str]) -> dict[str, str]:
    """By name, the variable that is set otherwise. Settings are NCCL's."""
    environment = environment_of(launcher) if backend == "cuda" else {}
    return {one.name: opposed for one in engine.settings
            if (opposed := one.opposed_by(environment))}


def command_of(part: Part, engine: Engine, options: Namespace, folder: Path) -> list[str]:
    """Without the launch."""
    source = ["--steps", str(Path(options.steps).resolve())] if options.steps else \
        ["--traffic", options.traffic]
    variables = [f"{name}={value}" for name, value in part.variables.items()]
    return [
        *(["env", *variables] if variables else []), *options.launcher, options.program,
        "--model", options.model, *source, *options_of(part, engine, options.backend),
        *options.extra, "--out", str(folder / part.name),
    ]


@command("decide.sh")
def main(arguments: Sequence[str] | None) -> int:
    options = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    seen = scan_steps(Path(options.steps)) if options.steps else StepsSeen()
    engine = engine_of(options, seen)
    opposed = opposed_settings(engine, options.backend, options.launcher)
    engine = engine.without(opposed)
    phases = phases_of(options, seen)
    given = parse_step_ms(options.step_ms, phases)
    told = {phase: ms for phase, tally in seen.phases.items() if (ms := tally.step_ms())}
    folder = options.folder.resolve()
    parts = parts_of(engine, options.backend, phases, options.minutes)
    plan = {
        "engine": engine.name, "model": options.model,
        "moe_layers": moe_layers(options.program, options.model), "backend": options.backend,
        "steps": options.steps, "traffic": options.traffic, "role": seen.role,
        "engines": seen.engines,
        "steps_of_phases": {phase: tally.steps for phase, tally in seen.phases.items()},
        "step_ms": told | given, "launcher": options.launcher, "extra": options.extra,
        "opposed_settings": opposed,
        "parts": [asdict(part) for part in parts],
    }
    write_plan(folder, plan, {part.name: command_of(part, engine, options, folder)
                              for part in parts})
    for name, variable in opposed.items():
        print(f"{name}: not priced, since {variable} is set here", file=sys.stderr)
    for part in parts:
        print(part.name, part.weight(), part.group())
    return 0


if __name__ == "__main__":
    sys.exit(main())

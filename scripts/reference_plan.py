#!/usr/bin/env python3
"""Plans what reference_run.sh measures.

reference_plan.py FOLDER --program FILE --backend host|cuda --ranks N [--parts LIST] [OPTION...]
                  -- LAUNCHER...

Writes FOLDER/plan.json and, for each part, its command in FOLDER/NAME.words, each word ended by a
zero byte; prints a line for each part, or for those of LIST, those that answer most first: its name,
how many launches it has (0: it is left out), how many seconds one takes by a guess (0: a dry run says
it), and what it is or why it is left out. Other OPTIONs are the program's, for every sweep. A plan
that is there already must be the same. Exit status: 0, or 2 with one line on standard error.
"""

import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from cli import OneLineParser, command
from moe_results import ResultsError
from plan_files import write_plan
from reference_run.micro import anchors_of, collectives_of
from reference_run.part import Part
from reference_run.sweeps import sweeps_of


def parse_arguments(words: Sequence[str]) -> Namespace:
    words = list(words)
    cut = words.index("--")
    parser = OneLineParser(description="Plans what reference_run.sh measures.", allow_abbrev=False)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--program", required=True)
    parser.add_argument("--backend", required=True, choices=("host", "cuda"))
    parser.add_argument("--ranks", required=True, type=int)
    parser.add_argument("--parts", default="")
    options, options.extra = parser.parse_known_args(words[:cut])
    options.launcher = words[cut + 1:]
    return options


def parts_of(options: Namespace) -> list[Part]:
    """The first sweep, the collectives on all ranks, and then by what they answer."""
    graph, eager, ctas, *others = sweeps_of(options.backend, options.ranks)
    share_gpu = "--share-gpu" in options.extra
    collectives = list(collectives_of(options.program, options.backend, options.launcher,
                                      options.ranks, share_gpu))
    anchors = anchors_of(options.backend, options.ranks, share_gpu)
    return [graph, *collectives[:1], eager, ctas, anchors, *others, *collectives[1:]]


def chosen_of(parts: Sequence[Part], names: str) -> list[Part]:
    """Those of the list of names; all where there is none."""
    wanted = names.split(",") if names else [part.name for part in parts]
    known = {part.name for part in parts}
    for name in wanted:
        if name not in known:
            raise ResultsError(f"--parts '{name}': there are: {', '.join(part.name for part in parts)}")
    return [part for part in parts if part.name in wanted]


def command_of(part: Part, options: Namespace) -> list[str]:
    """Without the launch."""
    if part.command:
        return list(part.command)
    return [*options.launcher, options.program, "--backend", options.backend, *part.options,
            *options.extra, "--progress", "none", "--out", str(options.folder.resolve() / part.name)]


@command("reference_run.sh")
def main(arguments: Sequence[str] | None) -> int:
    options = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    parts = parts_of(options)
    chosen = chosen_of(parts, options.parts)
    write_plan(options.folder,
               {"backend": options.backend, "ranks": options.ranks, "program": options.program,
                "launcher": options.launcher, "extra": options.extra,
                "parts": [asdict(part) for part in parts]},
               {part.name: command_of(part, options) for part in parts if part.launches})
    for part in chosen:
        print(part.name, part.launches, part.seconds, part.obstacle or part.what)
    return 0


if __name__ == "__main__":
    sys.exit(main())

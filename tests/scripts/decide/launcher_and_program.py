#!/usr/bin/env python3
"""Stands in for a launcher with the program behind it, and for the program alone, which lists
models: a launch takes no time, and rsv costs 1 ms less than rs+rsv of each of 40 steps; beside a GEMM
as well. Fewer steps fit into the time there, none where --hidden is short; where it is tight, NVLS
takes time, and there is no decode. As bench_collectives it times chains of all-reduces."""

import json
import os
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1]),
                str(Path(__file__).parents[3] / "scripts")]

SKEWS = (0, 50, 200)


def most_cases(options: dict[str, str]) -> int:
    """Into how many the steps may be grouped to fit into the time."""
    if "--beside" in options:
        return 0 if options.get("--hidden") == "short" else 3
    tight = options.get("--hidden") == "tight" and os.environ.get("NCCL_NVLS_ENABLE") == "1"
    return 2 if tight else 6


def main(words: list[str]) -> int:
    if words[0] == "--list":
        print("m-1b  64  4  2  24  none  softmax  60  config.json of M")
        return 0
    if words[0].endswith("bench_collectives"):
        from decided import chains_of

        [out] = [word.split("=")[1] for word in words if word.startswith("--benchmark_out=")]
        Path(out).write_text(json.dumps(chains_of(words[words.index("--sizes") + 1])))
        return 0
    with open("calls", "a") as calls:
        print(*words, file=calls)
    flags = {"--dry-run", "--resume"}
    pairs = [word for word in words[1:] if word not in flags]
    options = dict(zip(pairs[::2], pairs[1::2]))
    if options.get("--hidden") == "none":
        print("bench_moe_comm: --hidden 'none': a number")
        return 2
    if options["--phase"] == "mixed" or options["--phase"] + options.get("--hidden", "") == "decodetight":
        print("bench_moe_comm: --steps: none of it is this question (phase decode: 40)")
        return 2
    if options.get("--hidden") == "huge":
        print("[1/3] m-1b\n    cannot run: needs 9 GiB\n0 of 3 cases can run, with 5 strategies.")
        return 0
    if "--dry-run" in words:
        skews = len(options.get("--skew", "0").split(","))
        cases = int(options["--step-cases"]) * skews
        left_out = cases - most_cases(options) * skews
        print(f"{cases} of {cases} cases can run, with 5 strategies each, about 9 s unless x.",
              f"{left_out} of them will not fit into --time." if left_out > 0 else "",
              "Nothing was measured.")
        return 0
    if Path("fails").exists() and options["--launch"] == "2/7":
        return 3
    from decided import beside_rows, rows_of, write_rows  # which take longer than the rest

    number = int(options["--launch"].split("/")[0])
    saved = [-1.0 - number / 100]
    rows = beside_rows(saved, -2, 40) if "--beside" in options else \
        [row for skew in SKEWS for row in rows_of(saved, 40, skew=skew)]
    machine = {} if options["--backend"] == "cuda" else \
        {"backend": "host", "device": "EPYC", "nccl_version": "", "nvls": ""}
    write_rows(Path(options["--out"]), [row | machine | {"graph": options["--graph"], "launch": number}
                                        for row in rows])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

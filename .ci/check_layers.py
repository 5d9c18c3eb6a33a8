#!/usr/bin/env python3
"""Fails when a file includes something above its layer, or compiles conditionally.

usage: check_layers.py ROOT
"""

import pathlib
import re
import sys

RUNTIME = "kernels/runtime"
MEASURED = {"comm", "comm/combine", "comm/gather", RUNTIME}
PARTS = {"bench/case", "bench/engines", "bench/measure", "bench/moe", "bench/report", "bench/steps",
         "bench/sweep", "bench/tune", "bench/verify", "bench/watch"}

# Which folders the files of a folder may include, besides their own. A folder that is not here has
# no layer, and its files fail.
MAY_INCLUDE = {
    RUNTIME: set(),
    "kernels/host": {RUNTIME},
    "kernels/cuda": {RUNTIME},
    "comm": {RUNTIME},
    "comm/combine": {"comm", RUNTIME},
    "comm/gather": {"comm", RUNTIME},
    "comm/mpi": {"comm", RUNTIME, "kernels/host"},
    "comm/nccl": {"comm", "comm/mpi", RUNTIME, "kernels/cuda"},
    "bench/measure": {"comm", RUNTIME},
    "bench/engines": {"comm", RUNTIME},
    "bench/moe": {"bench/engines"} | MEASURED,
    "bench/sweep": {"bench/engines", "bench/measure", "bench/moe"} | MEASURED,
    "bench/verify": {"bench/engines", "bench/moe"} | MEASURED,
    "bench/watch": {"comm", RUNTIME},
    "bench/case": PARTS - {"bench/case", "bench/report", "bench/steps", "bench/tune"} | MEASURED,
    "bench/report": PARTS - {"bench/report", "bench/steps", "bench/tune"} | MEASURED,
    "bench/steps": {"bench/case", "bench/moe", "bench/report", "bench/sweep"} | MEASURED,
    "bench/tune": PARTS - {"bench/steps", "bench/tune"} | MEASURED,
    "bench": PARTS | MEASURED | {"comm/mpi"},
    "bench/micro": MEASURED | {"comm/mpi", "kernels/host", "kernels/cuda", "bench/measure",
                               "bench/sweep", "bench/verify"},
    "tests": PARTS | MEASURED | {"bench", "comm/mpi", "comm/nccl", "kernels/host", "kernels/cuda",
                                 "tests/faults"},
    "tests/faults": {"tests/strategies"} | MEASURED,
    "tests/strategies": MEASURED,
    "tests/simt": {"tests", "kernels/cuda", "kernels/host", RUNTIME},
    "tests/simt/kernels/cuda": {"kernels/cuda", "tests/simt"},
    "tests/simt/fibers": {"tests/simt"},
    "tests/simt/threads": set(),
    "tests/simt/cub/block": set(),
    "tests/simt/cub/warp": set(),
    "tests/fuzz": {"bench/moe", "bench/report", "bench/sweep", RUNTIME},
}
# Headers of foreign libraries that only some folders may know.
CONFINED = {
    "mpi.h": {"comm/mpi"},
    "cblas.h": {"kernels/host"},
    "cuda_bf16.h": {"kernels/cuda"},
    "cuda_fp16.h": {"kernels/cuda"},
    "cublasLt.h": {"kernels/cuda"},
    "cuda.h": {"kernels/cuda"},
    "cuda_runtime_api.h": {"kernels/cuda"},
    "nccl.h": {"comm/nccl"},
    "nvtx3/nvToolsExt.h": {"kernels/cuda"},
}

SOURCES = {".hpp", ".cpp", ".cu", ".cuh"}
CONDITIONAL = re.compile(r"\s*#\s*(if|ifdef|ifndef|elif)\b")
INCLUDE = re.compile(r'\s*#\s*include\s+(["<])([^">]+)[">]')


def check_line(layer: str, line: str) -> str | None:
    """What is wrong with one line of a file in `layer`, or None."""
    if CONDITIONAL.match(line):
        return f"conditional compilation: {line.strip()}"
    hit = INCLUDE.match(line)
    if not hit:
        return None
    quoted, name = hit[1] == '"', hit[2]
    folder = str(pathlib.PurePosixPath(name).parent)
    # A quoted name without a folder is a generated header.
    if quoted and folder != "." and folder not in MAY_INCLUDE[layer] | {layer}:
        return f"{layer} may not include {name}"
    if not quoted and name in CONFINED and layer not in CONFINED[name]:
        return f"<{name}> belongs to {', '.join(sorted(CONFINED[name]))}"
    return None


def check(root: pathlib.Path) -> list[str]:
    """One line for each violation below `root`."""
    bad = []
    for top in ("kernels", "comm", "bench", "tests"):
        for path in sorted((root / top).rglob("*")):
            if path.suffix not in SOURCES:
                continue
            layer = path.parent.relative_to(root).as_posix()
            if layer not in MAY_INCLUDE:
                bad.append(f"{layer}: a folder without a layer; add it to MAY_INCLUDE")
                continue
            for number, line in enumerate(path.read_text().splitlines(), 1):
                if wrong := check_line(layer, line):
                    bad.append(f"{path.relative_to(root)}:{number}: {wrong}")
    return bad


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    violations = check(pathlib.Path(sys.argv[1]))
    print("\n".join(violations) or "layers hold")
    sys.exit(bool(violations))

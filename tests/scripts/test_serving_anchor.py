"""What serving_anchor.py says of bad input: one line, before PyTorch is asked for anything."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ANCHOR = Path(__file__).parents[2] / "bench" / "micro" / "serving_anchor.py"


def run(*args, ranks=2, here=2, rank=0):
    env = {**os.environ, "WORLD_SIZE": str(ranks), "LOCAL_WORLD_SIZE": str(here),
           "RANK": str(rank), "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.run([sys.executable, ANCHOR, *map(str, args)], capture_output=True, text=True,
                          timeout=120, env=env, stdin=subprocess.DEVNULL, check=False)


@pytest.mark.parametrize("arguments, ranks, here, said", [
    ([], 1, 1, "1 rank; wants 2 or more: torchrun"),
    ([], 4, 2, "2 of 4 ranks on this host"),
    (["--sglang", "/nowhere"], 2, 2, "--sglang /nowhere: no folder sglang in it"),
    (["--bytes", "4096,100"], 2, 2, "--bytes 4096,100: wants multiples of 32, separated by commas"),
    (["--bytes", "many"], 2, 2, "--bytes many: wants multiples of 32"),
    ([], 2, 2, ""),  # no PyTorch here, or no GPU that it may see
])
def test_bad_input_is_one_line(arguments, ranks, here, said):
    done = run(*arguments, ranks=ranks, here=here)
    assert done.returncode == 2
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith(f"serving_anchor.py: {said}")


def test_one_rank_speaks_for_all():
    done = run(ranks=4, here=2, rank=1)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "")


def test_without_torchrun():
    env = {name: value for name, value in os.environ.items() if "WORLD_SIZE" not in name}
    done = subprocess.run([sys.executable, ANCHOR], capture_output=True, text=True, timeout=120,
                          env=env, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 2
    assert "torchrun --nproc-per-node N" in done.stderr

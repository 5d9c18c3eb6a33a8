"""The program takes what decide.sh asks it for."""

import os
import subprocess
from pathlib import Path

import pytest
from program import AS_ROOT, FULL, PROGRAM, SMALL, mpiexec

DECIDE = Path(__file__).resolve().parents[3] / "scripts/decide.sh"
STEPS = """# dp=2 tp=2 ep=2
engine,version,phase,tokens_per_rank,count
{engine},prefill,9;8,2
{engine},decode,3;4,40
"""


def parts_of(steps):
    """The names of the parts, by a dry run in which all of them can run."""
    done = subprocess.run(
        [DECIDE, *SMALL, "--steps", steps, "--minutes", "9000", "--backend", "host", "--dry-run", "--",
         *mpiexec(2)], capture_output=True, text=True, timeout=240,
        env={**os.environ, **AS_ROOT, "BENCH_MOE_COMM": PROGRAM})
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if "steps in 24 case(s)" in line]
    assert all(" cases can run, with " in line for line in lines)
    return [line.split(":")[0] for line in lines]


@pytest.mark.parametrize(("engine", "parts"), [
    ("sglang,0.5.23", ["prefill", "prefill-beside", "decode", "decode-beside"]),
    *([("sglang,0.5.22", ["prefill", "prefill-beside", "decode", "decode-beside"])] if FULL else []),
    ("vllm,0.33", ["prefill", "decode"]),  # it has one value, so that nothing is compared
])
def test_every_part_can_run(engine, parts, tmp_path):
    steps = tmp_path / "steps.csv"
    steps.write_text(STEPS.format(engine=engine))
    assert parts_of(steps) == parts


def test_steps_of_no_phase_can_run(tmp_path):
    steps = tmp_path / "steps.csv"
    steps.write_text("engine,version,tokens_per_rank\nvllm,0.33,3;4\n")
    assert parts_of(steps) == ["any"]

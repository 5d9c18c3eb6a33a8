"""The programs take what reference_run.sh asks them for."""

import csv
import os
import subprocess
from pathlib import Path

import pytest
from program import AS_ROOT, COLLECTIVES, FULL, PROGRAM, SMALL, launch, mpiexec
from reference_run.micro import COLLECTIVES as OPTIONS

SCRIPT = Path(__file__).resolve().parents[3] / "scripts/reference_run.sh"
TINY = [*SMALL, "--tokens", "6", "--budget", "0.02", "--min-samples", "6", "--backend", "host"]


def reference_run(*words, ranks):
    return subprocess.run([SCRIPT, *TINY, *words, "--", *mpiexec(ranks)], capture_output=True,
                          text=True, timeout=600, check=False,
                          env={**os.environ, **AS_ROOT, "BENCH_MOE_COMM": PROGRAM})


@pytest.mark.parametrize("ranks", [1, 2, 4] if FULL else [4])
def test_every_sweep_can_run(ranks):
    done = reference_run("--dry-run", ranks=ranks)
    assert done.returncode == 0, done.stderr
    priced = [line.split(":")[0] for line in done.stdout.splitlines()]
    assert {"eager", "beside-gemm", "gather", "skew", "epilogue", "together"} <= set(priced)
    assert "no case can run" not in done.stderr


@pytest.mark.skipif(not Path(COLLECTIVES).exists(), reason="built without micro-benchmarks")
def test_collectives_take_their_options():
    done = launch(*OPTIONS["host"], "--benchmark_list_tests", ranks=2, program=COLLECTIVES)
    assert done.returncode == 0, done.stderr
    assert "grouped_reduce/isolated/4194304" in done.stdout


def test_a_sweep_from_end_to_end(tmp_path):
    """All of them in full runs. The dry runs have all loads."""
    out = tmp_path / "out"
    done = reference_run("--out", str(out), *([] if FULL else ["--parts", "eager", "--load", "hot"]),
                         ranks=2)
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader((out / "eager/results.csv").open(newline="")))
    assert {row["launch"] for row in rows} == {"1", "2", "3"}
    assert {"reduce_scatterv_push:direct", "reduce_scatterv_fused:pull"} <= {
        row["combine"] for row in rows}
    assert all(row["verified"] == "true" for row in rows if not row["obstacle"])
    assert (out / "report.html").exists() and list((out / "plots/eager").glob("*.svg"))

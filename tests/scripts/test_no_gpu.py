"""What the program says of GPUs on a machine that has none, or none that it may use."""

import os
import subprocess

import pytest
from program import AS_ROOT, PROGRAM, QUICK, mpiexec

BACKENDS = subprocess.run([PROGRAM, "--list", "backends"], capture_output=True, text=True,
                          timeout=60, check=True).stdout
HAS_CUDA = "cuda" in BACKENDS.split()


def run(*args, ranks=2):
    """No GPU is visible to it, whatever the machine has."""
    env = {**os.environ, **AS_ROOT, "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.run([*mpiexec(ranks), PROGRAM, *map(str, args)], capture_output=True,
                          text=True, timeout=120, env=env, stdin=subprocess.DEVNULL, check=False)


@pytest.mark.parametrize("ranks", [1, 3])
def test_cuda_says_in_one_line_what_is_missing(ranks, tmp_path):
    done = run("--backend", "cuda", "--out", tmp_path / "out", *QUICK, ranks=ranks)
    assert done.returncode == 2
    lines = [line for line in done.stderr.splitlines() if line.startswith("bench_moe_comm:")]
    assert len(lines) == 1, done.stderr
    if HAS_CUDA:
        assert any(word in lines[0] for word in ("no NVIDIA driver", "no GPU", "no CUDA-capable"))
    else:
        assert "there are: host" in lines[0]
    assert not (tmp_path / "out").exists()


def test_auto_falls_back_to_cores_and_says_why(tmp_path):
    done = run("--backend", "auto", "--out", tmp_path, *QUICK)
    assert done.returncode == 0, done.stderr
    start = done.stdout.splitlines()[0]
    assert start.startswith("host backend (chosen by auto: ")
    assert ("this build has no other" in start) != HAS_CUDA


def test_a_gpu_cannot_be_shared_by_cores():
    done = run("--backend", "host", "--share-gpu", *QUICK)
    assert done.returncode == 2
    assert "--share-gpu: the host backend has no GPU to share" in done.stderr

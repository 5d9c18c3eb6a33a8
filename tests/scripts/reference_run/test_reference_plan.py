"""What is planned for GPUs, which need not be here for that."""

import json
import os
from pathlib import Path

import pytest
import reference_plan
from reference_run.micro import with_ranks
from reference_run.sweeps import loads_of, smaller_dps
from serving_anchors import ANCHOR

MPIRUN = ("mpirun", "-n", "{ranks}", "--bind-to", "none")


@pytest.fixture
def plan(tmp_path, capsys):
    """The lines and the words of a plan."""

    def run(backend, ranks, *options, launcher=MPIRUN):
        program = tmp_path / "bench_moe_comm"
        for name in ("bench_moe_comm", "bench_collectives"):
            (tmp_path / name).touch()
        launcher = [word.format(ranks=ranks) for word in launcher]
        status = reference_plan.main([str(tmp_path / "out"), "--program", str(program), "--backend",
                                      backend, "--ranks", str(ranks), *options, "--", *launcher])
        assert status == 0
        lines = [line.split(" ", 3) for line in capsys.readouterr().out.splitlines()]
        words = {path.stem: path.read_text().split("\0")[:-1]
                 for path in (tmp_path / "out").glob("*.words")}
        return lines, words

    return run


def names_of(lines):
    return [name for name, launches, *_ in lines if launches != "0"]


@pytest.mark.parametrize(("ranks", "collectives", "dps"), [
    (1, [], []),
    (2, ["collectives-2"], ["dp-1"]),
    (4, ["collectives-4", "collectives-2"], ["dp-2"]),
    (6, ["collectives-6", "collectives-3", "collectives-2"], ["dp-3"]),
    (8, ["collectives-8", "collectives-4", "collectives-2"], ["dp-4", "dp-2"]),
])
def test_parts_on_gpus(plan, ranks, collectives, dps):
    lines, _ = plan("cuda", ranks)
    assert [name for name in names_of(lines) if name != "serving-anchors"] == [
        "graph", *collectives[:1], "eager", "ctas", "qwen3-30b-a3b", "beside-gemm", *dps,
        "gather", "skew", "epilogue", *collectives[1:]]


def test_commands_on_gpus(plan):
    _, words = plan("cuda", 4, "--scale-experts", "16")
    graph = " ".join(words["graph"])
    assert graph.startswith("mpirun -n 4 --bind-to none ")
    assert " --model qwen3.5-397b-a17b --scale-experts 8 " in graph
    assert " --load balanced,zipf:1,hot,counts:4096;1;1;1 " in graph
    assert "reduce_scatterv_push:balanced" in graph and " --graph on " in graph
    assert " --scale-experts 16 --progress none --out " in graph, "the last one holds"
    assert " --load balanced,zipf:1,hot,counts:4096;1 " in " ".join(words["dp-2"])
    assert words["collectives-2"][:3] == ["mpirun", "-n", "2"]
    assert words["collectives-2"][5].endswith("/bench_collectives")
    assert "default,24,64" in words["collectives-4"]
    assert "default,8,16,32,64" in words["beside-gemm"]


def test_ranks_that_share_a_gpu(plan):
    lines, words = plan("cuda", 4, "--share-gpu",
                        launcher=("share_gpu.sh", "--", *MPIRUN))
    assert words["collectives-2"][:4] == ["share_gpu.sh", "--", "mpirun", "-n"]
    assert words["collectives-2"][4] == "2" and "--share-gpu" in words["collectives-2"]
    assert ["serving-anchors", "0", "120",
            "ranks share a GPU, and these kernels want one for each"] in lines


def test_a_launcher_that_does_not_say_how_many(plan):
    lines, words = plan("host", 4, launcher=("srun",))
    assert words["collectives-4"][0] == "srun" and "collectives-2" not in words
    assert ["collectives-2", "0", "60", "the launcher has no -n to make 2 of"] in lines


def test_a_build_without_micro_benchmarks(plan, tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "is_file", lambda path: False)
    lines, _ = plan("host", 2)
    assert ["collectives-2", "0", "60", "bench_collectives was not built"] in lines


@pytest.mark.parametrize(("found", "what", "options"), [
    ('{"torch": true, "sglang": "/engine"}', "the all-reduces of serving engines",
     ["--sglang", "/engine"]),
    ('{"torch": true}', "the all-reduces of serving engines, without SGLang's, which is not there", []),
    ('{"torch": false}', "{python} has no PyTorch", None),
    ("", "{python} has no PyTorch", None),  # it fails
])
def test_engines_are_those_of_the_python_in_path(plan, tmp_path, monkeypatch, found, what, options):
    python = tmp_path / "python3"
    python.write_text(f"#!/bin/sh\ntest '{found}' && echo '{found}'\n")
    python.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    lines, words = plan("cuda", 4)
    [line] = [line for line in lines if line[0] == "serving-anchors"]
    assert line[1:] == ["0" if options is None else "1", "120", what.format(python=python)]
    assert words.get("serving-anchors") == (None if options is None else [
        str(python), "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "4",
        str(ANCHOR), *options])


def test_a_plan_can_be_read_again(plan, tmp_path):
    plan("cuda", 2)
    plan("cuda", 2)
    parts = json.loads((tmp_path / "out/plan.json").read_text())["parts"]
    assert [part["name"] for part in parts][:2] == ["graph", "collectives-2"]


@pytest.mark.parametrize(("launcher", "expected"), [
    ("mpirun -q -n 8 --map-by numa", "mpirun -q -n 2 --map-by numa"),
    ("mpirun -np 8", "mpirun -np 2"), ("srun --ntasks 8 -K", "srun --ntasks 2 -K"),
    ("srun --ntasks=8", None), ("mpirun -n", None)])
def test_another_number_of_ranks(launcher, expected):
    words = with_ranks(launcher.split(), 2)
    assert words == (expected and expected.split())


@pytest.mark.parametrize(("ranks", "dps"), [
    (1, []), (2, [1]), (3, []), (4, [2]), (6, [3]), (8, [4, 2]), (16, [8, 4, 2])])
def test_smaller_numbers_of_dp_ranks(ranks, dps):
    assert smaller_dps(ranks) == dps


def test_loads_have_a_count_for_each_dp_rank():
    assert loads_of(1) == "balanced"
    assert loads_of(3).split(",")[-1] == "counts:4096;1;1"

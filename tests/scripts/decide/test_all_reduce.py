"""Whose all-reduce a verdict is of: the engine's own, timed beside every launch, or our stand-in."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import decide_anchor
import pytest
from decided import PLAN, anchor_of, chains_of, rows_of, write_part
from decision.all_reduce import AllReduce, read_all_reduce
from decision.anchors import Call, anchor_file, read_calls, stand_in_file
from program import ROOT
from serving_anchors import ANCHOR
from test_decide import DECIDE, FAKE

# 64 rows of 4096 bf16, of 8 ranks: whole pages.
SIZE = "524288"
SAVED = [0.2, 0.21, 0.22, 0.19, 0.2, 0.18, 0.2]
DECODE = {"steps_of_phases": {"decode": 40000}, "step_ms": {"decode": 17}}
OWN = ("All-reduce: SGLang 0.5.23's own in CUDA graphs, which takes 0.80 times as long as our stand-in at"
       " 512 KiB (NCCL's, timed in the same two ways: 0.90); our stand-in elsewhere.")


def write_calls(folder: Path, launch: int, own_us: float = 2.4, sizes: str = SIZE) -> None:
    folder.mkdir(exist_ok=True)
    anchor_file(folder, str(launch)).write_text(anchor_of(sizes, own_us))
    stand_in_file(folder, str(launch)).write_text(json.dumps(chains_of(sizes)))


def decode(verdict_of, **changes):
    return verdict_of({"decode": rows_of(SAVED, 40000, **{"graph": "on"} | changes)}, **DECODE)


def saved_us(found) -> float:
    """Of a layer, by rsv."""
    [rsv] = [one for one in found["phases"][0]["candidates"] if one["name"] == "rsv"]
    return rsv["saved"]["0"]["layer_us"]


def test_the_engines_own_takes_the_place_of_the_stand_in(verdict_of, tmp_path):
    for launch in range(1, 8):
        write_calls(tmp_path / "out", launch)
    found = decode(verdict_of)
    assert found["all_reduce"] == OWN and OWN in found["printed"]
    assert OWN in (tmp_path / "out/verdict.md").read_text()
    # 0.6 us less in the combine of ar alone, and in the gather of both.
    assert saved_us(found) == pytest.approx(200 / 60 - 0.6)
    assert found["phases"][0]["default_layer_us"] == pytest.approx(1000 - 2 * 0.6)


def test_every_launch_counts_its_own_calls(verdict_of, tmp_path):
    for launch in range(1, 8):
        write_calls(tmp_path / "out", launch, own_us=3 + launch / 10)
    found = decode(verdict_of)
    [rsv] = [one for one in found["phases"][0]["candidates"] if one["name"] == "rsv"]
    saved = sorted(ms + 60 * launch / 10 / 1000 for launch, ms in enumerate(SAVED, 1))
    assert rsv["saved"]["0"]["step_ms"] == pytest.approx(saved[3])
    assert rsv["saved"]["0"]["step_ms_interval"] == pytest.approx([saved[0], saved[-1]])


def test_layers_outside_of_graphs_keep_the_stand_in(verdict_of, tmp_path):
    for launch in range(1, 8):
        write_calls(tmp_path / "out", launch)
    found = decode(verdict_of, graph="off")
    assert saved_us(found) == pytest.approx(200 / 60)
    assert found["all_reduce"] == "All-reduce: our stand-in (no step is from a CUDA graph)."


def test_what_the_engine_leaves_to_nccl_stays_as_it_was_measured(verdict_of, tmp_path):
    for launch in range(1, 8):
        write_calls(tmp_path / "out", launch)
        text = "SGLang 0.5.23\nsglang/524288 chooses NCCL in a graph, NCCL without\n"
        anchor_file(tmp_path / "out", str(launch)).write_text(text)
    found = decode(verdict_of)
    assert saved_us(found) == pytest.approx(200 / 60)
    assert found["all_reduce"] == ("All-reduce: NCCL's, which SGLang 0.5.23 takes at these sizes.")


@pytest.mark.parametrize(("text", "why"), [
    ("without SGLang: sglang is not installed: No package metadata was found for sglang\n",
     "sglang is not installed: No package metadata was found for sglang"),
    ("serving_anchor.py: wants PyTorch 2.11 with CUDA: No module named 'torch'\nError\n====\n",
     "wants PyTorch 2.11 with CUDA: No module named 'torch'"),
    ("Segmentation fault\n", "serving_anchor.py failed, see anchor-3.txt"),
    ("SGLang 0.5.23\nsglang/524288 WRONG\nnccl.all_reduce/524288 5.40 us\n",
     "launch 3 has no time of SGLang's at 524288 bytes"),
    (None, "launch 3 did not time the engine's own"),
])
def test_the_stand_in_says_why_it_stands_there(verdict_of, tmp_path, text, why):
    for launch in range(1, 8):
        write_calls(tmp_path / "out", launch)
    file = anchor_file(tmp_path / "out", "3")
    file.unlink() if text is None else file.write_text(text)
    found = decode(verdict_of)
    assert found["all_reduce"] == f"All-reduce: our stand-in ({why})."
    assert saved_us(found) == pytest.approx(200 / 60)


def test_a_stand_in_that_was_not_timed(verdict_of, tmp_path):
    for launch in range(1, 8):
        write_calls(tmp_path / "out", launch)
    stand_in_file(tmp_path / "out", "1").write_text("")
    assert decode(verdict_of)["all_reduce"] == (
        "All-reduce: our stand-in (launch 1 did not time the stand-in, see stand-in.log).")


def test_cores_have_the_stand_in(verdict_of):
    found = verdict_of({"decode": rows_of(SAVED, 40, backend="host")}, backend="host")
    assert found["all_reduce"] == "All-reduce: our stand-in (these are times of processor cores)."


def test_steps_without_an_all_reduce_have_nothing_to_say_of_it(tmp_path):
    rows = [one | {"gather": "all_gatherv", "combine": "reduce_scatterv_collapse"}
            for one in rows_of(SAVED, 40, graph="on")]
    plan = PLAN | {"parts": [write_part(tmp_path, "decode", rows)]}
    assert read_all_reduce(tmp_path, plan).sentence() == ""


def test_sizes_and_ratios_are_those_of_all_steps():
    calls = {64 << 10: Call(2, 2.5, 5, 6), 2 << 20: Call(6.6, 6, 10, 10)}
    assert AllReduce("SGLang 0.5.23", calls={"1": calls}).sentence() == (
        "All-reduce: SGLang 0.5.23's own in CUDA graphs, which takes 0.80 to 1.10 times as long as our"
        " stand-in at 64 to 2,048 KiB (NCCL's, timed in the same two ways: 0.83 to 1.00); our stand-in"
        " elsewhere.")


def test_an_anchor_is_read_as_a_machine_printed_it(tmp_path):
    sizes = "16384,16777216,67108864"  # the last is NCCL's
    shutil.copy(ROOT / "results/nvidia-h200/serving-anchors-2.txt", anchor_file(tmp_path, "1"))
    stand_in_file(tmp_path, "1").write_text(json.dumps(chains_of(sizes)))
    name, calls = read_calls(tmp_path, "1", map(int, sizes.split(",")))
    assert name == "SGLang 0.5.23"
    assert {size: call.own for size, call in calls.items()} == {16384: 1.9, 16777216: 59.3}


# A python3 that has SGLang of a version, and answers as the anchor does.
PYTHON = """#!{python}
import os, sys
sys.path[:0] = {paths!r}
words = sys.argv[1:]
if words[0] == "-c" and "importlib.metadata" in words[1]:
    print('{{"torch": true, "sglang": "/engine", "version": "{version}"}}')
elif words[:2] == ["-m", "torch.distributed.run"]:
    from decided import anchor_of
    print(*words, file=open("anchors", "a"))
    print(anchor_of(words[words.index("--bytes") + 1]), end="")
else:
    os.execv("{python}", ["{python}", *words])
"""


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """One with GPUs, as scripts see it, on which programs take no time; adds a python3."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, text in {"nvidia-smi": "echo GPU 0", "nvcc": ""}.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    for name in ("bench_moe_comm", "bench_collectives"):
        (folder / name).symlink_to(FAKE)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("NCCL_ROOT", str(folder))
    monkeypatch.setenv("BENCH_MOE_COMM", str(folder / "bench_moe_comm"))
    monkeypatch.chdir(tmp_path)

    def with_python(version: str) -> Path:
        paths = [path for path in sys.path if path]
        (folder / "python3").write_text(PYTHON.format(python=sys.executable, paths=paths,
                                                      version=version))
        for file in folder.iterdir():
            file.chmod(0o755)
        return folder

    return with_python


def test_it_is_timed_beside_every_launch(machine):
    machine("0.5.23")
    Path("steps.csv").write_text("engine,version,phase,tokens_per_rank,count\n"
                                 "sglang,0.5.23,decode,3;4,40\n")
    done = subprocess.run(
        [DECIDE, "--model", "m-1b", "--steps", "steps.csv", "--out", "out", "--", FAKE],
        capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert OWN in done.stdout
    anchors = Path("anchors").read_text().splitlines()
    assert len(anchors) == 7
    assert f"--nproc-per-node 8 {ANCHOR} --sglang /engine --bytes {SIZE}" in anchors[0]
    assert done.stderr.count("the engine's own all-reduce\n") == 7


def said_of(program: Path, **changes: object) -> str:
    """Why the engine's own cannot be timed beside a launch."""
    folder = Path("out")
    part = write_part(folder, "decode", rows_of(SAVED[:1], 40, graph="on", **changes))
    (folder / "plan.json").write_text(json.dumps(PLAN | {"parts": [part]}))
    assert decide_anchor.main([str(folder), "1", "--program", str(program)]) == 0
    assert list(folder.glob("*.words")) == []
    return anchor_file(folder, "1").read_text()


def test_what_cannot_be_timed_is_said(machine):
    tools = machine("0.5.22")
    assert said_of(tools / "bench_moe_comm") == (
        "without SGLang: sglang 0.5.22 is installed, the steps are of sglang-0.5.23\n")
    (tools / "python3").unlink()
    assert said_of(tools / "bench_moe_comm") == (
        "without SGLang: sglang is not installed: No package metadata was found for sglang\n")


def test_steps_that_the_kernels_are_not_timed_for_are_said(machine):
    program = machine("0.5.23") / "bench_moe_comm"
    assert said_of(program, hosts=2) == "without SGLang: ranks are on several hosts\n"
    shutil.rmtree("out")
    assert said_of(program, dtype="f32") == "without SGLang: its kernels are timed in bf16 only\n"


def test_a_program_that_is_not_built_is_said(machine):
    tools = machine("0.5.23")
    (tools / "bench_collectives").unlink()
    assert said_of(tools / "bench_moe_comm") == (
        "without SGLang: bench_collectives, which times ours, is not built\n")

"""What decide.sh is asked for, and what it will launch."""

import json

import decide_plan
import pytest
from decision.engine import find_engine
from decision.plan import parse_step_ms, parts_of
from decision.steps import scan_steps
from moe_results import ResultsError

STEPS = """# dp=2 tp=2 role=decode
engine,version,phase,tokens_per_rank,count,step_us
sglang,0.5.23,prefill,"9;8",2,100000
sglang,0.5.23,,3;4,40,20000
sglang,0.5.22,decode,3;4,20,
sglang,0.5.23,decode,3;4,many,20000
"""


@pytest.fixture
def steps(tmp_path):
    path = tmp_path / "steps.csv"
    path.write_text(STEPS)
    return path


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "program"
    path.write_text("#!/bin/sh\necho 'm-1b  64  4  2  24  none  softmax  48  config.json of M'\n")
    path.chmod(0o755)
    return path


def test_steps_are_counted_by_phase(steps):
    seen = scan_steps(steps)
    assert seen.role == "decode"
    assert seen.engines == {"sglang-0.5.23": 42, "sglang-0.5.22": 20}
    assert {name: tally.steps for name, tally in seen.phases.items()} == {"prefill": 2, "decode": 60}
    assert seen.phases["prefill"].step_ms() == 100
    assert seen.phases["decode"].step_ms() is None, "a third does not say"


def test_json_lines_are_counted_too(tmp_path):
    path = tmp_path / "steps.jsonl"
    path.write_text('# role=both\n{"engine":"vllm","version":"0.33","phase":"mixed","count":3,'
                    '"step_us":5000}\n{"phase":"mixed"}\nno JSON\n')
    seen = scan_steps(path)
    assert seen.engines == {"vllm-0.33": 3} and seen.phases["mixed"].steps == 4


def test_steps_that_say_no_phase_are_priced_together(tmp_path, program, capsys):
    steps = tmp_path / "steps.csv"
    steps.write_text("engine,version,tokens_per_rank\nvllm,0.33,3;4\n")
    assert plan(tmp_path, program, "--steps", steps, "--step-ms", "9") == 0
    assert capsys.readouterr().out == "any 3\n"
    words = (tmp_path / "out/any.words").read_text().split("\0")
    assert "--phase" not in words and "--graph-sizes" not in words
    assert json.loads((tmp_path / "out/plan.json").read_text())["step_ms"] == {"any": 9}


def test_every_phase_has_its_parts():
    """Late ranks cannot be in a graph; settings are NCCL's."""
    sglang = find_engine("sglang-0.5.23")
    assert [part.name for part in parts_of(sglang, "host", ["prefill", "decode"])] == [
        "prefill", "decode"]
    on_gpus = parts_of(sglang, "cuda", ["prefill", "decode"])
    assert [(part.name, part.graph, part.skews) for part in on_gpus if not part.setting] == [
        ("prefill", False, (0, 50, 200)), ("decode", True, (0,)),
        ("decode-late-ranks", False, (50, 200))]
    assert {part.setting for part in on_gpus} == {"", *(one.name for one in sglang.settings)}
    assert len({part.name for part in on_gpus}) == len(on_gpus)


def plan(tmp_path, program, *options, launcher=("mpirun", "-n", "2"), model="m-1b"):
    return decide_plan.main([str(tmp_path / "out"), "--program", str(program), "--backend", "host",
                             "--model", model, *map(str, options), "--", *launcher])


def test_a_plan_is_written(tmp_path, program, steps, capsys):
    assert plan(tmp_path, program, "--steps", steps, "--hidden", "64") == 0
    assert capsys.readouterr().out == "prefill 3\ndecode 3\n"
    written = json.loads((tmp_path / "out/plan.json").read_text())
    assert (written["engine"], written["moe_layers"]) == ("sglang-0.5.23", 48)
    assert written["step_ms"] == {"prefill": 100}
    words = (tmp_path / "out/decode.words").read_text().split("\0")[:-1]
    assert words[:4] == ["mpirun", "-n", "2", str(program)]
    options = dict(zip(words[4::2], words[5::2]))
    assert options["--phase"] == "decode" and options["--skew"] == "0,50,200"
    assert options["--padding"] == "sglang:0.5.23" and options["--hidden"] == "64"
    assert options["--gather"] == "all_reduce_engine_zero_fill,all_gather_padded"
    assert options["--baseline"] == "reduce_scatterv_grouped"
    # The same again is the same plan, another is not.
    assert plan(tmp_path, program, "--steps", steps, "--hidden", "64") == 0
    capsys.readouterr()
    assert plan(tmp_path, program, "--steps", steps, "--hidden", "32") == 2
    assert capsys.readouterr().err == (f"decide.sh: {tmp_path}/out was made with another extra; name"
                                       " another --out for these\n")


@pytest.mark.parametrize(("options", "said"), [
    ([], "either --steps FILE or --traffic TEXT says what the engine runs"),
    (["--steps", "{}", "--traffic", "isl=1"], "either --steps FILE or --traffic TEXT"),
    (["--steps", "nowhere.csv"], "--steps 'nowhere.csv': No such file or directory"),
    (["--steps", "{}", "--engine", "sglang-9"], "no rules of 'sglang-9' are known; there are: "),
    (["--steps", "{}", "--step-ms", "17"], "--step-ms '17': steps are of several phases; prefill=MS"),
    (["--steps", "{}", "--step-ms", "prefill=x"], "--step-ms 'prefill=x': 'x' is no time"),
    (["--steps", "{}", "--step-ms", "warm=1"], "--step-ms 'warm=1': 'warm' is no phase of these"),
    (["--steps", "{}", "--model", "m"], "--model 'm' is none of bench_moe_comm --list models"),
])
def test_what_cannot_be_is_one_line_and_nothing_is_written(options, said, tmp_path, program, steps,
                                                           capsys):
    options = [option.format(steps) for option in options]
    assert plan(tmp_path, program, *options) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"decide.sh: {said}") and err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_step_time_is_of_the_one_phase_or_named():
    assert parse_step_ms("17.5", ["decode"]) == {"decode": 17.5}
    assert parse_step_ms("prefill=148,decode=17", ["prefill", "decode"]) == {
        "prefill": 148, "decode": 17}
    with pytest.raises(ResultsError):
        parse_step_ms("0", ["decode"])

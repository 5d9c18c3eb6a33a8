"""What decide.sh is asked for, and what it will launch."""

import json

import decide_plan
import pytest
from decision.engine import find_engine
from decision.plan import options_of, parse_step_ms, parts_of
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


@pytest.mark.parametrize("text", [
    "# dp=2 role=both\n\nengine,tokens_per_rank\nvllm,3;4\n",
    "\ufeffengine,tokens_per_rank\r\nvllm,3;4\r\n",
    '# role=both\n{"engine":"vllm","tokens_per_rank":[3,4]}\n[1]\n7\n',
])
def test_a_node_that_does_both_does_not_say_the_phase(text, tmp_path):
    path = tmp_path / "steps"
    path.write_text(text)
    seen = scan_steps(path)
    assert seen.engines == {"vllm": 1} and list(seen.phases) == ["any"]


def test_steps_that_say_no_phase_are_priced_together(tmp_path, program, capsys):
    steps = tmp_path / "steps.csv"
    steps.write_text("engine,version,tokens_per_rank\nvllm,0.33,3;4\n")
    assert plan(tmp_path, program, "--steps", steps, "--step-ms", "9") == 0
    assert capsys.readouterr().out == "any 6 any\n"
    words = (tmp_path / "out/any.words").read_text().split("\0")
    assert "--phase" not in words and "--graph-sizes" not in words
    assert json.loads((tmp_path / "out/plan.json").read_text())["step_ms"] == {"any": 9}


def test_every_phase_has_its_parts():
    """Late ranks cannot be in a graph; settings are NCCL's."""
    sglang = find_engine("sglang-0.5.23")
    assert [part.name for part in parts_of(sglang, "host", ["prefill", "decode"], 25)] == [
        "prefill", "prefill-beside", "decode", "decode-beside"]
    on_gpus = parts_of(sglang, "cuda", ["prefill", "decode"], 25)
    assert [(part.name, part.graph, part.skews) for part in on_gpus if not part.setting] == [
        ("prefill", False, (0, 50, 200)), ("prefill-beside", False, (0,)), ("decode", True, (0,)),
        ("decode-late-ranks", False, (50, 200)), ("decode-beside", True, (0,))]
    names = {"", *(one.name for one in sglang.settings)}
    for beside in (False, True):
        assert {part.setting for part in on_gpus if part.beside == beside} == names
    assert len({part.name for part in on_gpus}) == len(on_gpus)


def test_settings_are_repeated_with_late_ranks_where_there_is_time():
    sglang = find_engine("sglang-0.5.23")
    ctas = sglang.settings[-1].name
    parts = parts_of(sglang, "cuda", ["prefill", "decode"], 60)
    assert [(part.name, part.graph, part.skews) for part in parts
            if part.setting == ctas and not part.beside] == [
        ("prefill-nccl_min_ctas", False, (0, 50, 200)), ("decode-nccl_min_ctas", True, (0,)),
        ("decode-nccl_min_ctas-late-ranks", False, (50, 200))]


def test_a_part_beside_a_gemm_is_short_and_of_the_ways_of_the_engine():
    sglang = find_engine("sglang-0.5.23")
    *_, beside = parts_of(sglang, "host", ["prefill"], 25)
    options = options_of(beside, sglang, "host")
    chosen = dict(zip(options[::2], options[1::2]))
    assert (chosen["--beside"], chosen["--scope"], chosen["--skew"]) == ("gemm", "output", "0")
    assert set(chosen["--combine"].split(",")) == {way.combine for way in sglang.ways_of("prefill")}
    assert (beside.weight(), beside.group()) == (1, "prefill-beside")


def plan(tmp_path, program, *options, launcher=("mpirun", "-n", "2"), model="m-1b",
         backend="host"):
    return decide_plan.main([str(tmp_path / "out"), "--program", str(program), "--backend", backend,
                             "--minutes", "25", "--model", model, *map(str, options), "--", *launcher])


NVLS_OFF = "NCCL_NVLS_ENABLE=0"


@pytest.mark.parametrize(("inherited", "launcher"), [
    ("0", ["mpirun"]), (None, ["mpirun", "-x", NVLS_OFF]), ("1", ["env", NVLS_OFF, "mpirun"]),
    (None, ["srun", f"--export=ALL,{NVLS_OFF}"]), (None, ["mpirun", f"-x{NVLS_OFF}"]),
])
def test_what_is_set_is_not_overridden(inherited, launcher, tmp_path, program, monkeypatch, capsys):
    """Multicast may be forbidden on a machine."""
    if inherited is not None:
        monkeypatch.setenv("NCCL_NVLS_ENABLE", inherited)
    assert plan(tmp_path, program, "--traffic", "isl=9", launcher=launcher, backend="cuda") == 0
    told = capsys.readouterr()
    written = json.loads((tmp_path / "out/plan.json").read_text())
    for name in ("--enable-nccl-nvls", "--enable-symm-mem"):
        assert f"{name}: not priced, since {NVLS_OFF} is set here\n" in told.err
        assert written["opposed_settings"][name] == NVLS_OFF
    assert "prefill-nccl_min_ctas " in told.out
    commands = [file.read_text() for file in (tmp_path / "out").glob("*.words")]
    assert len(commands) == len(told.out.splitlines())
    assert not any("NCCL_NVLS_ENABLE=1" in command for command in commands)


@pytest.mark.parametrize("inherited", [None, "1"])
def test_a_setting_that_nothing_opposes_is_priced(inherited, tmp_path, program, monkeypatch, capsys):
    if inherited is not None:
        monkeypatch.setenv("NCCL_NVLS_ENABLE", inherited)
    assert plan(tmp_path, program, "--traffic", "isl=9", backend="cuda") == 0
    told = capsys.readouterr()
    assert "not priced" not in told.err and "prefill-enable-nccl-nvls " in told.out
    words = (tmp_path / "out/prefill-enable-nccl-nvls.words").read_text().split("\0")
    assert words[:3] == ["env", "NCCL_NVLS_ENABLE=1", "mpirun"]


def test_a_plan_is_written(tmp_path, program, steps, capsys):
    assert plan(tmp_path, program, "--steps", steps, "--hidden", "64") == 0
    assert capsys.readouterr().out == (
        "prefill 6 prefill\nprefill-beside 1 prefill-beside\n"
        "decode 6 decode\ndecode-beside 1 decode-beside\n")
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
    (["--steps", "{}", "--skew", "0"], "--skew: decide.sh says it for each of its parts"),
    (["--steps", "{}", "--cache=warm,cold"], "--cache 'warm,cold': one value is priced at a time"),
    (["--steps", "{}", "--ep", "all"], "--ep 'all': one value is priced at a time"),
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

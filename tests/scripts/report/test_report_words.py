"""What the report says in words: the verdict, what it rests on, the cautions, the provenance."""

import json
from pathlib import Path

import pytest
from chart_rows import BASELINE, MPI, NATIVE, sweep
from pages import ENGINE, GROUPED, engine_sweep, report_of, words_of, write_set


def said(tmp_path: Path, rows: list, name: str = "a") -> str:
    return words_of(report_of(write_set(tmp_path / name, rows)))


def test_decode_and_prefill_have_verdicts_of_their_own(tmp_path: Path) -> None:
    """Of 8 DP ranks 4096 tokens are the largest decode batch."""
    text = said(tmp_path, engine_sweep(tokens=(16, 1024, 8192)))
    decode, prefill = text.split("Decode: ")[1].split("Prefill: ")
    assert decode.startswith("up to 512 tokens for each DP rank, eager")
    grouped = f"{GROUPED} (sglang-1's default)"
    assert f"{grouped}: of 2 cases faster in 1 (1.40×) and slower in 1 (0.50×)." in decode
    assert "It becomes faster between 16 and 1024 tokens (balanced)." in decode
    assert (f"It depends on size and load: {grouped} is faster than {ENGINE} in 1 of 2 cases and"
            " slower in 1") in decode
    assert f"Take {grouped}: faster than {ENGINE} in 1 of 1 case, slower in none." in prefill


def test_where_no_engines_form_is_faster_the_all_reduce_is_taken(tmp_path: Path) -> None:
    text = said(tmp_path, engine_sweep(tokens=(16,)))
    assert (f"Take {ENGINE} (sglang-1 with --boundary-reduction ar): no form that an engine can run"
            " instead is faster in any case.") in text
    assert f"Of all forms {NATIVE} is the fastest in 1 of 1 case, 1.12×." in text


@pytest.mark.parametrize("path, words", [
    ("sglang-1", "sglang-1's default"),
    ("sglang-1:rsv;vllm-2", "sglang-1 with --boundary-reduction rsv and vllm-2's default"),
    ("sglang-deterministic", "sglang's deterministic mode"),
])
def test_how_an_engine_runs_a_form(tmp_path: Path, path: str, words: str) -> None:
    rows = [row | {"engine_path": path if row["combine"] == NATIVE else ""}
            for row in engine_sweep(tokens=(16,))]
    assert f"Take {NATIVE} ({words}): faster than {ENGINE}" in said(tmp_path, rows)


def test_graphs_are_decode_and_eager_rows_prefill_where_there_are_both(tmp_path: Path) -> None:
    rows = engine_sweep(tokens=(16, 8192)) + engine_sweep(tokens=(16, 8192), graph="on")
    text = said(tmp_path, rows)
    assert "Decode: up to 512 tokens for each DP rank, in a CUDA graph" in text
    assert "Prefill: above 512 tokens for each DP rank, eager" in text
    assert text.count("of 1 case ") == 2


def test_rows_that_say_their_phase_are_taken_at_their_word(tmp_path: Path) -> None:
    text = said(tmp_path, engine_sweep(tokens=(16,), phase="prefill"))
    assert "Prefill: eager" in text and "Decode:" not in text


def test_says_against_which_all_reduce_and_with_what_claim(tmp_path: Path) -> None:
    text = said(tmp_path, engine_sweep())
    assert f"Against {ENGINE}, the all-reduce that SGLang chooses by size and ranks" in text
    assert "Claim: interconnect" in text
    none = "these rows have no time of the all-reduce that engines choose by size"
    older = [row for row in engine_sweep() if row["combine"] != ENGINE]
    older = [row | {"engine_path": ""} for row in older]
    text = said(tmp_path, older, "b")
    assert f"Against {BASELINE}, NCCL's all-reduce + dp_scatter: {none}" in text
    assert f"Against {BASELINE}, {MPI}: {none}" in said(tmp_path, sweep(), "c")


def test_on_cores_nothing_is_to_be_set(tmp_path: Path) -> None:
    """No engine runs its forms there, whatever the column says of the case."""
    text = said(tmp_path, engine_sweep(backend="host"))
    assert f"Against {BASELINE}, {MPI}: these rows have no time of" in text
    assert "Take " not in text and "sglang" not in text.split("Charts")[1]


@pytest.mark.parametrize("changes, words", [
    ({"claim": "functional", "backend": "host"}, "functional: ranks > cores"),
    ({"claim": "functional"}, "ranks share a GPU"),
    ({"claim": "shared_machine"}, "other programs were on the device"),
])
def test_a_claim_without_a_verdict_has_none(tmp_path: Path, changes: dict, words: str) -> None:
    text = said(tmp_path, engine_sweep(**changes))
    assert "No verdict. See the cautions." in text and words in text
    assert "Take " not in text


@pytest.mark.parametrize("changes, words", [
    ({}, "16 of 16 points are of one launch: launches differ by more"),
    ({"output_us_low": 0.1}, "wide intervals: more than 10 % of the median in 16 of 16 points"),
    ({"experts_kernel": "grouped_gemm_simt"}, "expert kernel not tuned for this device"),
    ({"flags": "throttled;disturbed"}, "the GPU's clock was held back: 16 rows"),
    ({"flags": "above_limit"},
     "faster than the calibrated limit, so that limit is no bound there: 16 rows"),
    ({"verified": ""}, "not verified: 16 rows"),
    ({"steps_source": "synthetic traffic isl=1"}, "synthetic traffic"),
    ({"disturbed_pct": 9, "timed_by": "host", "no_verdict": "disturbed"},
     "not resolved, for others had a rank's core: 16 of 16 points"),
])
def test_cautions(tmp_path: Path, changes: dict, words: str) -> None:
    text = said(tmp_path, [row | changes for row in engine_sweep()])
    assert words in text
    plain = said(tmp_path, engine_sweep(), "plain")
    assert not changes or words not in plain


def test_what_was_left_out_is_said(tmp_path: Path) -> None:
    rows = engine_sweep()
    rows[2] |= {"obstacle": "no such thing here"}
    assert f"left out: {GROUPED}: no such thing here (1 row)" in said(tmp_path, rows)


def test_launches_that_are_enough_have_no_caution(tmp_path: Path) -> None:
    rows = [row | {"run_id": f"r{launch}", "launch": launch}
            for launch in range(1, 8) for row in engine_sweep()]
    assert "one launch" not in said(tmp_path, rows)
    assert "16 of 16 points are of 2 to 5 launches: too few" in said(tmp_path, rows[:48], "few")


def test_provenance_is_what_the_run_was(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "a", engine_sweep())
    run = {"git_revision": "0123456789abcdef", "git_dirty": True, "device": "H200",
           "command_line": ["bench_moe_comm", "--tokens", "16 64"],
           "environment": {"NCCL_NVLS_ENABLE": "0"}, "host_names": ["a", "b"], "ranks": 2}
    assert "no provenance of 1 run" in words_of(report_of(folder))
    (folder / "results.json").write_text(json.dumps({"runs": {"r1": run}}))
    text = words_of(report_of(folder))
    for words in ("0123456789ab and changes", "bench_moe_comm --tokens '16 64'", "a, b",
                  "NCCL_NVLS_ENABLE=0", "built from files that differ from their revision"):
        assert words in text
    assert "no provenance" not in text


def test_sets_are_told_apart_by_as_much_of_their_path_as_that_takes(tmp_path: Path) -> None:
    sets = [write_set(tmp_path / name / "x", engine_sweep()) for name in ("old", "new")]
    text = words_of(report_of(*sets))
    assert "old/x" in text and "new/x" in text and text.count("Decode:") == 2

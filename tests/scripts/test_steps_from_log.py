"""Steps from the logs of engines: lines written here after the engines' formats."""

import csv
import gzip
import random
import sys

import pytest

from program import ROOT, SMALL, launch

sys.path.insert(0, str(ROOT / "scripts"))

from steps_from_log import main  # noqa: E402


def prefill(rank, iteration, tokens, at="2026-11-20 10:00:00"):
    number = "" if iteration is None else f" [{iteration}]"
    return (f"[{at} DP{rank} TP{rank} EP{rank}] Prefill batch{number}, #new-seq: 1, #new-token: {tokens}, "
            "#cached-token: 64, token usage: 0.02, #running-req: 3, #queue-req: 0, #pending-token: 0, "
            "cuda graph: False, input throughput (token/s): 512.00")


def decode(rank, iteration, running, graph=True, accept=""):
    return (f"[2026-11-20 10:00:01 DP{rank} TP{rank}] Decode batch [{iteration}], #running-req: {running}, "
            f"#token: 9000, token usage: 0.02, {accept}cuda graph: {graph}, gen throughput (token/s): "
            "900.00, #queue-req: 0")


def vllm(rank, iteration, context, generation, ms, dummy=""):
    return (f"(EngineCore_DP{rank} pid=7) INFO 11-20 10:00:00 [core.py:300] Iteration({iteration}): "
            f"{int(context > 0)} context requests, {context} context tokens, {generation} generation "
            f"requests, {generation} generation tokens, iteration elapsed time: {ms:.2f} ms{dummy}")


def trt(rank, iteration, context, generation, prev):
    return (f"[11/20/2026-10:00:00] [TRT-LLM] [RANK {rank}] [I] iter = {iteration}, global_rank = {rank}, "
            f"rank = {rank}, num_scheduled_requests = 9, kv_cache_util = 0.1, currank_total_requests = "
            f"0/9, host_step_time = 7.4ms, prev_device_step_time = {prev}, timestamp = 2026-11-20 "
            f"10:00:00, states = {{'num_ctx_requests': 0, 'num_ctx_tokens': {context}, "
            f"'num_generation_tokens': {generation}}}")


def convert(folder, lines, *options):
    """The rows and the header of the file that is made of a log."""
    (folder / "server.log").write_text("\n".join(["INFO: ready", *lines, "INFO: bye"]) + "\n")
    out = folder / "steps.csv"
    status = main([str(folder / "server.log"), "--out", str(out), *options])
    if status:
        assert not out.exists()
        return status, "", []
    header, *rows = out.read_text().splitlines()
    return status, header, list(csv.DictReader(rows))


def steps(rows):
    return [(row["phase"], row["graph_rows"], row["tokens_per_rank"], row["step_us"]) for row in rows]


def test_sglangs_lines_join_by_iteration_and_ranks_without_one_are_idle(tmp_path, capsys):
    _, header, rows = convert(tmp_path, [
        prefill(0, 7, 512), prefill(1, 7, 100), decode(1, 8, 4), decode(0, 8, 12),
        decode(0, 9, 12, graph=False), prefill(1, 9, 300), decode(0, 10, 11)], "--tp", "2", "--ep", "2")
    assert header == "# dp=2 tp=2 ep=2"
    assert steps(rows) == [("prefill", "0", "512;100", ""), ("decode", "", "12;4", ""),
                           ("mixed", "0", "12;300", ""), ("decode", "", "11;0", "")]
    assert capsys.readouterr().out == "4 steps of 2 DP ranks; 0 lines join no others\n"


def test_requests_are_counted_under_speculation(tmp_path, capsys):
    lines = [decode(0, 8, 12, accept="accept len: 2.77, accept rate: 0.69, "), prefill(1, 8, 300)]
    assert convert(tmp_path, lines)[0] == 2
    assert "decode is speculative: --spec-width says" in capsys.readouterr().err
    _, _, [row] = convert(tmp_path, lines, "--spec-width", "4")
    assert (row["unit"], row["spec_width"], row["tokens_per_rank"]) == (
        "requests;tokens", "4", "12;300")


def test_vllms_lines_join_with_dummies(tmp_path):
    _, header, rows = convert(tmp_path, [
        vllm(0, 0, 8000, 0, 100), vllm(1, 0, 0, 3, 101.5), vllm(1, 1, 0, 3, 9),
        vllm(0, 1, 0, 0, 8, " (dummy)"), vllm(0, 2, 512, 1, 7), vllm(1, 2, 0, 0, 7, " (dummy)")])
    assert header == "# dp=2"
    assert steps(rows) == [("mixed", "", "8000;3", "101500"), ("decode", "", "0;3", "9000"),
                           ("mixed", "", "513;0", "7000")]


def test_vllms_api_server_logs_for_all_ranks(tmp_path):
    """As 0.33 does, in the words of the engines before, with more behind them."""
    lines = [f"(APIServer pid=7) INFO 11-20 10:00:00 [loggers.py:199] Engine {rank:03}: "
             + vllm(rank, 0, 0, count, 9, dummy).split("] ")[1] + ", GPU KV cache usage: 3.0%"
             for rank, count, dummy in ((0, 3, ""), (1, 0, " (dummy)"))]
    assert steps(convert(tmp_path, lines)[2]) == [("decode", "", "3;0", "9000")]


def test_tensorrt_llms_time_is_of_the_step_before(tmp_path):
    _, _, rows = convert(tmp_path, [
        trt(0, 5, 0, 12, "N/A"), trt(1, 5, 700, 3, "N/A"), trt(0, 6, 0, 12, "9.5ms"),
        trt(1, 6, 0, 3, "10.5ms"), trt(0, 7, 0, 0, "7.25ms"), trt(1, 7, 0, 0, "7ms"),
        trt(0, 8, 0, 5, "900ms"), trt(1, 8, 0, 5, "900ms")])
    assert steps(rows) == [("mixed", "", "12;703", "10500"), ("decode", "", "12;3", "7250"),
                           ("decode", "", "5;5", "")]


@pytest.mark.parametrize("share", [0.04, 0.07])
def test_lines_that_join_no_others_are_counted_and_above_5_percent_refused(share, tmp_path, capsys):
    lost = round(1000 * share)
    lines = [decode(rank, iteration, 8) for iteration in range(500) for rank in (0, 1)]
    lines[:lost] = [prefill(0, None, 99)] * lost
    status, _, rows = convert(tmp_path, lines)
    out, err = capsys.readouterr()
    if share < 0.05:
        assert f"{lost} lines join no others" in out
        assert len(rows) == 500 - lost // 2
    else:
        assert status == 2
        assert err == (f"steps_from_log.py: {lost} of 1000 lines join no others, more than 5%; "
                       "needed: --decode-log-interval 1 and SGLANG_LOG_FORWARD_ITERS=1\n")


BAD = [
    (["nothing"], "no line of an iteration: --engine takes one of sglang, vllm, tensorrt-llm"),
    ([prefill(0, 1, 5), vllm(0, 1, 5, 5, 1)], "lines of sglang and vllm: --engine takes one of"),
    ([prefill(0, None, 5)] * 3, "none of 3 lines says rank and iteration; needed: --decode-log-interval 1 and"),
    ([decode(rank, 40 * i, 9) for i in range(9) for rank in (0, 1)],
     "lines of rank 0 are 40 iterations apart, not 1; needed: --decode-log-interval 1 and"),
    ([trt(0, i, 0, 9, "1ms") for i in range(9)] + [trt(3, 1, 0, 9, "1ms")],
     "10 of 10 lines join no others, more than 5%; needed: TLLM_PROFILE_LOG_RANKS=all"),
]


@pytest.mark.parametrize(("lines", "said"), BAD)
def test_logs_of_which_no_steps_can_be_made_are_refused_in_one_line(lines, said, tmp_path, capsys):
    assert convert(tmp_path, lines)[0] == 2
    err = capsys.readouterr().err
    assert err.startswith("steps_from_log.py: " + said) and err.count("\n") == 1


def test_the_order_of_lines_does_not_matter(tmp_path):
    lines = [decode(rank, iteration, 1 + rank + iteration) for iteration in range(40)
             for rank in range(4)]
    wanted = convert(tmp_path, lines)
    random.Random(5).shuffle(lines)
    assert convert(tmp_path, lines) == wanted


TWO_RANKS = [decode(rank, iteration, 8 + rank) for iteration in range(20) for rank in (0, 1)]


def paint(text):
    return f"\x1b[0;36m{text}\x1b[0m"


@pytest.mark.parametrize("dressed", [
    [paint(line) for line in TWO_RANKS],
    [line.replace("Decode", paint("Decode")).replace("DP1", paint("DP1")) for line in TWO_RANKS],
    [f"{at % 2}: {line}\r" for at, line in enumerate(TWO_RANKS)],
    [f"[1,{at % 2}]<stdout>: {line}" for at, line in enumerate(TWO_RANKS)],
    [f"(SchedulerActor pid=7, ip=10.0.0.1) {line}" for line in TWO_RANKS],
])
def test_colours_and_the_prefixes_of_launchers_do_not_matter(dressed, tmp_path):
    assert convert(tmp_path, dressed) == convert(tmp_path, TWO_RANKS)


def test_vllms_and_tensorrt_llms_lines_may_have_colours(tmp_path):
    for lines in ([vllm(rank, 0, 0, 3 + rank, 9) for rank in (0, 1)],
                  [trt(rank, 1, 0, 3 + rank, "N/A") for rank in (0, 1)]):
        painted = [line.replace("(EngineCore", "\x1b[0;36m(EngineCore").replace("iter =", paint("iter") + " =")
                   for line in lines]
        assert convert(tmp_path, painted) == convert(tmp_path, lines)
        assert [row["tokens_per_rank"] for row in convert(tmp_path, painted)[2]] == ["3;4"]


def test_rotated_logs_are_read_in_any_order_and_unpacked(tmp_path):
    wanted = convert(tmp_path, TWO_RANKS)[2]
    (tmp_path / "server.log").write_text("\n".join(TWO_RANKS[25:]))
    (tmp_path / "server.log.1").write_text("\n".join(TWO_RANKS[10:25]))
    (tmp_path / "server.log.2.gz").write_bytes(gzip.compress("\n".join(TWO_RANKS[:10]).encode()))
    out = tmp_path / "steps.csv"
    logs = sorted(str(path) for path in tmp_path.glob("server.log*"))
    assert main([*logs, "--out", str(out)]) == 0
    assert list(csv.DictReader(out.read_text().splitlines()[1:])) == wanted


def test_an_engine_that_was_started_again_counts_anew(tmp_path, capsys):
    """TensorRT-LLM does so itself, after a trial that sizes its cache."""
    trial = [trt(rank, iteration, 64, 0, "3ms") for iteration in (1, 2) for rank in (0, 1)]
    served = [trt(rank, iteration, 0, 9, "5ms") for iteration in range(1, 6) for rank in (0, 1)]
    _, _, rows = convert(tmp_path, trial + served)
    assert [row["tokens_per_rank"] for row in rows] == ["64;64"] * 2 + ["9;9"] * 5
    assert [row["step_us"] for row in rows] == ["3000", "", *["5000"] * 4, ""]
    assert capsys.readouterr().out == (
        "7 steps of 2 DP ranks in 2 runs of the engine; 0 lines join no others\n")


def test_a_line_that_is_there_twice_is_no_second_run(tmp_path, capsys):
    lines = [decode(rank, iteration, 8) for iteration in range(50) for rank in (0, 1)]
    convert(tmp_path, [*lines[:5], lines[4], *lines[5:]])
    assert capsys.readouterr().out == "50 steps of 2 DP ranks; 1 lines join no others\n"


@pytest.mark.parametrize(("options", "said"), [
    (["--tp", "-2"], "argument --tp: '-2' is no whole number from 1 to 9999999"),
    (["--spec-width", "0"], "argument --spec-width: '0' is no whole number from 1 to 9999999"),
    (["--engine", "vllm"], "no line of an iteration; needed: --enable-logging-iteration-details"),
])
def test_bad_arguments_are_refused_in_one_line(options, said, tmp_path, capsys):
    assert convert(tmp_path, TWO_RANKS, *options)[0] == 2
    err = capsys.readouterr().err
    assert err.startswith("steps_from_log.py: " + said) and err.count("\n") == 1


def test_a_gz_that_is_none_is_named(tmp_path, capsys):
    (tmp_path / "server.log.gz").write_text("Decode batch")
    assert main([str(tmp_path / "server.log.gz"), "--out", str(tmp_path / "steps.csv")]) == 2
    assert capsys.readouterr().err == (
        f"steps_from_log.py: {tmp_path}/server.log.gz: no whole gzip file\n")


def test_the_program_reads_what_was_written(tmp_path):
    convert(tmp_path, [vllm(0, 0, 8000, 0, 100), vllm(1, 0, 0, 3, 101.5)])
    done = launch(*SMALL, "--steps", tmp_path / "steps.csv", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "(vllm), 0.1015 s of the engine's time" in done.stdout

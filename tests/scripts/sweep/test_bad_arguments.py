"""Arguments that the program refuses: one line, status 2, nothing written."""

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from program import FULL, PROGRAM, launch

BAD_ARGUMENTS = [
    (["--no-such-option"], "--no-such-option"),
    (["stray"], "stray"),
    (["--backend", "tpu"], "there are: host"),
    (["--model", "gpt-9"], "qwen3-30b-a3b"),
    (["--model", "custom,"], "an empty name"),
    (["--hidden", "0"], "is not from 1 to"),
    (["--hidden", "12.5"], "12.5"),
    (["--experts", "8", "--top-k", "9"], "only 8 experts"),
    (["--experts", "4,8"], "one whole number"),
    (["--top-k", "0"], "is not from 1 to"),
    (["--hidden", "100000"], "is not from 1 to 65536"),
    (["--intermediate", "-1"], "is not from 1 to"),
    (["--shared-intermediate", "x"], "'x'"),
    (["--scoring", "argmax"], "there are: softmax, sigmoid, sqrtsoftplus"),
    (["--shared-intermediate", "0", "--shared-gate"], "--shared-gate: custom has no shared expert"),
    (["--model", "deepseek-v3,qwen3-30b-a3b", "--shared-gate"],
     "--shared-gate: qwen3-30b-a3b has no shared expert"),
    (["--epilogue", "layer_norm"], "there are: none, residual_norm"),
    (["--scale-experts", "3"], "32 experts"),
    (["--scale-experts", "0"], "is not from 1 to"),
    (["--tokens", "16:1024"], "first:last:xFACTOR"),
    (["--tokens", "-4"], "is not from 0 to"),
    (["--tokens", "99999999999999999999"], "99999999999999999999"),
    (["--tokens", ""], "--tokens"),
    (["--tokens", "deepep"], "or collectivex"),
    (["--tokens", "collectivex", "--phase", "mixed"], "ladders for --phase prefill and decode"),
    (["--dp", "0"], "is not from 1 to"),
    (["--dp", "two"], "'two'"),
    (["--ep", "1.5"], "'1.5'"),
    (["--load", "lukewarm"], "balanced, linear, zipf:S, hot"),
    (["--load", "zipf:0"], "S above 0"),
    (["--load", "idle:0"], "idle:K is wanted"),
    (["--load", "idle:4"], "idle:4 leaves no DP rank with tokens, dp is 4"),
    (["--load", "idle:2", "--dp", "1,2"], "idle:2 leaves no DP rank with tokens, dp is 1"),
    (["--load", "mixed:512"], "mixed:C:B is wanted"),
    (["--load", "mixed:0:8"], "C rows on DP rank 0, from 1 to"),
    (["--load", "mixed:512:8,mixed:64:1", "--tokens", "64"],
     "--tokens '64': every --load is mixed:C:B"),
    (["--routing", "zipf"], "uniform and zipf:S"),
    (["--routing", "zipf:x"], "'zipf:x'"),
    (["--phase", "decode"], "--padding sglang"),
    (["--padding", "sglang", "--phase", "train"], "prefill, decode, mixed"),
    (["--padding", "sum_len", "--load", "mixed:8:1", "--phase", "mixed"], "--padding sglang"),
    (["--skew", "-5"], "is not from 0 to 1000000"),
    (["--skew", "1000001"], "is not from 0 to 1000000"),
    (["--skew", "late"], "'late'"),
    (["--sms", "0"], "is not from 1 to 1024"),
    (["--sms", "default,"], "''"),
    (["--sms", "most"], "or default"),
    (["--trace", "t.json", "--scope", "output"], "--trace 't.json': it shows the phases of a layer"),
    (["--trace", "t.json", "--graph", "on"], "--trace 't.json': phases inside a graph"),
    (["--trace", "/proc/t.json"], "cannot write /proc/t.json"),
    (["--trace", "/proc"], "--trace '/proc': /proc, for the trace, is a folder"),
    (["--trace", "/proc/self/status"], "/proc/self/status"),
    (["--layers", "0"], "is not from 1 to"),
    (["--layers", "2", "--scope", "output"], "times no layers"),
    (["--load", "counts:1;2;x;4"], "'x'"),
    (["--load", "counts:1;2;3"], "3 shares, but dp is 4"),
    (["--padding", "max"], "sum_len, max_len, sglang"),
    (["--padding", "sglang:0.5.21"], "sglang, sglang:0.5.22, sglang:0.5.23, vllm, vllm:0.33"),
    (["--graph-sizes", "4,x"], "engine"),
    (["--graph-sizes", "engine"], "--padding sum_len is no engine's rule"),
    (["--engine-env", "sglang-0.5.21"], "sglang-0.5.22, sglang-0.5.23, vllm-0.33"),
    (["--engine-env", "tensorrt-llm"], "not known"),
    (["--backend", "host", "--engine-env", "sglang"], "the host backend runs no NCCL"),
    (["--combine", "all_gather"], "reduce_scatterv_native"),
    (["--baseline", "nccl"], "no combine is named 'nccl'; there are: all_reduce_dp_scatter"),
    (["--baseline", "all_reduce_slice,reduce_scatterv_native"], "no combine is named"),
    (["--gather", "none"], "all_gatherv"),
    (["--dtype", "fp4"], "f32, bf16, f16"),
    (["--scope", "model"], "layer, output"),
    (["--seed", "one"], "'one'"),
    (["--ci", "0"], "above 0"),
    (["--budget", "soon"], "'soon'"),
    (["--budget", "-1"], "above 0"),
    (["--min-samples", "0"], "is not from 1 to"),
    (["--time", "0"], "--time '0': a number above 0"),
    (["--cold", "--pipelined"], "between runs back to back"),
    (["--cache", "lukewarm"], "--cache 'lukewarm': there are: warm, cold"),
    (["--beside", "attention"], "--beside 'attention': there are: none, gemm"),
    (["--auto-table", "t.json"], "only reduce_scatterv_auto reads it"),
    (["--combine", "reduce_scatterv_auto", "--auto-table", "t.json"],
     "table of strategies 't.json': cannot be read: No such file or directory; wanted is"),
    (["--plant", "all_gather:30"], "no combine is named 'all_gather'"),
    (["--plant", "all_reduce_slice"], "NAME:PCT"),
    (["--plant", "all_reduce_slice:much"], "a number above 0"),
    (["--plant", "all_reduce_slice:0"], "a number above 0"),
    (["--plant", "all_reduce_slice:-5"], "a number above 0"),
    (["--plant", "all_reduce_slice:1e9"], "at most 10000 %"),
    (["--plant", "all_reduce_slice:5,all_reduce_slice:6"], "named twice"),
    (["--plant", "all_reduce_slice:5", "--combine", "reduce_scatterv_native"],
     "not one of the strategies that --combine or --baseline names"),
    (["--plant", "all_reduce_dp_scatter:5", "--combine", "all_reduce_slice", "--baseline",
      "reduce_scatterv_native"], "not one of the strategies that --combine or --baseline names"),
    (["--verify", "maybe"], "exact, full, off"),
    (["--progress", "loud"], "bar, plain, none"),
    (["--list", "everything"], "models, combines, gathers, backends, columns"),
    (["--launch", "2"], "I/K is wanted"),
    (["--launch", "8/7"], "is not from 1 to 7"),
    (["--launch", "0/7"], "is not from 1 to 7"),
    (["--timeout", "never"], "'never'"),
    (["--resume"], "--out or --csv"),
    (["--tokens", "1:100000:+1", "--load", "balanced,hot"], "200000 cases; one sweep has at most"),
    (["--tokens", "1:100000:+1", "--hidden", "1:65536:+1", "--dp", "1:100000:+1", "--ep",
      "1:100000:+1"], "e+20 cases"),
    (["--model", "two\nlines"], r"'two\x0alines'"),
    (["--no-such\x1b[31m"], r"--no-such\x1b[31m"),
]


@pytest.fixture(scope="module")
def refusals(tmp_path_factory):
    """What the program did with each of BAD_ARGUMENTS, and where: several at a time, because most
    of it is starting up; for the same reason a rank alone has no daemon of Open MPI. Such ranks all
    call their job 0, and the first that ends removes the folder of that job: each has a folder of
    its own. The folders are made before the threads start: pytest's factory is not made for several
    threads."""
    folders, of_mpi = ([tmp_path_factory.mktemp(name) for _ in BAD_ARGUMENTS]
                       for name in ("refused", "of_mpi"))

    def attempt(case, folder, own):
        # That of four ranks one speaks a few cases show. Only for these two options does it matter
        # how many there are.
        several = FULL or BAD_ARGUMENTS.index(case) % 8 == 0 or {"--dp", "--load"} & {*case[0]}
        if several:
            return launch(*case[0], ranks=4, cwd=folder), folder
        return subprocess.run([PROGRAM, *case[0]], capture_output=True, text=True, timeout=60,
                              cwd=folder, stdin=subprocess.DEVNULL, check=False,
                              env={**os.environ, "OMPI_MCA_ess_singleton_isolated": "1",
                                   "OMPI_MCA_orte_tmpdir_base": str(own)}), folder

    with ThreadPoolExecutor(4) as pool:
        return dict(zip((str(args) for args, _ in BAD_ARGUMENTS),
                        pool.map(attempt, BAD_ARGUMENTS, folders, of_mpi)))


@pytest.mark.parametrize(("args", "said"), BAD_ARGUMENTS, ids=lambda value: " ".join(value)
                         if isinstance(value, list) else None)
def test_bad_argument_gets_one_line_and_status_2(args, said, refusals):
    done, folder = refusals[str(args)]
    assert done.returncode == 2, done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("bench_moe_comm: ")
    assert said in lines[0]
    assert list(folder.iterdir()) == [], "nothing may be written"

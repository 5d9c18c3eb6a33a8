"""The lines of each engine. What they say is in their sources:

* SGLang: report_prefill_stats, report_decode_stats (`Prefill batch [7], #new-seq: 1, #new-token: 512,`
  `Decode batch [8], #running-req: 12,`). A rank without requests logs nothing.
* vLLM: LoggingStatLogger (0.33: `Engine 003: Iteration(7): 1 context requests, 512 context tokens, ...`),
  EngineCore.log_iteration_details before; a rank without requests logs a line with (dummy).
* TensorRT-LLM: the PyExecutor's step logging (`iter = 7, global_rank = 0, ..., states = {...}`), where
  prev_device_step_time is of the rank's iteration before.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from engine_logs.line import Line

RANK_OF_SGLANG = re.compile(r"\bDP(\d+)\b")
SGLANG = re.compile(r"\b(Prefill|Decode) batch(?: \[(\d+)\])?, (.*)")
NEW_TOKENS = re.compile(r"#new-token: (\d+)")
RUNNING = re.compile(r"#running-req: (\d+)")
GRAPH = re.compile(r"cuda graph: (True|False)")

RANK_OF_VLLM = re.compile(r"\bEngineCore_DP(\d+)\b|\bEngine (\d+):")
VLLM = re.compile(r"\bIteration\((\d+)\): \d+ context requests, (\d+) context tokens, "
                  r"\d+ generation requests, (\d+) generation tokens, "
                  r"iteration elapsed time: ([\d.]+) ms")

TENSORRT_LLM = re.compile(r"\biter = (\d+), global_rank = (\d+), (.*)\bstates = (\{.*\})")
STEP_TIME = re.compile(r"\bprev_device_step_time = ([\d.]+)ms")
CONTEXT_TOKENS = re.compile(r"'num_ctx_tokens': (\d+)")
GENERATION_TOKENS = re.compile(r"'num_generation_tokens': (\d+)")


def number(pattern: re.Pattern[str], text: str) -> int | None:
    hit = pattern.search(text)
    return int(next(group for group in hit.groups() if group is not None)) if hit else None


def sglang_lines(log: Iterable[str]) -> Iterator[Line]:
    for text in log:
        hit = SGLANG.search(text)
        if not hit:
            continue
        kind, iteration, rest = hit.groups()
        graph = GRAPH.search(rest)
        prefill = kind == "Prefill"
        yield Line(
            rank=number(RANK_OF_SGLANG, text[:hit.start()]),
            iteration=None if iteration is None else int(iteration),
            prefill_tokens=number(NEW_TOKENS, rest) or 0 if prefill else 0,
            decode_count=0 if prefill else number(RUNNING, rest) or 0,
            requests=not prefill,
            speculative="accept len" in rest,
            in_graph=graph[1] == "True" if graph else None,
        )


def vllm_lines(log: Iterable[str]) -> Iterator[Line]:
    for text in log:
        hit = VLLM.search(text)
        if not hit:
            continue
        yield Line(rank=number(RANK_OF_VLLM, text[:hit.start()]), iteration=int(hit[1]),
                   prefill_tokens=int(hit[2]), decode_count=int(hit[3]), us=float(hit[4]) * 1000)


def tensorrt_llm_lines(log: Iterable[str]) -> Iterator[Line]:
    """Each line once its rank's next one is there, which has its time."""
    last: dict[int, Line] = {}
    for text in log:
        hit = TENSORRT_LLM.search(text)
        if not hit:
            continue
        iteration, rank, states = int(hit[1]), int(hit[2]), hit[4]
        before, time = last.pop(rank, None), STEP_TIME.search(hit[3])
        if before is not None:
            follows = time is not None and before.iteration == iteration - 1
            yield before._replace(us=float(time[1]) * 1000) if time and follows else before
        last[rank] = Line(rank, iteration, number(CONTEXT_TOKENS, states) or 0,
                          number(GENERATION_TOKENS, states) or 0)
    yield from last.values()


class Format(NamedTuple):
    lines: Callable[[Iterable[str]], Iterator[Line]]
    every_rank: bool  # logs each iteration, also without requests
    needs: str  # what an engine must be told for its lines to join


FORMATS = {
    "sglang": Format(sglang_lines, False, "--decode-log-interval 1 and SGLANG_LOG_FORWARD_ITERS=1"),
    "vllm": Format(vllm_lines, True, "--enable-logging-iteration-details, in a version that logs "
                   "dummy iterations too (0.33 does)"),
    "tensorrt-llm": Format(tensorrt_llm_lines, True, "TLLM_PROFILE_LOG_RANKS=all"),
}

"""Dumps vLLM's steps: what its DP ranks agree on, in coordinate_batch_across_dp, or where the second
of its model runners runs, in sync_cudagraph_and_dp_padding.

Layouts of the first one's result that are known:
* (microbatches, rows of each rank after padding), before graphs were agreed on;
* (microbatches, rows of each rank after padding, mode of the CUDA graphs, 0 for none).
Tokens before padding are the first row of what the module's _run_ar returns, where that is a table.
Of the second one's: (descriptor with `cg_mode` and `num_tokens`, rows of each rank after padding, or
what has them as `num_tokens_across_dp`).
Where a graph was replayed, `graph_rows` are the rows after padding; without one, these are
`tokens_per_rank`: they are what travels.
"""

import functools
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from step_file import StepFile, harmless

MODULES = ("vllm.v1.worker.dp_utils", "vllm.v1.worker.gpu.dp_utils")
AGREE = ("coordinate_batch_across_dp", "sync_cudagraph_and_dp_padding")


def is_graph(mode: Any) -> bool:
    return int(getattr(mode, "value", mode)) != 0


def step_of(result: Any, unpadded: list[int] | None) -> dict[str, Any] | None:
    """The step that the ranks agreed on; None where there is but one rank, or none has tokens."""
    descriptor, rows = result[:2]
    if rows is None:
        return None
    padded = getattr(rows, "num_tokens_across_dp", rows).tolist()
    if hasattr(descriptor, "cg_mode"):
        return {"graph_rows": descriptor.num_tokens if is_graph(descriptor.cg_mode) else 0,
                "tokens_per_rank": padded}
    if len(result) < 3:
        return {"tokens_per_rank": unpadded or padded}
    in_graph = is_graph(result[2])
    return {
        "graph_rows": max(padded) if in_graph else 0,
        "tokens_per_rank": (unpadded or padded) if in_graph else padded,
    }


def find_config(values: Sequence[Any]) -> Any:
    return next((value for value in values if hasattr(value, "data_parallel_size")), None)


def deployment_of(config: Any, ranks: int) -> dict[str, Any]:
    """vLLM's tensor parallelism is inside a DP rank; experts are over all ranks, or one."""
    attn_tp = getattr(config, "tensor_parallel_size", None)
    tp = None if attn_tp is None else ranks * attn_tp
    expert_parallel = getattr(config, "enable_expert_parallel", None)
    return {
        "dp": ranks,
        "tp": tp,
        "ep": None if expert_parallel is None else tp if expert_parallel else 1,
        "attn_tp": attn_tp,
        "all_to_all": getattr(config, "all2all_backend", None),
    }


def remember(module: ModuleType, name: str, keep: Callable[[Any], None]) -> None:
    """Has a function of the module tell what it returned."""
    function = getattr(module, name, None)
    if function is None:
        return

    @functools.wraps(function)
    def call(*arguments: Any, **options: Any) -> Any:
        result = function(*arguments, **options)
        keep(result)
        return result

    setattr(module, name, call)


def wrap(module: ModuleType) -> None:
    """Has the module tell what its ranks agreed on."""
    steps = StepFile("vllm")
    last: dict[str, list[int] | None] = {"tokens": None}
    agree = next((name for name in AGREE if hasattr(module, name)), AGREE[0])
    coordinate = getattr(module, agree)

    @harmless
    def keep(table: Any) -> None:
        if steps.wanted and getattr(table, "ndim", 0) == 2:
            last["tokens"] = table[0].tolist()

    @harmless
    def write(result: Any, config: Any) -> None:
        step = step_of(result, last["tokens"]) if steps.wanted else None
        last["tokens"] = None
        if step is not None:
            steps.write(step, deployment_of(config, len(step["tokens_per_rank"])))

    @functools.wraps(coordinate)
    def coordinate_and_write(*arguments: Any, **options: Any) -> Any:
        result = coordinate(*arguments, **options)
        write(result, find_config([*arguments, *options.values()]))
        return result

    remember(module, "_run_ar", keep)
    setattr(module, agree, coordinate_and_write)

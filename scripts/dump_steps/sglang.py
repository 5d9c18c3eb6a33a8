"""Dumps SGLang's steps: what its schedulers agree on in MLPSyncBatchInfo.all_gather.

Layouts of MLPSyncBatchInfo that are known, by what they have beside `global_num_tokens`:
* `can_cuda_graph`, and a row for each DP rank in `tp0_info` or `cpu_tp0_info`, whose column 5 is the
  rank's forward mode;
* `global_forward_modes`, the same modes as a list;
* `can_run_decode_cuda_graph` and `tp0_info_cpu`, the same rows;
* with `global_num_tokens_target` beside them (tokens of ranks that decode too), and columns that the
  module names.
Elsewhere `global_num_tokens` counts tokens of ranks that prefill and requests of ranks that decode.
"""

import functools
import sys
from types import ModuleType
from typing import Any

from step_file import StepFile, harmless

# Of older and of newer releases.
MODULES = ("sglang.srt.managers.scheduler_dp_attn_mixin",
           "sglang.srt.managers.scheduler_components.dp_attn")
# Where the arguments of the server are had, first in newer releases.
SERVER_ARGS = (("sglang.srt.runtime_context", "get_server_args"),
               ("sglang.srt.server_args", "get_global_server_args"))

FORWARD_MODE_COLUMN = 5  # where the module does not name it
PREFILLS, DECODES = {"EXTEND", "MIXED"}, {"DECODE", "TARGET_VERIFY"}


def server_args() -> Any:
    """As given, or as resolved in releases that keep the two apart."""
    resolved = getattr(sys.modules.get("sglang.srt.arg_groups.model_override_base"), "resolved_view",
                       lambda args: args)
    for name, function in SERVER_ARGS:
        try:
            return resolved(getattr(sys.modules.get(name), function)())
        except Exception:  # There is none in this version, or none yet.
            continue
    return None


def captured_batches(args: Any) -> list[int]:
    """Of the decode graphs; empty where this version does not say."""
    decode = getattr(getattr(args, "cuda_graph_config", None), "decode", None)
    return sorted(getattr(args, "cuda_graph_bs", None) or getattr(decode, "bs", None) or [])


def mode_names(module: ModuleType, info: Any) -> list[str] | None:
    """Each DP rank's forward mode, None where the layout does not say."""
    modes = getattr(info, "global_forward_modes", None)
    if modes is None:
        tables = (getattr(info, name, None) for name in ("tp0_info_cpu", "cpu_tp0_info", "tp0_info"))
        table = next((table for table in tables if table is not None), None)
        column = getattr(module, "_SYNC_LOCAL_FORWARD_MODE", FORWARD_MODE_COLUMN)
        modes = None if table is None else [row[column] for row in table.tolist()]
    enum = getattr(sys.modules.get("sglang.srt.model_executor.forward_batch_info"), "ForwardMode",
                   None)
    if modes is None or enum is None:
        return None
    return [enum(mode).name for mode in modes]


def phase_of(info: Any, modes: list[str] | None) -> str | None:
    if not info.is_extend_in_batch:
        return "decode"
    if modes is None:
        return None
    mixed = "MIXED" in modes or DECODES.intersection(modes)
    return "mixed" if mixed else "prefill"


def graph_rows(info: Any, args: Any, tokens: list[int], width: int) -> int | None:
    """Rows of the decode graph for the longest rank; 0 without a graph, None where unknown."""
    in_graph = getattr(info, "can_run_decode_cuda_graph", getattr(info, "can_cuda_graph", None))
    if in_graph is False:
        return 0
    captured = captured_batches(args)
    if in_graph is None or not captured:
        return None
    return next((size * width for size in captured if size * width >= max(tokens)), 0)


def step_of(module: ModuleType, info: Any) -> dict[str, Any]:
    args = server_args()
    width = getattr(args, "speculative_num_draft_tokens", None) or 1
    modes = mode_names(module, info)
    target = getattr(info, "global_num_tokens_target", None)
    counts = list(target or info.global_num_tokens)
    units = ["tokens"] * len(counts)
    if target is None and width > 1:
        decoding = [not info.is_extend_in_batch] * len(counts)
        if modes is not None:
            decoding = [mode in DECODES for mode in modes]
        units = ["requests" if decodes else "tokens" for decodes in decoding]
    tokens = [count * (width if unit == "requests" else 1) for count, unit in zip(counts, units)]
    return {
        "phase": phase_of(info, modes),
        "graph_rows": graph_rows(info, args, tokens, width),
        "unit": ";".join(units) if len(set(units)) > 1 else units[0],
        "spec_width": width,
        "tokens_per_rank": counts,
    }


def deployment_of(info: Any) -> dict[str, Any]:
    args = server_args()
    role = getattr(args, "disaggregation_mode", None)
    backend = getattr(args, "moe_a2a_backend", None)
    return {
        "dp": len(info.global_num_tokens),
        "tp": getattr(args, "tp_size", None),
        "ep": getattr(args, "ep_size", None),
        "attn_tp": info.tp_size,
        "role": role if role in ("prefill", "decode") else "both",
        "all_to_all": backend or "none",
    }


def wrap(module: ModuleType) -> None:
    """Has the module's all_gather tell what it gathered."""
    steps = StepFile("sglang")
    gather = module.MLPSyncBatchInfo.all_gather

    @harmless
    def write(info: Any) -> None:
        if steps.wanted:
            steps.write(step_of(module, info), deployment_of(info))

    @functools.wraps(gather)
    def gather_and_write(info: Any, *arguments: Any, **options: Any) -> Any:
        result = gather(info, *arguments, **options)
        write(info)
        return result

    module.MLPSyncBatchInfo.all_gather = gather_and_write

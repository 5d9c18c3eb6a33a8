"""The hooks that write an engine's steps, on small stand-ins for the engines' modules: one for each
layout that is known. What they write is what the program reads."""

import json
import os
import subprocess
import sys
import textwrap

import pytest

from program import ROOT, SMALL, launch

ON_PATH = ROOT / "scripts/dump_steps/on_path"

# Lists that behave like the tensors of the engines, as far as the hooks ask.
TENSOR = """
class Tensor(list):
    @property
    def ndim(self): return 1 + (len(self) > 0 and isinstance(self[0], list))
    def tolist(self): return [list(row) if isinstance(row, list) else row for row in self]
    def __getitem__(self, at):
        found = list.__getitem__(self, at)
        return Tensor(found) if isinstance(found, list) else found
"""
TORCH = {
    "torch/__init__.py": "from . import distributed\n",
    "torch/distributed.py": """
        import os
        def is_initialized(): return True
        def get_rank(): return int(os.environ.get("RANK", 0))
    """,
}
SGLANG = {
    **TORCH,
    "sglang/__init__.py": "import torch\n__version__ = '0.5.23'\n",
    "sglang/srt/__init__.py": "",
    "sglang/srt/managers/__init__.py": "",
    "sglang/srt/model_executor/__init__.py": "",
    "sglang/srt/model_executor/forward_batch_info.py": """
        import enum
        ForwardMode = enum.IntEnum("ForwardMode", "EXTEND DECODE MIXED IDLE")
    """,
    "sglang/srt/server_args.py": """
        import types
        args = types.SimpleNamespace(
            tp_size=4, ep_size=4, disaggregation_mode="null", moe_a2a_backend="none",
            speculative_num_draft_tokens=None, cuda_graph_bs=[8, 16, 32])
        def get_global_server_args(): return args
    """,
}
MIXIN = "sglang/srt/managers/scheduler_dp_attn_mixin.py"
# What each layout has after all_gather, made of (count, mode) of each rank.
TABLE_ON_THE_HOST = """
    class MLPSyncBatchInfo:
        def all_gather(self, device, group, use_all_reduce=False):
            self.global_num_tokens = [count for count, mode in self.given]
            self.can_run_decode_cuda_graph = all(mode in (2, 4) for count, mode in self.given)
            self.is_extend_in_batch = not self.can_run_decode_cuda_graph
            self.tp0_info_cpu = Tensor([0] * 5 + [mode, 0, 0] for count, mode in self.given)
            return "gathered"
"""
SGLANG_LAYOUTS = {
    "table on the host": TABLE_ON_THE_HOST,
    "table on the device": """
        class MLPSyncBatchInfo:
            def all_gather(self, device, group):
                self.global_num_tokens = [count for count, mode in self.given]
                self.can_cuda_graph = all(mode in (2, 4) for count, mode in self.given)
                self.is_extend_in_batch = not self.can_cuda_graph
                self.tp0_info = Tensor([count, 0, 1, 0, 1, mode] for count, mode in self.given)
                return "gathered"
    """,
    "table on the host, buffers": """
        class MLPSyncBatchInfo:
            def all_gather(self, device, group, buffers=None):
                self.global_num_tokens = [count for count, mode in self.given]
                self.can_cuda_graph = all(mode in (2, 4) for count, mode in self.given)
                self.is_extend_in_batch = not self.can_cuda_graph
                self.cpu_tp0_info = Tensor([count, 0, 1, 0, 1, mode] for count, mode in self.given)
                return "gathered"
    """,
    "modes as a list": """
        class MLPSyncBatchInfo:
            def all_gather(self, device, group):
                self.global_num_tokens = [count for count, mode in self.given]
                self.can_cuda_graph = all(mode in (2, 4) for count, mode in self.given)
                self.is_extend_in_batch = not self.can_cuda_graph
                self.global_forward_modes = [mode for count, mode in self.given]
                return "gathered"
    """,
    "tokens of the target": """
        _SYNC_LOCAL_FORWARD_MODE = 7
        class MLPSyncBatchInfo:
            def all_gather(self, device, group, use_all_reduce=False):
                width = args.speculative_num_draft_tokens or 1
                self.global_num_tokens = [count for count, mode in self.given]
                self.global_num_tokens_target = [
                    count * (width if mode == 2 else 1) for count, mode in self.given]
                self.can_run_decode_cuda_graph = all(mode in (2, 4) for count, mode in self.given)
                self.is_extend_in_batch = not self.can_run_decode_cuda_graph
                self.tp0_info_cpu = Tensor([0] * 7 + [mode, 0] for count, mode in self.given)
                return "gathered"
    """,
}
DRIVE_SGLANG = """
    from sglang.srt.managers.scheduler_dp_attn_mixin import MLPSyncBatchInfo
    from sglang.srt.server_args import args
    def step(given, width=None):
        args.speculative_num_draft_tokens = width
        info = MLPSyncBatchInfo()
        info.tp_size, info.given = 1, given
        assert info.all_gather("cpu", group=None) == "gathered"
    step([(12, 2), (9, 2), (0, 4), (3, 2)])
    step([(512, 1), (0, 4), (0, 4), (300, 1)])
    step([(0, 4), (0, 4), (0, 4), (0, 4)])
    step([(12, 2), (600, 1), (0, 4), (3, 2)], width=4)
    step([(3, 2), (4, 2), (0, 4), (3, 2)], width=4)
    step([(33, 2), (4, 2), (4, 2), (3, 2)])
"""


def run(folder, files, drive, **variables):
    """What the engine's stand-in leaves in the folder of steps, and what it says."""
    for name, text in files.items():
        path = folder / "engine" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    (folder / "steps").mkdir(exist_ok=True)
    environment = {**os.environ, "PYTHONPATH": f"{ON_PATH}:{folder / 'engine'}",
                   "MOE_DUMP_STEPS": str(folder / "steps"), **variables}
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(drive)], env=environment,
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return sorted((folder / "steps").iterdir()), done.stderr


def read(path):
    header, *lines = path.read_text().splitlines()
    return header, [json.loads(line) for line in lines]


def sglang(layout):
    imports = "from sglang.srt.model_executor import forward_batch_info\n" \
              "from sglang.srt.server_args import args\n"
    return {**SGLANG, MIXIN: imports + TENSOR + textwrap.dedent(layout)}


def in_tokens(step):
    """What the program makes of a step's counts."""
    units = step.get("unit", "tokens").split(";")
    units = units * len(step["tokens_per_rank"]) if len(units) == 1 else units
    return [count * (step["spec_width"] if unit == "requests" else 1)
            for count, unit in zip(step["tokens_per_rank"], units)]


@pytest.mark.parametrize("layout", SGLANG_LAYOUTS)
def test_sglangs_steps_are_written_in_every_layout(layout, tmp_path):
    [file], said = run(tmp_path, sglang(SGLANG_LAYOUTS[layout]), DRIVE_SGLANG)
    assert said == ""
    header, steps = read(file)
    assert header == "# dp=4 tp=4 ep=4 attn_tp=1 role=both all_to_all=none"
    assert {(step["engine"], step["version"]) for step in steps} == {("sglang", "0.5.23")}
    assert_sglangs_steps(steps)


def assert_sglangs_steps(steps):
    """Those of DRIVE_SGLANG."""
    assert [(step["phase"], step["graph_rows"], in_tokens(step)) for step in steps] == [
        ("decode", 16, [12, 9, 0, 3]),
        ("prefill", 0, [512, 0, 0, 300]),
        ("mixed", 0, [48, 600, 0, 12]),
        ("decode", 32, [12, 16, 0, 12]),
        ("decode", 0, [33, 4, 4, 3]),
    ]


def test_newer_releases_have_it_elsewhere(tmp_path):
    """The module, the arguments of the server and the captured sizes; what was decided about the
    arguments is beside what was given."""
    components = "sglang/srt/managers/scheduler_components/"
    files = {
        **SGLANG,
        "sglang/srt/arg_groups/__init__.py": "",
        "sglang/srt/arg_groups/model_override_base.py": """
            import types
            def resolved_view(args): return types.SimpleNamespace(**{**vars(args), **args.decided})
        """,
        components + "__init__.py": "",
        components + "dp_attn.py": "from sglang.srt.model_executor import forward_batch_info\n"
                                   "from sglang.srt.runtime_context import args\n"
                                   + TENSOR + textwrap.dedent(TABLE_ON_THE_HOST),
        "sglang/srt/server_args.py": "",
        "sglang/srt/runtime_context.py": """
            import types
            from sglang.srt.arg_groups import model_override_base
            decode = types.SimpleNamespace(bs=[8, 16, 32])
            args = types.SimpleNamespace(
                tp_size=4, ep_size=1, disaggregation_mode="null", moe_a2a_backend="none",
                speculative_num_draft_tokens=None, cuda_graph_config=None,
                decided={"ep_size": 4, "cuda_graph_config": types.SimpleNamespace(decode=decode)})
            def get_server_args(): return args
        """,
    }
    drive = DRIVE_SGLANG.replace("scheduler_dp_attn_mixin", "scheduler_components.dp_attn").replace(
        "sglang.srt.server_args", "sglang.srt.runtime_context")
    [file], said = run(tmp_path, files, drive)
    assert said == ""
    header, steps = read(file)
    assert header == "# dp=4 tp=4 ep=4 attn_tp=1 role=both all_to_all=none"
    assert_sglangs_steps(steps)


def test_units_of_mixed_steps_are_kept(tmp_path):
    [file], _ = run(tmp_path, sglang(SGLANG_LAYOUTS["table on the device"]), DRIVE_SGLANG)
    mixed = read(file)[1][2]
    assert (mixed["unit"], mixed["spec_width"], mixed["tokens_per_rank"]) == (
        "requests;tokens;tokens;requests", 4, [12, 600, 0, 3])


def test_the_program_reads_what_the_hook_wrote(tmp_path):
    [file], _ = run(tmp_path, sglang(SGLANG_LAYOUTS["modes as a list"]), DRIVE_SGLANG)
    done = launch(*SMALL, "--steps", file, "--padding", "sglang", "--dry-run", ranks=4)
    assert done.returncode == 0, done.stderr
    assert "(sglang 0.5.23)" in done.stdout and "5 steps in 5 cases" in done.stdout


VLLM = {
    **TORCH,
    "vllm/__init__.py": "import torch\n__version__ = '0.33.0'\n",
    "vllm/v1/__init__.py": "",
    "vllm/v1/worker/__init__.py": "",
}
VLLM_LAYOUTS = {
    "rows": ("""
        def _run_ar(given): return Tensor([list(given), [max(given)] * len(given), [0] * len(given)])
        def coordinate_batch_across_dp(num_tokens_unpadded, num_tokens_padded, config, mode):
            if len(num_tokens_unpadded) == 1: return False, None
            return False, _run_ar(num_tokens_unpadded)[1]
    """, [{"tokens_per_rank": [5, 3]}, {"tokens_per_rank": [700, 2]}]),
    "rows and graphs": ("""
        def _run_ar(given): return Tensor([list(given), [8] * len(given), [0] * len(given)])
        def coordinate_batch_across_dp(num_tokens_unpadded, allow, parallel_config, mode):
            if len(num_tokens_unpadded) == 1: return False, None, mode
            table = _run_ar(num_tokens_unpadded)
            return False, table[1] if mode else table[0], mode
    """, [{"graph_rows": 8, "tokens_per_rank": [5, 3]},
          {"graph_rows": 0, "tokens_per_rank": [700, 2]}]),
}
DRIVE_VLLM = """
    from types import SimpleNamespace
    from vllm.v1.worker.dp_utils import coordinate_batch_across_dp
    config = SimpleNamespace(data_parallel_size=2, tensor_parallel_size=2,
                             enable_expert_parallel=True, all2all_backend="allgather_reducescatter")
    coordinate_batch_across_dp([5, 3], True, config, 2)
    coordinate_batch_across_dp([700, 2], True, config, 0)
    coordinate_batch_across_dp([1], True, config, 0)  # one rank
"""


@pytest.mark.parametrize("layout", VLLM_LAYOUTS)
def test_vllms_steps_are_written_in_every_layout(layout, tmp_path):
    code, wanted = VLLM_LAYOUTS[layout]
    files = {**VLLM, "vllm/v1/worker/dp_utils.py": TENSOR + textwrap.dedent(code)}
    [file], said = run(tmp_path, files, DRIVE_VLLM)
    assert said == ""
    header, steps = read(file)
    assert header == "# dp=2 tp=4 ep=4 attn_tp=2 all_to_all=allgather_reducescatter"
    assert steps == [{"engine": "vllm", "version": "0.33.0", **step} for step in wanted]


SECOND_RUNNER = """
    from types import SimpleNamespace
    def sync_cudagraph_and_dp_padding(manager, desired, given, parallel_config):
        if not any(given): return SimpleNamespace(cg_mode=0, num_tokens=0), None
        mode = SimpleNamespace(value=2 if max(given) <= 8 else 0)
        rows = Tensor([8] * len(given) if mode.value else given)
        return SimpleNamespace(cg_mode=mode, num_tokens=rows[0]), {agreed}
    def dispatch_cg_and_sync_dp(given, parallel_config):
        return sync_cudagraph_and_dp_padding(None, None, given, parallel_config=parallel_config)
"""
DRIVE_SECOND = """
    from types import SimpleNamespace
    from vllm.v1.worker.gpu.dp_utils import dispatch_cg_and_sync_dp
    config = SimpleNamespace(data_parallel_size=2, tensor_parallel_size=2,
                             enable_expert_parallel=True, all2all_backend="allgather_reducescatter")
    for given in ([5, 3], [700, 2], [0, 0]):
        dispatch_cg_and_sync_dp(given, config)
"""


@pytest.mark.parametrize("agreed", ["rows", "SimpleNamespace(num_tokens_across_dp=rows)"])
def test_steps_of_vllms_second_model_runner_are_written(agreed, tmp_path):
    code = TENSOR + textwrap.dedent(SECOND_RUNNER.replace("{agreed}", agreed))
    files = {**VLLM, "vllm/v1/worker/gpu/__init__.py": "", "vllm/v1/worker/gpu/dp_utils.py": code}
    [file], said = run(tmp_path, files, DRIVE_SECOND)
    assert said == ""
    header, steps = read(file)
    assert header == "# dp=2 tp=4 ep=4 attn_tp=2 all_to_all=allgather_reducescatter"
    assert [(step["graph_rows"], step["tokens_per_rank"]) for step in steps] == [
        (8, [8, 8]), (0, [700, 2])]


def test_other_ranks_and_the_start_up_write_nothing(tmp_path):
    files = sglang(SGLANG_LAYOUTS["modes as a list"])
    assert run(tmp_path, files, DRIVE_SGLANG, RANK="1") == ([], "")
    assert run(tmp_path, files, DRIVE_SGLANG, MOE_DUMP_STEPS_AFTER="1000") == ([], "")
    assert run(tmp_path, files, DRIVE_SGLANG, MOE_DUMP_STEPS="") == ([], "")


def test_a_layout_that_is_not_known_is_said_once_and_harms_nobody(tmp_path):
    files = sglang("""
        class MLPSyncBatchInfo:
            def all_gather(self, device, group): return "gathered"
    """)
    written, said = run(tmp_path, files, DRIVE_SGLANG)
    assert written == []
    assert said.count("dump_steps: no more steps are written: AttributeError") == 1
    assert len(said.splitlines()) == 1

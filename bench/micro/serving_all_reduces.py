"""Measures and prints the all-reduces of serving_anchor.py, each at each size."""

import faulthandler

import sglang_all_reduce
import torch
import torch.distributed as dist
import torch.distributed._symmetric_memory as symm_mem
from direct_nccl import DirectNccl
from graph_chains import Candidate, Ranks, measured

TIMEOUT = 60  # seconds for one measurement
BUILD_TIMEOUT = 400  # seconds for building SGLang's kernels
# What remains where only the engine is asked for.
ENGINE = ("nccl.all_reduce", "sglang")


def end_after(seconds):
    """Ends this process, with its stack, unless it calls this again or cancels it in time: a
    kernel that waits for a peer cannot be interrupted otherwise."""
    faulthandler.dump_traceback_later(seconds, exit=True)


def nccl_candidates(source, target, nccl, ranks):
    """NCCL's by itself, and two of them through PyTorch."""
    share = target.chunk(ranks.size)[0]

    def all_reduce():
        nccl.all_reduce(source)
        return source

    def reduce_scatter():
        nccl.reduce_scatter(share, source)
        return share

    def grouped_reduce():
        nccl.grouped_reduce(share, source)
        return share

    def torch_all_reduce():
        dist.all_reduce(source)
        return source

    def torch_reduce_scatter():
        dist.reduce_scatter_tensor(share, source)
        return share

    yield Candidate("nccl.all_reduce", source, all_reduce)
    yield Candidate("nccl.reduce_scatter", source, reduce_scatter, scatter=True)
    yield Candidate("nccl.grouped_reduce", source, grouped_reduce, scatter=True)
    yield Candidate("torch.all_reduce", source, torch_all_reduce)
    yield Candidate("torch.reduce_scatter", source, torch_reduce_scatter, scatter=True)


def symmetric_candidates(source, target, shared, ranks):
    """PyTorch's kernels, which read `shared`, a part of symmetric memory."""
    ops, group = torch.ops.symm_mem, ranks.group.group_name
    share = target.chunk(ranks.size)[0]

    def one_shot():
        return ops.one_shot_all_reduce_out(shared, "sum", group, target)

    def one_shot_copy():
        return ops.one_shot_all_reduce_copy_out(shared, source, "sum", group, target)

    def two_shot():
        return ops.two_shot_all_reduce_(shared, "sum", group)

    def two_shot_copy():
        shared.copy_(source)
        two_shot()
        return target.copy_(shared)

    def reduce_scatter():
        return ops.reduce_scatter_out(shared, group, False, share)

    def reduce_scatter_copy():
        shared.copy_(source)
        return reduce_scatter()

    yield Candidate("symm_mem.one_shot_all_reduce", shared, one_shot)
    yield Candidate("symm_mem.one_shot_all_reduce+copy", source, one_shot_copy)
    yield Candidate("symm_mem.two_shot_all_reduce_", shared, two_shot)
    yield Candidate("symm_mem.two_shot_all_reduce_+copy", source, two_shot_copy)
    yield Candidate("symm_mem.reduce_scatter_out", shared, reduce_scatter, scatter=True)
    yield Candidate("symm_mem.reduce_scatter_out+copy", source, reduce_scatter_copy, scatter=True)


def symmetric_memory(ranks, size):
    """Returns symmetric memory of `size` bytes, which has no multicast object."""
    memory = symm_mem.empty(size // 2, dtype=torch.bfloat16, device=ranks.device)
    if symm_mem.rendezvous(memory, ranks.group.group_name).multicast_ptr:
        raise RuntimeError("symmetric memory has a multicast object in spite of "
                           "TORCH_SYMM_MEM_DISABLE_MULTICAST")
    return memory


def measure(candidate, ranks):
    """Prints the line of one candidate."""
    end_after(TIMEOUT)
    error, text = None, ""
    try:
        text = measured(candidate, ranks)
    except Exception as why:  # an op that refuses or is not there, whatever it raises
        error = why
    reason = ranks.first_error(error)
    ranks.say(f"{candidate.name}/{candidate.source.nbytes} {reason or text}")


def run(folder, sizes, engine_only):
    end_after(TIMEOUT)
    ranks = Ranks(TIMEOUT)
    version = ".".join(map(str, torch.cuda.nccl.version()))
    ranks.say(f"PyTorch {torch.__version__}, NCCL {version}, CUDA {torch.version.cuda} "
              f"on {ranks.size} x {torch.cuda.get_device_name()}")
    nccl = DirectNccl(ranks)
    largest = max(sizes)
    shared = None if engine_only else symmetric_memory(ranks, largest)
    source, target = (torch.zeros(largest // 2, dtype=torch.bfloat16, device=ranks.device)
                      for _ in range(2))
    end_after(BUILD_TIMEOUT)
    sglang = sglang_all_reduce.loaded(folder, ranks, largest) if folder else None
    for size in sizes:
        parts = source[: size // 2], target[: size // 2]
        candidates = list(nccl_candidates(*parts, nccl, ranks))
        if not engine_only:
            candidates += symmetric_candidates(*parts, shared[: size // 2], ranks)
        if sglang:
            ranks.say(f"sglang/{size} chooses {sglang.choice(size, in_graph=True)} in a graph, "
                      f"{sglang.choice(size, in_graph=False)} without")
            candidates += sglang.candidates(parts[0])
        for candidate in candidates:
            if not engine_only or candidate.name in ENGINE:
                measure(candidate, ranks)
    if sglang:
        sglang.close()
    nccl.close()
    dist.destroy_process_group()
    faulthandler.cancel_dump_traceback_later()

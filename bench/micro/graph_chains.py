"""Times collectives of PyTorch in chains of calls in one CUDA graph, over the ranks of one host."""

import contextlib
import ctypes
import datetime
import os
import statistics
from dataclasses import dataclass
from typing import Callable

import torch
import torch.distributed as dist

REPLAYS = 7
GATE_CYCLES = 2_000_000  # about 1 ms, in which the host enqueues what follows


class Ranks:
    """All ranks, one for each GPU. `group` talks through NCCL, `host` through the CPU. Methods are
    collective, but for say()."""

    def __init__(self, timeout):
        self.rank = int(os.environ["RANK"])
        self.size = int(os.environ["WORLD_SIZE"])
        self.device = torch.device("cuda", self.rank)
        torch.cuda.set_device(self.device)
        wait = datetime.timedelta(seconds=timeout)
        dist.init_process_group("nccl", timeout=wait, device_id=self.device)
        self.group = dist.group.WORLD
        self.host = dist.new_group(backend="gloo", timeout=wait)
        self.gate = torch.zeros(1, device=self.device)

    def say(self, text):
        if self.rank == 0:
            print(text, flush=True)

    def first_error(self, error):
        """Returns the first line of the first rank's error, or nothing where no rank has one."""
        texts = [None] * self.size
        line = f"{type(error).__name__}: {error}".splitlines()[0] if error else ""
        dist.all_gather_object(texts, line, group=self.host)
        return next((text for text in texts if text), "")

    def largest(self, values):
        """Returns the largest of all ranks' values, one by one."""
        values = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(values, op=dist.ReduceOp.MAX, group=self.host)
        return values.tolist()

    def finish(self):
        """Waits until all ranks' GPUs have done what they were given."""
        torch.cuda.synchronize()
        dist.barrier(group=self.host)

    def start_together(self):
        """Holds the stream until all ranks' streams are here, with time to enqueue more."""
        self.finish()
        torch.cuda._sleep(GATE_CYCLES)
        dist.all_reduce(self.gate)


@dataclass
class Candidate:
    """A way to sum `source`, which lies where the call needs it, over all ranks."""

    name: str
    source: torch.Tensor
    run: Callable[[], torch.Tensor]  # enqueues one call, returns what it writes
    scatter: bool = False  # the result is this rank's share
    note: str = ""
    capture: Callable = contextlib.nullcontext  # entered around the capture of a graph


class KernelNode(ctypes.Structure):
    """CUDA_KERNEL_NODE_PARAMS_v2 of cuda.h."""

    _fields_ = [
        ("function", ctypes.c_void_p),
        ("grid", ctypes.c_uint * 3),
        ("block", ctypes.c_uint * 3),
        ("shared_bytes", ctypes.c_uint),
        ("parameters", ctypes.c_void_p),
        ("extra", ctypes.c_void_p),
        ("kernel", ctypes.c_void_p),
        ("context", ctypes.c_void_p),
    ]


def launches(graph):
    """Returns CTAs x threads of every kernel in a captured graph; other nodes are left out."""
    driver = ctypes.CDLL("libcuda.so.1")
    handle = ctypes.c_void_p(graph.raw_cuda_graph())
    count = ctypes.c_size_t()
    driver.cuGraphGetNodes(handle, None, ctypes.byref(count))
    nodes = (ctypes.c_void_p * count.value)()
    driver.cuGraphGetNodes(handle, nodes, ctypes.byref(count))
    texts = []
    for node in map(ctypes.c_void_p, nodes):
        kernel = KernelNode()
        if driver.cuGraphKernelNodeGetParams_v2(node, ctypes.byref(kernel)) == 0:
            (x, y, z), (u, v, w) = kernel.grid, kernel.block
            texts.append(f"{x * y * z}x{u * v * w}")
    return " ".join(texts)


def captured(candidate, calls):
    """Returns a graph of `calls` calls, and what the last one writes."""
    graph = torch.cuda.CUDAGraph(keep_graph=True)
    with candidate.capture():
        # Other threads, such as NCCL's watchdog, may ask for events meanwhile.
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            for _ in range(calls):
                result = candidate.run()
    return graph, result


def is_right(candidate, graph, result, ranks):
    """Compares one replay with the sum of small whole numbers: exact in bf16 for up to 16 ranks."""
    pattern = torch.arange(candidate.source.numel(), device=ranks.device, dtype=torch.int32) % 7
    candidate.source.copy_(pattern + ranks.rank)
    expected = pattern * ranks.size + ranks.size * (ranks.size - 1) // 2
    if candidate.scatter:
        expected = expected.chunk(ranks.size)[ranks.rank]
    ranks.finish()
    graph.replay()
    wrong = not torch.equal(result.to(torch.int32), expected)
    return not any(ranks.largest([float(wrong)]))


def microseconds(graph, calls, ranks):
    """Times one call. Sums in place grow to infinity in a chain, which takes no longer."""
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    times = []
    for _ in range(1 + REPLAYS):
        ranks.start_together()
        begin.record()
        graph.replay()
        end.record()
        torch.cuda.synchronize()
        times.append(begin.elapsed_time(end) * 1e3 / calls)
    return statistics.median(ranks.largest(times[1:]))


def calls_in_chain(size):
    """Returns how many calls of `size` bytes take about 2 ms, at 5 us and 200 GB/s each."""
    return min(200, max(20, round(2000 / (5 + size / 200e3))))


def measured(candidate, ranks):
    """Returns what is said of a candidate: time, kernels and note, or WRONG. Collective."""
    candidate.run()  # whatever is set up at a first call
    graph, result = captured(candidate, 1)
    if not is_right(candidate, graph, result, ranks):
        return "WRONG"
    kernels = launches(graph)
    del graph, result  # before the chain takes memory of its own
    calls = calls_in_chain(candidate.source.nbytes)
    graph, _ = captured(candidate, calls)
    words = [f"{microseconds(graph, calls, ranks):.2f} us", kernels, candidate.note]
    return "  ".join(word for word in words if word)

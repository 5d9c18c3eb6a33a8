"""SGLang's CustomAllReduceV2, loaded from where it is installed or an unpacked wheel (0.5.23), without
the rest of SGLang.

Only its own files are read: the class, its thresholds, and the kernels, which nvcc builds at the
first call. What these import of the server has a stand-in here that answers for ranks of one host
whose memory comes from cudaMalloc. Besides PyTorch it wants tvm_ffi, msgspec, ninja and nvcc.
"""

import importlib
import sys
import types
from pathlib import Path

import torch
from graph_chains import Candidate

# Packages whose own __init__ would import the server.
PACKAGES = [
    "sglang",
    "sglang.srt",
    "sglang.srt.distributed",
    "sglang.kernels",
    "sglang.kernels.ops",
    "sglang.kernels.ops.communication",
]
COMMUNICATORS = "sglang.srt.distributed.device_communicators"


class NoMappedInputs:
    """Stands in for the registry of inputs in expandable segments: there are none."""

    def __init__(self, **_):
        pass

    def close(self):
        pass


STAND_INS = {
    "sglang.srt.distributed.parallel_state": {
        "in_the_same_node_as": lambda group, source_rank: [True] * group.size(),
    },
    "sglang.srt.model_executor.runner_backend_utils.tc_piecewise_cuda_graph": {
        "is_in_tc_piecewise_cuda_graph": lambda: False,
    },
    "sglang.srt.utils.common": {
        "is_cuda": lambda: True,
    },
    "sglang.srt.utils.cuda_vmm_utils": {
        "VmmGraphInputManager": NoMappedInputs,
        "compute_graph_capture_bases": None,
        "is_vmm_pointer": lambda pointer: False,
    },
    f"{COMMUNICATORS}.custom_all_reduce_utils": {
        "can_use_custom_all_reduce_with_nvlink": lambda **_: True,
        "is_one_nvlink_clique": None,
        "is_weak_contiguous": lambda tensor: tensor.is_contiguous(),
    },
}


def stand_in(name, **attributes):
    module = types.ModuleType(name)
    vars(module).update(attributes)
    sys.modules[name] = module


def load(folder):
    """Returns SGLang's version, its class, its algorithms and the builder of its kernels."""
    root = Path(folder).resolve()
    for name in PACKAGES:
        stand_in(name, __path__=[str(root / name.replace(".", "/"))])
    for name, attributes in STAND_INS.items():
        stand_in(name, **attributes)
    kernels = importlib.import_module("sglang.kernels.ops.communication.all_reduce")
    communicator = importlib.import_module(f"{COMMUNICATORS}.custom_all_reduce_v2")
    return types.SimpleNamespace(
        version=importlib.import_module("sglang._version").version,
        AllReduce=communicator.CustomAllReduceV2,
        algorithms=list(kernels.AllReduceAlgo),
        build_kernels=kernels.get_all_reduce_module,
    )


class SGLang:
    """Two of SGLang's communicators: `engine` as a server makes it, which chooses an algorithm by
    size, and `forced`, whose buffers hold `largest` bytes and whose algorithm we choose.
    Collective, as close() is."""

    def __init__(self, package, ranks, largest):
        self.algorithms = package.algorithms
        self.ranks = ranks.size
        # A push has two slots for each rank, at 32-bit offsets, of whole KiB.
        slot = (2**32 - 1) // (2 * ranks.size) // 1024 * 1024
        self.engine = package.AllReduce(ranks.host, ranks.device)
        self.forced = package.AllReduce(
            ranks.host, ranks.device, max_pull_size=largest, max_push_size=min(largest, slot)
        )
        if self.engine.disabled or self.forced.disabled:
            raise RuntimeError(f"CustomAllReduceV2 is not for {ranks.size} of these GPUs")

    def choice(self, size, in_graph):
        """Returns what a server runs for `size` bytes, in a graph or without one."""
        choice = self.engine._pick_config(size, in_graph)
        if choice is None:
            return "NCCL"
        copied = not choice.algo.is_push() and not choice.use_graph
        return choice.algo.algo_name + ("+copy" if copied else "")

    def fits(self, algorithm, size):
        """Says whether a slot of a push holds the input, or twice a rank's share of it."""
        if not algorithm.is_push():
            return True
        needed = size if algorithm.algo_name == "1shot_push" else 2 * size // self.ranks
        return needed <= self.forced.max_push_size

    def candidates(self, source):
        size = source.nbytes
        choice = self.choice(size, in_graph=True)
        if choice != "NCCL":
            yield Candidate("sglang", source, lambda: self.engine.custom_all_reduce(source),
                            note=choice, capture=self.engine.capture)
        for algorithm in self.algorithms:
            if not self.fits(algorithm, size):
                continue

            def run(algorithm=algorithm):
                self.forced.override_algo = algorithm
                return self.forced.custom_all_reduce(source)

            name = f"sglang.{algorithm.algo_name}"
            if algorithm.is_push():
                yield Candidate(name, source, run)
            else:
                # Outside of capture() a pull does not know the peers' inputs: it copies.
                yield Candidate(name, source, run, capture=self.forced.capture)
                yield Candidate(f"{name}+copy", source, run)

    def close(self):
        self.engine.close()
        self.forced.close()


def loaded(folder, ranks, largest):
    """Returns an SGLang, or None after a line that says why there is none. Collective."""
    package, sglang, error = None, None, None
    try:
        package = load(folder)
        package.build_kernels(torch.bfloat16, ranks.size)
    except Exception as why:  # whatever another project's code may raise
        error = why
    reason = ranks.first_error(error)
    if not reason:
        try:
            sglang = SGLang(package, ranks, largest)
        except Exception as why:
            error = why
        reason = ranks.first_error(error)
    if reason:
        ranks.say(f"without SGLang: {reason}")
        return None
    ranks.say(f"SGLang {package.version}")
    return sglang

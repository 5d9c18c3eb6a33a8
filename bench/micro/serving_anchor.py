#!/usr/bin/env python3
"""The all-reduces that serving engines run, on the linked GPUs of one host, in bf16: PyTorch's
symmetric memory, SGLang's CustomAllReduceV2, and NCCL, called directly and through PyTorch, as the
common point with bench_collectives.
Microseconds of one call in a chain of 20 to 200 in a CUDA graph, whose GPUs start together: device
events, the slowest rank, the median of seven. Bytes are those of each rank's input, also of
reduce-scatters. NxM is a kernel of N CTAs of M threads; +copy has the copies that an engine makes
between its own memory and the memory that the call needs.

usage: torchrun --nproc-per-node N serving_anchor.py [--sglang FOLDER] [--bytes LIST] [--engine-only]

FOLDER is where Python finds SGLang, or an unpacked wheel of it (see sglang_all_reduce.py). LIST is
comma-separated (16 KiB to 256 MiB by factors of 4). --engine-only: what an SGLang server runs, and
NCCL's all-reduce. NVLink multicast stays off.
"""

import argparse
import os
import sys

SIZES = [16 * 1024 * 4**step for step in range(8)]
VECTOR = 16  # bytes that kernels load at once


def fail(message):
    """Ends the program as bad input does: rank 0 says why."""
    if os.environ.get("RANK", "0") == "0":
        print(f"serving_anchor.py: {message}", file=sys.stderr)
    sys.exit(2)


def arguments():
    """Returns the options, and the number of ranks."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sglang", metavar="FOLDER", help="where Python finds SGLang")
    parser.add_argument("--bytes", metavar="LIST", help="of each rank's input")
    parser.add_argument("--engine-only", action="store_true",
                        help="what an SGLang server runs, and NCCL's all-reduce")
    given = parser.parse_args()
    size, here = (int(os.environ.get(name, "1")) for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"))
    if size < 2:
        fail("1 rank; wants 2 or more: torchrun --nproc-per-node N serving_anchor.py")
    if here != size:
        fail(f"{here} of {size} ranks on this host; wants all of them on one")
    if given.sglang and not os.path.isdir(os.path.join(given.sglang, "sglang")):
        fail(f"--sglang {given.sglang}: no folder sglang in it; wants an unpacked wheel of SGLang")
    given.sizes = sizes_of(given.bytes, size) if given.bytes else SIZES
    return given, size


def sizes_of(text, ranks):
    """Returns the sizes in a list, each of whole vectors for every rank's share."""
    words, unit = text.split(","), VECTOR * ranks
    if not all(word.isdecimal() and int(word) > 0 and int(word) % unit == 0 for word in words):
        fail(f"--bytes {text}: wants multiples of {unit}, separated by commas")
    return [int(word) for word in words]


def main():
    options, ranks = arguments()
    # Before PyTorch, whose libraries read them.
    os.environ["NCCL_NVLS_ENABLE"] = "0"
    os.environ["TORCH_SYMM_MEM_DISABLE_MULTICAST"] = "1"
    os.environ["TORCH_SYMMMEM"] = "CUDA"  # neither NVSHMEM's memory nor NCCL's
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    # NCCL's support for graphs and other launches at one time makes every call in a graph wait for
    # the one before on a side branch: 20 us in a chain that holds nothing else.
    os.environ.setdefault("NCCL_GRAPH_MIXING_SUPPORT", "0")
    try:
        import torch
    except ImportError as why:
        fail(f"wants PyTorch 2.11 with CUDA: {why}")
    if torch.cuda.device_count() < ranks:
        fail(f"{torch.cuda.device_count()} GPUs for {ranks} ranks; wants one for each")
    import serving_all_reduces

    serving_all_reduces.run(options.sglang, options.sizes, options.engine_only)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""The experts' phase by PyTorch's grouped matrix product, on the sizes of bench_kernels_cuda: up,
SwiGLU, down, in bf16. Microseconds by device events, the median of seven times twenty.

usage: torch_anchor.py     (wants a GPU, and a PyTorch with torch._grouped_mm: 2.8 or later)
"""

import statistics

import torch

SIZES = [(64, 4096, 1024), (128, 2048, 768)]
ROWS = [16, 256, 1024]
REPEATS = 20


def microseconds(function):
    for _ in range(3):
        function()
    times = []
    for _ in range(7):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        for _ in range(REPEATS):
            function()
        end.record()
        torch.cuda.synchronize()
        times.append(begin.elapsed_time(end) * 1e3 / REPEATS)
    return statistics.median(times)


def random(*shape):
    return torch.randn(*shape, device="cuda", dtype=torch.bfloat16)


def main():
    print(f"PyTorch {torch.__version__} on {torch.cuda.get_device_name()}")
    for experts, hidden, width in SIZES:
        gate_up = (random(experts, 2 * width, hidden) / hidden**0.5).transpose(1, 2)
        down = (random(experts, hidden, width) / width**0.5).transpose(1, 2)
        for rows in ROWS:
            tokens = random(experts * rows, hidden)
            ends = torch.arange(1, experts + 1, device="cuda", dtype=torch.int32) * rows

            def phase(tokens=tokens, gate_up=gate_up, down=down, ends=ends, width=width):
                both = torch._grouped_mm(tokens, gate_up, ends)
                active = torch.nn.functional.silu(both[:, :width]) * both[:, width:]
                return torch._grouped_mm(active, down, ends)

            print(f"experts/{experts}x{hidden}x{width}/{rows} {microseconds(phase):.0f} us")


if __name__ == "__main__":
    main()

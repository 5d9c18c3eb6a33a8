"""The micro-benchmarks of a reference run: collectives alone, and the kernels of serving engines."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from reference_run.part import Part
from serving_anchors import find_engines

# Of chains in graphs, as the sweep's engines run them, on warm memory as kernels over peers want it.
COLLECTIVES = {
    "cuda": ("--backend", "cuda", "--warm", "--sms", "default,24,64", "--largest", "256M",
             "--benchmark_min_time=0.005", "--benchmark_filter=/graph", "--benchmark_color=false"),
    "host": ("--backend", "host", "--warm", "--largest", "4M", "--benchmark_min_time=0.02", "--benchmark_color=false"),
}
# Neither can say how long it takes: guesses for any machine, from what was seen once, and from how long
# building SGLang's kernels takes.
SECONDS = {"collectives": 60, "serving-anchors": 120}


def with_ranks(launcher: Sequence[str], ranks: int) -> list[str] | None:
    """The same launcher for another number of ranks; None where it does not say how many."""
    words = list(launcher)
    for at, word in enumerate(words[:-1]):
        if word in ("-n", "-np", "--ntasks") and words[at + 1].isdigit():
            words[at + 1] = str(ranks)
            return words
    return None


def collectives_of(program: str, backend: str, launcher: Sequence[str], ranks: int,
                   share_gpu: bool) -> Iterator[Part]:
    """On all ranks, then on every smaller number that divides them."""
    binary = Path(program).with_name("bench_collectives")
    options = (*COLLECTIVES[backend], *(("--share-gpu",) if share_gpu else ()))
    for count in (n for n in range(ranks, 1, -1) if ranks % n == 0):
        starts = launcher if count == ranks else with_ranks(launcher, count)
        obstacle = ""
        if not binary.is_file():
            obstacle = "bench_collectives was not built"
        elif starts is None:
            obstacle = f"the launcher has no -n to make {count} of"
        yield Part(f"collectives-{count}", f"collectives by themselves on {count} ranks",
                   command=(*(starts or ()), str(binary), *options),
                   seconds=SECONDS["collectives"], obstacle=obstacle)


def anchors_of(backend: str, ranks: int, share_gpu: bool) -> Part:
    engines = find_engines()
    obstacle = ""
    if backend != "cuda":
        obstacle = "cores do not run the kernels of serving engines"
    elif share_gpu:
        obstacle = "ranks share a GPU, and these kernels want one for each"
    elif ranks < 2:
        obstacle = "one rank alone reduces nothing"
    elif not engines.torch:
        obstacle = f"{engines.python} has no PyTorch"
    return Part("serving-anchors", "the all-reduces of serving engines" +
                ("" if engines.sglang else ", without SGLang's, which is not there"),
                command=tuple(engines.command(ranks)), seconds=SECONDS["serving-anchors"],
                obstacle=obstacle)

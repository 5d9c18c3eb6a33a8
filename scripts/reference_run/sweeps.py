"""The sweeps of a reference run, by backend and number of ranks."""

from collections.abc import Iterable, Iterator

from reference_run.part import Part

# All that a case can be measured by name, the variants of a strategy as well.
EVERY_STRATEGY = ("all,reduce_scatterv_push:direct,reduce_scatterv_push:balanced,"
                  "reduce_scatterv_fused:push,reduce_scatterv_fused:pull")
LARGE = ("--model", "qwen3.5-397b-a17b", "--scale-experts", "8")
# One layer for each backend: cores take seconds for what GPUs do in milliseconds.
LAYER = {"cuda": LARGE, "host": ("--model", "custom")}
ALL_SIZES = {"cuda": "8,16,64,256,512,1024,2048,4096,16384", "host": "16,64,256,1024"}
FEW_SIZES = {"cuda": "16,256,1024,4096,16384", "host": "16,256"}
BESIDE_SIZES = {"cuda": "512,4096,16384", "host": "64,256"}
EVEN_AND_UNEVEN = "balanced,zipf:1"
CTAS, CTAS_BESIDE = "24,64", "default,8,16,32,64"
ON_GPUS = {
    "graph": "cores have no CUDA graphs",
    "ctas": "cores have no CTAs",
    "qwen3-30b-a3b": "it repeats on cores what another layer of that hidden size says",
}


def loads_of(dp: int) -> str:
    """One DP rank has all tokens whatever the load; several: even, uneven, one with all, and one of
    a prefill chunk among those of a decode step."""
    if dp == 1:
        return "balanced"
    return f"balanced,zipf:1,hot,counts:4096{';1' * (dp - 1)}"


def smaller_dps(ranks: int) -> list[int]:
    """Half of the ranks, and half of that; a single DP rank only where there is no other."""
    halves = []
    dp = ranks
    while dp % 2 == 0 and dp > (1 if ranks == 2 else 3):
        dp //= 2
        halves.append(dp)
    return halves


def sweeps_of(backend: str, ranks: int) -> Iterator[Part]:
    """In the order of what they answer."""
    gpus = backend == "cuda"
    graph = "both" if gpus else "off"
    in_graph = ("--graph", "on" if gpus else "off")
    layer, every, few = LAYER[backend], ALL_SIZES[backend], FEW_SIZES[backend]
    loads, strategies = ("--load", loads_of(ranks)), ("--combine", EVERY_STRATEGY)
    full = (*layer, "--tokens", every, *loads, *strategies)
    short = (*layer, "--tokens", few)
    yield _sweep("graph", "every strategy in CUDA graphs, as engines run decode",
                 (*full, "--graph", "on"), backend)
    yield _sweep("eager", "every strategy without graphs", (*full, "--graph", "off"), backend)
    yield _sweep("ctas", f"the same in graphs with {CTAS} CTAs",
                 (*short, *loads, *strategies, "--graph", "on", "--sms", CTAS), backend)
    yield _sweep("qwen3-30b-a3b", "another model's layer",
                 ("--model", "qwen3-30b-a3b", "--tokens", few, *loads, *strategies,
                  "--graph", graph), backend)
    yield _sweep("beside-gemm", "exchanges beside the GEMMs of a second batch",
                 (*layer, "--tokens", BESIDE_SIZES[backend], "--load", "balanced",
                  "--combine", "all", "--graph", graph, "--beside", "gemm",
                  *(("--sms", CTAS_BESIDE) if gpus else ())), backend)
    for dp in smaller_dps(ranks):
        yield _sweep(f"dp-{dp}", f"{dp} DP rank{'s' * (dp > 1)}, each of {ranks // dp} ranks",
                     (*short, "--dp", str(dp), "--load", loads_of(dp), *strategies,
                      "--graph", graph), backend)
    yield _sweep("gather", "the input step: every gather, whole layers",
                 (*short, "--load", EVEN_AND_UNEVEN, "--gather", "all", "--combine", "reduce_scatterv_grouped",
                  "--graph", "off"), backend, scope="layer")
    yield _sweep("skew", "ranks up to 150 us late",
                 (*short, "--load", EVEN_AND_UNEVEN, *strategies, "--graph", "off",
                  "--skew", "0,150"), backend)
    yield _sweep("epilogue", "the residual addition and RMSNorm behind the exchange",
                 (*short, "--load", "balanced", *strategies, *in_graph,
                  "--epilogue", "none,residual_norm"), backend)


def _sweep(name: str, what: str, options: Iterable[str], backend: str,
           scope: str = "output") -> Part:
    obstacle = "" if backend == "cuda" else ON_GPUS.get(name, "")
    return Part(name, what, ("--scope", scope, "--verify", "exact", "--budget", "0.3",
                             "--min-samples", "12", *options), obstacle=obstacle)

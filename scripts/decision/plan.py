"""The parts of a decision: which sweeps are launched, and how long each may take."""

from dataclasses import dataclass, field

from decision.engine import Engine, Setting
from decision.steps import ANY
from moe_results import ResultsError

LAUNCHES = 7
# Microseconds by which ranks are late, at which a winner has to stay one.
SKEWS = (0, 50, 200)
# Forms that no engine ships.
BETTER_KERNELS = ("reduce_scatterv_peer", "reduce_scatterv_push", "reduce_scatterv_fused")


@dataclass(frozen=True)
class Part:
    """A sweep over the steps of one phase."""

    name: str
    phase: str
    skews: tuple[int, ...]
    graph: bool
    setting: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()

    def weight(self) -> int:
        """Its share of the time."""
        return len(self.skews)


def parts_of(engine: Engine, backend: str, phases: list[str]) -> list[Part]:
    """Decode is replayed from CUDA graphs where there are GPUs; skew cannot be."""
    parts = []
    for phase in phases:
        graph = backend == "cuda" and phase == "decode"
        parts.append(Part(phase, phase, (0,) if graph else SKEWS, graph))
        if graph:
            parts.append(Part(f"{phase}-late-ranks", phase, SKEWS[1:], graph=False))
        if backend == "cuda":
            parts += [_of_setting(setting, phase, graph) for setting in engine.settings]
    return parts


def _of_setting(setting: Setting, phase: str, graph: bool) -> Part:
    word = setting.name.split("=")[0].strip("-").lower()
    return Part(f"{phase}-{word}", phase, (0,), graph, setting.name, setting.variables,
                setting.options)


def options_of(part: Part, engine: Engine, backend: str) -> list[str]:
    """Of the program, but for the model and where the steps are from."""
    instead = [name for setting in engine.settings if setting.name == part.setting
               for name in setting.instead.values()]
    ways = engine.ways_of(part.phase)
    kernels = () if part.setting else BETTER_KERNELS
    combines = dict.fromkeys([*(way.combine for way in ways), *instead, *kernels])
    options = [
        "--backend", backend, "--scope", "layer", "--padding", engine.padding,
        "--gather", ",".join(dict.fromkeys(way.gather for way in ways)),
        "--baseline", ways[0].combine, "--combine", ",".join(combines), "--graph", "on" if part.graph else "off",
        "--skew", ",".join(map(str, part.skews)),
    ]
    if part.phase != ANY:
        options += ["--phase", part.phase]
        if engine.has_graphs:
            options += ["--graph-sizes", "engine"]
    if backend == "cuda" and engine.variables:
        options += ["--engine-env", engine.name]
    return [*options, *part.options]


def parse_step_ms(text: str, phases: list[str]) -> dict[str, float]:
    """By phase: MS where there is one phase, or prefill=MS,decode=MS."""
    times = {}
    for item in filter(None, text.split(",")):
        phase, equals, number = item.rpartition("=")
        if not equals and len(phases) > 1:
            raise ResultsError(
                f"--step-ms '{text}': steps are of several phases; {phases[0]}=MS,{phases[1]}=MS"
                " says which")
        phase = phase if equals else phases[0]
        if phase not in phases:
            raise ResultsError(f"--step-ms '{text}': '{phase}' is no phase of these steps; there are:"
                               f" {', '.join(phases)}")
        try:
            times[phase] = float(number)
        except ValueError:
            times[phase] = 0
        if not 0 < times[phase] < 1e9:
            raise ResultsError(f"--step-ms '{text}': '{number}' is no time in milliseconds")
    return times

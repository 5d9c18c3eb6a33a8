"""The parts of a decision: which sweeps are launched, and how long each may take."""

from dataclasses import dataclass, field, replace

from decision.engine import Engine, Setting
from decision.steps import ANY
from moe_results import ResultsError

LAUNCHES = 7
# Microseconds by which ranks are late, at which a winner has to stay one.
SKEWS = (0, 50, 200)
# Forms that no engine ships.
BETTER_KERNELS = ("reduce_scatterv_peer", "reduce_scatterv_push", "reduce_scatterv_fused")


# From so many minutes on there is time to repeat settings with late ranks, without which none is named.
MINUTES_FOR_LATE_SETTINGS = 60


@dataclass(frozen=True)
class Part:
    """A sweep over the steps of one phase. With `beside`, the experts of a second batch run beside the
    exchange."""

    name: str
    phase: str
    skews: tuple[int, ...]
    graph: bool
    setting: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    beside: bool = False

    def weight(self) -> int:
        """Its share of the time: what runs beside a GEMM has half of what a layer has."""
        return 1 if self.beside else 2 * len(self.skews)

    def group(self) -> str:
        """Parts that are compared case by case."""
        return f"{self.phase}-beside" if self.beside else self.phase


def parts_of(engine: Engine, backend: str, phases: list[str], minutes: int) -> list[Part]:
    """Decode is replayed from CUDA graphs where there are GPUs; skew cannot be. Settings are NCCL's."""
    settings = engine.settings if backend == "cuda" else ()
    parts = []
    for phase in phases:
        graph = backend == "cuda" and phase == "decode"
        plain = Part(phase, phase, (0,), graph)
        late = SKEWS[1:] if minutes >= MINUTES_FOR_LATE_SETTINGS else ()
        parts += _with_late_ranks(plain, SKEWS[1:])
        for setting in settings:
            parts += _with_late_ranks(_with_setting(plain, setting), late)
        if len(engine.values) > 1 or settings:  # there is something to compare
            beside = replace(plain, name=f"{phase}-beside", beside=True)
            parts += [beside, *(_with_setting(beside, setting) for setting in settings)]
    return parts


def _with_late_ranks(part: Part, late: tuple[int, ...]) -> list[Part]:
    if not part.graph:
        return [replace(part, skews=(*part.skews, *late))]
    eager = replace(part, name=f"{part.name}-late-ranks", skews=late, graph=False)
    return [part, eager] if late else [part]


def _with_setting(part: Part, setting: Setting) -> Part:
    word = setting.name.split("=")[0].strip("-").lower()
    return replace(part, name=f"{part.name}-{word}", setting=setting.name,
                   variables=setting.variables, options=setting.options)


def options_of(part: Part, engine: Engine, backend: str) -> list[str]:
    """Of the program, but for the model and where the steps are from."""
    instead = [name for setting in engine.settings if setting.name == part.setting
               for name in setting.instead.values()]
    ways = engine.ways_of(part.phase)
    kernels = () if part.setting or part.beside else BETTER_KERNELS
    combines = dict.fromkeys([*(way.combine for way in ways), *instead, *kernels])
    options = [
        "--backend", backend, "--scope", "output" if part.beside else "layer",
        "--padding", engine.padding,
        "--gather", ",".join(dict.fromkeys(way.gather for way in ways)),
        "--baseline", ways[0].combine, "--combine", ",".join(combines),
        "--graph", "on" if part.graph else "off", "--skew", ",".join(map(str, part.skews)),
        *(["--beside", "gemm"] if part.beside else []),
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

"""Rules of serving engines, as bench/engines/*.json have them: which way a step takes by which value
of the engine's flag."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from moe_results import ResultsError

FOLDER = Path(__file__).resolve().parents[2] / "bench/engines"
TITLES = {"sglang": "SGLang", "vllm": "vLLM", "tensorrt-llm": "TensorRT-LLM"}


class Way(NamedTuple):
    """The strategies of a step."""

    gather: str
    combine: str


@dataclass(frozen=True)
class Setting:
    """Something beside the flag that an operator can change today."""

    name: str
    variables: dict[str, str] = field(default_factory=dict, hash=False)  # of the environment
    options: tuple[str, ...] = ()  # of the program
    # Combines that run in place of others.
    instead: dict[str, str] = field(default_factory=dict, hash=False)
    price: str = ""
    takes_sms: bool = False  # from what computes beside the exchange

    def opposed_by(self, environment: Mapping[str, str]) -> str:
        """NAME=VALUE of a variable that is set otherwise; empty where none is."""
        return next((f"{name}={environment[name]}" for name, value in self.variables.items()
                     if environment.get(name, value) != value), "")


@dataclass(frozen=True)
class Engine:
    """One release. `values`: combine rules by value of the flag, the default's too."""

    name: str
    padding: str  # the program's word for its rule
    paddings: list[dict]
    flag: str
    default: str
    gather: list[dict]
    values: dict[str, list[dict]]
    gate: list[str]
    variables: dict[str, str]
    settings: tuple[Setting, ...] = ()
    has_graphs: bool = True

    @property
    def title(self) -> str:
        return TITLES.get(self.name.split("-")[0], self.name)

    def without(self, settings: Iterable[str]) -> "Engine":
        """The same, without the settings of these names."""
        left_out = set(settings)
        return replace(self, settings=tuple(one for one in self.settings
                                            if one.name not in left_out))

    def gate_is_open(self, ranks: int, dp: int, ep: int) -> bool:
        holds = {"several_dp_ranks": dp > 1, "ep_is_dp": ep == dp, "every_rank_is_dp": ranks == dp}
        return all(holds[condition] for condition in self.gate)

    def way(self, value: str, padding: str, gate_open: bool) -> Way | None:
        """What a step whose rows are padded so takes; None where the file has nothing for it."""
        facts = {"max_len": padding == "max_len", "gate_open": gate_open}
        gather, combine = _chosen(self.gather, facts), _chosen(self.values[value], facts)
        return Way(gather, combine) if gather and combine else None

    def paddings_of(self, phase: str) -> list[str]:
        """Those that steps of a phase may have."""
        found = []
        for choice in self.paddings:
            when = choice.get("when", [])
            if "any_prefill" in when and phase == "decode":
                continue
            found.append(choice["take"])
            if not when or (when == ["any_prefill"] and phase in ("prefill", "mixed")):
                break  # it holds for all that are left
        return list(dict.fromkeys(found))

    def ways_of(self, phase: str) -> list[Way]:
        """Those that steps of a phase may take, of all values, those of the default first."""
        values = [self.default, *self.values]
        ways = (self.way(value, padding, gate_open) for value in values
                for padding in self.paddings_of(phase) for gate_open in (True, False))
        return list(dict.fromkeys(filter(None, ways)))


def _chosen(choices: list[dict], facts: dict[str, bool]) -> str | None:
    for choice in choices:
        if all(facts[fact] for fact in choice.get("when", ())):
            return choice["take"]
    return None


def find_engine(name: str, folder: Path = FOLDER) -> Engine:
    """The release with this name, or the newest of this engine. A ResultsError for one without a
    file, of which nothing is known, and for one whose flag is not."""
    files = {file.stem: json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))}
    known = sorted(stem for stem, rules in files.items() if rules["flag"]["combine"])
    newest = [stem for stem in known if files[stem]["engine"] == name]
    chosen = max(newest, key=_version, default=name)
    if chosen not in known:
        raise ResultsError(f"no rules of '{name}' are known; there are: {', '.join(known)}")
    return parse_engine(chosen, files[chosen])


def parse_engine(name: str, rules: dict) -> Engine:
    flag = rules["flag"]
    return Engine(
        name=name, padding=f"{rules['engine']}:{rules['version']}",
        paddings=rules["padding"]["choices"], flag=flag["name"],
        default=flag["default"], gather=flag["gather"], values=flag["combine"],
        gate=rules["gate"]["all_of"], variables=rules["nccl"]["variables"] or {},
        settings=tuple(Setting(**setting | {"options": tuple(setting.get("options", ()))})
                       for setting in rules.get("settings", {}).get("values", ())),
        has_graphs=rules["graphs"]["ranges"] is not None)


def _version(name: str) -> tuple[int, ...]:
    return tuple(int(part) for part in name.rsplit("-", 1)[1].split(".") if part.isdigit())

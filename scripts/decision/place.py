"""Names for people: of the machine, of its library as the engine sets it, and of a model."""

import re
from collections.abc import Iterable, Mapping

from decision.engine import Engine
from moe_results import Row

# What sellers call the boards whose drivers say more.
BOARDS = {"H100 80GB HBM3": "H100 SXM", "A100-SXM4-80GB": "A100 SXM", "A100-SXM4-40GB": "A100 SXM"}
FAMILIES = {"qwen": "Qwen", "deepseek": "DeepSeek", "kimi": "Kimi", "glm": "GLM", "gpt": "GPT",
            "oss": "OSS", "mixtral": "Mixtral", "llama": "Llama", "minimax": "MiniMax"}
NVLS = "NCCL_NVLS_ENABLE"


def place_of(row: Row) -> str:
    """8x H100 SXM; AMD EPYC with 2 ranks"""
    device = str(row["device"]).removeprefix("NVIDIA ")
    if row["backend"] != "cuda":
        return f"{device} with {row['ranks']} ranks"
    shared = " ranks that share one" if row["ranks_per_device"] != "1" else "x"
    return f"{row['ranks']}{shared} {BOARDS.get(device, device)}"


def library_of(row: Row, engine: Engine, runs: Iterable[Mapping]) -> str:
    """NCCL 2.30.7, NVLS off as SGLang sets it; empty without NCCL."""
    version, nvls = row.get("nccl_version", ""), row.get("nvls", "")
    if not version:
        return ""
    env = next((run["engine_env"] for run in runs if run.get("engine_env")), {})
    whose = f" as {engine.title} sets it" if NVLS in env.get("set", ()) else \
        " as you set it" if NVLS in env.get("kept", ()) else ""
    state = "as NCCL decides" if nvls == "unknown" else nvls + whose
    return f"NCCL {version}, NVLS {state}"


def model_name(preset: str) -> str:
    """Qwen3.5-397B for qwen3.5-397b-a17b: without the parameters that are active."""
    if preset == "custom":
        return "a custom layer"
    parts = [part for part in preset.split("-") if not re.fullmatch(r"a\d+b", part)]
    return "-".join(map(_capitalised, parts))


def _capitalised(part: str) -> str:
    family = re.match(r"[a-z]*", part).group()
    if family in FAMILIES:
        return FAMILIES[family] + part[len(family):]
    if re.fullmatch(r"(\d+x)?\d+b", part):
        return part.replace("b", "B")
    return part.capitalize()


def steps_name(steps: int, traffic: str) -> str:
    return f"{steps:,} steps of synthetic traffic {traffic}" if traffic else f"your {steps:,} steps"

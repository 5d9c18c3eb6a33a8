"""Writes an engine's steps as JSON lines for `bench_moe_comm --steps`, from inside the engine.

Standard library only, and nothing here may harm the engine: a hook that fails says so once on
standard error and is silent from then on.
"""

import importlib.abc
import importlib.util
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

# A folder, or no steps are written; and seconds after which they are: start-up has steps too.
FOLDER = "MOE_DUMP_STEPS"
AFTER = "MOE_DUMP_STEPS_AFTER"

Wrap = Callable[[ModuleType], None]


class AfterImport(importlib.abc.MetaPathFinder):
    """Calls a function with a module right after the module's first import."""

    def __init__(self, wraps: Mapping[str, Wrap]) -> None:
        self.wraps = dict(wraps)

    def find_spec(self, name: str, path: Sequence[str] | None,
                  target: ModuleType | None = None) -> ModuleSpec | None:
        wrap = self.wraps.pop(name, None)
        spec = importlib.util.find_spec(name) if wrap else None
        if wrap is None or spec is None or spec.loader is None:
            return None
        run = spec.loader.exec_module

        def run_and_wrap(module: ModuleType) -> None:
            run(module)
            harmless(wrap)(module)

        spec.loader.exec_module = run_and_wrap  # type: ignore[method-assign]
        return spec


def harmless(function: Callable[..., None]) -> Callable[..., None]:
    """The function, of which the first failure is said and the last call."""
    failed = False

    def run(*arguments: Any) -> None:
        nonlocal failed
        if failed:
            return
        try:
            function(*arguments)
        except Exception as error:
            failed = True
            print(f"dump_steps: no more steps are written: {error!r}", file=sys.stderr, flush=True)

    return run


def is_rank_0() -> bool:
    """Whether this process writes: one of all ranks does."""
    distributed = sys.modules.get("torch.distributed")
    return distributed is not None and distributed.is_initialized() and distributed.get_rank() == 0


class StepFile:
    """The file of one process, which begins with what is known of the deployment."""

    def __init__(self, engine: str) -> None:
        self.engine = engine
        self.file: Any = None
        self.begin = time.monotonic() + float(os.environ.get(AFTER) or 0)

    @property
    def wanted(self) -> bool:
        return bool(os.environ.get(FOLDER)) and time.monotonic() >= self.begin and is_rank_0()

    def write(self, step: Mapping[str, Any], deployment: Mapping[str, Any]) -> None:
        """Adds a step, unless no rank has tokens; what is None is unknown, and left out."""
        if not any(step["tokens_per_rank"]):
            return
        if self.file is None:
            name = f"{self.engine}-{os.getpid()}.jsonl"
            self.file = open(os.path.join(os.environ[FOLDER], name), "w", encoding="utf-8",
                             buffering=1)
            known = (f"{key}={value}" for key, value in deployment.items() if value is not None)
            print("#", *known, file=self.file)
        version = getattr(sys.modules.get(self.engine), "__version__", None)
        row = {"engine": self.engine, "version": version, **step}
        print(json.dumps({key: value for key, value in row.items() if value is not None}),
              file=self.file)

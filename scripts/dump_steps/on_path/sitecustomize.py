"""Python runs this at its start where PYTHONPATH has this folder: it puts the hooks in place.

The folder above is not on the path: its files are named as the engines' packages are.
"""

import importlib.util
import sys
from pathlib import Path


def load(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


FOLDER = Path(__file__).resolve().parent.parent
step_file = load("step_file", FOLDER / "step_file.py")
hooks = [load(f"dump_steps_{engine}", FOLDER / f"{engine}.py") for engine in ("sglang", "vllm")]
sys.meta_path.insert(0, step_file.AfterImport(
    {module: hook.wrap for hook in hooks for module in hook.MODULES}))

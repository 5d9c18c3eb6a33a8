"""The all-reduces of serving engines: what the python3 of PATH, which in an engine's container is the
engine's, has of them, and how it starts bench/micro/serving_anchor.py."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

ANCHOR = Path(__file__).resolve().parents[1] / "bench/micro/serving_anchor.py"
# Says what is installed, without importing it, which takes long.
PROBE = """import importlib.metadata as metadata, importlib.util as util, json, pathlib
sglang = util.find_spec("sglang")
found = {"torch": util.find_spec("torch") is not None}
if sglang and sglang.origin:
    found["sglang"] = str(pathlib.Path(sglang.origin).parents[1])
try:
    found["version"] = metadata.version("sglang")
except metadata.PackageNotFoundError as error:
    found["obstacle"] = str(error)
print(json.dumps(found))"""


@dataclass(frozen=True)
class Engines:
    """What a Python has."""

    python: str
    torch: bool = False
    sglang: str = ""  # where Python finds it; empty: nowhere
    version: str = ""  # SGLang's release; empty: `obstacle` says why nobody knows
    obstacle: str = ""

    def command(self, ranks: int, *options: str) -> list[str]:
        """Starts the anchor, with SGLang's all-reduce where SGLang is there."""
        sglang = ["--sglang", self.sglang] if self.sglang else []
        return [self.python, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node",
                str(ranks), str(ANCHOR), *sglang, *options]


def find_engines() -> Engines:
    """Asks the python3 of PATH. One that does not run has nothing."""
    python = shutil.which("python3") or "python3"
    try:
        probe = subprocess.run([python, "-c", PROBE], capture_output=True, text=True, check=True)
    except OSError as error:
        return Engines(python, obstacle=f"python3: {error.strerror}")
    except subprocess.CalledProcessError as error:
        return Engines(python, obstacle=(error.stderr.strip().splitlines() or ["python3 fails"])[-1])
    return Engines(python, **json.loads(probe.stdout))

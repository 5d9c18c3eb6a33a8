"""Importing this, before anything else, makes sure of the packages of requirements.txt.

Where the interpreter lacks them the script starts anew in the environment that scripts/setup.sh
made: a traceback would have the status of a regression.
"""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

VENV = Path(__file__).resolve().parents[1] / ".venv"

missing = [name for name in ("pandas", "scipy", "matplotlib") if find_spec(name) is None]
if missing:
    python = VENV / "bin/python"
    if python.exists() and sys.executable != str(python):
        os.execv(python, [str(python), *sys.argv])
    print(f"{Path(sys.argv[0]).name}: Python packages missing: {', '.join(missing)};"
          " scripts/setup.sh installs them", file=sys.stderr)
    sys.exit(2)

"""Scripts find the Python that runs the tests first: a python3 of another kind may take long to start."""

import os
import sys
from pathlib import Path

os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"

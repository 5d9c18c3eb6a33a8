"""How many strategies there are."""

import subprocess

from program import PROGRAM

STRATEGIES = len(subprocess.run([PROGRAM, "--list", "combines"], capture_output=True, text=True,
                                timeout=60, check=True).stdout.splitlines())

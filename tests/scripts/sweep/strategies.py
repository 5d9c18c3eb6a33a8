"""How many strategies run unasked."""

import subprocess

from program import PROGRAM

LISTED = subprocess.run([PROGRAM, "--list", "combines"], capture_output=True, text=True, timeout=60,
                        check=True).stdout.splitlines()
STRATEGIES = sum(not line.endswith("(by name only)") for line in LISTED)

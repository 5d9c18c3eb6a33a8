"""How many strategies run unasked, and a few of them."""

import subprocess

from program import FULL, PROGRAM

LISTED = subprocess.run([PROGRAM, "--list", "combines"], capture_output=True, text=True, timeout=60,
                        check=True).stdout.splitlines()
STRATEGIES = sum(not line.endswith("(by name only)") for line in LISTED)
# For tests of cases rather than of strategies: beside the baseline one over the library, one over peer
# memory, and one of weighted rows. All of them in full runs; layer_test has all on every topology.
FEW = [] if FULL else ["--combine", "reduce_scatterv_grouped,reduce_scatterv_push,reduce_scatterv_fused"]
FEW_STRATEGIES = STRATEGIES if FULL else 4

"""A launcher and programs that take no time and write down how they were called."""

import os
import subprocess
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[3] / "scripts/reference_run.sh"

LAUNCHER = """#!/bin/sh
# launch -n RANKS COMMAND...
ranks=$2
shift 2
if [ "$1" = sh ]; then
    for i in $(seq "$ranks"); do echo rank; done
    exit
fi
RANKS=$ranks exec "$@"
"""
PROGRAM = """#!/bin/sh
case "$*" in
    *--version*) echo bench_moe_comm 1; exit ;;
    *"--hidden none"*) echo "bench_moe_comm: --hidden 'none': a number" >&2; exit 2 ;;
    *"--skew 0,150"*"--hidden huge"*--dry-run*)
        printf '    cannot run: needs 9 GiB\\n0 of 8 cases can run, with 5 strategies each\\n'; exit ;;
    *--dry-run*)
        echo '8 of 8 cases can run: 0.1 GiB for each rank, about 1 min 08 s unless it is less.'; exit ;;
esac
echo "$RANKS ${0##*/} $*" >>calls
case "$*" in
    *"$WAITS_AT"*) echo $$ >waits; exec sleep 60 ;;
    *"$FAILS_AT"*) echo "it failed"; exit 3 ;;
esac
echo a table
"""


def make(folder: Path) -> None:
    """launch, bench_moe_comm and bench_collectives."""
    for name, text in {"launch": LAUNCHER, "bench_moe_comm": PROGRAM,
                       "bench_collectives": PROGRAM}.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)


def environment(**more: str) -> dict[str, str]:
    own = {"BENCH_MOE_COMM": str(Path("bench_moe_comm").resolve()), "WAITS_AT": "never",
           "FAILS_AT": "never"}
    return os.environ | own | more


def command(*words: str, ranks: int = 2) -> list[str]:
    return [str(SCRIPT), *words, "--", str(Path("launch").resolve()), "-n", str(ranks)]


def reference_run(*words: str, ranks: int = 2, **more: str) -> subprocess.CompletedProcess:
    """To its end, in the working folder."""
    return subprocess.run(command(*words, ranks=ranks), env=environment(**more), text=True,
                          capture_output=True, timeout=120, check=False)


def calls() -> list[str]:
    """Part and launch of each call that was not a dry run; ranks in place of the launch of
    collectives."""
    lines = Path("calls").read_text().splitlines() if Path("calls").exists() else []
    return [call_of(line.split()) for line in lines]


def call_of(words: list[str]) -> str:
    if words[1] == "bench_collectives":
        return f"collectives on {words[0]}"
    return f"{Path(words[words.index('--out') + 1]).name} {words[words.index('--launch') + 1]}"

"""Every command of every README.md: run as it stands there, in a folder that looks like the tree.

Launchers and the program are stand-ins there: the launcher drops its options, which are of machines
that are not here, and the program's sizes become small. What installs or builds runs only where
MOE_BARE_SYSTEM=1 says that the whole system is there to be set up (.ci/full/readme_commands.sh).
"""

import os
import re
import shutil
import subprocess
import sys
from itertools import chain

import pytest

from program import AS_ROOT, BACKEND, FULL, OPTIONS, PROGRAM, ROOT, mpiexec
from test_documents import DOCUMENTS

BARE = os.environ.get("MOE_BARE_SYSTEM") == "1"
LAUNCHER = shutil.which(mpiexec(1)[0])  # by its place: in PATH a stand-in comes first
MOST_RANKS = 4  # of which the steps of bench/steps/README.md are
FEW_RANKS = 2  # where nothing is measured and no steps say how many there are

# Blocks that hold no commands, by how they begin.
NO_COMMANDS = {
    "bench_moe_comm: rank 1 died": "what the program says",
    "# dp=4 tp=4 ep=4": "a file of steps, which other commands read",
}
# Lines that nothing here can run, by how they begin.
EXCEPTIONS = {
    "PYTHONPATH=<here>/scripts/dump_steps/on_path": "starts SGLang, which is not here",
}
# Lines that want the whole system.
SET_UP = re.compile(r"scripts/(run|setup|doctor)\.sh|scripts/gate_power\.py|cmake ")
# Options of the program that are set, whatever a command says.
SHAPE = {"--hidden": "64", "--experts": "64", "--top-k": "2", "--intermediate": "24"}
# What takes long otherwise, and what there is no GPU for.
SMALLER = {
    "scripts/launches.sh 7": "scripts/launches.sh 2",
    "scripts/decide.sh": "scripts/decide.sh --dry-run --minutes 9000",
    "scripts/reference_run.sh": "scripts/reference_run.sh --dry-run",
    "scripts/run.sh --tokens": f"scripts/run.sh {' '.join(chain(*SHAPE.items()))} --budget 0.05 --tokens",
    "scripts/gate_power.py": "scripts/gate_power.py --trials 1 --planted-trials 1 --launches 2",
    "scripts/share_gpu.sh -- ": "",
    "cmake --preset cuda": "cmake --preset host",
    "cmake --build build/cuda": "cmake --build build/host --target bench_moe_comm",
}
# Blocks that measure: what a sweep leaves is read by the next command. Other sweeps are only dry runs,
# which read every option as a sweep does, but in full runs.
MEASURED = {"scripts/launches.sh 7 -- mpirun -n 2 --bind-to core OLD": "check_regression.py reads it"}
SIZES = SHAPE | {"--tokens": "6", "--budget": "0.02", "--min-samples": "6"}
NO_GPU = {} if BACKEND == "cuda" else {"--graph": "off"}
OF_GPUS = set() if BACKEND == "cuda" else {"--share-gpu"}
# Options of launchers that are dropped, and whether a value follows.
DROPPED = {"-n": True, "--bind-to": True, "--map-by": True, "--hostfile": True,
           "--oversubscribe": False, "-q": False, "--cpu-set": True, "--use-hwthread-cpus": False,
           "-K": False, "--mpi=pmix": False, "--ntasks-per-node": True, "--cpu-bind": True}

PROGRAM_STAND_IN = f"""#!{sys.executable}
import os, sys
words = [word for word in sys.argv[1:] if word not in {OF_GPUS!r}]
sizes = {SHAPE!r} if {{"--steps", "--traffic"}} & set(words) else {SIZES!r}
if not {{"--list", "--version", "--help"}} & set(words):
    for option, value in (sizes | {NO_GPU!r}).items():
        if option in words:
            words[words.index(option) + 1] = value
        elif option in sizes:
            words += [option, value]
    words += ["--dry-run"] if "DRY" in os.environ else []
    if not {{"--out", "--csv"}} & set(words):
        words += ["--out", "unnamed"]
if "--backend" not in words:
    words += {OPTIONS!r}
os.execv({PROGRAM!r}, [{PROGRAM!r}, *words])
"""
LAUNCHER_STAND_IN = f"""#!{sys.executable}
import os, sys
words = sys.argv[1:]
if words[:1] == ["--version"]:
    os.execv({LAUNCHER!r}, ["mpirun", *words])
most = ranks = {FEW_RANKS} if "DRY" in os.environ and "--steps" not in words else {MOST_RANKS}
while words[0].startswith("-"):
    option = words.pop(0)
    value = words.pop(0) if {DROPPED!r}[option] else ""
    if option == "-n":
        ranks = min(most, int(value))
os.execv({LAUNCHER!r}, [*{mpiexec("RANKS")[:-1]!r}, str(ranks), *words])
"""


def blocks():
    """Document and text of every block that a shell could read."""
    for document in (path for path in DOCUMENTS if path.name == "README.md"):
        for language, text in re.findall(r"(?ms)^```(\w*)\n(.*?)^```", document.read_text()):
            if language in ("", "bash", "sh"):
                yield str(document.relative_to(ROOT)), text


def begins(text, table):
    return next((beginning for beginning in table if text.startswith(beginning)), None)


def commands(text):
    """Lines of a block that are commands: those behind a prompt, or all where there is none."""
    lines = text.replace("\\\n", " ").splitlines()
    prompted = [line[2:] for line in lines if line.startswith("$ ")]
    return [line for line in prompted or lines if line.strip()]


def shown_output(text):
    """Lines that a prompted command is shown to print; timings are other ones each time."""
    if not text.startswith("$ scripts/"):
        return []
    return [line for line in text.splitlines() if not line.startswith("$ ") and line != "..."]


def script_of(text):
    lines = []
    for line in commands(text):
        for long, short in SMALLER.items():
            line = line.replace(long, short)
        if begins(line, EXCEPTIONS) or (SET_UP.match(line) and not BARE):
            continue
        if SET_UP.match(line):  # in the tree itself, and without the stand-ins
            line = f"(cd '{ROOT}' && PATH=${{PATH#*:}} && {line}\n)"
        lines.append(line)
    return "\n".join(lines)


BLOCKS = [(document, text) for document, text in blocks() if not begins(text, NO_COMMANDS)]


@pytest.fixture
def folder(tmp_path):
    """As the tree looks to somebody who has built it, and has the files that documents speak of."""
    for name in ("scripts", "results", "plots"):
        (tmp_path / name).symlink_to(ROOT / name)
    stand_ins = {"bin/mpirun": LAUNCHER_STAND_IN, "bin/srun": LAUNCHER_STAND_IN}
    for place in ("build/host/bench", "build/cuda/bench", "OLD", "NEW"):
        stand_ins[f"{place}/bench_moe_comm"] = PROGRAM_STAND_IN
    for path, text in stand_ins.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
        (tmp_path / path).chmod(0o755)
    [steps] = [text for _, text in blocks() if text.startswith("# dp=4")]
    (tmp_path / "steps.csv").write_text(steps)
    return tmp_path


@pytest.mark.parametrize("text", [text for _, text in BLOCKS],
                         ids=[f"{document}:{commands(text)[0].split(' #')[0][:60].strip()}"
                              for document, text in BLOCKS])
def test_commands_run(folder, text):
    script = script_of(text)
    if not script:
        pytest.skip("wants a bare system")
    environment = {**os.environ, **AS_ROOT, "PATH": f"{folder}/bin:{os.environ['PATH']}",
                   "BENCH_MOE_COMM": str(folder / "build/host/bench/bench_moe_comm")}
    if not begins(text, MEASURED) and not FULL:
        environment["DRY"] = "1"
    run = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=folder, env=environment,
                         capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert run.returncode == 0, script + "\n" + run.stdout + run.stderr
    missing = [line for line in shown_output(text) if line not in run.stdout.splitlines()]
    assert missing == []


def test_every_exception_occurs():
    texts = [text for _, text in blocks()]
    lines = [line for text in texts for line in commands(text)]
    assert {begins(text, NO_COMMANDS) for text in texts} - {None} == set(NO_COMMANDS)
    assert {begins(text, MEASURED) for text in texts} - {None} == set(MEASURED)
    assert {begins(line, EXCEPTIONS) for line in lines} - {None} == set(EXCEPTIONS)
    assert [short for short in SMALLER if not any(short in line for line in lines)] == []

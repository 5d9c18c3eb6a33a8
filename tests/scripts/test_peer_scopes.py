"""Scopes and fences in the machine code of kernels over peer memory, as Hopper GPUs run it. Where one
is lost, a sum is right on one GPU, and wrong on two now and then."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Callable, NamedTuple

import pytest

ARCHITECTURE = "sm_90"
OBJECTS = os.environ["PEER_OBJECTS"].split(":")
# From PyPI they are beside the interpreter (scripts/setup.sh --lint); cuobjdump calls nvdisasm.
PATH = os.pathsep.join([os.environ["PATH"], str(Path(sys.executable).parent)])
if not all(shutil.which(tool, path=PATH) for tool in ("cuobjdump", "nvdisasm")):
    pytest.skip("no cuobjdump or nvdisasm: scripts/setup.sh --lint installs them",
                allow_module_level=True)

# What reads peers' data, between flags.
PULLS = {"pull_sum", "pull_sum_norm", "pull_weighted_sum", "pull_weighted_ring", "one_shot"}
# What writes it in words that carry their own news.
PUSHES = {"all_reduce_push", "push_sum", "push_sum_norm", "push_weighted_sum", "push_weighted_sum_norm",
          "push_weighted_ring"}
# What writes it in plain words, and lets others read it before the kernel ends.
FENCED = {"two_shot", "push_copy", "barrier"}
FLAGGED = PULLS | FENCED
# What reads more of its own: rows that it has completed, for their norm.
NORMS = {"pull_sum_norm"}
KERNELS = FLAGGED | PUSHES


class Rule(NamedTuple):
    kernels: set
    opcodes: str  # a regular expression for whole ones
    right: Callable[[int], bool]  # whether one kernel may have so many
    meaning: str


def none(count):
    return count == 0


def one(count):
    return count == 1


def some(count):
    return count > 0


RULES = [
    Rule(KERNELS, r"LDG.*\.CONSTANT.*", none, "loads that miss what others write (ld.global.nc)"),
    Rule(KERNELS, r".*\.(STRONG|ALL|SC)\.(CTA|SM|GPU|VC)", none, "scopes that end at this GPU"),
    Rule(FLAGGED, r"STG\.E\.STRONG\.SYS", some, "stores of flags"),
    Rule(FLAGGED, r"LDG\.E\.STRONG\.SYS", some, "loads of flags"),
    Rule(FLAGGED - {"push_copy"} - NORMS, r"LDG(?!.*STRONG).*", one, "weak loads: the block's epoch alone"),
    Rule(PULLS | {"two_shot"}, r"LDG\.E.*\.STRONG\.SYS", some, "loads of peers' data"),
    Rule({"push_copy"}, r"STG\.E\.(64|128|U8|U16)", none, "weak stores of data"),
    Rule(PUSHES, r"LDG\.E\.128\.STRONG\.SYS", some, "loads of what has come"),
    # But for those that show bulk copies a barrier in shared memory, and what flags have told of.
    Rule(PULLS | PUSHES, r"MEMBAR.*|FENCE(?!\.VIEW\.ASYNC).*|CCTL.*", none, "fences"),
    Rule({"pull_weighted_ring"}, r"FENCE\.VIEW\.ASYNC\.G", some, "fences before bulk copies"),
    Rule({kernel for kernel in KERNELS if "_ring" in kernel}, r"UBLKCP.*", some, "bulk copies"),
    Rule(FENCED, r"MEMBAR\.(ALL|SC)\.SYS", some, "fences before a flag (st.release.sys)"),
    Rule(FENCED, r"CCTL\.IVALL", some, "fences after a flag (ld.acquire.sys)"),
]


def kernel_of(function):
    """By its name as C++ mangles it: the length, the name, and what follows a name."""
    (kernel,) = [name for name in KERNELS if re.search(f"{len(name)}{name}[IE]", function)]
    return kernel


def data_stores(kernel, opcodes):
    """128-bit stores of the whole system beyond those of the error word, one for each wait. A wait is
    known by its look at that word, or by the flag that was set before it."""
    waits = "LDG.E.STRONG.SYS" if kernel in PUSHES else "STG.E.STRONG.SYS"
    return opcodes.count("STG.E.128.STRONG.SYS") - opcodes.count(waits)


def complaints(kernel, opcodes):
    """Which rules do not hold for a kernel's machine code."""
    found = []
    for rule in RULES:
        count = sum(bool(re.fullmatch(rule.opcodes, opcode)) for opcode in opcodes)
        if kernel in rule.kernels and not rule.right(count):
            found.append(f"{kernel}: {count} {rule.meaning}")
    if kernel in PUSHES | {"two_shot"} and data_stores(kernel, opcodes) <= 0:
        found.append(f"{kernel}: no stores of data for peers")
    return found


@pytest.fixture(scope="module")
def compiled():
    """(kernel, opcodes) of every instance."""
    instances = []
    for file in OBJECTS:
        done = subprocess.run(["cuobjdump", "-arch", ARCHITECTURE, "-sass", file], text=True,
                              capture_output=True, check=True, env={**os.environ, "PATH": PATH})
        for listing in re.split(r"^\s*Function : ", done.stdout, flags=re.M)[1:]:
            function, code = listing.split("\n", 1)
            opcodes = re.findall(r"/\*[0-9a-f]{4,}\*/\s+(?:@\S+ )?\s*([A-Z][\w.]*)", code)
            instances.append((kernel_of(function), opcodes))
    if not instances:
        pytest.skip(f"not built for {ARCHITECTURE}")
    return instances


def test_every_kernel_has_the_scopes_that_its_protocol_needs(compiled):
    assert {kernel for kernel, _ in compiled} == KERNELS
    assert [words for kernel, opcodes in compiled for words in complaints(kernel, opcodes)] == []


@pytest.mark.parametrize(("kernel", "right", "wrong", "said"), [
    ("pull_sum", r"(LDG.*)\.STRONG\.SYS", r"\1.CONSTANT", "ld.global.nc"),
    ("one_shot", r"(LDG.*\.128)\.STRONG\.SYS", r"\1", "weak loads"),
    ("pull_weighted_sum", r"(LDG\.E)\.STRONG\.SYS", r"\1", "weak loads"),
    ("two_shot", r"(STG.*\.128)\.STRONG\.SYS", r"\1", "no stores of data"),
    ("two_shot", r"(LDG.*\.STRONG)\.SYS", r"\1.GPU", "end at this GPU"),
    ("push_copy", r"MEMBAR\.(ALL|SC)\.SYS", "NOP", "st.release.sys"),
    ("barrier", r"CCTL\.IVALL", "NOP", "ld.acquire.sys"),
    ("push_sum", r"(STG.*\.128)\.STRONG\.SYS", r"\1", "no stores of data"),
    ("push_sum", r"(LDG.*\.128)\.STRONG\.SYS", r"\1", "loads of what has come"),
    ("push_sum_norm", r"(STG.*\.128)\.STRONG\.SYS", r"\1", "no stores of data"),
    ("pull_sum_norm", r"(LDG.*)\.STRONG\.SYS", r"\1.CONSTANT", "ld.global.nc"),
    ("pull_weighted_ring", r"FENCE\.VIEW\.ASYNC\.G", "NOP", "before bulk copies"),
    ("push_weighted_sum", r"(LDG.*\.128)\.STRONG\.SYS", r"\1", "loads of what has come"),
    ("push_weighted_sum_norm", r"(LDG.*\.128)\.STRONG\.SYS", r"\1", "loads of what has come"),
    ("push_weighted_ring", r"(STG.*\.128)\.STRONG\.SYS", r"\1", "no stores of data"),
    ("all_reduce_push", r"EXIT", "MEMBAR.ALL.SYS", "fences"),
])
def test_a_lost_scope_is_told(kernel, right, wrong, said, compiled):
    for name, opcodes in compiled:
        if name == kernel:
            mutated = [re.sub(f"^{right}$", wrong, opcode) for opcode in opcodes]
            assert any(said in words for words in complaints(kernel, mutated)), name

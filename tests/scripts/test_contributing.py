"""The examples of CONTRIBUTING.md: applied to a copy of the tree, they configure and compile."""

import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

import pytest

from program import FULL, PROGRAM, ROOT, SMALL, launch, rows_of

DOCUMENT = (ROOT / "CONTRIBUTING.md").read_text()
STRATEGY = "reduce_scatterv_in_turn"
# What compiles each example, and the tables that CMake makes of the lines in its lists.
SOURCES = [f"comm/combine/{STRATEGY}.cpp", "comm/check/check_backend.cpp", "bench/sweep/axes.cpp",
           "bench/case/prepared_case.cpp", "bench/report/column_list.cpp", "bench/report/rows.cpp",
           "moe_tables.cpp"]
# What the copy's compiler and libraries are, as this build has them.
CACHE_ENTRIES = "CMAKE_CXX_COMPILER(?:_LAUNCHER)?|CMAKE_BUILD_TYPE|MPI_CXX_COMPILER|MOE_BLAS"


def new_files():
    """Path and text of each whole file: the document names the path before the block."""
    return re.findall(r"`([\w/]+\.cpp)`:\n\n```cpp\n(.*?)^```", DOCUMENT, re.M | re.S)


def hunks():
    """Path, lines before and lines after of each piece of each diff."""
    for block in re.findall(r"^```diff\n(.*?)^```", DOCUMENT, re.M | re.S):
        for change in re.split(r"^\+\+\+ ", block, flags=re.M)[1:]:
            path, *pieces = change.split("@@\n")
            for piece in pieces:
                lines = piece.splitlines()
                yield (path.strip(), [line[1:] for line in lines if not line.startswith("+")],
                       [line[1:] for line in lines if not line.startswith("-")])


def replaced(text, before, after, where):
    """The text with the lines `before`, which stand in it once, as `after`."""
    found = re.findall(f"^{re.escape(chr(10).join(before))}$", text, re.M)
    assert len(found) == 1, f"{where} has {len(found)} times:\n" + "\n".join(before)
    return re.sub(f"^{re.escape(found[0])}$", lambda _: "\n".join(after), text, flags=re.M)


def copy_tree(to):
    for folder in (".ci", "bench", "cmake", "comm", "kernels"):
        shutil.copytree(ROOT / folder, to / folder)
    for name in ("CMakeLists.txt", "CMakePresets.json", ".clang-format"):
        shutil.copy(ROOT / name, to)


def cache_options():
    cache = (pathlib.Path(PROGRAM).parents[1] / "CMakeCache.txt").read_text()
    return [f"-D{entry}" for entry in re.findall(rf"(?m)^(?:{CACHE_ENTRIES}):\w+=.*$", cache)]


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the sources with all examples in it, configured."""
    tree = tmp_path_factory.mktemp("contributed")
    copy_tree(tree)
    for path, text in new_files():
        (tree / path).parent.mkdir(exist_ok=True)
        assert not (tree / path).exists(), path
        (tree / path).write_text(text)
    for path, before, after in hunks():
        (tree / path).write_text(replaced((tree / path).read_text(), before, after, path))
    run = subprocess.run(["cmake", "--preset", "host", "-DBUILD_TESTING=OFF", "-DMOE_MICRO=OFF",
                          "-DMOE_WERROR=ON", *cache_options()],
                         cwd=tree, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    subprocess.run(["cmake", "--build", "build/host", "--target", "moe_revision"], cwd=tree,
                   check=True, capture_output=True)
    return tree


@pytest.mark.parametrize("source", SOURCES)
def test_examples_compile(tree, source):
    entries = json.loads((tree / "build/host/compile_commands.json").read_text())
    entry = next(entry for entry in entries if entry["file"].endswith(f"/{source}"))
    command = shlex.split(entry["command"])
    del command[command.index("-o"):command.index("-o") + 2]
    run = subprocess.run([*command, "-fsyntax-only"], cwd=entry["directory"], capture_output=True,
                         text=True)
    assert run.returncode == 0, run.stderr


def test_examples_keep_the_layers(tree):
    layers = subprocess.run([sys.executable, ".ci/check_layers.py", "."], cwd=tree,
                            capture_output=True, text=True)
    assert (layers.returncode, layers.stdout) == (0, "layers hold\n")


@pytest.mark.skipif(not shutil.which("clang-format"), reason="no clang-format")
def test_examples_keep_the_format(tree):
    changed = {path for path, *_ in [*new_files(), *hunks()] if path.endswith("pp")}
    run = subprocess.run(["clang-format", "--dry-run", "-Werror", *changed], cwd=tree,
                         capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")


def test_the_strategy_is_one_that_the_contract_suites_run():
    [text] = [text for path, text in new_files() if STRATEGY in path]
    assert text == (ROOT / f"tests/strategies/{STRATEGY}.cpp").read_text()
    assert STRATEGY in (ROOT / "tests/CMakeLists.txt").read_text()


def test_the_axis_has_a_place_in_the_id_of_its_own(tree):
    places = re.findall(r"\.id = \{(\d+)", (tree / "bench/sweep/axes.cpp").read_text())
    assert len(places) == len(set(places))


@pytest.mark.skipif(not FULL, reason="builds the whole program")
def test_the_program_with_all_examples_in_it_measures(tree, tmp_path):
    subprocess.run(["cmake", "--build", "build/host", "--target", "bench_moe_comm"], cwd=tree,
                   check=True, env=os.environ | {"CCACHE_BASEDIR": str(tree)})
    run = launch("--backend", "check", *SMALL, "--tokens", "6", "--load", "hot", "--budget", "0.02",
                 "--combine", STRATEGY, "--warm-ups", "0,3", "--out", tmp_path / "out",
                 program=tree / "build/host/bench/bench_moe_comm")
    assert run.returncode == 0, run.stderr
    rows = [row for row in rows_of(tmp_path / "out") if row["combine"] == STRATEGY]
    assert [(row["backend"], row["claim"], row["warm_ups"], row["verified"]) for row in rows] == [
        ("check", "functional", "0", "true"), ("check", "functional", "3", "true")]

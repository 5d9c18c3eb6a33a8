"""The NCCL that an engine's Python loads: what scripts/find_nccl.py says of it, and what CMake takes.
The library, torch and the wheel are of the test's own making."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FIND = ROOT / "scripts/find_nccl.py"
PROJECT = """
cmake_minimum_required(VERSION 3.22)
project(consumer LANGUAGES C)
list(APPEND CMAKE_MODULE_PATH {root}/cmake)
set(PROJECT_SOURCE_DIR {root})
find_package(NCCL 2.27 REQUIRED)
message(STATUS "took ${{NCCL_LIBRARY}} ${{NCCL_INCLUDE_DIR}} ${{NCCL_VERSION}}")
"""


def make_nccl(folder: Path, version: int) -> Path:
    (folder / "include").mkdir(parents=True)
    (folder / "lib").mkdir()
    major, minor, patch = version // 10000, version // 100 % 100, version % 100
    (folder / "include/nccl.h").write_text(
        f"#define NCCL_MAJOR {major}\n#define NCCL_MINOR {minor}\n#define NCCL_PATCH {patch}\n")
    source = folder / "nccl.c"
    source.write_text(f"int ncclGetVersion(int* v) {{ *v = {version}; return 0; }}\n")
    library = folder / "lib/libnccl.so.2"
    subprocess.run(["cc", "-shared", "-o", library, source], check=True)
    return library


@pytest.fixture(name="site")
def fixture_site(tmp_path, monkeypatch):
    """A folder of Python packages; a python3 that knows it comes first in PATH."""
    site = tmp_path / "site"
    site.mkdir()
    python = tmp_path / "bin/python3"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{site}" exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    monkeypatch.setenv("PATH", f"{python.parent}:{os.environ['PATH']}")
    monkeypatch.delenv("NCCL_ROOT", raising=False)
    return site


def find():
    done = subprocess.run(["python3", FIND], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.strip()


def configure(folder: Path):
    (folder / "project").mkdir()
    (folder / "project/CMakeLists.txt").write_text(PROJECT.format(root=ROOT))
    done = subprocess.run(["cmake", "-S", folder / "project", "-B", folder / "build"],
                          capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_the_library_that_torch_loads_comes_before_the_wheel(site, tmp_path):
    loaded = make_nccl(tmp_path / "engine", 22809)
    make_nccl(site / "nvidia/nccl", 22703)
    (site / "torch.py").write_text(f"import ctypes; ctypes.CDLL({str(loaded)!r})\n")
    assert find() == (0, f"{loaded} 2.28.9")
    assert f"took {loaded} {tmp_path}/engine/include 2.28.9" in configure(tmp_path)


def test_the_wheel_of_a_python_without_torch(site, tmp_path):
    wheel = make_nccl(site / "nvidia/nccl", 22703)
    assert find() == (0, f"{wheel} 2.27.3")
    assert f"took {wheel} {site}/nvidia/nccl/include 2.27.3" in configure(tmp_path)


def test_one_that_is_too_old_is_named_and_not_taken(site, tmp_path):
    make_nccl(site / "nvidia/nccl", 22602)
    said = configure(tmp_path)
    assert f"Not the NCCL 2.26.2 of {tmp_path}/bin/python3: 2.27 is wanted" in said
    assert f"took {site}" not in said


def test_a_torch_that_does_not_load_hides_no_wheel(site):
    wheel = make_nccl(site / "nvidia/nccl", 22703)
    (site / "torch.py").write_text("raise OSError('libcudart.so.12')\n")
    assert find() == (0, f"{wheel} 2.27.3")


def test_without_any_there_is_no_output(site):
    assert not list(site.iterdir())
    if importlib.util.find_spec("torch") or importlib.util.find_spec("nvidia"):
        pytest.skip("the tests' own Python may have NCCL")
    assert find() == (1, "")

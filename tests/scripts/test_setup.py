"""How the scripts set up and build (scripts/setup.sh, run.sh), with commands that only look so."""

import os
import shutil
import subprocess

import pytest
from program import ROOT


def setup(commands, root):
    """Runs commands with setup.sh sourced, in a tree at root that nothing was built in."""
    shutil.copytree(ROOT / "scripts", root / "scripts", dirs_exist_ok=True)
    return subprocess.run(["bash", "-c", f"source scripts/setup.sh; {commands}"],
                          capture_output=True, text=True, timeout=60, cwd=root, check=False)


CONFIGURE = 'cmake() { printf "%s\\n" "$@"; }; configure host -DMOE_WERROR=ON'


def test_a_new_build_is_made_for_whole_builds(tmp_path):
    options = setup(CONFIGURE, tmp_path).stdout.split()
    assert "-DMOE_UNITY=ON" in options and "-DMOE_WERROR=ON" in options


def test_a_build_that_is_there_stays_as_it_is(tmp_path):
    cache = tmp_path / "build/host/CMakeCache.txt"
    cache.parent.mkdir(parents=True)
    cache.write_text(f"CMAKE_HOME_DIRECTORY:INTERNAL={tmp_path}\n")
    assert "MOE_UNITY" not in setup(CONFIGURE, tmp_path).stdout


def test_a_caller_may_have_it_otherwise(tmp_path):
    options = setup(f"{CONFIGURE} -DMOE_UNITY=OFF", tmp_path).stdout.split()
    assert [o for o in options if "UNITY" in o][-1] == "-DMOE_UNITY=OFF"  # CMake takes the last


INSTALLED = 'mkdir -p "$root/.venv/bin"; ln -s "$(command -v python3)" "$root/.venv/bin/python"'


@pytest.mark.parametrize("pip, python, calls", [(INSTALLED, "{root}/.venv/bin/python", 1),
                                                ("return 1", shutil.which("python3"), 2)])
def test_python_is_that_of_the_tree_or_another_that_will_do(pip, python, calls, tmp_path):
    done = setup(f"python_imports=(json); venv_pip() {{ echo pip >>calls; {pip}; }}; setup_python;"
                 ' setup_python; echo "$python"', tmp_path)
    assert done.stdout == python.format(root=tmp_path) + "\n", done.stderr
    assert ("pip failed" in done.stderr) == (calls > 1)
    assert (tmp_path / "calls").read_text() == "pip\n" * calls


# Says that it runs, and waits for another to say so: fails after 10 s alone.
MEET = """#!/bin/sh
touch "$MEET/{own} runs"
for i in $(seq 100); do [ -e "$MEET/{other} runs" ] && exit {status}; sleep 0.1; done
echo "{other} does not run"; exit 9
"""


def test_run_sh_installs_python_packages_beside_the_build(tmp_path):
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    for path, own, other, status in [("bin/cmake", "cmake", "pip", 3),
                                     (".venv/bin/python", "pip", "cmake", 0)]:
        command = tmp_path / path
        command.parent.mkdir(parents=True)
        command.write_text(MEET.format(own=own, other=other, status=status))
        command.chmod(0o755)
    done = subprocess.run([tmp_path / "scripts/run.sh", "--backend", "host"], capture_output=True,
                          text=True, timeout=60, check=False,
                          env={**os.environ, "MEET": str(tmp_path), "MOE_NO_APT": "1",
                               "PATH": f"{tmp_path}/bin:{os.environ['PATH']}"})
    assert done.returncode == 1 and "build failed" in done.stderr
    assert "Python packages: " in done.stderr and "does not run" not in done.stderr

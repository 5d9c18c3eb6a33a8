"""What scripts begin ahead of its step (scripts/ahead.sh)."""

import os
import shutil
import subprocess
import time

from program import ROOT

SOURCED = f"""set -euo pipefail
source '{ROOT}/scripts/setup.sh'
source '{ROOT}/scripts/ahead.sh'
cd "$1"
"""


def run(script, folder):
    return subprocess.run(["bash", "-c", SOURCED + script, "bash", folder], capture_output=True,
                          text=True, timeout=30, check=False)


def test_a_step_waits_for_what_was_begun_on_idle_time(tmp_path):
    done = run("""
        wait_for() { until [[ -e $1 ]]; do sleep 0.02; done; }
        build() {
            chrt --pid "$BASHPID" && nice && touch begun
            wait_for wanted && sleep 0.1 && echo built >file
        }
        begin_ahead logs/ahead.log build
        wait_for begun
        touch wanted
        after_ahead cat file
    """, tmp_path)
    assert (done.returncode, done.stdout) == (0, "built\n"), done.stderr
    said = (tmp_path / "logs/ahead.log").read_text()
    assert "SCHED_IDLE" in said or said.endswith("\n19\n")


def test_what_a_step_waits_for_is_as_urgent_as_all(tmp_path):
    done = run("""
        build() {
            setsid --wait sh -c 'for i in $(seq 1500); do
                chrt --pid $$ | grep SCHED_OTHER && exit
                sleep 0.02
            done'
        }
        begin_ahead logs/ahead.log build
        until [[ -e logs/ahead.log ]]; do sleep 0.02; done
        after_ahead grep -c SCHED_OTHER logs/ahead.log
    """, tmp_path)
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr


def test_a_step_says_what_failed_ahead(tmp_path):
    done = run("""
        build() { echo 'no such header'; false; }
        begin_ahead logs/ahead.log build
        step build logs/build.log after_ahead build
    """, tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("no such header\nerror: build failed after ")


def test_without_anything_begun_a_step_begins_at_once(tmp_path):
    assert run("after_ahead echo now", tmp_path).stdout == "now\n"


def test_a_script_that_ends_early_ends_what_it_began(tmp_path):
    began = time.monotonic()
    done = run("""
        build() { sleep 50 & echo $! >child; wait; }
        begin_ahead logs/ahead.log build
        until [[ -s child ]]; do sleep 0.02; done
        die "tests failed"
    """, tmp_path)
    assert done.returncode == 1 and time.monotonic() - began < 30
    child = (tmp_path / "child").read_text().strip()
    gone = subprocess.run(["timeout", "10", "tail", f"--pid={child}", "-f", "/dev/null"], check=False)
    assert gone.returncode == 0, "it sleeps on"


def test_the_gates_base_is_built_ahead_and_left_for_the_gate(tmp_path):
    """In a tree whose last commit changes the program, with a cmake that only says how it is called."""
    tree, base = tmp_path / "tree", tmp_path / "tree/build/regression/base"
    for folder in ("scripts", ".ci"):
        shutil.copytree(ROOT / folder, tree / folder)
    (tree / "bench").mkdir()
    (tmp_path / "cmake").write_text('#!/bin/sh\necho "$@" >>"${0%/*}/calls"\n')
    (tmp_path / "cmake").chmod(0o755)

    def git(*words):
        return subprocess.run(["git", "-c", "user.name=n", "-c", "user.email=e", *words], cwd=tree,
                              capture_output=True, text=True, check=True).stdout.strip()

    def gate(*words):
        with_stand_in = {"MOE_BASE": "", "PATH": f"{tmp_path}:{os.environ['PATH']}"}
        return subprocess.run([".ci/regression_gate.sh", *words], cwd=tree, capture_output=True,
                              timeout=30, check=False,
                              env={**os.environ, **with_stand_in}).returncode

    (tree / "build/host").mkdir(parents=True)
    (tree / "build/host/CMakeCache.txt").write_text("MOE_WERROR:BOOL=ON\n")
    git("init", "-q")
    (tree / ".gitignore").write_text("build/\n")
    for text in ("old", "new"):
        (tree / "bench/a.cpp").write_text(text)
        git("add", "-A")
        git("commit", "-qm", text)
    assert gate("--build", "HEAD") == 0 and not base.exists(), "it has the same program"
    for _ in range(2):  # the second time in the same place
        assert gate("--build") == 0
        assert (base / "bench/a.cpp").read_text() == "old"
        (base / "build").mkdir(exist_ok=True)
    calls = (tmp_path / "calls").read_text()
    assert calls.count("-DMOE_WERROR=ON") == 2, "as the change: else ccache finds nothing of it"
    assert calls.count(f"--build {base}/build/host --target bench_moe_comm") == 2
    assert gate("no-such-commit") == 2 and (base / "build").exists(), "another may be at work there"
    (tree / "bench/a.cpp").write_text("newer")
    git("commit", "-qam", "newer")
    assert gate("--build") == 0
    assert (base / "bench/a.cpp").read_text() == "new" and not (base / "build").exists()

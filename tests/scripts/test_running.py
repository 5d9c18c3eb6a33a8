"""What the shell scripts share (scripts/running.sh, launcher.sh): cores, launchers, signals; and what
they make of an environment that sets CDPATH."""

import os
import subprocess
from itertools import takewhile

import pytest
from program import ROOT


def bash(commands, cwd=ROOT, **environment):
    """Runs commands with running.sh sourced, as scripts have it."""
    return subprocess.run(["bash", "-c", f"set -euo pipefail; source scripts/running.sh; {commands}"],
                          capture_output=True, text=True, timeout=60, cwd=cwd,
                          env={**os.environ, **environment}, check=False)


# What /proc/self/cgroup says, the files of groups, and how many of 64 CPUs may be used.
V2 = "0::/jobs/mine\n"
V1 = "12:memory:/jobs/mine\n4:cpu,cpuacct:/jobs/mine\n1:name=systemd:/\n"
GROUPS = {
    "no groups": ("", {}, 64),
    "v2, no limit": (V2, {"jobs/mine/cpu.max": "max 100000"}, 64),
    "v2, own": (V2, {"jobs/mine/cpu.max": "300000 100000", "jobs/cpu.max": "max 100000"}, 3),
    "v2, of an ancestor": (V2, {"jobs/mine/cpu.max": "max 100000", "jobs/cpu.max": "250000 100000"},
                           2),
    "v2, the smallest counts": (V2, {"jobs/mine/cpu.max": "700000 100000",
                                     "jobs/cpu.max": "500000 100000"}, 5),
    "v2, a namespace of its own": ("0::/\n", {"cpu.max": "50000 100000"}, 1),
    "v2, a path from outside": ("0::/docker/abc\n", {"cpu.max": "400000 100000"}, 4),
    "v1, no limit": (V1, {"cpu/jobs/mine/cpu.cfs_quota_us": "-1",
                          "cpu/jobs/mine/cpu.cfs_period_us": "100000"}, 64),
    "v1, own": (V1, {"cpu/jobs/mine/cpu.cfs_quota_us": "150000",
                     "cpu/jobs/mine/cpu.cfs_period_us": "50000"}, 3),
    "v1, of an ancestor": (V1, {"cpu/jobs/mine/cpu.cfs_quota_us": "-1",
                                "cpu/jobs/mine/cpu.cfs_period_us": "100000",
                                "cpu/cpu.cfs_quota_us": "50000",
                                "cpu/cpu.cfs_period_us": "100000"}, 1),
    "v1, cpuset is another": ("3:cpuset:/jobs\n", {"cpu/jobs/cpu.cfs_quota_us": "100000",
                                                   "cpu/jobs/cpu.cfs_period_us": "100000"}, 64),
}


@pytest.mark.parametrize("name", GROUPS)
def test_cores_of_all_groups_count(name, tmp_path):
    listed, files, cores = GROUPS[name]
    for file, text in {"proc/self/cgroup": listed,
                       **{f"sys/fs/cgroup/{file}": f"{text}\n" for file, text in files.items()}}.items():
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    # CPUs that no machine has, so that none has a sibling.
    done = bash("allowed_cpus() { echo 100000-100063; }; cores", MOE_TEST_ROOT=str(tmp_path))
    assert done.stdout == f"{cores}\n", done.stderr


VERSIONS = {
    "mpirun (Open MPI) 4.1.4": "openmpi-4 -q --oversubscribe --bind-to none",
    "mpiexec (OpenRTE) 4.1.4": "openmpi-4 -q --oversubscribe --bind-to none",
    "mpirun (Open MPI) 5.0.7": "openmpi-5 --oversubscribe --bind-to none",
    "HYDRA build details:": "mpich -bind-to none",
    "slurm 22.05.8": "other",
}


@pytest.mark.parametrize("version", VERSIONS)
def test_options_are_those_of_the_launcher(version, tmp_path):
    launcher = tmp_path / "mpirun"
    launcher.write_text(f"#!/bin/sh\necho '{version}'\n")
    launcher.chmod(0o755)
    done = subprocess.run([ROOT / "scripts/launcher.sh", launcher, "kind", "quiet", "crowded",
                           "unbound"], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, VERSIONS[version] + "\n"), done.stderr


@pytest.mark.parametrize("wrong", [[], ["mpirun"], ["mpirun", "loud"]])
def test_a_wrong_question_about_a_launcher_is_one_line(wrong):
    done = subprocess.run([ROOT / "scripts/launcher.sh", *wrong], capture_output=True, text=True,
                          timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


@pytest.mark.parametrize(("status", "name"), [
    (143, " (SIGTERM)"), (137, " (SIGKILL)"), (1, ""), (128, ""), (213, ""), (255, "")])
def test_a_status_is_a_signal_or_none(status, name):
    done = bash(f"signal_name {status}; echo .")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{name}.\n", "")


@pytest.mark.parametrize(("seconds", "text"), [
    (0, "0 s"), (59, "59 s"), (60, "1 min 00 s"), (3599, "59 min 59 s"), (3600, "1 h 00 min"),
    (90061, "25 h 01 min")])
def test_times_are_said_as_the_program_says_them(seconds, text):
    assert bash(f"time_text {seconds}").stdout == f"{text}\n"


@pytest.mark.parametrize(("text", "seconds"), [
    ("0 s", 0), ("59 s", 59), ("1 min 08 s", 68), ("59 min 59 s", 3599), ("1 h 09 min", 4140)])
def test_times_are_read_as_they_are_said(text, seconds):
    assert bash(f"seconds_of_text '{text}'").stdout == f"{seconds}\n"


@pytest.mark.parametrize(("cores", "words"), [(8, "-n 8 --bind-to none"),
                                              (4, "-n 8 --oversubscribe --bind-to none")])
def test_a_rank_for_each_gpu_is_no_crowd_where_there_are_cores(cores, words):
    done = bash(f"say() {{ :; }}; gpus() {{ echo 8; }}; cores() {{ echo {cores}; }}; preset=cuda;"
                "launcher_kind() { echo openmpi-5; }; choose_launcher; echo \"${launcher[*]}\"")
    assert done.stdout == f"mpirun {words}\n", done.stderr


def test_the_status_and_all_lines_of_a_command_come_first():
    done = bash("run_to_end sh -c 'echo said; echo complained >&2; exit 7' || echo \"status $?\"")
    assert done.stdout == "said\nstatus 7\n" and done.stderr == "complained\n"


def test_a_command_outlives_its_readers():
    """As MPICH's launcher, which ends a job whose lines it cannot write."""
    done = bash("run_to_end sh -ec 'for i in 1 2 3 4; do echo line; sleep 0.1; done; echo all >&2'"
                " | head -n 1")
    assert done.stdout == "line\n" and done.stderr == "all\n"


# What each script does with a bad argument, after it has found its own folder: one line.
SCRIPTS = {
    "scripts/run.sh": (["--", "no-such-launcher"], "no launcher 'no-such-launcher' here"),
    "scripts/decide.sh": (["--", "no-such-launcher"], "no launcher 'no-such-launcher' here"),
    "scripts/reference_run.sh": (["--", "no-such-launcher"],
                                 "no launcher 'no-such-launcher' here"),
    "scripts/doctor.sh": (["--none"], "no argument --none"),
    "scripts/setup.sh": (["--none"], "no option --none"),
    "scripts/launches.sh": (["none"], "'none' is not a number of launches"),
    "scripts/test.sh": (["--none"], "no option --none"),
    "scripts/share_gpu.sh": ([], "usage: scripts/share_gpu.sh"),
    "scripts/launcher.sh": ([], "usage: scripts/launcher.sh"),
    ".ci/run": (["--none"], "no option --none"),
    ".ci/short_sweep.sh": (["--", "no-such-launcher"], "no launcher 'no-such-launcher' here"),
    ".ci/regression_gate.sh": (["no-such-commit"], "no-such-commit is no commit here"),
}


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_work_with_cdpath(script):
    """With CDPATH, cd prints where it went."""
    arguments, said = SCRIPTS[script]
    done = subprocess.run([script, *arguments], capture_output=True, text=True, timeout=60, cwd=ROOT,
                          env={**os.environ, "CDPATH": "."}, check=False)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr and done.stderr.count("\n") == 1
    assert done.stdout == ""


@pytest.mark.parametrize("script", ["run", "decide", "doctor", "setup", "launches", "test"])
def test_help_is_what_a_script_says_at_its_top(script):
    """At once: nothing is installed or built for it."""
    done = subprocess.run([f"scripts/{script}.sh", "--help"], capture_output=True, text=True,
                          timeout=60, cwd=ROOT, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    lines = (ROOT / f"scripts/{script}.sh").read_text().splitlines()[1:]
    top = takewhile(lambda line: line.startswith("#") and "shellcheck" not in line, lines)
    assert done.stdout.splitlines() == [line[2:] for line in top]
    assert f"  scripts/{script}.sh" in done.stdout


def test_all_scripts_are_tried_with_cdpath():
    shell = {str(path.relative_to(ROOT)) for folder in ("scripts", ".ci")
             for path in (ROOT / folder).iterdir()
             if path.is_file() and os.access(path, os.X_OK)
             and path.read_text().startswith("#!/usr/bin/env bash")}
    assert shell == set(SCRIPTS)
    done = subprocess.run(["bash", "-c", "source scripts/setup.sh; echo \"$root\""],
                          capture_output=True, text=True, timeout=60, cwd=ROOT,
                          env={**os.environ, "CDPATH": "."}, check=False)
    assert done.stdout == f"{ROOT}\n"


@pytest.mark.parametrize(("arguments", "environment", "said"), [
    (["--"], {}, "no launcher after --, such as: -- srun"),
    ([], {"RANKS": "many"}, "RANKS=many is not a number of ranks"),
    (["--", "true"], {"RANKS": "4"}, "RANKS=4 beside a launcher"),
])
def test_run_sh_refuses_in_one_line(arguments, environment, said):
    done = subprocess.run(["scripts/run.sh", *arguments], capture_output=True, text=True, timeout=60,
                          cwd=ROOT, env={**os.environ, **environment}, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("error: ") and said in done.stderr

"""scripts/doctor.sh on machines that only programs of the test know: their answers are files."""

import os
import subprocess
from pathlib import Path

import pytest

DOCTOR = Path(__file__).resolve().parents[2] / "scripts/doctor.sh"

TOPOLOGY = """\
\tGPU0\tGPU1\tNIC0\tCPU Affinity\tNUMA Affinity
GPU0\t X \t{link}\tPIX\t0-15\t0
GPU1\t{link}\t X \tSYS\t16-31\t1
NIC0\tPIX\tSYS\t X \t\t
"""
FABRIC = "    Fabric\n        State                             : {state}\n        Status : Success\n"
HEALTHY = {
    "--list-gpus": "GPU 0: NVIDIA H100 (UUID: GPU-0)\nGPU 1: NVIDIA H100 (UUID: GPU-1)\n",
    "--query-gpu=name": "NVIDIA H100\nNVIDIA H100\n",
    "--query-gpu=driver_version": "570.10\n570.10\n",
    "--query-gpu=index,mig.mode.current": "0, Disabled\n1, [N/A]\n",
    "--query-gpu=index,clocks_throttle_reasons.applications_clocks_setting":
        "0, Not Active\n1, Not Active\n",
    "--query-compute-apps=pid,process_name": "",
    "topo": TOPOLOGY.format(link="NV18"),
    "-q": FABRIC.format(state="Completed"),
    "": "| NVIDIA-SMI 570.10   Driver Version: 570.10   CUDA Version: 12.8 |\n",
}
SMI = '#!/bin/sh\ncat "$ANSWERS/$1"answer\n'


@pytest.fixture(name="doctor")
def fixture_doctor(tmp_path, monkeypatch):
    """Runs it where programs of these names print these texts and nvidia-smi gives these answers;
    (exit status, lines)."""
    bin_folder, answers = tmp_path / "bin", tmp_path / "answers"
    bin_folder.mkdir()
    answers.mkdir()
    monkeypatch.setenv("PATH", f"{bin_folder}:{os.environ['PATH']}")
    monkeypatch.setenv("ANSWERS", str(answers))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)

    def program(name, text):
        (bin_folder / name).write_text(text)
        (bin_folder / name).chmod(0o755)

    def run(*arguments, smi=None, programs=None):
        for name, text in {**HEALTHY, **(smi or {})}.items():
            (answers / f"{name}answer").write_text(text)
        program("nvidia-smi", SMI)
        program("nvcc", "#!/bin/sh\necho Cuda compilation tools, release 12.4, V12.4.99\n")
        program("python3", '#!/bin/sh\ncase "$*" in *find_nccl*) echo /opt/libnccl.so.2 2.28.9 ;; esac\n')
        program("mpirun", "#!/bin/sh\necho mpirun 5.0.7 ipc:[1] pid:[1]\n")
        program("srun", "#!/bin/sh\necho 'MPI plugin types are... none pmi2 pmix pmix_v4'\n")
        program("ompi_info", "#!/bin/sh\necho mca:pmix:ext3x:version\n")
        for name, text in (programs or {}).items():
            program(name, text)
        done = subprocess.run([DOCTOR, *arguments], capture_output=True, text=True, timeout=60,
                              check=False)
        return done.returncode, done.stdout.splitlines() + done.stderr.splitlines()

    return run


def lines_of(lines, topic):
    return [line for line in lines if line[6:].startswith(topic)]


def test_a_healthy_machine_is_ok_in_every_line(doctor):
    status, lines = doctor()
    assert all(line[:6] in ("ok    ", "warn  ", "FAIL  ") for line in lines), lines
    assert lines_of(lines, "GPUs") == [
        "ok    GPUs: 2 visible of 2 NVIDIA H100",
        "ok    GPUs: nobody else computes there, as far as this container can tell"]
    assert lines_of(lines, "links") == ["ok    links: nvlink (NV18)"]
    assert lines_of(lines, "NVLS")[0].startswith("ok")
    assert lines_of(lines, "CUDA") == ["ok    CUDA: toolkit 12.4, driver 570.10 (up to CUDA 12.8)"]
    assert lines_of(lines, "NCCL")[0].startswith("ok    NCCL: 2.28.9, as ")
    assert lines_of(lines, "srun") == ["ok    srun: --mpi=pmix (pmix pmix_v4)"]
    assert lines_of(lines, "ranks")[0].startswith("ok")
    assert status == (1 if any(line.startswith("FAIL") for line in lines) else 0)


@pytest.mark.parametrize("smi, said", [
    ({"--query-gpu=index,mig.mode.current": "0, Disabled\n1, Enabled\n"},
     "FAIL  GPU 1: MIG is on"),
    ({"-q": FABRIC.format(state="In Progress")}, "FAIL  NVLS: the fabric manager is not done"),
    ({"": "CUDA Version: 11.8"}, "FAIL  CUDA: toolkit 12.4, and the driver (570.10) runs up to 11.8"),
    ({"--query-compute-apps=pid,process_name": "7, python3\n8, nvidia-cuda-mps-server\n"},
     "warn  GPUs: other processes compute there (7, python3): rows will carry"
     " claim=shared_machine"),
    ({"topo": TOPOLOGY.format(link="PHB")}, "warn  links: not all GPUs are joined by nvlink (PHB)"),
    ({"--query-gpu=index,clocks_throttle_reasons.applications_clocks_setting":
      "0, Active\n1, Not Active\n"}, "warn  GPU 0: its clocks are set or locked"),
    ({"-q": FABRIC.format(state="N/A")}, "ok    NVLS: no NVSwitch"),
    ({"--list-gpus": ""}, "warn  GPUs: none is visible"),
])
def test_what_is_in_the_way_of_gpus_is_said(doctor, smi, said):
    status, lines = doctor(smi=smi)
    assert [line for line in lines if line.startswith(said)], lines
    assert status == 1 or not said.startswith("FAIL")


@pytest.mark.parametrize("program, text, said", [
    ("nvcc", "#!/bin/sh\necho release 11.8, V11.8.1\n", "FAIL  CUDA: toolkit 11.8, and 12 or later"),
    ("python3", '#!/bin/sh\ncase "$*" in *find_nccl*) echo /opt/libnccl.so.2 2.26.2 ;; esac\n',
     "warn  NCCL: 2.26.2, as "),
    ("srun", "#!/bin/sh\necho none pmi2\n", "warn  srun: offers no pmix (none pmi2): start ranks"),
    ("srun", "#!/bin/sh\necho srun: error: no server\necho srun: fatal: no configuration\nexit 1\n",
     "warn  srun: offers no pmix (srun: error: no server): start ranks with mpirun"),
    ("ompi_info", "#!/bin/sh\necho mca:btl:tcp:version\n", "warn  srun: offers pmix, which this"),
    ("mpirun", '#!/bin/sh\necho 5.0.7\necho 5.0.8\n', "warn  ranks: each is in a container of its"),
    ("mpirun", "#!/bin/sh\nexit 1\n", "warn  ranks: mpirun -n 2 started nothing"),
    ("c++", "#!/bin/sh\ncase $1 in -E) echo __clang_major__ 10 ;; *) echo c++ 10.2.1 ;; esac\n",
     "FAIL  compiler: c++ is too old (c++ 10.2.1)"),
])
def test_what_is_in_the_way_of_a_build_is_said(doctor, program, text, said):
    status, lines = doctor(programs={program: text})
    assert [line for line in lines if line.startswith(said)], lines
    assert status == 1 or not said.startswith("FAIL")


@pytest.mark.parametrize("groups, files, said", [
    ("0::/job/rank\n", {"memory.max": "max", "job/memory.max": "536870912", "job/rank/memory.max": "max"},
     "warn  memory: a cgroup allows 512 MiB"),
    ("5:memory:/job\n", {"memory/memory.limit_in_bytes": "9223372036854771712",
                         "memory/job/memory.limit_in_bytes": "1073741824"},
     "warn  memory: a cgroup allows 1024 MiB"),
    ("0::/\n", {"memory.max": "max"}, "ok    memory: no limit by cgroup"),
])
def test_limits_of_memory_are_looked_for_on_the_whole_path(doctor, tmp_path, monkeypatch, groups,
                                                           files, said):
    monkeypatch.setenv("MOE_TEST_ROOT", str(tmp_path))
    for name, text in {"proc/self/cgroup": groups,
                       **{f"sys/fs/cgroup/{name}": f"{text}\n" for name, text in files.items()}}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    _, lines = doctor()
    assert [line for line in lines if line.startswith(said)], lines


def test_takes_no_arguments(doctor):
    assert doctor("--fix") == (2, ["error: no argument --fix; usage: scripts/doctor.sh"])

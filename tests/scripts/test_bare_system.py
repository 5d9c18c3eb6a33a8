"""Bare systems of .ci/full leave nothing behind when they are interrupted."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

SHELL = Path(__file__).parents[2] / ".ci/bare_system.sh"
# Stands in for the tool that fills a system's folder, and hangs.
DEBOOTSTRAP = """#!/bin/bash
mkdir "${@: -1}" && mount -t tmpfs tmpfs "${@: -1}" && touch "${@: -1}/file"
exec >"$ALIVE" && echo mounted && sleep 60
"""


def may_unshare():
    probe = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "true"]
    return os.geteuid() == 0 and subprocess.run(probe, stderr=subprocess.DEVNULL).returncode == 0


@pytest.mark.parametrize("sent, status", [(signal.SIGINT, 130), (signal.SIGTERM, 130),
                                          (signal.SIGKILL, -signal.SIGKILL)])
def test_an_interrupted_script_leaves_nothing(tmp_path, sent, status):
    if not may_unshare():
        pytest.skip("wants root, and the right to namespaces")
    tool, alive, systems = tmp_path / "debootstrap", tmp_path / "alive", tmp_path / "systems"
    tool.write_text(DEBOOTSTRAP)
    tool.chmod(0o755)
    os.mkfifo(alive)
    systems.mkdir()
    script = subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", f"source {SHELL}; make_system bookworm dash"],
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "ALIVE": str(alive),
             "TMPDIR": str(systems)})
    with alive.open() as of_the_tool:
        assert of_the_tool.readline() == "mounted\n"
        script.send_signal(sent)
        assert script.wait(timeout=30) == status
        assert of_the_tool.read() == "", "ends when the last process of the system has"
    assert str(systems) not in Path("/proc/mounts").read_text()
    if sent != signal.SIGKILL:  # after which nobody is there to remove folders
        assert list(systems.iterdir()) == []

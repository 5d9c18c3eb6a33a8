"""scripts/run.sh and launches.sh in a real terminal: Ctrl-C, and a terminal that is closed."""

import hashlib
import json
import os
import pty
import shutil
import signal
import time

import pytest
from program import AS_ROOT, PROGRAM, ROOT, SMALL, command, rows_of

# Patience, not speed: nothing is asserted on how long something takes.
PATIENCE = 120
SWEEP = [*SMALL, "--backend", "host", "--load", "balanced", "--tokens", "1:64:x2", "--scope",
         "output", "--budget", "0.2", "--min-samples", "6", "--combine", "all_reduce_slice"]
SWEEP_ROWS = 7 * 2
ENDLESS = [*SWEEP, "--budget", "30", "--ci", "0.0001"]


@pytest.fixture(name="tree")
def fixture_tree(tmp_path):
    """The scripts in a tree where the program is built already and charts take no time."""
    tree = tmp_path / "tree"
    shutil.copytree(ROOT / "scripts", tree / "scripts")
    for name in ("build/host/bench", ".venv/bin", "bin"):
        (tree / name).mkdir(parents=True)
    for name in ("bin/cmake", ".venv/bin/python"):
        (tree / name).write_text("#!/bin/sh\n")
        (tree / name).chmod(0o755)
    wanted = hashlib.sha256((tree / "scripts/requirements.txt").read_bytes()).hexdigest()
    (tree / ".venv/requirements.sha256").write_text(f"{wanted}  -\n")
    (tree / "build/host/bench/bench_moe_comm").symlink_to(PROGRAM)
    return tree


class Terminal:
    """A command with a terminal of its own, as its foreground job."""

    def __init__(self, words, tree):
        environment = {**os.environ, **AS_ROOT, "MOE_NO_APT": "1", "RANKS": "2",
                       "PATH": f"{tree / 'bin'}:{os.environ['PATH']}"}
        self.shown = b""
        self.pid, self.screen = pty.fork()
        if self.pid == 0:
            for signal_number in (signal.SIGINT, signal.SIGHUP):  # which a background job ignores
                signal.signal(signal_number, signal.SIG_DFL)
            os.execvpe(words[0], words, environment)
        os.set_blocking(self.screen, False)

    def read(self):
        """What there is to be read; whether there may be more."""
        try:
            self.shown += os.read(self.screen, 65536)
        except BlockingIOError:
            time.sleep(0.02)
        except OSError:  # the last process that had it open is gone
            return False
        return True

    def wait_for(self, condition):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert self.read() and time.monotonic() < deadline, self.shown.decode()

    def press(self, key):
        os.write(self.screen, key)

    def close(self):
        os.close(self.screen)

    def end(self):
        """The exit status, once all is shown."""
        deadline = time.monotonic() + PATIENCE
        while self.read():
            assert time.monotonic() < deadline, self.shown.decode()
        return self.status()

    def status(self):
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def run_sh(tree, *options):
    return [str(tree / "scripts/run.sh"), *options]


def launches_sh(tree, *options):
    return [str(tree / "scripts/launches.sh"), "2", "--", *command(*options)]


def status_of(folder):
    return json.loads((folder / "status.json").read_text())


@pytest.mark.parametrize(("script", "how_to_go_on"), [
    (run_sh, "stopped by a signal; to go on: RANKS=2 scripts/run.sh --resume "),
    (launches_sh, "stopped in launch 1 of 2; to go on: scripts/launches.sh 2 --resume -- "),
])
def test_ctrl_c_leaves_its_word(script, how_to_go_on, tree, tmp_path):
    out = tmp_path / "out"
    terminal = Terminal(script(tree, *ENDLESS, "--out", str(out)), tree)
    terminal.wait_for((out / "status.json").exists)
    terminal.press(b"\x03")
    assert terminal.end() not in (0, 2)
    shown = terminal.shown.decode()
    assert how_to_go_on in shown and f"--out {out}" in shown[shown.index(how_to_go_on):], shown
    assert status_of(out)["state"] == "interrupted", shown


@pytest.mark.parametrize(("script", "launches"), [(run_sh, 1), (launches_sh, 2)])
def test_a_closed_terminal_ends_nothing(script, launches, tree, tmp_path):
    out = tmp_path / "out"
    terminal = Terminal(script(tree, *SWEEP, "--out", str(out)), tree)
    terminal.wait_for((out / "status.json").exists)
    terminal.close()
    assert terminal.status() == 0
    assert status_of(out)["state"] == "complete"
    assert len(rows_of(out)) == launches * SWEEP_ROWS

"""Tests of scripts/launches.sh, with a program that only writes down how it was called."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

LAUNCHES = Path(__file__).resolve().parents[2] / "scripts/launches.sh"
PROGRAM = """#!/bin/sh
echo "$*" >>calls
case "$*" in *"$FAIL_AT"*) exit ${STATUS:-3} ;; esac
"""


@pytest.fixture(autouse=True)
def program(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FAIL_AT", "never")
    Path("program").write_text(PROGRAM)
    Path("program").chmod(0o755)


def launches(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([LAUNCHES, *arguments], capture_output=True, text=True, timeout=60)


def calls() -> list[str]:
    return Path("calls").read_text().splitlines() if Path("calls").exists() else []


def test_launches_are_numbered():
    done = launches("3", "--", "./program", "--tokens", "16 64", "--out", "here")
    assert done.returncode == 0
    assert calls() == [f"--tokens 16 64 --out here --launch {i}/3" for i in (1, 2, 3)]
    assert done.stdout == "results: here/results.csv\n"
    assert "launch 2 of 3" in done.stderr


def test_one_launch_of_several():
    """In a job of its own, say: it has the number and the order that it has among all."""
    done = launches("2/3", "--", "./program", "a", "--out", "a", "--", "./program", "b", "--out", "b")
    assert done.returncode == 0
    assert calls() == ["b --out b --launch 2/3", "a --out a --launch 2/3"]


def test_one_launch_that_fails_is_what_goes_on(monkeypatch):
    monkeypatch.setenv("FAIL_AT", "2/3")
    done = launches("2/3", "--", "./program", "--out", "a")
    assert done.returncode == 3
    assert "; to go on: scripts/launches.sh 2/3 --resume -- ./program --out a\n" in done.stderr


def test_several_commands_take_turns_back_and_forth():
    arms = ["--", "./program", "old", "--out", "a", "--", "./program", "new", "--csv=b.csv"]
    done = launches("3", *arms)
    assert done.returncode == 0
    assert [(call.split()[0], call.split()[-1]) for call in calls()] == [
        ("old", "1/3"), ("new", "1/3"), ("new", "2/3"), ("old", "2/3"), ("old", "3/3"),
        ("new", "3/3"),
    ]
    assert done.stdout == "results: a/results.csv\nresults: b.csv\n"


def test_without_a_place_it_is_a_folder_of_its_own():
    """Nothing is written there: the program would make it."""
    done = launches("2", "--", "./program")
    assert done.returncode == 0
    [first, second] = [call.split() for call in calls()]
    assert first[:2] == second[:2] and first[0] == "--out"
    assert Path(first[1]).parent == LAUNCHES.parents[1] / "results/local"
    assert done.stdout == f"results: {first[1]}/results.csv\n"


def test_a_launch_that_fails_ends_the_series_and_says_how_to_go_on(monkeypatch):
    monkeypatch.setenv("FAIL_AT", "new --out b --launch 2/7")
    arms = ["--", "./program", "old", "--out", "a", "--", "./program", "new", "--out", "b"]
    done = launches("7", *arms)
    assert done.returncode == 3 and len(calls()) == 3
    [line] = [line for line in done.stderr.splitlines() if line.startswith("error")]
    assert line.startswith("error: launch 2 of 7 into b ended with status 3; to go on:")
    assert line.endswith(f"scripts/launches.sh 7 --resume {' '.join(arms)}")


def test_how_to_go_on_names_the_place_that_was_chosen(monkeypatch):
    monkeypatch.setenv("FAIL_AT", "1/2")
    done = launches("2", "--", "./program", "two words")
    place = calls()[0].split()[3]
    assert f"--resume -- ./program two\\ words --out {place}\n" in done.stderr


def test_bad_arguments_of_the_program_are_not_to_be_repeated(monkeypatch):
    monkeypatch.setenv("FAIL_AT", "1/2")
    monkeypatch.setenv("STATUS", "2")
    done = launches("2", "--", "./program", "--out", "a")
    assert done.returncode == 2
    assert done.stderr.endswith("error: launch 1 of 2 ended with status 2\n")


@pytest.mark.parametrize("order", [["--resume", "2"], ["2", "--resume"]])
def test_resume_is_handed_to_the_program(order):
    Path("here").mkdir()
    Path("here/results.csv").write_text("rows\n")
    assert launches(*order, "--", "./program", "--out", "here").returncode == 0
    assert calls() == [f"--out here --launch {i}/2 --resume" for i in (1, 2)]


def test_a_signal_ends_the_program_and_the_series():
    Path("program").write_text("#!/bin/sh\necho $$ >pid\nexec sleep 60\n")
    series = subprocess.Popen([LAUNCHES, "3", "--", "./program", "--out", "a"],
                              stderr=subprocess.PIPE, text=True)
    while not (Path("pid").exists() and Path("pid").read_text()):
        time.sleep(0.01)
    series.send_signal(signal.SIGINT)
    _, said = series.communicate(timeout=120)
    assert series.returncode not in (0, 2)
    assert "stopped in launch 1 of 3; to go on: scripts/launches.sh 3 --resume --" in said
    with pytest.raises(ProcessLookupError):
        os.kill(int(Path("pid").read_text()), 0)


def test_the_time_left_is_that_of_launches_that_wrote_rows():
    """What was whole already is resumed in no time, and says nothing about the rest."""
    Path("program").write_text("""#!/bin/sh
mkdir -p here
case "$*" in
    *"--launch 1/4"*) ;;
    *) sleep 1.1; echo row >>here/results.csv ;;
esac
""")
    done = launches("4", "--", "./program", "--out", "here")
    assert done.returncode == 0
    started = [line for line in done.stderr.splitlines() if line.startswith("launch ")]
    assert started[:2] == ["launch 1 of 4", "launch 2 of 4"]
    for line, left in zip(started[2:], (2, 1), strict=True):
        seconds = re.fullmatch(r"launch \d of 4 \(about (?:(\d+) min )?(\d+) s left\)", line)
        assert seconds and 60 * int(seconds[1] or 0) + int(seconds[2]) >= left


BAD = [
    ([], "no number of launches"),
    (["--", "./program"], "no number of launches"),
    (["7"], "no command after --"),
    (["7", "--"], "no command after --"),
    (["7", "--", "./program", "--out", "a", "--"], "no command after --"),
    (["seven", "--", "./program"], "'seven' is not a number of launches from 1 to 1000"),
    (["0", "--", "./program"], "'0' is not a number"),
    (["-3", "--", "./program"], "no option -3"),
    (["1001", "--", "./program"], "'1001' is not a number"),
    (["0/3", "--", "./program"], "'0/3' is not a number"),
    (["2/", "--", "./program"], "'2/' is not a number"),
    (["1/2/3", "--", "./program"], "'1/2/3' is not a number"),
    (["4/3", "--", "./program"], "'4/3': there is no launch 4 of 3"),
    (["7", "8", "--", "./program"], "two numbers of launches, 7 and 8"),
    (["7", "./program"], "two numbers of launches, 7 and ./program"),
    (["--again", "7", "--", "./program"], "no option --again"),
    (["7", "--resume", "--", "./program"], "--resume needs to know with what"),
    (["7", "--", "./program", "--out", "a", "--", "./program"], "needs an --out of its own"),
    (["7", "--", "./program", "--out", "a", "--", "./program", "--csv", "./a/results.csv"],
     "two commands write to"),
    (["7", "--", "./program", "--csv", "program"], "is there already (--resume goes on with it)"),
]


@pytest.mark.parametrize("arguments, complaint", BAD)
def test_bad_input_is_one_line_and_starts_nothing(arguments, complaint):
    done = launches(*arguments)
    assert (done.returncode, done.stdout, calls()) == (2, "", [])
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: ") and complaint in done.stderr

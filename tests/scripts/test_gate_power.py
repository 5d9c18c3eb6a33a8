"""Tests of scripts/gate_power.py, with launches that were never measured (synthetic.py)."""

import json
import sys
from pathlib import Path

import gate_power
import numpy as np
import pandas as pd
import pytest
from regression.power import at_least, at_most, detection_rates, smallest_found
from regression.power import EFFECTS
from regression.verdicts import Gate
from synthetic import NATIVE, SLICE, runs_of

ROOT = Path(__file__).resolve().parents[2]

PROGRAM = f"{sys.executable} -S {Path(__file__).with_name('synthetic.py')}"
SWEEP = {"--combine": f"{SLICE},{NATIVE}"}
PLANTS = f"{SLICE}:2,{NATIVE}:30"


def arguments(**changes: object) -> list[str]:
    options = {"trials": 2, "planted-trials": 1, "launches": 5, "plant": PLANTS, "deals": 20,
               "command": PROGRAM, "out": "trials"} | changes
    return [f"--{name}={value}" for name, value in options.items()]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(gate_power, "SWEEP", SWEEP)


def test_rates_and_bounds_of_all_trials(capsys):
    assert gate_power.main(arguments()) == 0
    numbers = json.loads(Path("trials/gate_power.json").read_text())
    assert numbers["false_alarms"] == {
        "found": 0, "of": 2, "at_most": pytest.approx(1 - 0.05 ** (1 / 2))}
    small, large = numbers["planted"]
    assert (small["strategy"], small["pct"], small["found"]) == (SLICE, 2, 0)
    assert (large["strategy"], large["pct"], large["found"]) == (NATIVE, 30, 1)
    assert small["at_least"] == 0 and large["at_least"] == pytest.approx(0.05)
    assert numbers["false_alarms_beside_planted"]["of"] == 1
    assert 5 <= numbers["smallest_detectable_pct"]["any_cell"] <= 9
    assert numbers["machine"]["device"] == "EPYC" and numbers["cells"] == 3
    assert 0.2 < numbers["launch_spread_pct"] < 3
    assert "tests/scripts/synthetic.py --combine" in numbers["command"]
    assert str(ROOT) not in numbers["command"].split()[-3]

    table = Path("trials/gate_power.md").read_text()
    assert capsys.readouterr().out == table
    assert "| A/A, any cell | false alarm | 0 of 2 | at most 77.6 % |" in table
    assert f"| {NATIVE} slower by 30 % | regression | 1 of 1 | at least 5.0 % |" in table
    assert "EPYC, 2 cores, 2 ranks, Linux 6.1, Open MPI v4.1.4." in table


def launches_of(trial: str, arm: str) -> list[str]:
    return sorted(runs_of(Path("trials", trial, arm)))


def test_a_stopped_series_goes_on_and_keeps_what_is_finished(capsys):
    """The program fails once, in the second trial's third launch of the old arm."""
    Path("flaky").write_text(
        f'#!/bin/sh\ncase "$*" in *"planted-01/old --launch 3/5"*)\n'
        f"[ -e failed ] || {{ touch failed; exit 3; }}\nesac\nexec {PROGRAM} \"$@\"\n")
    Path("flaky").chmod(0o755)
    assert gate_power.main(arguments(command="./flaky")) == 2
    said = capsys.readouterr().err
    assert "planted-01 ended with status 3; the same command goes on with it" in said
    assert Path("trials/aa-01/finished").exists()
    assert not Path("trials/planted-01/finished").exists()
    assert launches_of("aa-01", "old") == [f"old{i}" for i in range(1, 6)]
    assert launches_of("planted-01", "old") == ["old1", "old2"]
    before = Path("trials/aa-01/old/results.csv").read_bytes()

    assert gate_power.main(arguments(command="./flaky")) == 0
    assert Path("trials/aa-01/old/results.csv").read_bytes() == before
    assert launches_of("planted-01", "old") == [f"old{i}" for i in range(1, 6)]
    assert json.loads(Path("trials/gate_power.json").read_text())["planted"][1]["of"] == 1


def test_more_trials_later_use_those_that_are_there(capsys):
    assert gate_power.main(arguments(trials=1)) == 0
    before = Path("trials/aa-01/new/results.csv").stat().st_mtime_ns
    assert gate_power.main(arguments(trials=2)) == 0
    assert Path("trials/aa-01/new/results.csv").stat().st_mtime_ns == before
    assert json.loads(Path("trials/gate_power.json").read_text())["false_alarms"]["of"] == 2


def test_sweep_options_are_replaced_by_name():
    given = ["--combine", "all", "--cold"]
    assert gate_power.sweep_options(given) == given
    assert gate_power.sweep_options(["--combine=all"]) == ["--combine=all"]
    assert gate_power.sweep_options(["--tokens", "16"]) == [
        "--combine", f"{SLICE},{NATIVE}", "--tokens", "16"]


@pytest.mark.parametrize("changes, sweep, complaint", [
    ({"trials": 0}, [], "--trials 0 is not from 1 to 1000"),
    ({"launches": 1}, [], "--launches 1 is not from 2 to 1000"),
    ({"plant": "x"}, [], "'x' is no NAME:PCT"),
    ({"plant": f"{NATIVE}:-3"}, [], "is no NAME:PCT"),
    ({"threshold": -1}, [], "--threshold -1 is not from 0"),
    ({"command": "'"}, [], "No closing quotation"),
    ({"command": " "}, [], "--command is empty"),
    ({}, ["--combine", SLICE], f"planted, but not in the sweep: {NATIVE}"),
    ({"command": "false"}, [], "aa-01 ended with status 1"),
])
def test_bad_input_is_one_line_and_status_2(capsys, changes, sweep, complaint):
    quick = {"trials": 1, "launches": 2} | changes
    assert gate_power.main([*arguments(**quick), "--", *sweep]) == 2
    [line] = [line for line in capsys.readouterr().err.splitlines()
              if line.startswith("gate_power.py: ")]
    assert complaint in line


def test_trials_of_another_plan_are_not_mixed_in(capsys):
    assert gate_power.main(arguments(trials=1, launches=2)) == 0
    assert gate_power.main(arguments(trials=1, launches=3)) == 2
    assert "trials holds trials of another command or plan" in capsys.readouterr().err


def test_bounds_by_hand():
    # None of n: the share p for which (1 - p)^n is 5 %; all of n: p^n is 5 %.
    assert at_most(0, 20) == pytest.approx(1 - 0.05 ** (1 / 20))
    assert at_least(20, 20) == pytest.approx(0.05 ** (1 / 20))
    # One of two: 1 - p^2 is 5 %, and 1 - (1 - p)^2 is 5 %.
    assert at_most(1, 2) == pytest.approx(0.95**0.5)
    assert at_least(1, 2) == pytest.approx(1 - 0.95**0.5)
    assert (at_most(3, 3), at_least(0, 3)) == (1, 0)


def test_detection_grows_with_the_effect_and_falls_with_the_spread():
    chance = np.random.default_rng(2)

    def smallest(spread: float) -> float:
        times = 100 * chance.normal(1, spread, (3, 14))
        cells = pd.DataFrame({"baseline": list(times[:, :7]), "new": list(times[:, 7:])})
        rates = detection_rates(cells, Gate(), 60, seed=1)
        assert (np.diff(rates, axis=0) >= 0).all()
        assert rates[EFFECTS < 0.04].max() <= 0.05 and rates[-1].min() > 0.9
        return smallest_found(rates.mean(axis=1))

    # Hardly any spread: what is above the threshold is found, what is below never.
    assert smallest(1e-4) == pytest.approx(0.06)
    assert 0.06 < smallest(0.05) < 0.25


def test_smallest_found_wants_all_larger_effects_found():
    rates = np.ones(len(EFFECTS))
    rates[10] = 0.5
    assert smallest_found(rates) == EFFECTS[11]
    assert smallest_found(np.zeros(len(EFFECTS))) is None

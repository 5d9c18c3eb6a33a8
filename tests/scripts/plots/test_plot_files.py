"""scripts/plot.py from the command line to its files."""

import os
import subprocess
import sys
from pathlib import Path

import plot
from chart_rows import sweep
from drawn import WITH_MAP
from matplotlib import style
from program import ROOT
from results_csv import write_csv


def test_writes_every_chart_and_the_report_and_says_so(tmp_path: Path) -> None:
    write_csv(tmp_path / "results.csv", sweep(tokens=(16, 64)))
    out = tmp_path / "deep" / "charts"
    run = subprocess.run(
        [ROOT / "scripts/plot.py", tmp_path, "--out", out], capture_output=True, text=True,
        check=True,
        env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
    )
    names = {f"{chart}.{form}" for chart in WITH_MAP for form in ("png", "svg")} | {"report.html"}
    assert {path.name for path in out.iterdir()} == names
    assert set(run.stdout.split("\n")) - {""} == {str(out / name) for name in names}
    assert run.stderr == ""
    for png in out.glob("*.png"):
        assert png.read_bytes().startswith(b"\x89PNG")


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    rows = sweep(tokens=(16, 64))
    first, second = tmp_path / "first", tmp_path / "second"
    for out, order in ((first, rows), (second, rows[::-1])):
        file = write_csv(tmp_path / "results.csv", order)
        assert plot.main([str(file), "--out", str(out)]) == 0
    for path in first.iterdir():
        assert path.read_bytes() == (second / path.name).read_bytes(), path.name
    assert len(list(second.iterdir())) == 2 * len(WITH_MAP) + 1


def test_a_users_own_matplotlib_settings_change_nothing(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "results.csv", sweep(tokens=(16,), loads=("hot",)))
    for name, settings in (("plain", {}), ("users", {"font.size": 20, "axes.facecolor": "red"})):
        with style.context(settings):
            assert plot.main([str(file), "--out", str(tmp_path / name), "--format", "svg"]) == 0
    for path in (tmp_path / "plain").iterdir():
        assert path.read_bytes() == (tmp_path / "users" / path.name).read_bytes()

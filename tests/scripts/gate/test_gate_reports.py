"""The reports of the gate, and input that it cannot use."""

import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import check_regression
import pytest
from arms import NO_TIME, write_arm
from program import ROOT
from synthetic import BASELINE, NATIVE, SLICE

GOLDEN = ROOT / "tests/golden"


def write_golden_sets(gate) -> None:
    def change(row):
        if row["combine"] == BASELINE:
            return row | {"tokens": 256}
        if row["combine"] == SLICE:
            return row | {"obstacle": "a \x01 & <b> \"c\" | d", **NO_TIME}
        return row

    status, _ = gate("--markdown", "gate.md", "--junit", "gate.xml", factors={NATIVE: 1.3},
                     change=change)
    assert status == 1


def test_markdown(gate):
    write_golden_sets(gate)
    assert Path("gate.md").read_text() == (GOLDEN / "gate.md").read_text()


def test_junit(gate):
    write_golden_sets(gate)
    text = Path("gate.xml").read_text()
    assert text == (GOLDEN / "gate.xml").read_text()
    [suite] = ElementTree.fromstring(text)
    cases = suite.findall("testcase")
    assert int(suite.get("tests")) == len(cases) == 3
    assert int(suite.get("failures")) == len(suite.findall("testcase/failure")) == 3


def test_junit_counts_what_is_skipped(gate):
    gate("--junit", "gate.xml", launches=3, old={"launches": 3}, factors={NATIVE: 1.5})
    suite = ElementTree.parse("gate.xml").find("testsuite")
    assert (suite.get("failures"), suite.get("skipped")) == ("0", "1")
    assert suite.find("testcase/skipped").get("message").startswith("inconclusive: +49.1 %, p")


def test_junit_of_another_machine_has_no_failures(gate):
    gate("--junit", "gate.xml", machine={"kernel": "BSD"}, factors={NATIVE: 2})
    suite = ElementTree.parse("gate.xml").find("testsuite")
    assert suite.get("tests") == suite.get("skipped") == "3" and suite.get("failures") == "0"


@pytest.mark.parametrize("arguments, complaint", [
    (["old"], "required: new"),
    (["old", "nowhere"], "no such file: nowhere"),
    (["old", "new", "--threshold", "-1"], "--threshold -1 is not from 0 to 1000 percent"),
    (["old", "new", "--threshold", "x"], "'x'"),
    (["old", "new", "--alpha", "1"], "--alpha 1 is not between 0 and 1"),
    (["old", "new", "--metric", "speed"], "unknown metric 'speed', known: output, combine, layer"),
    (["old", "new", "--metric", "layer"], "BASELINE has no row with a time of layer"),
    (["old", "new", "--markdown", "no/such/file"], "cannot write no/such/file: No such file"),
    (["old", "new", "--junit", "no/such/file"], "cannot write no/such/file: No such file"),
    (["old", "broken"], "broken/results.json is no provenance file"),
    (["old", "listed"], "listed/results.json: environment is not a value for each variable"),
    (["old", "elsewhere"], "and no cell in common"),
    (["empty", "new"], "BASELINE has no row with a time of output"),
])
def test_unusable_input_is_one_line_and_status_2(gate, capsys, arguments, complaint):
    gate()
    write_arm(Path("broken"))
    Path("broken/results.json").write_text("[]")
    write_arm(Path("listed"), machine={"environment": ["A=1"]})
    write_arm(Path("elsewhere"), machine={"kernel": "BSD"}, change=lambda r: r | {"tokens": 1})
    write_arm(Path("empty"), change=lambda row: row | {"obstacle": "no", **NO_TIME})
    assert check_regression.main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1
    assert captured.err.startswith("check_regression.py: ") and complaint in captured.err


def test_without_packages_it_is_no_regression(tmp_path: Path):
    """A copy of the scripts that has no .venv beside it, on an interpreter with no packages."""
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    script = tmp_path / "scripts/check_regression.py"
    done = subprocess.run([sys.executable, "-S", "-I", "-c",
                           f"import sys; sys.path.insert(0, {str(script.parent)!r});"
                           f"sys.argv = [{str(script)!r}]; import packages"],
                          capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == ("check_regression.py: Python packages missing: pandas, scipy,"
                           " matplotlib; scripts/setup.sh installs them\n")

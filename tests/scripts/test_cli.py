"""How the scripts end, from outside: only a verdict has a verdict's status."""

import csv
import io
import os
import subprocess
import sys
from pathlib import Path

import agreement
import check_regression
import cli
import crossover
import moe_results
import plot
import pytest
from synthetic import BASELINE, HEADER, MACHINE, NATIVE, timed, write_rows, write_runs

ROOT = Path(__file__).resolve().parents[2]

SCRIPTS = {"check_regression.py": ["a", "a"], "agreement.py": ["a", "a"], "crossover.py": ["a"],
           "plot.py": ["a", "--out", "out", "--format", "svg"]}

MAINS = {"check_regression.py": check_regression.main, "agreement.py": agreement.main,
         "crossover.py": crossover.main, "plot.py": plot.main}


@pytest.fixture(autouse=True)
def a_set(tmp_path, monkeypatch):
    """A results set whose names are not ASCII, in the working folder."""
    monkeypatch.chdir(tmp_path)
    rows = [timed(name, 100 + launch, launch, load="bälanced", speedup_output_low=0.9,
                  speedup_output_high=1.1)
            for launch in range(1, 8) for name in (BASELINE, NATIVE)]
    write_rows(Path("a"), rows)
    write_runs(Path("a"), {f"a{launch}": MACHINE for launch in range(1, 8)})


def run(script, *arguments, stdout=None, **environment):
    """With shell's redirections of standard output."""
    command = ["sh", "-c", f'exec "$@" {stdout or ""}', "sh", sys.executable,
               str(ROOT / "scripts" / script), *arguments]
    return subprocess.run(command, capture_output=True, env={**os.environ, **environment})


def refused(done, script, *words):
    said = done.stderr.decode()
    assert done.returncode == 2, said
    assert said.startswith(f"{script}: ") and said.count("\n") == 1, said
    assert all(word in said for word in words), said


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("stdout, why", [(">/dev/full", "No space left"), (">&-", "closed")])
def test_a_report_that_cannot_be_written_is_no_verdict(script, stdout, why):
    refused(run(script, *SCRIPTS[script], stdout=stdout), script, "standard output", why)


@pytest.mark.parametrize("script", ["check_regression.py", "agreement.py"])
def test_a_terminal_without_the_letters_gets_them_escaped(script):
    done = run(script, *SCRIPTS[script], PYTHONIOENCODING="ascii", LC_ALL="C")
    assert (done.returncode, done.stderr) == (0, b"")


def test_help_that_cannot_be_written_is_no_success():
    refused(run("agreement.py", "--help", stdout=">/dev/full"), "agreement.py", "No space left")
    assert run("agreement.py", "--help").returncode == 0


def test_a_file_on_a_full_disk_is_named():
    done = run("check_regression.py", "a", "a", "--markdown", "/dev/full")
    refused(done, "check_regression.py", "cannot write /dev/full: No space left on device")


def test_a_fault_of_a_script_is_no_verdict(capsys):
    @cli.command("script.py")
    def main(_):
        return {}["no such\nkey"]

    assert main() == 2
    said = capsys.readouterr().err
    assert said.startswith("script.py: a fault of this script (test_cli.py:")
    assert "KeyError" in said and said.count("\n") == 1


def test_a_stopped_script_says_so(capsys):
    @cli.command("script.py")
    def main(_):
        raise KeyboardInterrupt

    assert main() == 130
    assert capsys.readouterr().err == "script.py: stopped\n"


# Files that something else has saved.


def saved(change, into="b.csv"):
    """The set's file after a change of its text."""
    Path(into).write_bytes(change(Path("a/results.csv").read_text().replace("\r\n", "\n")))
    return moe_results.read_results([into])


def spreadsheet(text):
    """Every cell in quotes, CRLF, TRUE and FALSE in capitals, a byte order mark."""
    stream = io.StringIO(newline="")
    rows = [[cell.upper() if cell in ("true", "false") else cell for cell in row]
            for row in csv.reader(io.StringIO(text))]
    csv.writer(stream, quoting=csv.QUOTE_ALL).writerows(rows)
    return b"\xef\xbb\xbf" + stream.getvalue().encode()


@pytest.mark.parametrize("change", [
    lambda text: b"\xef\xbb\xbf" + text.encode(),
    lambda text: text.replace("\n", "\r\n").encode(),
    lambda text: text.replace("\n", "\n\n").encode(),
    lambda text: (text + "," * (len(HEADER) - 1) + "\n").encode(),
    spreadsheet,
], ids=["byte order mark", "CRLF", "blank lines", "an empty row", "spreadsheet"])
def test_what_an_editor_does_to_a_file_does_no_harm(change):
    assert repr(saved(change)) == repr(moe_results.read_results(["a"]))


def without_cell(text):
    lines = text.splitlines(keepends=True)
    return "".join([*lines[:2], lines[2].rsplit(",", 1)[0] + "\n", *lines[3:]])


@pytest.mark.parametrize("change, complaint", [
    (lambda text: text.replace(",", ";").encode(), "b.csv is no results.csv: its cells are separ"),
    (lambda text: text.replace(",", "\t").encode(), "b.csv is no results.csv: its cells are separ"),
    (lambda text: b"sep=,\n" + text.encode(), "line 1 names none of their columns"),
    (lambda text: b"\n" + text.encode(), "b.csv is empty, or begins with an empty line"),
    (lambda text: b"", "b.csv is empty"),
    (lambda text: text.encode("utf-16"), "b.csv is not a CSV file in UTF-8"),
    (lambda text: (text + text).encode(), "b.csv:16: the header once more"),
    (lambda text: without_cell(text).encode(),
     f"b.csv:3: not as many cells as the header has columns: {len(HEADER) - 1}, not {len(HEADER)}"),
    (lambda text: text.replace("true", "WAHR").encode(), "'WAHR' is neither true nor false"),
    (lambda text: text.replace(",seed,", ",sead,").encode(), "b.csv: missing columns: seed"),
    (lambda text: text.replace(",seed,", ",seed,seed,", 1).encode(), "there twice: seed"),
    (lambda text: text.replace("memory,", "magic,").encode(), "b.csv:2: unknown claim 'magic'"),
])
def test_what_cannot_be_read_is_named_in_words(change, complaint):
    with pytest.raises(moe_results.ResultsError) as refusal:
        saved(change)
    assert complaint in str(refusal.value) and "\n" not in str(refusal.value)


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("path, complaint", [
    ("nowhere", "no such file: nowhere"),
    ("folder", "no such file: folder/results.csv"),
    ("odd", "cannot read odd/results.csv: Is a directory"),
    ("n" * 300, "cannot read nnn"),
    ("loop", "cannot read loop"),
    ("header.csv", ""),
])
def test_paths_without_results(script, path, complaint, capsys):
    Path("folder").mkdir()
    Path("odd/results.csv").mkdir(parents=True)
    Path("loop").symlink_to("loop")
    Path("header.csv").write_text(",".join(HEADER) + "\n")
    assert MAINS[script]([path, *SCRIPTS[script][1:]]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith(f"{script}: {complaint}")
    assert said.err.count("\n") == 1 and not Path("out").exists()

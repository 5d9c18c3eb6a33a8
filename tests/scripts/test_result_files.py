"""Files that rows would be lost in, or that rows of another sweep are in, are refused untouched: in
one line, with status 2. Without mpirun: rank 0 has the files."""

import json
import os
import shutil
import subprocess

import pytest
from program import PROGRAM, QUICK

SWEEP = [PROGRAM, *QUICK, "--backend", "host", "--tokens", "4,6", "--combine", "all_reduce_slice",
         "--scope", "output", "--min-samples", "2", "--verify", "off", "--progress", "none"]


def run(*args, cwd=None, stdout=subprocess.PIPE):
    return subprocess.run([*SWEEP, *map(str, args)], stdout=stdout, stderr=subprocess.PIPE, text=True,
                          stdin=subprocess.DEVNULL, timeout=60, cwd=cwd)


def refusal_of(*args, cwd=None):
    """What is said; nothing in the folder changes."""
    def state():
        return {path: path.read_bytes() if path.is_file() else None for path in cwd.rglob("*")}

    before = state()
    done = run(*args, cwd=cwd)
    assert done.returncode == 2, done.stdout + done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert state() == before
    return done.stderr


@pytest.mark.parametrize(("csv", "what"), [
    ("d/status.json", "rows and status"),
    ("d/results.samples.csv", "rows and samples"),
    ("d/results.json", "rows and provenance"),
    ("d/../d/./status.json", "rows and status"),
    ("{here}/d/status.json", "rows and status"),
    ("linked/results.json", "rows and provenance"),
], ids=str)
def test_two_files_that_are_one_are_refused(csv, what, tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "linked").symlink_to("d")
    said = refusal_of("--out", "d", "--csv", csv.format(here=tmp_path), cwd=tmp_path)
    assert f"{what} would both go to d/" in said and "; name another" in said


def test_links_to_another_of_the_files_are_refused(tmp_path):
    assert run("--out", "d", cwd=tmp_path).returncode == 0
    (tmp_path / "soft.csv").symlink_to("d/results.samples.csv")
    os.link(tmp_path / "d/status.json", tmp_path / "hard.csv")
    assert "rows and samples would both go to" in refusal_of(
        "--out", "d", "--csv", "soft.csv", cwd=tmp_path)
    assert "rows and status would both go to" in refusal_of(
        "--out", "d", "--csv", "hard.csv", cwd=tmp_path)


def test_what_is_no_regular_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    os.mkfifo(tmp_path / "mine.samples.csv")
    (tmp_path / "folder").mkdir()
    (tmp_path / "to_nothing").symlink_to("nothing")
    for csv, why in [("pipe", "a named pipe, not"), ("mine.csv", "mine.samples.csv, for the samples, is"),
                     ("folder", "a folder, not"), ("to_nothing", "a link to a file that is not there"),
                     ("/dev/null", "a device, not"), ("/dev/stdout", "/dev/stdout, for the rows, is")]:
        said = refusal_of("--csv", csv, cwd=tmp_path)
        assert why in said and f"--csv '{csv}': " in said, said


def test_the_file_that_the_screens_text_goes_to_is_refused(tmp_path):
    with open(tmp_path / "both.csv", "w") as screen:
        done = run("--csv", "both.csv", cwd=tmp_path, stdout=screen)
    assert done.returncode == 2 and "where the text for the screen goes" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["both.csv"]


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep")
    assert run("--out", "r", cwd=folder).returncode == 0
    return folder / "r"


@pytest.fixture
def copy(sweep, tmp_path):
    """A sweep of which the last case is not there yet."""
    shutil.copytree(sweep, tmp_path / "r")
    csv = tmp_path / "r/results.csv"
    csv.write_text("".join(csv.read_text().splitlines(keepends=True)[:3]))
    return tmp_path / "r"


def rewrite(name, change):
    def damage(folder):
        (folder / name).write_bytes(change((folder / name).read_bytes()))

    return damage


def forget_runs(folder):
    (folder / "results.json").write_text(json.dumps({"schema_version": 1, "runs": {}}))


@pytest.mark.parametrize(("damage", "said"), [
    (lambda folder: (folder / "results.json").unlink(), "r/results.json is gone, to tell how run"),
    (forget_runs, "r/results.json does not tell how run"),
    (rewrite("results.json", lambda text: b""), "r/results.json is not a provenance file"),
    (rewrite("results.json", lambda text: text[:100]), "r/results.json is not a provenance file"),
    (rewrite("results.csv", lambda text: b"\xef\xbb\xbf" + text), "r/results.csv, line 1: it begins"),
    (rewrite("results.csv", lambda text: text.replace(b"\n", b"\r\n")), "r/results.csv, line 1: it ends"),
    (rewrite("results.csv", lambda text: text + b"\n"), "r/results.csv, line 4: it is blank"),
    (rewrite("results.csv", lambda text: text.replace(b"\n", b"\n\n", 1)), "r/results.csv, line 2: it is"),
    (rewrite("results.samples.csv", lambda text: text + b"\n"), "it is blank"),
], ids=["no json", "other json", "empty json", "half json", "mark", "CR LF", "blank", "blank before",
        "blank sample"])
def test_a_file_that_cannot_be_gone_on_with_is_refused(damage, said, copy, tmp_path):
    damage(copy)
    line = refusal_of("--out", "r", "--resume", cwd=tmp_path)
    assert said in line and ("name another" in line or "name a new file" in line), line


def test_a_lost_row_is_refused_with_its_line(sweep, tmp_path):
    shutil.copytree(sweep, tmp_path / "r")
    lines = (tmp_path / "r/results.csv").read_text().splitlines(keepends=True)
    (tmp_path / "r/results.csv").write_text("".join([*lines[:2], *lines[3:]]))
    said = refusal_of("--out", "r", "--resume", cwd=tmp_path)
    assert "r/results.csv, line 3: rows of case" in said
    assert "before it has none of all_reduce_slice" in said


def test_what_only_tells_of_the_rows_may_be_gone(copy, tmp_path):
    """Rows and their provenance are whole without it; that it is gone is said."""
    (copy / "results.samples.csv").unlink()
    (copy / "status.json").unlink()
    done = run("--out", "r", "--resume", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "r/results.samples.csv was gone: it has no samples of the 1 cases" in done.stdout
    assert len((copy / "results.csv").read_text().splitlines()) == 5
    assert json.loads((copy / "status.json").read_text())["state"] == "complete"

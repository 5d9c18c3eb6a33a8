"""What the program says of itself, and that the documents say the same."""

import re
import subprocess

import pytest
from program import PROGRAM, ROOT, launch


def test_help_and_lists_need_no_mpirun(tmp_path):
    def alone(*args):
        return subprocess.run([PROGRAM, *args], capture_output=True, text=True, cwd=tmp_path,
                              timeout=60)

    assert "--tokens" in alone("--help").stdout
    models = alone("--list", "models").stdout
    assert re.search(r"^gpt-oss-120b +2880 +128 +4 +2880 +none +softmax +36 +config.json of", models,
                     re.MULTILINE)
    assert "reduce_scatterv_grouped" in alone("--list", "combines").stdout
    assert "all_reduce_zero_fill" in alone("--list", "gathers").stdout
    assert "host" in alone("--list", "backends").stdout
    columns = alone("--list", "columns").stdout.splitlines()
    assert columns[0].split() == ["column", "kind", "cell", "unit", "meaning"]
    assert "layer_us_min             number      us          fastest sample" in columns
    assert list(tmp_path.iterdir()) == []


def test_the_version_is_one_line_that_names_the_revision_and_the_libraries(tmp_path):
    done = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, cwd=tmp_path,
                          timeout=60)
    assert done.returncode == 0 and done.stderr == ""
    assert re.fullmatch(r"bench_moe_comm \d+\.\d+\.\d+, revision ([0-9a-f]{12}|unknown)( with changes)?;"
                        r" host: [^\n]*MPI[^\n]*\n", done.stdout), done.stdout
    assert list(tmp_path.iterdir()) == []


def test_every_option_is_in_the_readme():
    helped = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, timeout=60).stdout
    readme = (ROOT / "bench/README.md").read_text()
    missing = [name for name in re.findall(r"--[a-z-]+", helped) if f"`{name}" not in readme]
    assert set(missing) <= {"--help"}, missing


def test_the_fuzzer_knows_every_option():
    helped = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, timeout=60).stdout
    dictionary = (ROOT / "tests/fuzz/options.dict").read_text().splitlines()
    assert {name for name in re.findall(r"--[a-z-]+", helped)
            if f'"{name}"' not in dictionary} == set()


@pytest.mark.parametrize("kind", ["combine", "gather"])
def test_every_strategy_is_in_the_readme(kind):
    table = (ROOT / "comm/README.md").read_text().split(f"| strategy (`--{kind}`) |")[1].split("\n\n")[0]
    listed = launch("--list", f"{kind}s", ranks=1).stdout.splitlines()
    explained = re.findall(r"(?m)^\| `(\w+)` \|", table)
    # A way of a strategy, name:variant, is in the row of its name.
    assert set(explained) >= {line.split()[0].split(":")[0] for line in listed}
    assert len(set(explained)) == len(explained)

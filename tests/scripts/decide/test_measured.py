"""The verdict of launches that two GPUs ran."""

import shutil
from pathlib import Path

import verdict

MEASURED = Path(__file__).resolve().parents[3] / "results/nvidia-h200/decide-decode"


def test_it_is_the_one_that_is_kept(tmp_path, capsys):
    folder = tmp_path / "decide"
    shutil.copytree(MEASURED, folder)
    kept = (folder / "verdict.md").read_text()
    (folder / "verdict.md").unlink()
    assert verdict.main([str(folder)]) == 0
    assert (folder / "verdict.md").read_text() == kept
    for line in capsys.readouterr().out.splitlines():
        assert line in kept

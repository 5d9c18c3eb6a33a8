"""The gate on two arms, in a folder of its own."""

from pathlib import Path

import check_regression
import pytest
from arms import write_arm


@pytest.fixture
def gate(tmp_path: Path, capsys, monkeypatch):
    """Runs the gate on a NEW arm made with the given arguments; (status, output)."""
    monkeypatch.chdir(tmp_path)

    def run(*options: str, old=None, **new):
        write_arm(Path("old"), **{"arm": "a", **(old or {})})
        write_arm(Path("new"), **{"arm": "b", "second": 1, **new})
        status = check_regression.main(["old", "new", *options])
        return status, capsys.readouterr().out

    return run

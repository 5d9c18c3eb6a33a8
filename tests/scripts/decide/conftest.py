"""The verdict on rows that were never measured."""

import decided
import pytest
import verdict


@pytest.fixture(autouse=True)
def no_nccl_variables(monkeypatch):
    """What is set where the tests run decides what is priced."""
    for name in ("NCCL_NVLS_ENABLE", "NCCL_CUMEM_ENABLE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def verdict_of(tmp_path, capsys, monkeypatch):
    """Of an engine whose default is ar; parts by name."""
    monkeypatch.setattr(verdict, "find_engine", lambda _: decided.all_reduce_by_default())

    def run(parts, **plan):
        return decided.verdict_of(tmp_path / "out", parts, capsys, **plan)

    return run

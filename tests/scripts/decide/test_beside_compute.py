"""What verdicts say of exchanges beside compute."""

from dataclasses import replace

import pytest
import verdict
from decided import beside_rows, rows_of, with_late_ranks
from decision.engine import Setting, find_engine

SAVED = [3.1, 2.6, 3.5, 3.0, 2.9, 3.2, 3.3]
LESS = [1.1, 1.0, 0.9, 1.2, 1.0, 0.8, 1.0]
CTAS = Setting("ctas", takes_sms=True, price="64 multiprocessors during each exchange")
PLAN = {"step_ms": {"prefill": 148}, "steps_of_phases": {"prefill": 10}}


@pytest.fixture
def with_setting(verdict_of, monkeypatch):
    """A verdict on a setting that saves SAVED, of an engine whose default runs what is measured; parts
    beside a GEMM are given."""
    engine = replace(find_engine("sglang-0.5.23"), settings=(CTAS,))
    monkeypatch.setattr(verdict, "find_engine", lambda _: engine)

    def run(**beside):
        parts = {"prefill": with_late_ranks([0] * 7, 10), "prefill-ctas": with_late_ranks(SAVED, 10)}
        return verdict_of(parts | {f"prefill-{name.replace('_', '-')}": rows
                                   for name, rows in beside.items()}, **PLAN)

    return run


def setting_of(found):
    [setting] = [one for one in found["phases"][0]["candidates"] if one["kind"] == "setting"]
    return setting


def test_a_setting_that_takes_multiprocessors_is_named_with_its_price_beside_compute(with_setting):
    found = with_setting(beside=beside_rows([0] * 7, 0, 10), beside_ctas=beside_rows(LESS, 2, 10))
    assert found["sentences"][-1] == (
        "Prefill: `ctas` saves 3.1 ms [2.6, 3.5] of a 148 ms prefill step (2.1 %): set it. Its price: 64"
        " multiprocessors during each exchange; beside a GEMM it saves 1.0 ms [0.8, 1.2] of both"
        " together, and the GEMM takes 2.0 % longer.")
    setting = setting_of(found)
    assert setting["named"] and setting["price"] == "64 multiprocessors during each exchange"
    assert setting["beside"] == {
        "saved_layer_us": pytest.approx(1000 / 60), "saved_step_ms": pytest.approx(1),
        "saved_step_ms_interval": pytest.approx([0.8, 1.2]), "gemm_longer_pct": pytest.approx(2)}


def test_without_a_row_beside_compute_it_is_not_named(with_setting):
    found = with_setting()
    setting = setting_of(found)
    assert not setting["named"] and "ctas" not in " ".join(found["sentences"])
    assert setting["against"] == (
        "takes multiprocessors, and was not priced beside compute: nothing was launched beside a GEMM")
    assert setting["beside"] == {"why_not": "nothing was launched beside a GEMM"}
    assert ("Prefill: not priced beside compute, nothing was launched beside a GEMM."
            in found["not_covered"])


@pytest.mark.parametrize(("default", "own", "why_not"), [
    (beside_rows([0] * 7, 0, 10), [], "too little of it was timed, give more --minutes"),
    (beside_rows([0] * 2, 0, 10), beside_rows(LESS[:2], 2, 10), "too few launches for an interval"),
    (beside_rows([0] * 7, 0, 10, no_verdict="disturbed"), beside_rows(LESS, 2, 10),
     "other programs had the processors during most of it"),
    (beside_rows([0] * 7, 0, 10, gemm_shares_core="true"), beside_rows(LESS, 2, 10),
     "the GEMM has no core of its own"),
])
def test_rows_that_say_nothing_are_no_price(default, own, why_not, with_setting):
    setting = setting_of(with_setting(beside=default, beside_ctas=own))
    assert setting["beside"] == {"why_not": why_not} and not setting["named"]
    assert setting["against"].endswith(f"was not priced beside compute: {why_not}")


def test_a_setting_that_loses_beside_compute_is_not_named(with_setting):
    found = with_setting(beside=beside_rows([0] * 7, 0, 10),
                         beside_ctas=beside_rows([-ms for ms in LESS], 9, 10))
    setting = setting_of(found)
    assert setting["against"] == "slower beside compute" and not setting["named"]
    assert setting["beside"]["saved_step_ms"] == pytest.approx(-1)


def test_what_is_not_resolved_beside_compute_is_said_so(with_setting):
    found = with_setting(
        beside=beside_rows([0] * 7, 0, 10),
        beside_ctas=beside_rows([0.1, -0.2, 0.3, 0.1, -0.1, 0.2, 0.1], -1.5, 10))
    assert found["sentences"][-1].endswith(
        "; beside a GEMM it has no resolved effect (saves 0.1 ms [-0.2, 0.3]) on both together, and the"
        " GEMM takes 1.5 % less time.")


def test_a_flag_says_what_it_does_beside_compute(verdict_of, tmp_path):
    parts = {"prefill": with_late_ranks(SAVED, 10), "prefill-beside": beside_rows(LESS, 2, 10)}
    found = verdict_of(parts, **PLAN)
    assert found["sentences"][1:] == [
        "Prefill: beside a GEMM rsv saves 1.0 ms [0.8, 1.2] of both together, and the GEMM takes 2.0 %"
        " longer."]
    assert ("Prefill: what the engine computes beside the exchange, other than the experts of a second"
            " batch." in found["not_covered"])
    table = [line for line in (tmp_path / "out/verdict.md").read_text().splitlines()
             if line.startswith("| `--boundary-reduction rsv` |")]
    assert table == ["| `--boundary-reduction rsv` | 51.7 | 3.1 [2.6, 3.5] | 2.09 | 3.1 [2.6, 3.5] |"
                     " 3.1 [2.6, 3.5] | 1.0 [0.8, 1.2] | +2.0 | **set it** |"]


def test_a_flag_that_loses_beside_compute_says_what_that_costs(verdict_of):
    parts = {"prefill": with_late_ranks(SAVED, 10),
             "prefill-beside": beside_rows([-ms for ms in LESS], 7, 10)}
    found = verdict_of(parts, **PLAN)
    assert found["sentences"][1:] == [
        "Prefill: beside a GEMM rsv costs 1.0 ms of both together, and the GEMM takes 7.0 % longer."]


def test_steps_that_were_not_launched_beside_a_gemm_are_no_launches(verdict_of):
    parts = {"prefill": rows_of(SAVED[:1], 10), "prefill-beside": beside_rows(LESS, 2, 10)}
    assert verdict_of(parts, **PLAN)["provisional"] == "Provisional: 1 of 7 launches."

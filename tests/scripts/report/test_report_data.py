"""What the report's charts and table are drawn from."""

import csv
import json
import re
from pathlib import Path

import plot
import pytest
from chart_rows import BASELINE, NATIVE, sweep
from html_report import page
from html_report.samples import NAMES, quantiles_of
from moe_results import CELL, read_results
from pages import ENGINE, GROUPED, data_of, engine_sweep, report_of, words_of, write_set
from samples import COLUMNS, read_samples

ROOT = Path(__file__).resolve().parents[3]


def column(data: dict, name: str) -> list:
    values = data["cells"][name]
    if isinstance(values, dict):
        return [values["words"][place] for place in values["places"]]
    return values


def by_cell(data: dict, name: str) -> dict:
    return dict(zip(zip(column(data, "combine"), column(data, "tokens")), column(data, name)))


def test_speed_ups_are_over_both_references(tmp_path: Path) -> None:
    data = data_of(report_of(write_set(tmp_path / "a", engine_sweep(tokens=(16, 1024)))))
    over_engine, over_baseline = by_cell(data, "over_engine"), by_cell(data, "over_baseline")
    assert over_engine[NATIVE, 16] == pytest.approx(1.8 / 1.6, rel=1e-4)
    assert over_baseline[NATIVE, 16] == pytest.approx(1.8, rel=1e-4)
    assert over_engine[ENGINE, 16] == over_baseline[BASELINE, 16] == 1
    # Ends of times against ends of times; the baseline's come as they were measured.
    assert by_cell(data, "over_engine_low")[NATIVE, 16] == pytest.approx(
        1.125 * 0.97 / 1.03, rel=1e-4)
    assert by_cell(data, "over_baseline_low")[NATIVE, 16] == pytest.approx(1.78, rel=1e-4)
    assert by_cell(data, "verdict")[GROUPED, 16] == "loses"
    assert by_cell(data, "verdict")[ENGINE, 16] == "reference"
    panel, = data["panels"]
    assert (panel["engine"], panel["baseline"]) == (ENGINE, BASELINE)
    assert [GROUPED, "16 to 1024", "loses at 16, wins at 1024"] in panel["crossovers"]
    assert [one["winner"] for one in panel["winners"]] == [NATIVE, NATIVE]


def test_bandwidth_has_the_contracts_limit_beside_it(tmp_path: Path) -> None:
    data = data_of(report_of(write_set(tmp_path / "a", sweep(tokens=(16,), loads=("hot",)))))
    row = sweep(tokens=(16,), loads=("hot",))[0]
    limit = row["busbw_gbps"] * row["combine_us_median"] / row["contract_limit_us"]
    assert by_cell(data, "limit_gbps")[BASELINE, 16] == pytest.approx(limit, rel=1e-4)
    assert set(column(data, "bytes")) == {16 * 1024 * 2}


def test_sets_of_two_machines_share_a_setting(tmp_path: Path) -> None:
    sets = [write_set(tmp_path / name, engine_sweep(device=name))
            for name in ("H100", "H200")]
    data = data_of(report_of(*sets))
    assert data["sets"] == ["H100", "H200"] and data["settings"] == [""]
    assert [panel["set"] for panel in data["panels"]] == [0, 1]


def test_launches_of_two_sets_are_not_joined(tmp_path: Path) -> None:
    sets = [write_set(tmp_path / name, engine_sweep(tokens=(16,))) for name in ("old", "new")]
    data = data_of(report_of(*sets))
    assert column(data, "launches") == [1] * 8


def write_samples(folder: Path, times: dict[str, list[float]]) -> None:
    rows = {row["combine"]: row for row in engine_sweep(tokens=(16,))}
    with (folder / "results.samples.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow([*COLUMNS, "arrival_spread_us"])
        for combine, values in times.items():
            for number, us in enumerate(values):
                key = "r1", rows[combine]["case_id"], combine
                writer.writerows([[*key, "output", number, us, 0], [*key, "layer", number, 9e9, 0]])


def test_distributions_are_quantiles_of_the_output_samples(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "a", engine_sweep(tokens=(16,)))
    write_samples(folder, {NATIVE: list(range(101)), ENGINE: [5.0]})
    data = data_of(report_of(folder))
    assert [by_cell(data, name)[NATIVE, 16] for name in NAMES] == [5, 25, 50, 75, 95]
    assert by_cell(data, "q50")[ENGINE, 16] == 5 and by_cell(data, "q50")[GROUPED, 16] is None


def test_samples_of_several_launches_are_pooled(tmp_path: Path) -> None:
    rows = engine_sweep(tokens=(16,))
    folder = write_set(tmp_path / "a", [*rows, *(row | {"run_id": "r2"} for row in rows)])
    write_samples(folder, {NATIVE: [0.0, 0.0]})
    file = folder / "results.samples.csv"
    again = file.read_text().splitlines()[1:]
    file.write_text(file.read_text() + "\n".join(
        line.replace("r1", "r2").replace(",0.0,", ",8.0,") for line in again))
    found = quantiles_of(read_samples([folder]), read_results([folder]))
    key, = found
    assert key[CELL.index("combine")] == NATIVE
    assert (found[key]["q25"], found[key]["q50"], found[key]["q75"]) == (0, 4, 8)


def test_fused_rows_have_their_output_step_as_combine(tmp_path: Path) -> None:
    rows = [row | {"combine_us_median": ""} if row["combine"] == NATIVE else row
            for row in engine_sweep(tokens=(16,))]
    data = data_of(report_of(write_set(tmp_path / "a", rows)))
    assert by_cell(data, "combine_us_median")[NATIVE, 16] == by_cell(data, "output_us")[NATIVE, 16]
    assert by_cell(data, "local_combine_us_median")[NATIVE, 16] == 0


def test_what_files_hold_is_no_markup(tmp_path: Path) -> None:
    evil = "<script>document.title = 'hacked'</script>"
    folder = write_set(tmp_path / "a", engine_sweep(model=evil, device=f"{evil}&amp;"))
    (folder / "results.json").write_text(json.dumps({"runs": {"r1": {"library": evil}}}))
    text = report_of(folder).read_text()
    assert evil not in text and "&lt;script&gt;document.title" in text


def test_without_its_packages_the_page_is_left_out_or_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_set(tmp_path / "a", engine_sweep(tokens=(16,)))
    monkeypatch.setattr(page, "PACKAGES", ("no_such_package",))
    arguments = [str(folder), "--out", str(tmp_path / "out")]
    assert plot.main([*arguments, "--format", "html"]) == 2
    assert "html: Python packages missing: no_such_package;" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    monkeypatch.setattr(plot, "draw_images", lambda *_: None)
    assert plot.main(arguments) == 0
    assert "html: not drawn, Python packages missing" in capsys.readouterr().out


def test_bad_samples_and_no_time_are_one_line(tmp_path: Path, capsys) -> None:
    folder = write_set(tmp_path / "a", engine_sweep(tokens=(16,)))
    (folder / "results.samples.csv").write_text("no,samples\n1,2\n")
    arguments = [str(folder), "--out", str(tmp_path / "out"), "--format", "html"]
    assert plot.main(arguments) == 2
    assert "is no samples file of bench_moe_comm" in capsys.readouterr().err
    (folder / "results.samples.csv").unlink()
    write_set(folder, [row | {"obstacle": "none here"} for row in engine_sweep()])
    assert plot.main(arguments) == 2
    assert "no rows with a time; left out: 4 strategies: none here" in capsys.readouterr().err


def test_the_h200_set_says_what_the_readme_does(tmp_path: Path) -> None:
    """At every size of a decode step grouped reduces are slower than the all-reduce that SGLang
    runs, and one kernel that pushes is faster."""
    out = tmp_path / "out"
    folder = ROOT / "results/nvidia-h200/nvlink-2-peer"
    assert plot.main([str(folder), "--out", str(out), "--format", "html"]) == 0
    decode = words_of(out / "report.html").split("Decode: ")[1].split("Prefill: ")[0]
    assert f"Take {ENGINE} (sglang-0.5.23 with --boundary-reduction ar): no form" in decode
    default = re.escape(f"{GROUPED} (sglang-0.5.23's default)")
    assert re.search(rf"{default}: of (\d+) cases slower in \1 ", decode)
    assert re.search(r"reduce_scatterv_push is the fastest in (\d+) of \1 cases", decode)

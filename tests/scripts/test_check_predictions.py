"""Tests of scripts/check_predictions.py: which predictions hold, worked by hand."""

from pathlib import Path

import check_predictions
import pytest
from predictions.tables import AHEAD, CHOICE, RATIO, SPEEDUP, TIME, read_predictions
from synthetic import BASELINE, timed, write_rows

ROOT = Path(__file__).resolve().parents[2]
ENGINE, GROUPED, PUSH = "all_reduce_engine_dp_scatter", "reduce_scatterv_grouped", "reduce_scatterv_push"
PADDED, FUSED = "reduce_scatter_padded", "reduce_scatterv_fused"
OF_TABLES = {"backend": "cuda", "claim": "interconnect", "hidden": 4096, "experts": 64, "top_k": 10,
             "graph": "on", "mode": "chained", "ranks": 4, "dp": 4, "sms": "default", "skew_us": 0}
DOCUMENT = """# Predictions
| load | form | 64 tokens |
|---|---|---|
| of no number of | GPUs | so that it is left out |

## Four GPUs

| load | form | 64 tokens | 256 |
|---|---|---|---|
| balanced | **all_reduce_engine_dp_scatter** | 100 | 200 |
| balanced | reduce_scatterv_grouped | 90-110 (0.50-0.60) | 42 (1.00) |
| balanced | reduce_scatterv_fused | (2.68) | (1.2) |
| balanced | reduce_scatter_padded, 64 CTAs | 10 | 20 |
| balanced | grouped over one reduce_scatter | 1.22 | 1.84 |
| hot | what reduce_scatterv_push chooses | direct | balanced |
"""


@pytest.fixture
def document(tmp_path):
    file = tmp_path / "predictions.md"
    file.write_text(DOCUMENT)
    return file


def row(combine, exchange, output, tokens=64, launch=1, **changes):
    """Microseconds of the exchange and of the output step."""
    case = {"tokens": tokens, "case_id": f"{tokens} {changes.get('load')} {changes.get('sms')}"}
    return timed(combine, output, launch, **OF_TABLES | case | {"combine_us_median": exchange} | changes)


def check(document, rows, capsys):
    """The lines of cells by form, tokens and kind: what is said behind; and the other lines."""
    folder = document.parent / "results"
    write_rows(folder, rows)
    assert check_predictions.main([str(document), str(folder)]) == 0
    cells, others = {}, []
    for line in capsys.readouterr().out.splitlines():
        if not line.startswith("4 GPUs"):
            others.append(line)
            continue
        kind = next(kind for kind in (TIME, SPEEDUP, AHEAD, CHOICE, RATIO) if f"  {kind} " in line)
        before, _, behind = line.partition(f"  {kind} ")
        form, tokens = before.removesuffix(" tokens")[len("4 GPUs  balanced  "):].rsplit(maxsplit=1)
        cells[form.strip(), int(tokens), kind] = " ".join(behind.split())
    return cells, others


def test_times_speed_ups_and_who_is_ahead(document, capsys):
    """Speed-ups are over the engine's form, of the output step; medians are over launches."""
    rows = [row(BASELINE, 300, 400), row(ENGINE, 109, 110), row(GROUPED, 111, 200),
            row(FUSED, "", 50), row(ENGINE, 150, 240, 256), row(GROUPED, 46, 250, 256),
            row(FUSED, "", 260, 256)]
    cells, _ = check(document, rows, capsys)
    assert cells == {
        (ENGINE, 64, TIME): "100 109 held", (ENGINE, 256, TIME): "200 150 failed",
        (GROUPED, 64, TIME): "90-110 111 failed", (GROUPED, 64, SPEEDUP): "0.50-0.60 0.55 held",
        (GROUPED, 64, AHEAD): "behind behind held",
        (GROUPED, 256, TIME): "42 46 held", (GROUPED, 256, SPEEDUP): "1.00 0.96 held",
        (FUSED, 64, SPEEDUP): "2.68 2.2 failed", (FUSED, 64, AHEAD): "ahead ahead held",
        (FUSED, 256, SPEEDUP): "1.2 0.9231 failed", (FUSED, 256, AHEAD): "ahead behind failed",
        (f"{PADDED}, 64 CTAs", 64, TIME): "10 - not measured",
        (f"{PADDED}, 64 CTAs", 256, TIME): "20 - not measured",
        ("grouped over one reduce_scatter", 64, RATIO): "1.22 - not measured",
        ("grouped over one reduce_scatter", 256, RATIO): "1.84 - not measured",
        (f"what {PUSH} chooses", 64, CHOICE): "direct - not measured",
        (f"what {PUSH} chooses", 256, CHOICE): "balanced - not measured",
    }


def test_ctas_quotients_and_choices(document, capsys):
    rows = [row(GROUPED, 13, 20), row(PADDED, 10, 20), row(PADDED, 10.5, 20, sms="64"),
            row(PUSH, 5, 9, load="hot", variant="direct"),
            row(PUSH, 5, 9, 256, load="hot", variant="direct")]
    cells, others = check(document, [*rows, *(one | {"launch": 2, "run_id": "a2"} for one in rows)], capsys)
    assert {key: said for key, said in cells.items() if "not measured" not in said} == {
        (GROUPED, 64, TIME): "90-110 13 failed",
        (f"{PADDED}, 64 CTAs", 64, TIME): "10 10.5 held",
        ("grouped over one reduce_scatter", 64, RATIO): "1.22 1.3 held",
        (f"what {PUSH} chooses", 64, CHOICE): "direct direct held",
        (f"what {PUSH} chooses", 256, CHOICE): "balanced direct failed",
    }
    said = [" ".join(line.split()) for line in others]
    assert f"what {PUSH} chooses 1 of 2 (50 %)" in said
    assert "balanced 2 of 3 (67 %)" in said and "hot 1 of 2 (50 %)" in said
    assert said[-1] == "held: 3 of 5 (60 %); 12 more were not measured"


@pytest.mark.parametrize("changes", [
    {"hidden": 2048}, {"graph": "off"}, {"ranks": 2, "dp": 2}, {"dp": 2}, {"claim": "functional"},
    {"obstacle": "none"}, {"tokens": 512}])
def test_rows_of_other_settings_do_not_count(changes, document, tmp_path, capsys):
    write_rows(tmp_path / "results", [row(ENGINE, 100, 110, **changes)])
    assert check_predictions.main([str(document), str(tmp_path / "results")]) == 2
    said = capsys.readouterr().err
    assert said.startswith("check_predictions.py: no row is of these tables: ranks 4, dp of all ranks,"
                           " claim interconnect, hidden 4096, ") and said.count("\n") == 1


def test_two_sets_of_one_cell_are_refused(document, tmp_path, capsys):
    rows = [row(ENGINE, 100, 110), row(ENGINE, 90, 99, mode="isolated", case_id="d")]
    write_rows(tmp_path / "results", rows)
    assert check_predictions.main([str(document), str(tmp_path / "results")]) == 2
    assert capsys.readouterr().err == (
        f"check_predictions.py: {ENGINE} on 4 ranks, balanced, 64 tokens was measured with several"
        " settings; name the results of one\n")


@pytest.mark.parametrize(("old", "new", "said"), [
    ("## Four GPUs", "## Some GPUs", "has no table of predictions: under a heading such as '## Four GPUs'"),
    ("| 100 | 200 |", "| 100 |", ":10: 3 cells, not a load, a form and 2 predictions"),
    ("| 100 | 200 |", "| 100 | fast |", ":10: 'fast' is no prediction, such as 15.2"),
    ("| 100 | 200 |", "| 100 | |", ":10: '' is no prediction"),
])
def test_a_document_that_cannot_be_read_is_one_line(old, new, said, document, tmp_path, capsys):
    document.write_text(DOCUMENT.replace(old, new))
    write_rows(tmp_path / "results", [row(ENGINE, 100, 110)])
    assert check_predictions.main([str(document), str(tmp_path / "results")]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


def test_no_such_document_is_one_line(tmp_path, capsys):
    write_rows(tmp_path / "results", [row(ENGINE, 100, 110)])
    assert check_predictions.main([str(tmp_path / "none.md"), str(tmp_path / "results")]) == 2
    assert capsys.readouterr().err.endswith("none.md: No such file or directory\n")


def test_the_predictions_of_this_repository_can_be_read():
    """Each of their tables, whose rows are of five sizes."""
    found = read_predictions(ROOT / "results/nvidia-h200/predictions.md")
    for ranks in (4, 8):
        of_ranks = [one for one in found if one.place.ranks == ranks]
        assert {one.place.load for one in of_ranks} == {"balanced", "zipf:1", "hot"}
        assert {one.kind for one in of_ranks} == {TIME, SPEEDUP, AHEAD, CHOICE, RATIO}
        assert {one.place.tokens for one in of_ranks} == {64, 256, 1024, 4096, 16384}

"""Results in the formats of other projects: what their readers find in them."""

import json
import sys

import pytest
from program import QUICK, ROOT, launch
from synthetic import BASELINE, NATIVE, SLICE, timed, write_rows, write_runs

sys.path.insert(0, str(ROOT / "scripts"))

from export import main  # noqa: E402
from exports.collectivex import case_id  # noqa: E402

RUN = {"started": "20261125T000201Z", "git_revision": "ab" * 20, "library": "Open MPI v4.1.4"}


def exported(folder, rows, samples=()):
    write_rows(folder, rows)
    write_runs(folder, {"a1": RUN})
    if samples:
        lines = ["run_id,case_id,combine,kind,round,us,arrival_spread_us", *samples]
        (folder / "results.samples.csv").write_text("\n".join(lines) + "\n")
    assert main([str(folder), "--format", "collectivex", "--out", str(folder / "out")]) == 0
    return read(folder / "out")


def read(folder):
    documents = [json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))]
    for document in documents:
        check_as_its_readers_do(document)
    return documents


def check_as_its_readers_do(document):
    """Every field that summarize.py of CollectiveX and reader.ts of InferenceX-app look into."""
    assert document["record_type"] == "case-attempt" and isinstance(document["version"], int)
    factors = document["identity"]["case_factors"]
    case = factors["case"]
    assert document["identity"]["case_id"] == case_id(factors["sku"], case)
    assert {"backend", "suite", "routing", "mode", "phase", "ep", "precision", "gpus_per_node", "nodes",
            "scale_up_domain", "scale_up_transport", "scale_out_transport", "topology_class"} <= set(case)
    rows = document["measurement"]["rows"]
    ladder = [row["tokens_per_rank"] for row in rows]
    assert case["ladder"] == " ".join(map(str, ladder)) and ladder == sorted(set(ladder))
    for row in rows:
        assert {"p50", "p90", "p95", "p99"} == set(row["token_rate_at_latency_percentile"])
        assert row["components"]["roundtrip"]["percentiles_us"].keys() >= {"p50", "p99"}
        assert not row["components"]["pair_period"]["percentiles_us"]
        for name in ("dispatch", "stage", "combine", "roundtrip"):
            assert row["components"][name]["availability"] in ("measured", "unavailable")
            assert row["byte_provenance"].get(name) is None
        assert isinstance(row["global_tokens"], int)
    assert document["outcome"]["status"] in ("success", "invalid", "diagnostic")
    assert {"nodes", "gpus_per_node", "scale_up_domain"} <= set(document["topology"])
    assert document["implementation"]["name"] == case["backend"] and document["runtime"]["vendor"]


def test_rows_of_one_strategy_are_the_ladder_of_a_document(tmp_path):
    rows = [timed(name, 100.0 + tokens, tokens=tokens, case_id=f"c{tokens}", rows=tokens)
            for tokens in (64, 4, 2048) for name in (BASELINE, NATIVE)]
    documents = exported(tmp_path, rows)
    ladders = {(d["implementation"]["name"].partition("+")[2],
                d["identity"]["case_factors"]["case"]["phase"]): d["workload"]["ladder_measured"]
               for d in documents}
    assert ladders == {(name, phase): ladder for name in (BASELINE, NATIVE)
                       for phase, ladder in (("decode", [2, 32]), ("prefill", [1024]))}
    first = documents[0]
    assert first["identity"]["allocation_factors"] == {
        "run_attempt": 1, "run_id": "a1", "source_sha": RUN["git_revision"]}
    assert first["generated_at"] == "2026-11-25T00:02:01+00:00"
    assert first["outcome"] == {"status": "success", "reasons": []}
    row = first["measurement"]["rows"][1]
    assert row["global_tokens"] == 64 and row["receive"]["total"] == 128
    assert row["wire_byte_provenance"]["combine"]["total_logical_bytes"] == 64 * 2 * 2048 * 2
    assert row["components"]["combine"]["percentiles_us"]["p50"] == 82
    assert row["components"]["dispatch"]["availability"] == "unavailable", "no layer, no phases"


def test_percentiles_are_those_of_the_samples_by_nearest_rank(tmp_path):
    samples = [f"a1,c,{BASELINE},combine,{i},{i + 1}.5,0" for i in range(200)]
    (document,) = exported(tmp_path, [timed(BASELINE, 200.0)], samples)
    components = document["measurement"]["rows"][0]["components"]
    assert components["combine"]["percentiles_us"] == {
        "p50": 100.5, "p90": 180.5, "p95": 190.5, "p99": 198.5}
    assert components["combine"]["sample_count"] == 200
    assert components["output"]["percentiles_us"] == {
        "p50": 200.0, "p90": None, "p95": None, "p99": None}
    assert components["layer"]["availability"] == "unavailable"


def test_cases_that_differ_have_ids_that_differ(tmp_path):
    changes = [{}, {"load": "hot"}, {"graph": "on", "mode": "chained"}, {"dp": 1, "attn_tp": 2},
               {"hidden": 64}, {"sms": 4}, {"skew_us": 50}, {"scale_experts": 2}, {"dtype": "f32"},
               {"routing": "zipf:1"}, {"phase": "prefill"}, {"gather": "all_gatherv"}]
    rows = [timed(BASELINE, 200.0, case_id=f"c{i}", **change) for i, change in enumerate(changes)]
    documents = exported(tmp_path, rows)
    ids = {document["identity"]["case_id"] for document in documents}
    assert len(documents) == len(ids) == len(changes)


@pytest.mark.parametrize(("changes", "status", "reason"), [
    ({"verified": "false", "output_us_median": ""}, "invalid", "wrong result"),
    ({"verified": ""}, "invalid", "not verified"),
    ({"claim": "functional", "no_verdict": "functional"}, "diagnostic", "functional"),
])
def test_doubts_are_in_the_outcome(tmp_path, changes, status, reason):
    (document,) = exported(tmp_path, [timed(BASELINE, 200.0, **changes)])
    assert document["outcome"] == {"status": status, "reasons": [reason]}


def test_what_makes_no_document_is_said(tmp_path, capsys):
    rows = [timed(BASELINE, 200.0), timed(NATIVE, 150.0, tokens=7), timed(NATIVE, 150.0, planted_pct=9),
            timed(SLICE, 150.0, obstacle="not here", output_us_median="")]
    (document,) = exported(tmp_path, rows)
    assert document["implementation"]["name"].endswith(BASELINE)
    said = capsys.readouterr().out
    assert "1 rows left out: their tokens are no whole number" in said
    assert "1 rows left out: slowed down on purpose" in said


@pytest.mark.parametrize(("file", "text"), [
    ("results.samples.csv", "run_id,us\na1,1\n"), ("results.samples.csv", "us\n"),
    ("results.json", "{"), ("results.json", "[]"),
])
def test_files_that_cannot_be_used_are_named(tmp_path, capsys, file, text):
    write_rows(tmp_path, [timed(BASELINE, 200.0)])
    (tmp_path / file).write_text(text)
    out = tmp_path / "out"
    status = main([str(tmp_path), "--format", "collectivex", "--out", str(out)])
    if text == "us\n":  # nothing in it
        assert status == 0
        return
    assert status == 2 and not out.exists()
    (line,) = capsys.readouterr().err.splitlines()
    assert file in line


def test_results_without_a_time_are_refused(tmp_path, capsys):
    write_rows(tmp_path, [timed(BASELINE, 200.0, obstacle="not here", output_us_median="")])
    assert main([str(tmp_path), "--format", "collectivex", "--out", str(tmp_path / "out")]) == 2
    assert "nothing to export" in capsys.readouterr().err


def test_a_run_at_the_points_of_collectivex_is_exported(tmp_path):
    done = launch(*QUICK, "--tokens", "collectivex", "--phase", "decode", "--combine",
                  "reduce_scatterv_fused", "--min-samples", "1", "--verify", "exact", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert main([str(tmp_path), "--format", "collectivex", "--out", str(tmp_path / "out")]) == 0
    documents = read(tmp_path / "out")
    assert len(documents) == 2
    for document in documents:
        rows = document["measurement"]["rows"]
        assert [row["tokens_per_rank"] for row in rows] == [2**i for i in range(10)]
        for row in rows:
            parts = row["components"]
            assert parts["layer"]["sample_count"] and parts["output"]["sample_count"]
            assert parts["layer"]["percentiles_us"]["p99"] > 0
            assert parts["dispatch"]["percentiles_us"]["p50"] > 0
            fused = document["implementation"]["name"].endswith("fused")
            assert (parts["combine"]["availability"] == "unavailable") == fused

"""The whole page in one file: text made here, drawings made in the browser, nothing fetched."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from charts.caption import left_out_notes
from html_report.cautions import cautions_of
from html_report.cells import Cell, cells_of
from html_report.columns import packed
from html_report.data import NamedSet, page_data
from html_report.provenance import facts_of, revision_of
from html_report.samples import quantiles_of
from html_report.verdict import Verdict, basis_of, verdicts_of
from moe_results import ResultsError
from regression.sets import ResultsSet, read_set
from samples import read_samples

PARTS = Path(__file__).parent / "parts"
PACKAGES = ("jinja2", "plotly")
SCRIPTS = (
    "data.js", "drawing.js", "speedups.js", "bandwidth.js", "latency.js", "phases.js",
    "winner_map.js", "table.js", "page.js",
)


@dataclass(frozen=True)
class SetView:
    """What the page says of one set."""

    name: str
    title: str
    basis: str
    verdicts: list[Verdict]
    cautions: list[str]
    runs: list[tuple[str, list[tuple[str, str]]]]


def write_page(paths: Sequence[str]) -> str:
    """The page of the results sets at these paths, each a CSV file or a folder."""
    sets = [read_set(Path(path)) for path in dict.fromkeys(paths)]
    samples = [read_samples([one.path]) for one in sets]
    cells = [cells_of(one.rows, part) for one, part in zip(sets, samples)]
    if not any(cells):
        left_out = left_out_notes([row for one in sets for row in one.rows])
        raise ResultsError("; ".join(["no rows with a time", *left_out]))
    names = names_of([one.path for one in sets])
    views = [view_of(*one) for one in zip(names, sets, cells)]
    named = [NamedSet(name, part, quantiles_of(times, one.rows))
             for name, part, times, one in zip(names, cells, samples, sets)]
    return render(views, page_data(named))


def names_of(paths: Sequence[Path]) -> list[str]:
    """The last parts of each path, as many as tell them apart."""
    folders = [(path.parent if path.name == "results.csv" else path).resolve() for path in paths]
    for count in range(1, max(len(folder.parts) for folder in folders) + 1):
        names = ["/".join(folder.parts[-count:]) for folder in folders]
        if len(set(names)) == len(names):
            break
    return names


def view_of(name: str, one: ResultsSet, cells: Sequence[Cell]) -> SetView:
    runs = [(run_id, facts_of(run)) for run_id, run in sorted(one.runs.items())]
    return SetView(
        name, title_of(cells, one.runs), basis_of(cells) if cells else "", verdicts_of(cells),
        cautions_of(one.rows, one.runs, cells), runs)


def title_of(cells: Sequence[Cell], runs: dict[str, dict]) -> str:
    """The machines, models and revisions of the cells."""
    machines = dict.fromkeys(
        f"{row['ranks']} ranks on {row['device']}, {row['transport']}"
        for row in (cell.over_engine for cell in cells))
    models = dict.fromkeys(str(cell.over_engine["model"]) for cell in cells)
    revisions = sorted({revision_of(run) for run in runs.values()})
    texts = ["; ".join(machines), ", ".join(models), f"revision {', '.join(revisions)}"]
    return ". ".join(texts[:3 if revisions else 2]) if cells else "no row with a time"


def missing_packages() -> list[str]:
    return [name for name in PACKAGES if find_spec(name) is None]


def render(views: Sequence[SetView], data: dict[str, object]) -> str:
    """jinja2 escapes whatever comes from files; ours is marked as safe in the template. Both
    packages are for this page alone, and are not asked of those who want images only."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from plotly.offline import get_plotlyjs

    loader = FileSystemLoader(PARTS)
    template = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True).get_template("page.html")
    return template.render(
        views=views, data=packed(data), plotly=get_plotlyjs(),
        style=(PARTS / "page.css").read_text(encoding="utf-8"),
        scripts=[(PARTS / name).read_text(encoding="utf-8") for name in SCRIPTS])

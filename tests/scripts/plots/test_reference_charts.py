"""The charts under plots/: what scripts/plot.py draws of the results of the same folder today."""

import re
import subprocess
import sys
import xml.etree.ElementTree as xml
from pathlib import Path

import pytest
from matplotlib import image
from program import FULL, ROOT

QUICK = {"amd-epyc-2-cores/tokens-topology"}
SETS = sorted({str(svg.parent.relative_to(ROOT / "plots")) for svg in ROOT.glob("plots/**/*.svg")})
# Of an element, what names it and does not show.
UNSEEN = {"id", "clip-path", "{http://www.w3.org/1999/xlink}href"}
NUMBER = re.compile(r"-?\d+\.?\d*(?:e-?\d+)?")


def marks(svg: Path) -> list[tuple[str, list[float]]]:
    """Every mark and text that is drawn, in order: its words, and its numbers apart."""
    found = []
    root = xml.parse(svg).getroot()
    for metadata in root.findall("{http://www.w3.org/2000/svg}metadata"):
        root.remove(metadata)
    for element in root.iter():
        seen = sorted(f"{name}={value}" for name, value in element.items() if name not in UNSEEN)
        words = " ".join([element.tag, *seen, (element.text or "").strip()])
        found.append((NUMBER.sub("#", words), [float(number) for number in NUMBER.findall(words)]))
    return found


def difference(committed: Path, drawn: Path) -> str:
    """The first mark that differs, or nothing."""
    before, now = marks(committed), marks(drawn)
    for (old, old_numbers), (new, new_numbers) in zip(before, now, strict=False):
        if old != new:
            return f"{old} is now {new}"
        if any(abs(a - b) > 0.01 for a, b in zip(old_numbers, new_numbers, strict=True)):
            return f"{old}: {old_numbers} are now {new_numbers}"
    return "" if len(before) == len(now) else f"{len(before)} marks are now {len(now)}"


def test_sees_moved_marks_and_other_words_and_no_names(tmp_path: Path) -> None:
    def drawn(text: str) -> Path:
        file = tmp_path / f"{len(list(tmp_path.iterdir()))}.svg"
        file.write_text(f"<svg><g id='a'>{text}</g></svg>")
        return file

    first = drawn("<path d='M 1.0 2'/><text>1.23 times</text>")
    assert difference(first, drawn("<path id='b' d='M 1.009 2'/><text>1.23 times</text>")) == ""
    assert "[1.0, 2.0] are now [1.02, 2.0]" in difference(first, drawn("<path d='M 1.02 2'/>"))
    assert "times is now" in difference(first, drawn("<path d='M 1.0 2'/><text>1.23 fold</text>"))
    assert "4 marks are now 3" in difference(first, drawn("<path d='M 1.0 2'/>"))


@pytest.mark.parametrize("name", SETS)
def test_reference_charts_are_up_to_date(tmp_path: Path, name: str) -> None:
    if not FULL and name not in QUICK:
        pytest.skip("all sets take minutes")
    pngs = {png.stem for png in (ROOT / "plots" / name).glob("*.png")} - {"report"}  # a photograph
    svgs = sorted((ROOT / "plots" / name).glob("*.svg"))
    subprocess.run(
        [sys.executable, ROOT / "scripts/plot.py", ROOT / "results" / name, "--out", tmp_path,
         "--format", "svg,png" if pngs else "svg"], check=True, capture_output=True)
    stale = {}
    for svg in svgs:
        drawn = tmp_path / svg.name
        stale[svg.name] = difference(svg, drawn) if drawn.exists() else "is drawn no more"
    for stem in pngs:
        old, new = (image.imread(folder / f"{stem}.png")
                    for folder in (ROOT / "plots" / name, tmp_path))
        same = old.shape == new.shape and abs(old - new).mean() < 1e-3
        stale[f"{stem}.png"] = "" if same else "other pixels"
    assert {chart: why for chart, why in stale.items() if why} == {}

"""What the documents say of other files: links lead somewhere. The front page stays one."""

import re

import pytest

from program import ROOT

FOLDERS = ["bench", "comm", "kernels", "results", "scripts", "tests"]
DOCUMENTS = sorted([*ROOT.glob("*.md"),
                    *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.md"))])


def anchors(document):
    """Those that a reader on GitHub can go to."""
    headings = re.findall(r"(?m)^#+ (.*)$", document.read_text())
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-")
            for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document):
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_the_front_page_is_short():
    assert len((ROOT / "README.md").read_text().split()) <= 1500

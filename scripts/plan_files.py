"""The files of a plan, which parts.sh reads: plan.json, and each part's command in NAME.words."""

import json
from collections.abc import Iterable
from pathlib import Path

from cli import cannot_write, write_text
from moe_results import ResultsError


def write_plan(folder: Path, plan: dict, commands: dict[str, list[str]]) -> None:
    """A plan that is there already must be the same."""
    file = folder / "plan.json"
    text = json.dumps(plan, indent=1) + "\n"
    if file.exists() and file.read_text(encoding="utf-8") != text:
        was = json.loads(file.read_text(encoding="utf-8"))
        now = json.loads(text)
        other = next((name for name in now if was.get(name) != now[name]), "plan")
        raise ResultsError(f"{folder} was made with another {other}; name another --out for these")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from None
    write_text(file, text)
    for name, words in commands.items():
        write_words(folder / f"{name}.words", words)


def write_words(file: Path, words: Iterable[str]) -> None:
    """A command as parts.sh reads it: each word ended by a zero byte."""
    write_text(file, "".join(word + "\0" for word in words))

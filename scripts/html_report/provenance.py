"""Where the numbers come from: what results.json says of each run, in the words of the page."""

import json
import shlex

FACTS = (
    ("started", "started"), ("device", "device"), ("ranks", "ranks"), ("library", "library"),
    ("compiler", "compiler"), ("kernel", "kernel"), ("host_names", "hosts"),
)


def facts_of(run: dict) -> list[tuple[str, str]]:
    """(name, text) of what a reader needs to repeat the run; what is missing is left out."""
    facts = [(title, as_text(run[name])) for name, title in FACTS if run.get(name)]
    facts.insert(1, ("revision", revision_of(run)))
    if run.get("command_line"):
        facts.append(("command", shlex.join(map(str, run["command_line"]))))
    if run.get("environment"):
        facts.append(("environment", " ".join(f"{name}={value}" for name, value
                                              in run["environment"].items())))
    return facts


def revision_of(run: dict) -> str:
    revision = str(run.get("git_revision") or "unknown")[:12]
    return f"{revision} and changes" if run.get("git_dirty") else revision


def as_text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value)

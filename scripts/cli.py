"""What the command lines of the scripts share: whatever is wrong with the input is one line."""

import argparse
import sys
from typing import NoReturn

from moe_results import ResultsError


class OneLineParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ResultsError(message)


def refuse(script: str, error: ResultsError | OSError) -> int:
    """Says it on standard error, in one line whatever a file name or a cell holds; the status."""
    text = str(error)
    if isinstance(error, OSError):
        text = f"cannot write {error.filename}: {error.strerror}"
    print(f"{script}:", *text.split(), file=sys.stderr)
    return 2

"""What the command lines of the scripts share: how they end, and how they say why."""

import argparse
import contextlib
import functools
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn, TextIO

from moe_results import ResultsError

NO_VERDICT, STOPPED = 2, 130

Main = Callable[[Sequence[str] | None], int]


class OneLineParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ResultsError(message)

    def print_help(self, file: TextIO | None = None) -> None:
        """argparse's own takes no notice of an output that is full."""
        print(self.format_help(), end="", file=file)


def command(script: str) -> Callable[[Main], Main]:
    """Makes main end with a status whatever happens: its own, 0 after --help, STOPPED, or
    NO_VERDICT with one line on standard error. The last one is also for a report that cannot be
    written and for a fault of the script: Python's own status for both is 1, a regression."""

    def decorate(main: Main) -> Main:
        @functools.wraps(main)
        def run(arguments: Sequence[str] | None = None) -> int:
            try:
                return _run(main, arguments)
            except KeyboardInterrupt:
                return _complain(script, "stopped", STOPPED)
            except ResultsError as error:
                return _complain(script, str(error))
            except OSError as error:
                return _complain(script, _os_error_text(error))
            except Exception as error:
                return _complain(script, _fault_text(error))

        return run

    return decorate


def write_text(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise cannot_write(file, error) from None


def cannot_write(file: Path, error: OSError) -> ResultsError:
    """Of a full disk Python does not say which file it holds."""
    return ResultsError(f"cannot write {error.filename or file}: {error.strerror}")


def _run(main: Main, arguments: Sequence[str] | None) -> int:
    if sys.stdout is None:
        raise ResultsError("cannot write to standard output: it is closed")
    # A letter that the terminal cannot show is no reason to fail: it is escaped.
    sys.stdout.reconfigure(errors="backslashreplace")
    try:
        status = main(arguments)
    except SystemExit:  # How argparse ends after --help.
        status = 0
    sys.stdout.flush()
    return status


def _complain(script: str, text: str, status: int = NO_VERDICT) -> int:
    """Says it in one line whatever a file name or a cell holds; the status."""
    try:
        sys.stdout.flush()
    except (AttributeError, OSError):
        _drop_output()
    with contextlib.suppress(OSError):
        print(f"{script}:", *text.split(), file=sys.stderr or sys.stdout)
    return status


def _drop_output() -> None:
    """What could not be written would fail once more when Python ends, with a status of its own."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    if nowhere != 1:
        os.close(nowhere)


def _os_error_text(error: OSError) -> str:
    """Files that are written have cannot_write(); what has no name is where a report goes."""
    if error.filename is None:
        return f"cannot write to standard output: {error.strerror}"
    return f"{error.filename}: {error.strerror}"


def _fault_text(error: Exception) -> str:
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(place.filename).name}:{place.lineno}"
    return f"a fault of this script ({where}): {type(error).__name__}: {error}"

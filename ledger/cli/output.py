"""What commands print: text for people, one JSON document for programs; errors with remedies."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ledger import errors

# The only table from kyojo's errors to exit codes; the most specific class wins.
EXIT_CODES: Mapping[type[errors.KyojoError], int] = {
    errors.KyojoError: 1,
    errors.InvalidInput: 2,
    errors.Infeasible: 3,
    errors.VerificationError: 3,
    errors.NotPermitted: 5,
    errors.Conflict: 6,
    errors.Unavailable: 7,
    errors.NotFound: 8,
    errors.InvariantViolated: 70,
}


def exit_code(error: errors.KyojoError) -> int:
    """The exit code of an error."""
    return next(EXIT_CODES[kind] for kind in type(error).__mro__ if kind in EXIT_CODES)


def show(text: str, document: Any, *, as_json: bool) -> None:
    """Print a result: the document for programs, the text for people."""
    print(json.dumps(document, ensure_ascii=False, indent=1) if as_json else text)


def show_error(error: errors.KyojoError, *, as_json: bool) -> None:
    """Print an error to standard error: what, where and how to mend it."""
    if as_json:
        document = {
            "code": error.code,
            "detail": error.message,
            "remedy": {"en": error.remedy_en, "ja": error.remedy_ja},
            "errors": [fault.as_dict() for fault in error.faults],
        }
        print(json.dumps(document, ensure_ascii=False), file=sys.stderr)
        return
    print(f"kyojo: {error.message} [{error.code}]", file=sys.stderr)
    for fault in error.faults:
        print(f"  {fault.where}: {fault.message}", file=sys.stderr)
    print(f"  → {error.remedy_en}\n  → {error.remedy_ja}", file=sys.stderr)


@contextmanager
def progress(label: str, *, quiet: bool = False) -> Iterator[Any]:
    """A progress bar on standard error; yields a function (done, all)."""
    if quiet:
        yield lambda _done, _all: None
        return
    from rich.console import Console  # noqa: PLC0415 - only where it is shown
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    with Progress(*columns, TimeElapsedColumn(), console=console) as bar:
        task = bar.add_task(label, total=None)

        def report(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield report

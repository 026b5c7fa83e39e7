"""Run the benchmarks: ``python -m bench [--only FIGURE] [--scale 0.1] [--json]``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bench.anchoring import anchor_batches
from bench.check import check_database
from bench.clients import CLIENTS
from bench.database import BOTH
from bench.divisions import divide_exactly
from bench.figure import MORE_IS_BETTER, Figure, write_results
from bench.month import audit_offline, close_month, filled_month
from bench.over_http import ingest_batch, write_single
from bench.page import HAS_BROWSER, SKIPPED, audit_in_browser
from bench.proofs import prove_entries

RESULTS = Path(__file__).parent / "results.json"
OVER_HTTP = {
    "ingest_batch": ingest_batch,
    "write_single": write_single,
    "write_single_p99": write_single,
}
OF_AN_AUDIT = ("audit_offline", "audit_processor", "audit_memory")
OF_A_MONTH = ("close_month", "close_month_statements", *OF_AN_AUDIT)
OF_A_CHECK = ("fsck", "fsck_memory")
PROOFS = "proofs_per_second"
BY_PAGE = "audit_in_browser"
OF_DIVISIONS = ("shapley_table", "shapley_inputs", "bounds")
OF_ANCHORING = ("anchor_gas", "anchor_cost")
FIGURES = (
    *OVER_HTTP, *OF_A_MONTH, BY_PAGE, PROOFS, *OF_A_CHECK, *OF_DIVISIONS, *OF_ANCHORING,
)  # fmt: skip
NUMBERS = ("value", "its value", "ratio", "limit")
Report = Callable[[str, int, int], None]


def main(arguments: list[str] | None = None) -> int:
    """Measure what is asked for, print it and write it down."""
    options = parse_arguments(arguments)
    console = Console(stderr=True)
    figures = list(measure(options, console))
    write_results(options.out, figures)
    if options.json:
        print(json.dumps([figure.row() for figure in figures], indent=1, ensure_ascii=False))
    else:
        Console().print(table(figures, options.scale))
    return 0


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", choices=FIGURES, help="one figure (its neighbours come along)")
    parser.add_argument("--database", choices=BOTH, help="over HTTP, only on this database")
    parser.add_argument(
        "--scale", type=_scale, default=1.0, help="a fraction of the full size, to try it out"
    )
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the results are written")
    return parser.parse_args(arguments)


def measure(options: argparse.Namespace, console: Console) -> Iterator[Figure]:
    """Every figure that is asked for."""
    databases = [options.database] if options.database else BOTH
    for work in dict.fromkeys(OVER_HTTP.values()):
        if options.only in (None, *(name for name, w in OVER_HTTP.items() if w is work)):
            for database in databases:
                with shown(console, f"{work.__name__}, {database}"):
                    yield from work(database, options.scale)
    if options.only in (None, *OF_A_MONTH):
        yield from _of_a_month(options, console)
    if options.only in (None, BY_PAGE):
        yield from _by_page(options, console)
    if options.only in (None, PROOFS):
        with shown(console, "proofs") as report:
            yield from prove_entries(options.scale, report)
    if options.only in (None, *OF_A_CHECK):
        with shown(console, "a check") as report:
            yield from check_database(options.scale, report)
    if options.only in (None, *OF_DIVISIONS):
        with shown(console, "divisions") as report:
            yield from divide_exactly(options.scale, report)
    if options.only in (None, *OF_ANCHORING):
        with shown(console, "anchoring") as report:
            yield from anchor_batches(options.scale, report)


def _of_a_month(options: argparse.Namespace, console: Console) -> Iterator[Figure]:
    with shown(console, "a month") as report, filled_month(options.scale, report) as filled:
        found = close_month(filled, report)
        if options.only not in OF_AN_AUDIT:
            yield from found
        if options.only in (None, *OF_AN_AUDIT):
            yield from audit_offline(filled, report)


def _by_page(options: argparse.Namespace, console: Console) -> Iterator[Figure]:
    if not HAS_BROWSER:
        console.print(SKIPPED)
        return
    with shown(console, "a month, by the page") as report:
        yield from audit_in_browser(options.scale, report)


@contextmanager
def shown(console: Console, label: str) -> Iterator[Report]:
    """A line that says what is going on; yields a function (what, done, all)."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console) as bar:
        task = bar.add_task(label, total=None)

        def report(what: str, done: int, total: int) -> None:
            bar.update(task, description=f"{label}: {what}", completed=done, total=total)

        yield report


def table(figures: list[Figure], scale: float) -> Table:
    """The results for people; a run at another scale says so."""
    size = "" if scale == 1 else f", SCALED to {scale:g} of the full size: to try it out only"
    found = Table(title=f"kyojo, {CLIENTS} clients over HTTP{size}", title_justify="left")
    for name in ("figure", "database", "value", "unit", "limit", "yardstick", "its value", "ratio"):
        found.add_column(name, justify="right" if name in NUMBERS else "left")
    for figure in figures:
        better = "more is better" if figure.unit in MORE_IS_BETTER else "less is better"
        found.add_row(
            figure.figure,
            figure.database,
            _number(figure.value),
            f"{figure.unit} ({better})",
            "" if figure.limit is None else _number(figure.limit),
            figure.yardstick,
            _number(figure.yardstick_value),
            f"{figure.ratio:.3g}",
        )
    return found


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def _scale(text: str) -> float:
    value = float(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError("a number above 0, at most 1")
    return value


if __name__ == "__main__":
    sys.exit(main())

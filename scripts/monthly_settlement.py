"""Run a month as far as it can go: settle, pay, publish the claims, anchor. For cron.

    scripts/monthly_settlement.py --config kyojo.toml --coop kaga 2026-10
                                  [--wait SECONDS] [--pay-on YYYY-MM-DD] [--dry-run] [--json]

Idempotent, and honest about waiting: it may be stopped anywhere and started again at any time.
docs/monthly.md says what it needs and when to run it. Exit status: 0 nothing is left to do, 75
something is waited for (EX_TEMPFAIL; run again later), 78 a setting is missing (EX_CONFIG),
otherwise as `kyojo`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import replace
from datetime import date

from ledger.cli.output import exit_code, show_error
from ledger.errors import KyojoError
from ledger.service.month import (
    Doing,
    Patience,
    Report,
    Standing,
    Words,
    document_of,
    run_month,
    stay,
    text_of,
)
from ledger.wiring import Installation, config_path, open_installation

WAITING, UNSET = 75, 78


def main() -> int:
    """Run the month once, or for as long as was asked for."""
    options = _parser().parse_args()
    try:
        installation = open_installation(config_path(options.config))
        try:
            report = run(installation, options)
        finally:
            installation.close()
    except KyojoError as error:
        show_error(error, as_json=options.json)
        return exit_code(error)
    if options.json:
        print(json.dumps(document_of(report), ensure_ascii=False))
    else:
        print(text_of(report))
    return status_of(report, is_dry=options.dry_run)


def run(installation: Installation, options: argparse.Namespace) -> Report:
    """The report of the last look at the month; ``done`` has what all of them did."""
    coop = installation.coop(options.coop)
    means = replace(
        installation.month_means(options.coop),
        pay_on=options.pay_on,
        leaves_chain=options.no_anchor,
    )
    doing = Doing(is_dry=options.dry_run, tell=_tell if options.wait else _say_nothing)
    seconds = 0.0 if options.dry_run else options.wait
    patience = Patience(seconds, options.poll, time.monotonic, time.sleep)
    told: set[str] = set()

    def tell(report: Report) -> None:
        for line in report.reasons():
            if str(line) not in told:
                told.add(str(line))
                print(f"… {line}", file=sys.stderr, flush=True)

    return stay(lambda: run_month(coop, options.period, means, doing), patience, tell)


def status_of(report: Report, *, is_dry: bool) -> int:
    """The exit status: what somebody must mend first, then what is waited for."""
    for track in report.failed:
        if track.error is not None:
            show_error(track.error, as_json=False)
            return exit_code(track.error)
    if report.waiting and not is_dry:
        return WAITING
    unset = any(track.standing is Standing.UNSET for track in report.tracks)
    return UNSET if unset else 0


def _tell(words: Words) -> None:
    print(f"✓ {words}", file=sys.stderr, flush=True)


def _say_nothing(_words: Words) -> None:
    """Without --wait there is nobody who waits for a line."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("period", metavar="YYYY-MM")
    parser.add_argument("--config")
    parser.add_argument("--coop", required=True)
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, do nothing")
    parser.add_argument(
        "--no-anchor", action="store_true", help="leave the chain alone: no anchors, no claims"
    )
    parser.add_argument(
        "--wait", type=float, default=0.0, metavar="SECONDS", help="stay for decisions and finality"
    )
    parser.add_argument(
        "--poll", type=float, default=5.0, metavar="SECONDS", help="how often to look (5)"
    )
    parser.add_argument(
        "--pay-on",
        type=date.fromisoformat,
        metavar="YYYY-MM-DD",
        help="the day of payment of files not made yet (the next business day)",
    )
    parser.add_argument("--json", action="store_true")
    return parser


if __name__ == "__main__":
    sys.exit(main())

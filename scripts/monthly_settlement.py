"""Run a month's settlement as far as it can go. For cron: idempotent, and honest about waiting.

    scripts/monthly_settlement.py --config kyojo.toml --coop kaga 2026-10 [--dry-run] [--json]

Exit status: 0 nothing is left to do, 75 the month waits for something (EX_TEMPFAIL; run again
later), otherwise as `kyojo`.
"""

from __future__ import annotations

import argparse
import json
import sys

from ledger.cli.output import exit_code, show_error
from ledger.errors import KyojoError
from ledger.service.anchor_status import anchor_document
from ledger.service.month import run_month
from ledger.wiring import config_path, open_installation

WAITING = 75


def main() -> int:
    """Run the month once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("period", metavar="YYYY-MM")
    parser.add_argument("--config")
    parser.add_argument("--coop", required=True)
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, do nothing")
    parser.add_argument("--no-anchor", action="store_true", help="leave the chain alone")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    try:
        return run(options)
    except KyojoError as error:
        show_error(error, as_json=options.json)
        return exit_code(error)


def run(options: argparse.Namespace) -> int:
    """Open the installation, run the month, print what happened."""
    installation = open_installation(config_path(options.config))
    try:
        access = None if options.no_anchor else installation.chain(options.coop)
        progress = run_month(
            installation.coop(options.coop), options.period, access, dry_run=options.dry_run
        )
    finally:
        installation.close()
    document = {
        "period": options.period,
        "status": progress.status,
        "done": list(progress.done),
        "waits_for": progress.waits_for,
        "anchor": None if progress.anchored is None else anchor_document(progress.anchored),
    }
    if options.json:
        print(json.dumps(document, ensure_ascii=False))
    else:
        print("\n".join([*progress.done, f"{options.period} is {progress.status}"]))
        if progress.waits_for:
            print(f"waits for {progress.waits_for}")
    return WAITING if progress.waits_for else 0


if __name__ == "__main__":
    sys.exit(main())

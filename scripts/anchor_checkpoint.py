"""Anchor the newest checkpoint of a co-op's log on every target, as its policy says. For cron.

    scripts/anchor_checkpoint.py --config kyojo.toml --coop kaga [--now] [--json]

Moves what is under way, bumps what is stuck, records what has become final. Exit status: 0 all
targets were worked on, otherwise that of the first that failed, as `kyojo`.
"""

from __future__ import annotations

import argparse
import json
import sys

from ledger.cli.output import exit_code, show_error
from ledger.errors import KyojoError
from ledger.service.anchor import anchor_all, report_lines, reports_document
from ledger.wiring import config_path, open_installation


def main() -> int:
    """Anchor once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config")
    parser.add_argument("--coop", required=True)
    parser.add_argument("--now", action="store_true", help="whatever the policy says")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    try:
        installation = open_installation(config_path(options.config))
        try:
            coop = installation.coop(options.coop)
            reports = anchor_all(coop, installation.chains(options.coop), now=options.now)
            document = reports_document(coop, reports)
        finally:
            installation.close()
    except KyojoError as error:
        show_error(error, as_json=options.json)
        return exit_code(error)
    lines = [line for report in reports for line in report_lines(report)]
    print(json.dumps(document, ensure_ascii=False) if options.json else "\n".join(lines))
    return next((exit_code(one.error) for one in reports if one.error is not None), 0)


if __name__ == "__main__":
    sys.exit(main())

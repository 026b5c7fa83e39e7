"""Anchor the newest checkpoint of a co-op's log and record what has become final. For cron.

scripts/anchor_checkpoint.py --config kyojo.toml --coop kaga [--json]
"""

from __future__ import annotations

import argparse
import json
import sys

from ledger.cli.output import exit_code, show_error
from ledger.errors import KyojoError
from ledger.service.anchor import anchor, waiting_text
from ledger.service.month import anchor_document
from ledger.service.published import unwitnessed
from ledger.wiring import config_path, open_installation


def main() -> int:
    """Anchor once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config")
    parser.add_argument("--coop", required=True)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    try:
        installation = open_installation(config_path(options.config))
        try:
            coop = installation.coop(options.coop)
            found = anchor(coop, installation.chain(options.coop))
            waiting = waiting_text(unwitnessed(coop))
        finally:
            installation.close()
    except KyojoError as error:
        show_error(error, as_json=options.json)
        return exit_code(error)
    document = None if found is None else anchor_document(found)
    text = "nothing to anchor yet" if found is None else f"size {found.size} is {found.state}"
    print(json.dumps(document) if options.json else text + waiting)
    return 0


if __name__ == "__main__":
    sys.exit(main())

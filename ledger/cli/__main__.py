"""``python -m ledger.cli`` is the command ``kyojo``."""

import sys

from ledger.cli.main import main

sys.exit(main())

"""Published test data: the worked examples of the log's format description."""

import base64

from ledger.log import merkle

FIFTEEN_ENTRIES = (
    b"one two three four five six seven eit nain ten ileven twelf threeten fourten fivten"
).split()
FIFTEEN_LEAVES = [merkle.leaf_hash(entry) for entry in FIFTEEN_ENTRIES]
FIFTEEN_ROOT = bytes.fromhex("aca6c38a90af86e5f5199ee0e4105ef2c03a05b27b8daff59e4e36eefdfcddcb")


def hashes_of(lines):
    return tuple(base64.b64decode(line, validate=True) for line in lines.split())

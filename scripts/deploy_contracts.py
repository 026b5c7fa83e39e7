"""Deploy the CheckpointAnchor contract and print the facts that the charter and trust files need.

    scripts/deploy_contracts.py --rpc https://… --sender-key FILE --signer 0x… [--signer 0x…] -k 2

The signers are the anchorers' addresses; production uses k of at least 2 with members among them.
Deploy before founding: the charter names the contract. The deployer keeps no right.
"""

from __future__ import annotations

import argparse
import json
import sys

from ledger.chain.anchor import DEFAULT_MAX_GROWTH, deploy_anchor_contract
from ledger.chain.node import open_node
from ledger.cli.output import exit_code, show_error
from ledger.errors import KyojoError
from ledger.wiring import EMBEDDED_GAS_KEY, read_secret


def main() -> int:
    """Deploy once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rpc", required=True, help="a JSON-RPC URL, or embedded:FILE")
    parser.add_argument("--sender-key", help="file of the key that pays the gas")
    parser.add_argument("--signer", action="append", required=True, help="an anchorer's address")
    parser.add_argument("-k", type=int, default=1, help="how many anchorers must sign")
    parser.add_argument("--max-growth", type=int, default=DEFAULT_MAX_GROWTH)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    try:
        key = read_secret(options.sender_key) if options.sender_key else EMBEDDED_GAS_KEY
        with open_node(options.rpc) as node:
            made = deploy_anchor_contract(
                node, key, signers=options.signer, k=options.k, max_growth=options.max_growth
            )
    except KyojoError as error:
        show_error(error, as_json=options.json)
        return exit_code(error)
    document = {
        "chain_id": made.chain_id,
        "contract": made.contract.lower(),
        "code_hash": made.code_hash.hex(),
        "block_number": made.block_number,
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in document.items()]
    print(json.dumps(document) if options.json else "\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())

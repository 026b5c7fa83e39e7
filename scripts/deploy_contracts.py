"""Deploy the contracts and print the facts that the charter and trust files need.

    scripts/deploy_contracts.py --rpc https://… --sender-key FILE --signer 0x… [--signer 0x…] -k 2
    scripts/deploy_contracts.py --rpc https://… --sender-key FILE --token 0x… --decimals 18
                                --approver 0x… [--approver 0x…] --approvals 2

The first deploys CheckpointAnchor; the signers are the anchorers' addresses. The second deploys
RevenueVault over an ERC-20; the approvers are those of settlements. One call may do both.
Production uses quorums of at least 2 with members among the signers. Deploy the anchor contract
before founding: the charter names it. The deployer keeps no right.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from ledger.chain.anchor import DEFAULT_MAX_GROWTH, deploy_anchor_contract
from ledger.chain.node import Node, open_node
from ledger.chain.quorum import Deployment
from ledger.chain.vault import DEFAULT_CLAIM_WINDOW_SECONDS, deploy_vault_contract
from ledger.cli.output import exit_code, show_error
from ledger.errors import KyojoError
from ledger.wiring import EMBEDDED_GAS_KEY, read_secret

DAY_SECONDS = 86_400
DEFAULT_WINDOW_DAYS = -(-DEFAULT_CLAIM_WINDOW_SECONDS // DAY_SECONDS)


def main() -> int:
    """Deploy once what is asked for."""
    parser = _parser()
    options = parser.parse_args()
    if not options.signer and options.token is None:
        parser.error("name --signer (for the anchor contract), --token (for the vault), or both")
    if options.token is not None and not (options.approver and options.decimals is not None):
        parser.error("--token needs --decimals and --approver")
    try:
        key = read_secret(options.sender_key) if options.sender_key else EMBEDDED_GAS_KEY
        with open_node(options.rpc) as node:
            document = _deploy(node, key, options)
    except KyojoError as error:
        show_error(error, as_json=options.json)
        return exit_code(error)
    lines = [f"{name} = {json.dumps(value)}" for name, value in document.items()]
    print(json.dumps(document) if options.json else "\n".join(lines))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rpc", required=True, help="a JSON-RPC URL, or embedded:FILE")
    parser.add_argument("--sender-key", help="file of the key that pays the gas")
    parser.add_argument("--json", action="store_true")
    anchor = parser.add_argument_group("CheckpointAnchor")
    anchor.add_argument("--signer", action="append", default=[], help="an anchorer's address")
    anchor.add_argument("-k", type=int, default=1, help="how many anchorers must sign")
    anchor.add_argument("--max-growth", type=int, default=DEFAULT_MAX_GROWTH)
    vault = parser.add_argument_group("RevenueVault")
    vault.add_argument("--token", help="the ERC-20 that is to be held")
    vault.add_argument("--decimals", type=int, help="the token's decimals, compared with its own")
    vault.add_argument("--approver", action="append", default=[], help="an approver's address")
    vault.add_argument("--approvals", type=int, default=1, help="how many approvers must sign")
    vault.add_argument(
        "--claim-window-days",
        type=int,
        default=DEFAULT_WINDOW_DAYS,
        help="for how long nothing that is not claimed may expire (default: five years)",
    )
    return parser


def _deploy(node: Node, key: bytes, options: argparse.Namespace) -> dict[str, Any]:
    """The facts of what was deployed; those of the vault are named so."""
    document: dict[str, Any] = {}
    if options.signer:
        made = deploy_anchor_contract(
            node, key, signers=options.signer, k=options.k, max_growth=options.max_growth
        )
        document = _facts(made)
    if options.token is not None:
        made = deploy_vault_contract(
            node,
            key,
            token=options.token,
            decimals=options.decimals,
            signers=options.approver,
            k=options.approvals,
            claim_window_seconds=options.claim_window_days * DAY_SECONDS,
        )
        document |= {f"vault_{name}": value for name, value in _facts(made).items()}
    return document


def _facts(made: Deployment) -> dict[str, Any]:
    return {
        "chain_id": made.chain_id,
        "contract": made.contract.lower(),
        "code_hash": made.code_hash.hex(),
        "block_number": made.block_number,
    }


if __name__ == "__main__":
    sys.exit(main())

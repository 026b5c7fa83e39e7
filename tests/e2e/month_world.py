"""A co-op on a real node for the tests of the whole month: contracts, accounts, usage, hands.

Two members are paid by bank, one through the vault; two anchorers and two approvers must sign.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from ledger.chain.history import read_contract
from ledger.chain.node import Node, Transaction, open_node, sign_transaction
from ledger.chain.quorum import call_data, key_address
from ledger.chain.vault import fund_call, read_balance, read_sums
from ledger.coop.payouts import vault_totals
from ledger.payout.claims import Claims, parse_dump
from ledger.payout.zengin import parse_zengin
from ledger.service.anchor import anchor_all
from ledger.service.coop import Coop
from ledger.service.submit import submit_usage
from ledger.store.reading import Filter
from ledger.wiring import Installation, open_installation, write_secret
from tests.accounts import (
    bank_account,
    confirm_accounts,
    name_bank_account,
    name_evm_account,
)
from tests.builder import ORIGIN
from tests.chain.chain_world import ANVIL_PAYER
from tests.chain.vault_on_chain import plain_token
from tests.installation import (
    FIRMS,
    MONTH,
    SLUG,
    Place,
    lay_out,
    line,
    prepare,
    usage_body,
)

REPOSITORY = Path(__file__).resolve().parents[2]
SCRIPT = REPOSITORY / "scripts" / "monthly_settlement.py"
BIKES = "0x" + "7" * 40
UNIT = 10**18
SECTIONS = """
[coops.kaga.chain]
url = "{url}"
sender_key = "keys/payer.key"
anchorer_keys = ["keys/signer-1.key", "keys/signer-2.key"]

[coops.kaga.vault]
url = "{url}"
sender_key = "keys/payer.key"
contract = "{vault}"
currency = "JPY"
approver_keys = ["keys/signer-1.key", "keys/signer-2.key"]

[coops.kaga.payouts]
folder = "bank"
bank_payer = "payer.json"
"""
ONCE = ("period-closing", "period-closed", "settlement-proposed", "settlement-settled",
        "payout-exported")  # fmt: skip


@dataclass(frozen=True)
class Town(Place):
    """An installation whose chains are on the node at ``url``."""

    url: str
    token: str
    vault: str

    def use_port(self, port: int) -> None:
        Place(self.root).use_port(port)
        text = self.config.read_text().split("\n[coops.kaga.chain]")[0]
        self.config.write_text(text + SECTIONS.format(url=self.url, vault=self.vault))

    def moved(self, root: Path) -> Town:
        """The same town in another folder."""
        return Town(root, self.url, self.token, self.vault)


def build(root: Path, url: str, **changes: Any) -> Town:
    """Contracts by the script, keys, configuration, charter, accounts and a month of usage."""
    lay_out(root)
    payer = root / "keys" / "payer.key"
    write_secret(payer, ANVIL_PAYER.hex())
    signers = [sha256(b"signer %d" % number).digest() for number in (1, 2)]
    for number, key in enumerate(signers, 1):
        write_secret(root / "keys" / f"signer-{number}.key", key.hex())
    with open_node(url) as node:
        token = plain_token(node, ANVIL_PAYER)
    made = _deploy(url, payer, token, [key_address(key) for key in signers])
    contract = {name: made[name] for name in ("chain_id", "contract", "code_hash")}
    (root / "contract.json").write_text(json.dumps(contract))
    payer_account = {"code": "9900000001", "account": bank_account("bus", 7)}
    (root / "payer.json").write_text(json.dumps(payer_account), "utf-8")
    town = Town(root, url, token, made["vault_contract"])
    town.use_port(8000)
    prepare(town, **changes)
    return town


def _deploy(url: str, payer: Path, token: str, signers: list[str]) -> dict[str, Any]:
    names = [part for one in signers for part in ("--signer", one, "--approver", one)]
    command = [sys.executable, str(REPOSITORY / "scripts" / "deploy_contracts.py"), *names,
               "--rpc", url, "--sender-key", str(payer), "-k", "2", "--approvals", "2",
               "--token", token, "--decimals", "18", "--json"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def live_through_the_month(coop: Coop) -> None:
    """Usage and accounts, past the API: what the sweep begins with."""
    for who, trips in (("bus", 413), ("ev", 291), ("bike", 137)):
        submit_usage(coop, usage_body(coop, who, line(f"{who}-1", measures={"trips": trips})))
    for number, firm in enumerate(("bus", "ev"), 1001):
        name_bank_account(coop, firm, number)
    name_evm_account(coop, "bike", BIKES)
    confirm_accounts(coop)


def mine(url: str, count: int = 4) -> None:
    with open_node(url) as node:
        node.web3.provider.make_request("anvil_mine", [hex(count)])  # type: ignore[arg-type]


def fund(town: Town) -> bool:
    """Put into the vault what the members ordered through it; False while nothing is ordered."""
    with closing(open_installation(town.config)) as installation:
        totals = vault_totals(installation.coop(SLUG).state(), "JPY", through=MONTH)
    amount = sum(totals.values()) * UNIT
    with open_node(town.url) as node:
        if not amount or read_sums(node, town.vault, ORIGIN).deposited:
            return bool(amount)
        transact(node, town.token, call_data("mint(address,uint256)", [_payer(), amount]))
        transact(node, town.token, call_data("approve(address,uint256)", [town.vault, amount]))
        transact(node, town.vault, fund_call(ORIGIN, amount))
    return True


def transact(node: Node, to: str, data: bytes) -> None:
    unsigned = Transaction(node.chain_id, node.nonce(_payer()), to, data, 500_000, node.fees())
    signed = sign_transaction(unsigned, ANVIL_PAYER)
    node.send(signed.raw)
    assert node.wait_for_receipt(signed.hash).succeeded


def anchor_what_is_left(town: Town, installation: Installation) -> None:
    """What `scripts/anchor_checkpoint.py` does beside the month, until nothing is new."""
    coop = installation.coop(SLUG)
    for _ in range(6):
        (report,) = anchor_all(coop, installation.chains(SLUG))
        assert report.error is None
        is_recorded = report.newest is not None and report.newest.recorded_at is not None
        if is_recorded and report.verdict is not None and not report.verdict.is_due:
            return
        mine(town.url)
    raise AssertionError(report)


def check_exactly_once(town: Town, installation: Installation) -> Claims:
    """Everything that the month brings is there once: entries, files, heads, the root."""
    coop = installation.coop(SLUG)
    with coop.reading() as (state, log):
        kinds = Counter(row.kind for row in log.search(Filter()))
        size = log.head().size
        assert size == kinds.total()
        with open_node(town.url) as node:
            view = read_contract(node, town.contract()["contract"], ORIGIN, blocks_max=1000)
            sums = read_sums(node, town.vault, ORIGIN)
        heads = {event.head.size: log.root(event.head.size) for event in view.events}
    assert {kind: kinds[kind] for kind in ONCE} == dict.fromkeys(ONCE, 1)
    assert kinds["payout-ordered"] == 2
    # One event a size, each with the log's own root, each recorded once.
    told = (sorted(heads), len(view.events), kinds["anchor-recorded"])
    assert len(heads) == len(view.events) == kinds["anchor-recorded"], told
    assert heads == {event.head.size: event.head.root for event in view.events}
    paid = state.period(MONTH).paid
    ordered = [one for order in state.orders.values() for one in order.lines.values()]
    assert {one.member: one.amount_minor for one in ordered} == dict(paid)
    assert len(ordered) == len(FIRMS)
    (bank,) = [one for one in (town.root / "bank").iterdir() if one.suffix == ".txt"]
    assert parse_zengin(bank.read_bytes()).total_minor == paid["bus"] + paid["ev"]
    (dump,) = [one for one in (town.root / "bank").iterdir() if one.suffix == ".json"]
    assert len(list((town.root / "bank").iterdir())) == 2
    claims = parse_dump(dump.read_bytes())
    assert (claims.root, claims.total) == (sums.publication.root, sums.publication.total)
    assert claims.total == sums.deposited == paid["bike"] * UNIT
    return claims


def balance(town: Town, who: str) -> int:
    with open_node(town.url) as node:
        return read_balance(node, town.token, who)


def _payer() -> str:
    return key_address(ANVIL_PAYER)

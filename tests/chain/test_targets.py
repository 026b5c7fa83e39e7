"""Several targets, several processes, wrong settings: each target for itself, each anchor once."""

import json
import shutil
import threading
from dataclasses import replace

import pytest

from ledger.chain.anchor import read_head
from ledger.chain.node import open_node
from ledger.chain.quorum import key_address
from ledger.errors import AnchorMismatch, ChainUnavailable, QuorumMissing, StoreBusy
from ledger.service.anchor import ChainAccess, anchor, anchor_all, report_lines, reports_document
from ledger.service.anchor_access import choose_target
from ledger.service.anchor_policy import AnchorPolicy
from ledger.service.anchor_status import status_lines, statuses
from ledger.service.found import found
from ledger.service.office import write
from ledger.service.shown import shown, shown_document
from ledger.store.key_lock import key_lock
from ledger.store.reading import Filter
from ledger.wiring import EMBEDDED_GAS_KEY
from tests.builder import ORIGIN, signing_key
from tests.chain.anvil import running_anvil
from tests.chain.chain_world import ANCHORERS, ANVIL_PAYER, deploy
from tests.chain.proxy import rpc
from tests.installation import ANCHORER, MEMBERS, SLUG, Place, carry, charter_of, lay_out

OWN = bytes.fromhex(ANCHORER.secret_hex)
NOWHERE = "http://127.0.0.1:9"


class Two:
    """A co-op with two targets: the embedded chain, and anvil."""

    def __init__(self, place, url):
        self.url = url
        with open_node(url) as node:
            made = deploy(node, ANVIL_PAYER)
        second = {
            "chain_id": made.chain_id,
            "contract": made.contract.lower(),
            "code_hash": made.code_hash.hex(),
        }
        self.installation = place.open()
        self.coop = self.installation.coop(SLUG)
        terms = charter_of(place, anchors=[place.contract(), second])
        found(self.coop, terms, [signing_key(who) for who in MEMBERS])
        self.contract = made.contract
        self.first = self.installation.chain(SLUG)
        self.second = ChainAccess(url, ANVIL_PAYER, tuple(ANCHORERS[:2]), chain_id=31337)

    def register(self, number):
        facility = {"id": f"hub-{number}", "name": {"ja": "拠点", "en": "Hub"}, "owner": "bus"}
        write(self.coop, kind="facility-registered", body=facility)

    def recorded(self):
        with self.coop.reading() as (_, log):
            return len(log.search(Filter(kind="anchor-recorded")))

    def settle(self):
        """What is out on anvil becomes final."""
        rpc(self.url, "anvil_mine", "0x4")


@pytest.fixture(scope="module")
def laid_out(tmp_path_factory):
    return lay_out(tmp_path_factory.mktemp("targets") / "place").root


@pytest.fixture
def two(laid_out, tmp_path):
    shutil.copytree(laid_out, tmp_path / "place")
    with running_anvil() as url:
        world = Two(Place(tmp_path / "place"), url)
        yield world
        world.installation.close()


def test_each_target_is_anchored_and_recorded_for_itself(two):
    reports = anchor_all(two.coop, [two.first, two.second])
    assert [one.error for one in reports] == [None, None]
    two.settle()
    anchor_all(two.coop, [two.first, two.second])
    assert two.recorded() == 2
    finals = [one.final_size for one in statuses(two.coop, ())]
    assert finals == [1, 2], "the second run found the entry that records the first's anchor"
    document = shown_document(shown(two.coop), 0)
    assert [one["state"] for one in document["entry"]["targets"]] == ["final", "final"]
    after = shown_document(shown(two.coop), 1)["entry"]
    assert (after["signed"], after["witnessed"]) == (True, False)
    assert [one["state"] for one in after["targets"]] == ["none", "final"]
    anchor_all(two.coop, [two.first, two.second])
    assert two.recorded() == 2


def test_one_that_is_down_holds_up_no_other(two):
    down = replace(two.second, url=NOWHERE, timeout_seconds=0.3)
    reports = anchor_all(two.coop, [down, two.first])
    assert isinstance(reports[0].error, ChainUnavailable)
    assert reports[1].newest.state == "final"
    text = "\n".join(line for report in reports for line in report_lines(report))
    assert "[chain-unavailable]" in text
    assert "size 1 is final" in text
    document = reports_document(two.coop, reports)
    assert document["targets"][0]["error"]["code"] == "chain-unavailable"
    assert [one.final_size for one in statuses(two.coop, ())] == [1, 0]
    assert "not anchored yet" in "\n".join(status_lines(statuses(two.coop, ())[1]))


def test_settings_that_are_for_another_chain_or_contract_are_refused(two):
    for wrong, why in (
        ({"chain_id": 1}, "the settings say chain 1, the node serves 31337"),
        ({"contract": "0x" + "11" * 20}, "names an anchor contract"),
        ({"url": two.first.url, "chain_id": None, "contract": two.contract}, "names an anchor"),
        ({"check_url": two.first.url}, "expected chain 31337"),
    ):
        with pytest.raises(AnchorMismatch, match=why):
            anchor(two.coop, replace(two.second, **wrong))
    state = two.coop.state()
    terms = state.terms()
    (first, second) = terms.anchors
    for anchors, why in (
        ([second, second.model_copy(update={"contract": first.contract})], "several contracts"),
        ([second.model_copy(update={"code_hash": "ab" * 32})], "has hash"),
    ):
        changed = replace(state, charter=terms.model_copy(update={"anchors": anchors}))
        with open_node(two.url) as node, pytest.raises(AnchorMismatch, match=why):
            choose_target(changed, two.second, node)


def test_a_second_node_that_tells_another_history_stops_it(two):
    with running_anvil("--timestamp", "1700000000") as other:
        with open_node(other) as node:
            deploy(node, ANVIL_PAYER)  # the same contract at the same place, in other blocks
        rpc(other, "anvil_mine", "0x8")
        rpc(two.url, "anvil_mine", "0x8")
        with pytest.raises(AnchorMismatch, match="different final blocks"):
            anchor(two.coop, replace(two.second, check_url=other))
    assert anchor(two.coop, replace(two.second, check_url=two.url)).size == 1


def test_anchorers_that_the_contract_does_not_know_are_named_before_anything_is_signed(two):
    stranger = replace(two.second, anchorer_keys=(ANCHORERS[0], OWN))
    with pytest.raises(QuorumMissing, match="no signers of its epoch 1") as caught:
        anchor(two.coop, stranger)
    assert caught.value.details["strangers"] == [key_address(OWN)]
    assert statuses(two.coop, ())[1].newest is None
    more = replace(two.second, anchorer_keys=(OWN, *ANCHORERS))
    assert anchor(two.coop, more).size == 1


def test_a_policy_waits_and_says_for_what_and_now_overrides_it(two):
    hourly = replace(two.first, policy=AnchorPolicy(every_minutes=60, every_entries=3))
    assert anchor(two.coop, hourly).size == 1
    two.register(1)
    (report,) = anchor_all(two.coop, [hourly])
    assert (report.newest.size, report.verdict.is_due) == (1, False)
    assert "1 new entries wait for 3 entries or until" in "\n".join(report_lines(report))
    assert anchor(two.coop, hourly, now=True).size == 3
    for number in (2, 3, 4):
        two.register(number)
    assert anchor(two.coop, hourly).size == 7


def test_what_is_sent_and_in_no_block_becomes_overdue(two):
    rpc(two.url, "evm_setAutomine", False)
    daily = replace(two.second, policy=AnchorPolicy(never_older_minutes=1440))
    assert anchor(two.coop, daily).state == "sent"
    later = replace(two.coop, clock=lambda: "2999-01-01T00:00:00.000Z")
    for coop, is_overdue in ((two.coop, False), (later, True)):
        status = statuses(coop, (daily.settings,))[1]
        assert (status.newest.state, status.verdict.is_overdue) == ("sent", is_overdue)
    assert "OVERDUE" in "\n".join(status_lines(status))
    two.settle()
    anchor(two.coop, daily)
    assert not statuses(later, (daily.settings,))[1].verdict.is_overdue


def test_a_cap_that_is_reached_waits_and_says_so(two):
    poor = replace(two.second, fees=replace(two.second.fees, monthly_cost_cap_wei=1))
    (report,) = anchor_all(two.coop, [poor], now=True)
    assert report.error is None
    assert "above the cap of 1" in report.waits_for
    assert report.newest is None


def test_one_process_at_a_time_sends_with_a_key(two, monkeypatch):
    monkeypatch.setattr("ledger.service.anchor.LOCK_SECONDS", 0)
    sender = key_address(EMBEDDED_GAS_KEY)
    place = {"chain_id": statuses(two.coop, ())[0].chain_id, "sender": sender}
    with (
        key_lock(two.coop.database, **place, wait_seconds=0),
        pytest.raises(StoreBusy, match="another process is sending"),
    ):
        anchor(two.coop, two.first)
    assert anchor(two.coop, two.first).size == 1


def test_several_at_once_make_one_anchor(two):
    errors = []

    def run():
        try:
            anchor(two.coop, two.second)
        except Exception as error:  # noqa: BLE001 - told below
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    two.settle()
    assert anchor(two.coop, two.second).state == "final"
    assert two.recorded() == 1
    with open_node(two.url) as node:
        assert read_head(node, two.contract, ORIGIN).size == 1
        assert node.nonce(key_address(ANVIL_PAYER)) == 2, "the deployment and one anchor"


def test_a_report_and_the_status_are_json(two):
    reports = anchor_all(two.coop, [two.first])
    assert json.loads(json.dumps(reports_document(two.coop, reports)))["state"] == "final"


def test_after_a_decision_anchors_go_to_the_successor_and_what_was_out_is_recorded(two):
    named = replace(two.second, contract=two.contract)
    assert anchor(two.coop, named).state == "mined"
    with open_node(two.url) as node:
        made = deploy(node, ANVIL_PAYER)
    successor = {"chain_id": 31337, "contract": made.contract.lower(),
                 "code_hash": made.code_hash.hex()}  # fmt: skip
    body = {"chain_id": 31337, "contract": two.contract.lower(), "successor": successor,
            "reason": "a signer was lost"}  # fmt: skip
    write(two.coop, kind="anchor-successor-named", body=body)
    carry(two.coop)
    two.settle()
    found_ = anchor(two.coop, named)
    assert found_.contract == made.contract.lower(), "the settings follow the line"
    assert two.recorded() == 1, "the anchor on the contract before it"
    two.settle()
    found_ = anchor(two.coop, named)
    assert found_.state == "final"
    assert found_.recorded_at is not None
    assert two.recorded() == 2
    other = replace(two.second, contract="0x" + "11" * 20)
    with pytest.raises(AnchorMismatch, match="neither the charter nor a decision"):
        anchor(two.coop, other)

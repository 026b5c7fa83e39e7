"""Slices: one month proven from the state before it, and everything that may be wrong with one."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import canonical
from ledger.audit.bundle import (
    END_PROOF,
    LEAVES,
    MANIFEST,
    START_CHECKPOINT,
    START_GENESIS,
    START_PREFIX,
    START_PROOFS,
    START_STATE,
    START_USAGE,
)
from ledger.audit.report import report_document
from ledger.audit.report_text import report_text
from ledger.chain.node import open_node
from ledger.coop.state import state_document
from ledger.errors import NotFound
from tests.audit.test_flips import entry_at
from tests.audit.world import (
    anchored_month,
    bundle_of,
    chain_url,
    files_of,
    flipped,
    note_of,
    open_month,
    places,
    rebuild,
    slice_of,
    state_at,
    three_months,
    trust_in,
    verify,
)
from tests.coop.stages import batches_of

OWN_FILES = (START_STATE, START_PREFIX, START_GENESIS, START_PROOFS, START_USAGE, LEAVES, END_PROOF)


@pytest.fixture(scope="module")
def world():
    return three_months()


@pytest.fixture(scope="module")
def trust(world):
    return trust_in(world)


@pytest.fixture(scope="module")
def cuts(world):
    """Where October and November were cut off: November's and December's slices start there."""
    return [world.state.periods[month].cut_off.index for month in ("2026-10", "2026-11")]


@pytest.fixture(scope="module")
def december(world, cuts):
    """December's slice, which ends before the log does and brings a signed head at its start."""
    start_note = note_of(world.entries[: cuts[1]], world.root(cuts[1]))
    return slice_of(world, cuts[1], len(world.entries) - 1, start_note=start_note)


@pytest.fixture(scope="module")
def files(december):
    return files_of(december)


def test_later_months_verify_and_say_the_same_as_the_whole_log(world, trust, cuts):
    whole = verify(bundle_of(world), trust)
    assert whole.verdict == "verified", whole.findings
    for cut, months in zip(cuts, (("2026-11", "2026-12"), ("2026-12",)), strict=True):
        report = verify(slice_of(world, cut), trust)
        assert (report.verdict, report.exit_code, report.findings) == ("verified", 0, ())
        assert report.facts.root == whole.facts.root
        assert report.facts.genesis == whole.facts.genesis
        for month in months:
            same = [[s for s in facts.settlements if s.period == month]
                    for facts in (report.facts, whole.facts)]  # fmt: skip
            assert same[0] == same[1]
            assert len(same[0]) == 1


def test_a_slice_says_where_it_starts_who_approved_it_and_what_was_not_checked(world, trust, cuts):
    report = verify(slice_of(world, cuts[1]), trust)
    start = report.facts.start
    assert (start.entry, start.period) == (cuts[1], "2026-11")
    assert start.state_hash == world.state.periods["2026-11"].cut_off.state_hash
    assert start.settlement == world.state.periods["2026-11"].settlement
    assert [who.split()[0] for who in start.approved_by] == ["bus", "ev"]
    for language in ("en", "ja"):
        text = report_text(report, language)
        assert start.state_hash in text
        assert all(getattr(remark, language) in text for remark in report.not_checked)
    said = " ".join(remark.en for remark in report.not_checked)
    assert f"Entries before {cuts[1]} are not in this bundle" in said
    assert "2027-01" in said
    assert "1 reversal(s) take back records that lie before this bundle" in said
    document = json.loads(json.dumps(report_document(report)))
    assert document["facts"]["start"]["entry"] == cuts[1]
    before = {period.id: period.records_before for period in report.facts.periods}
    assert before == {"2026-11": 2, "2027-01": 1, "2026-12": 0}


def test_a_slice_may_end_before_the_checkpoint_and_bring_a_head_at_its_start(
    world, trust, december, files
):
    assert set(OWN_FILES) <= files.keys()
    report = verify(december, trust)
    assert report.verdict == "verified", report.findings
    assert report.facts.size == len(world.entries) - 1


def test_without_a_trust_file_a_slice_is_only_consistent(december):
    assert verify(december).verdict == "consistent"


def test_every_cut_that_no_settlement_vouches_for_is_refused(world, trust, cuts):
    for start in range(cuts[1] - 3, cuts[1] + 4):
        if start == cuts[1]:
            continue
        report = verify(slice_of(world, start), trust)
        assert report.verdict == "refused"
        assert any(place.startswith(START_STATE) for place in places(report))


@pytest.mark.parametrize(("start", "end"), [(5, 5), (5, 4), (5, 999)])
def test_what_is_no_slice_is_not_written(world, start, end):
    with pytest.raises(NotFound):
        slice_of(world, start, end)


def expected_place(files, name, position):
    """The place that the verifier has to name when the manifest was made to fit."""
    data = files[name]
    if name.startswith("entries/"):
        return rf"entry {int(name[8:].split('-')[0]) + entry_at(data, position)}\b"
    if name in (LEAVES, START_PREFIX):
        return rf"{name}, hash {position // 32}$"
    if name == START_USAGE:
        return re.escape(name)
    if name.startswith("records/"):
        return rf"(entry {name.split('.')[0][8:]}\b|{re.escape(name)})"
    return re.escape(name)


def check_flip(files, trust, name, position, bit=0):
    changed = {**files, name: flipped(files[name], position, bit)}
    report = verify(rebuild(changed, fit=False), trust)
    assert report.verdict == "refused"
    assert any(name in place for place in places(report)), (name, places(report))
    if name == MANIFEST:
        return
    report = verify(rebuild(changed, fit=True), trust)
    assert report.verdict == "refused"
    wanted = expected_place(files, name, position)
    assert any(re.match(wanted, place) for place in places(report)), (name, places(report))


def test_first_middle_and_last_byte_of_every_kind_of_file(files, trust):
    kinds = {}
    for name in files:
        kinds.setdefault(name.split("/")[0] if name not in OWN_FILES else name, name)
    for name in kinds.values():
        data = files[name]
        for position in {0, len(data) // 2, len(data) - 1}:
            check_flip(files, trust, name, position)


@settings(max_examples=25, deadline=None)
@given(pick=st.integers(0, 2**40), position=st.integers(0, 2**40), bit=st.integers(0, 7))
def test_any_byte_of_any_file_of_its_own(files, trust, pick, position, bit):
    names = [*OWN_FILES, START_CHECKPOINT]
    name = names[pick % len(names)]
    check_flip(files, trust, name, position % len(files[name]), bit)


def test_every_file_is_missed(files, trust):
    for name in files.keys() - {MANIFEST}:
        if name == START_CHECKPOINT:
            continue  # a head at the start is an offer; nothing says that there was one
        rest = {other: data for other, data in files.items() if other != name}
        report = verify(rebuild(rest, fit=True), trust)
        assert report.verdict == "refused", name
        assert any(name in place or place in ("the file", MANIFEST) or "checkpoint" in place
                   for place in places(report)), (name, places(report))  # fmt: skip


def test_files_of_another_slice_are_refused(world, trust, cuts, files):
    """Snapshot, prefix, usage, proofs of one month in the bundle of another, made to fit."""
    other = files_of(slice_of(world, cuts[0], len(world.entries) - 1))
    for name in (START_STATE, START_PREFIX, START_PROOFS, START_USAGE, LEAVES):
        report = verify(rebuild({**files, name: other[name]}, fit=True), trust)
        assert report.verdict == "refused", name
        assert places(report)
    at_start = {name: other[name] for name in (START_STATE, START_PREFIX, START_PROOFS)}
    report = verify(rebuild({**files, **at_start}, fit=True), trust)
    assert report.verdict == "refused"


def forge_state(world, files, cut, change):
    document = state_document(state_at(world, cut))
    change(document)
    return rebuild({**files, START_STATE: canonical.encode(document)}, fit=True)


def test_a_state_with_one_figure_changed_is_refused_where_the_settlement_carries_its_hash(
    world, trust, cuts, files
):
    def richer(document):
        document["balances"]["JPY"]["funds"]["fund.reserve"] += 1

    def renamed(document):
        document["facilities"]["hub-1"]["name"]["en"] = "Hub 2"

    for change, figure in ((richer, "inputs_hash"), (renamed, "state_hash")):
        report = verify(forge_state(world, files, cuts[1], change), trust)
        assert report.verdict == "refused"
        assert {f"entry {cuts[1] + 1}, {figure}", START_STATE} <= set(places(report))


def test_a_state_that_makes_no_sense_is_refused_whatever_is_in_it(world, trust, cuts, files):
    def put(*path_and_value):
        *path, last, value = path_and_value

        def change(document):
            for step in path:
                document = document[step]
            document[last] = value

        return change

    changes = [
        put("size", 0),
        put("size", 10**15),
        put("size", -1),
        put("subtrees", []),
        put("subtrees", 0, "zz"),
        put("genesis", ""),
        put("charter", None),
        put("received_at", "yesterday"),
        put("periods", "2026-11", "status", "closed"),
        put("periods", "2026-11", "start", "x"),
        put("periods", "2026-11", "closing_at", "x"),
        put("periods", "2026-11", "usage", "bus", "digest", "00"),
        put("periods", "2026-11", "revenue", "fares", {}),
        put("members", {}),
        put("keys", {}),
        put("rule_sets", []),
        put("rule_sets", 0, "text_sha256", "00" * 32),
        put("funding", {"network": {}}),
        put("balances", {}),
        put("extra", 1),
    ]
    for change in changes:
        report = verify(forge_state(world, files, cuts[1], change), trust)
        assert report.verdict == "refused"


def test_usage_before_the_slice_is_complete_unchanged_and_in_order(trust, files):
    lines = files[START_USAGE].splitlines(keepends=True)
    assert len(lines) == 3
    for changed in (lines[1:], lines[:-1], [lines[1], lines[0], *lines[2:]], [*lines, lines[0]],
                    [*lines, b"{}\n"], []):  # fmt: skip
        report = verify(rebuild({**files, START_USAGE: b"".join(changed)}, fit=True), trust)
        is_same_per_account = sorted(changed) == sorted(lines)
        assert (report.verdict == "verified") == is_same_per_account
        if not is_same_per_account:
            assert any(place.startswith(START_USAGE) for place in places(report))


def test_a_slice_of_another_log_is_refused_by_the_trust_file(files, world):
    invented = three_months(nonce="cd" * 32)
    report = verify(slice_of(invented, invented.state.periods["2026-11"].cut_off.index),
                    trust_in(world))  # fmt: skip
    assert report.verdict == "refused"
    assert "entry 0" in places(report)


def test_a_block_hash_is_all_that_an_auditor_brings_for_the_anchor(tmp_path):
    with open_node(chain_url(tmp_path)) as node:
        audited = anchored_month(node, three_months)
    world = audited.world
    anchored = len(world.entries)
    open_month(world, "2027-02")
    bundle = slice_of(world, world.state.periods["2026-11"].cut_off.index, anchored)
    report = verify(bundle, audited.trust)
    assert report.verdict == "verified", report.findings
    assert [anchor.rests_on for anchor in report.facts.anchors] == ["trusted-block"]
    assert report.facts.size == anchored
    chains = tuple(chain.model_copy(update={"blocks": ()}) for chain in audited.trust.chains)
    unknown = verify(bundle, audited.trust.model_copy(update={"chains": chains}))
    assert [anchor.rests_on for anchor in unknown.facts.anchors] == ["evidence-only"]


def test_records_erased_from_batches_of_the_slice_and_from_earlier_ones():
    """An erasure looks at the entry of its batch, which may lie before the slice: it is proven."""
    world = three_months()
    trust, cut = trust_in(world), world.state.periods["2026-11"].cut_off.index
    own = [index for index in batches_of(world, "bus") if index > cut]
    earlier = [index for index in batches_of(world, "bus") if index < cut]
    for batch in (own[0], earlier[-1]):
        erased = {"batch": batch, "records": [0], "reason": "on request"}
        world.write("bus", "records-erased", erased)
    bundle = slice_of(world, cut)
    report = verify(bundle, trust)
    assert report.verdict == "verified", report.findings
    assert report.facts.erased == 1
    assert any("1 record(s) were erased" in remark.en for remark in report.not_checked)
    files = files_of(bundle)
    proofs = json.loads(files[START_PROOFS])
    assert [row[0] for row in proofs["entries"]] == [earlier[-1]]
    for index, text in (
        (earlier[-1], world.entries[own[0]].decode()),
        (2, proofs["entries"][0][1]),
    ):
        changed = {**proofs, "entries": [[index, text, proofs["entries"][0][2]]]}
        forged = rebuild({**files, START_PROOFS: canonical.encode(changed)}, fit=True)
        report = verify(forged, trust)
        assert report.verdict == "refused"
        assert f"{START_PROOFS}, entry {index}" in places(report)


def test_a_line_missing_without_an_erasure_is_named(files, trust):
    name = next(name for name in files if name.endswith(".ndjson") and name.startswith("records/"))
    report = verify(rebuild({**files, name: b"\n"}, fit=True), trust)
    assert report.verdict == "refused"


def test_the_same_slice_gives_the_same_bytes(world, cuts):
    assert slice_of(world, cuts[0]) == slice_of(world, cuts[0])

"""Good and forged member statements, and proofs: both verifiers say the same."""

from __future__ import annotations

import base64
import copy
from typing import Any

import pytest

from ledger import canonical
from ledger.audit.proofs import verify_proof_file
from ledger.audit.trust import Trust, format_trust
from ledger.coop.grounds import verify_member_statement
from ledger.coop.recordproof import format_record_proof
from ledger.errors import KyojoError
from ledger.log.key import format_vkey
from ledger.log.merkle import leaf_hash, prove_inclusion
from ledger.log.policy import parse_policy
from ledger.log.proof import TlogProof, format_proof, parse_proof, verify_proof
from ledger.service.statements import statement, statements
from tests.audit.test_export_period import Dated, real
from tests.audit.world import files_of, flipped
from tests.browser.session import CHROMIUM
from tests.builder import ORIGIN
from tests.coop.payable_months import (
    LAST,
    LATER,
    charged_world,
    settle_december,
    settle_november,
    until_november,
)
from tests.coop.test_recordproof import made
from tests.pages.month import AUDITOR, LOG_KEY, MONTH, VERIFIER, settled_month

pytestmark = [
    pytest.mark.skipif(
        CHROMIUM is None, reason="SKIPPED FOR WANT OF CHROMIUM: no second verifier; see make tools"
    ),
    pytest.mark.slow,
]


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> dict[str, dict[str, Any]]:
    return statements(settled_month(tmp_path_factory.mktemp("settled")), AUDITOR, MONTH)


def trust_of(document: dict[str, Any], **changes: Any) -> bytes:
    values = {
        "origin": ORIGIN,
        "genesis": document["genesis"],
        "log_keys": (format_vkey(LOG_KEY.verifier_key),),
        **changes,
    }
    return format_trust(Trust.model_validate(values))


def places(value: Any, path: tuple[Any, ...] = ()):
    """The path of every scalar in a document."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from places(inner, (*path, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from places(inner, (*path, index))
    else:
        yield path


def changed(document: dict[str, Any], path: tuple[Any, ...]) -> dict[str, Any]:
    """The document with one scalar changed: a number by one, a text in its last character."""
    made = copy.deepcopy(document)
    inner = made
    for name in path[:-1]:
        inner = inner[name]
    value = inner[path[-1]]
    if isinstance(value, bool):
        inner[path[-1]] = not value
    elif isinstance(value, int):
        inner[path[-1]] = value + 1
    elif isinstance(value, str):
        inner[path[-1]] = value[:-1] + ("1" if value.endswith("0") else "0")
    else:
        inner[path[-1]] = 1
    return made


def python_says(document: dict[str, Any]) -> str:
    try:
        verify_member_statement(document, origin=ORIGIN, verifiers=[VERIFIER])
    except KyojoError:
        return "refused"
    return "verified"


def test_statements_good_and_forged(found, reports):
    good = [*found.values()]
    bus = found["bus"]
    forged = [changed(bus, path) for path in places(bus)]
    forged += [{key: row for key, row in bus.items() if key != name} for name in bus]
    forged += [{**bus, name: found["ev"][name]} for name in bus]
    forged += [{**bus, "more": 1}, {}]
    documents = [*good, *forged]
    trust = trust_of(bus)
    answers = reports(
        [{"statement": canonical.encode(document), "trust": trust} for document in documents]
    )
    expected = [python_says(document) for document in documents]
    assert set(expected[: len(good)]) == {"verified"}
    assert expected.count("refused") > 200
    wrong = [
        (documents[index].get("member"), expected[index], answer)
        for index, answer in enumerate(answers)
        if answer["verdict"] != expected[index]
    ]
    assert wrong == []


@pytest.fixture(scope="module")
def payable(tmp_path_factory) -> list[dict[str, Any]]:
    """Statements of a month with every kind of row: repaid, posted, held, owed and offset."""
    world = charged_world(Dated)
    until_november(world)
    settle_november(world)
    settle_december(world)
    coop = real(world, tmp_path_factory.mktemp("payable"))
    months = ((MONTH, "bus"), (LATER, "ev"), (LAST, "ev"))
    return [statement(coop, AUDITOR, *one) for one in months]


def test_what_is_payable_good_and_forged(payable, reports):
    """Any scalar of the part changed, any field left out, rows doubled, parts exchanged."""
    documents = list(payable)
    for one in payable:
        part = one["payable"]
        documents += [changed(one, ("payable", *path)) for path in places(part)]
        parts = [{key: row for key, row in part.items() if key != name} for name in part]
        parts += [part | {name: rows * 2} for name, rows in part.items() if isinstance(rows, list)]
        parts += [part | {"status": "proposed"}, part | {"held": []}, {}, None, part | {"more": 1}]
        parts += [other["payable"] for other in payable]
        documents += [{**one, "payable": bent} for bent in parts]
    trust = trust_of(payable[0])
    given = [{"statement": canonical.encode(one), "trust": trust} for one in documents]
    expected = [python_says(document) for document in documents]
    assert expected[:3] == ["verified"] * 3
    assert expected.count("refused") > 60
    wrong = [
        (documents[index]["payable"], expected[index], answer)
        for index, answer in enumerate(reports(given))
        if answer["verdict"] != expected[index]
    ]
    assert wrong == []


def test_a_statement_and_other_trust(found, reports):
    bus = found["bus"]
    data = canonical.encode(bus)
    given = [
        {"statement": data, "trust": None},
        {"statement": data, "trust": trust_of(bus, genesis="00" * 32)},
        {"statement": b"\xff", "trust": None},
        {"statement": data[:-1], "trust": None},
        {"statement": data, "trust": b"format = "},
        {"statement": data, "trust": trust_of(bus) + b"[[chains]]\nchain_id = 1\n"},
        {"statement": data, "trust": b'genesis = "x"\n' + trust_of(bus)},
    ]
    verdicts = [answer["verdict"] for answer in reports(given)]
    assert verdicts == ["consistent"] + ["refused"] * 6


def tlog_proofs(month) -> list[tuple[bytes, bytes]]:
    """Proof and entry: every entry's own, corrupted ones, and those of other entries."""
    entries = month.world.entries
    note = files_of(month.bundle)["checkpoint"]
    leaves = [leaf_hash(data) for data in entries]
    made = [
        format_proof(TlogProof(index, prove_inclusion(leaves, index), note))
        for index in range(len(entries))
    ]
    cases = [(proof, entries[index]) for index, proof in enumerate(made)]
    one, entry = cases[9]
    cases += [(flipped(one, at, bit), entry) for at in range(0, len(one), 3) for bit in (0, 5)]
    cases += [(one, entries[8]), (one, b""), (one, entry + b"\n"), (one[:-1], entry), (b"", entry)]
    extra = format_proof(TlogProof(9, prove_inclusion(leaves, 9), note, extra=b"anything"))
    return [*cases, (extra, entry)]


def tlog_says(proof: bytes, entry: bytes) -> str:
    log = format_vkey(LOG_KEY.verifier_key)
    policy = parse_policy(f"log {log}\nquorum none\n".encode())
    try:
        verify_proof(parse_proof(proof), entry=entry, origin=ORIGIN, policy=policy)
    except KyojoError:
        return "refused"
    return "verified"


def test_proofs_of_entries_good_and_corrupted(month, reports):
    cases = tlog_proofs(month)
    trust = format_trust(month.trust)
    answers = reports([{"proof": proof, "entry": entry, "trust": trust} for proof, entry in cases])
    expected = [tlog_says(proof, entry) for proof, entry in cases]
    assert expected.count("verified") > len(month.world.entries)
    wrong = [
        (base64.b64encode(cases[index][0]), expected[index], answer)
        for index, answer in enumerate(answers)
        if answer["verdict"] != expected[index]
    ]
    assert wrong == []


def records_say(data: bytes, trust: Trust | None) -> str:
    try:
        return verify_proof_file(data, trust, entry=None).verdict
    except KyojoError:
        return "refused"


def test_proofs_of_records_good_and_corrupted(reports):
    proof, trust = made()
    good = format_record_proof(proof)
    wrong = trust.model_copy(update={"genesis": "00" * 32})
    cases: list[tuple[bytes, Trust | None]] = [(good, trust), (good, None), (good, wrong)]
    cases += [(flipped(good, at), trust) for at in range(0, len(good), 17)]
    cases += [(good[:-2], trust), (good + b" ", trust), (b"{}", None), (b"", None)]
    given = [{"records": data, "trust": one and format_trust(one)} for data, one in cases]
    expected = [records_say(*case) for case in cases]
    assert expected[:3] == ["verified", "consistent", "refused"]
    assert expected.count("refused") > 150
    differ = [
        (cases[index][0], expected[index], answer)
        for index, answer in enumerate(reports(given))
        if answer["verdict"] != expected[index]
    ]
    assert differ == []

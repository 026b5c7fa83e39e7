"""A member statement checked offline, against what the member trusts and nothing else."""

from __future__ import annotations

import copy
import json
from fractions import Fraction
from typing import Any

import pytest

from ledger.audit.statement import (
    COMPLETE,
    DECISION,
    NO_TRUST,
    OF_ANY_STATEMENT,
    QUORUM,
    STATEMENT_BYTES_MAX,
    verify_statement_file,
)
from ledger.audit.trust import Trust, make_trust
from ledger.errors import (
    BadSignature,
    KyojoError,
    MalformedDocument,
    NotConsistent,
    NotIncluded,
    SumMismatch,
    TooLarge,
    VerificationError,
)
from ledger.log.key import KeyType, SigningKey, format_vkey
from ledger.service.statements import statement
from tests.builder import ORIGIN
from tests.pages.month import AUDITOR, LOG_KEY, MONTH, settled_month


@pytest.fixture(scope="module")
def bus(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    coop = settled_month(tmp_path_factory.mktemp("statement"))
    return statement(coop, AUDITOR, MONTH, "bus")


@pytest.fixture
def trust(bus: dict[str, Any]) -> Trust:
    key = format_vkey(LOG_KEY.verifier_key)
    return make_trust(origin=ORIGIN, genesis=bus["genesis"], log_keys=(key,))


def encoded(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


def test_it_verifies_and_says_what_it_did_not_look_at(bus: dict[str, Any], trust: Trust) -> None:
    report = verify_statement_file(encoded(bus), trust)
    assert (report.is_trusted, report.exit_code) == (True, 0)
    assert DECISION in report.not_checked
    assert COMPLETE in report.not_checked
    assert QUORUM not in report.checked


def test_without_a_trust_file_it_only_agrees_with_itself(bus: dict[str, Any]) -> None:
    report = verify_statement_file(encoded(bus), None)
    assert (report.is_trusted, report.exit_code) == (False, 4)
    assert report.not_checked[0] == NO_TRUST


def test_another_log_is_named(bus: dict[str, Any], trust: Trust) -> None:
    for change in ({"origin": "other.example/coop"}, {"genesis": "00" * 32}):
        with pytest.raises(NotConsistent, match=next(iter(change))):
            verify_statement_file(encoded(bus | change), trust)


def test_another_logs_signature_is_refused(bus: dict[str, Any], trust: Trust) -> None:
    stranger = SigningKey(ORIGIN, KeyType.ED25519, bytes(range(32))).verifier_key
    other = trust.model_copy(update={"log_keys": (format_vkey(stranger),)})
    with pytest.raises(BadSignature):
        verify_statement_file(encoded(bus), other)


def test_a_quorum_that_did_not_sign_is_missed(bus: dict[str, Any], trust: Trust) -> None:
    witness = SigningKey("bus.example/w", KeyType.ED25519_COSIGNATURE, bytes(32)).verifier_key
    log = format_vkey(LOG_KEY.verifier_key)
    policy = f"log {log}\nwitness w {format_vkey(witness)}\nquorum w\n"
    strict = make_trust(origin=ORIGIN, genesis=trust.genesis, policy=policy)
    with pytest.raises(KyojoError, match="quorum"):
        verify_statement_file(encoded(bus), strict)


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [one for name, item in value.items() for one in leaves(item, (*path, name))]
    if isinstance(value, list):
        return [one for at, item in enumerate(value) for one in leaves(item, (*path, at))]
    return [path]


def changed(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        return "x"
    if isinstance(value, int):
        return value + 1
    return value[:-1] + ("0" if value[-1:] != "0" else "1")


def test_any_value_that_counts_cannot_be_changed(bus: dict[str, Any], trust: Trust) -> None:
    """Names, labels, ranks and the places of inputs are told, not proven; anchors are not read."""
    told = {"names", "anchors", "reports", "label", "rank", "where", "limits"}
    proven = [path for path in leaves(bus) if not told & set(path) and not is_own_figure(bus, path)]
    assert len(proven) > 100
    survived = []
    for path in proven:
        document = copy.deepcopy(bus)
        holder = at(document, path[:-1])
        holder[path[-1]] = changed(holder[path[-1]])
        try:
            verify_statement_file(encoded(document), trust)
        except (VerificationError, MalformedDocument):
            continue
        survived.append(path)
    assert survived == []


def at(document: Any, path: tuple[Any, ...]) -> Any:
    for name in path:
        document = document[name]
    return document


def is_own_figure(document: Any, path: tuple[Any, ...]) -> bool:
    """A cost or capital behind a weight: the member compares it with its own books."""
    source = at(document, path[:-1])
    return path[-1] == "value" and not source["where"].startswith("inputs:/totals/")


def test_a_batch_left_out_no_longer_adds_up(bus: dict[str, Any], trust: Trust) -> None:
    document = copy.deepcopy(bus)
    document["usage"]["batches"].pop()
    with pytest.raises(VerificationError):
        verify_statement_file(encoded(document), trust)


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[]", b"not json", b'{"kyojo_member_statement": 1}', b"\xff\xfe", b"[" * 100_000],
)
def test_what_is_no_statement_is_refused(data: bytes, trust: Trust) -> None:
    with pytest.raises(MalformedDocument):
        verify_statement_file(data, trust)


def test_a_statement_without_its_proof_is_refused(bus: dict[str, Any], trust: Trust) -> None:
    for broken in ({"proof": None}, {"proof": {}}, {"proof": "text"}):
        with pytest.raises((VerificationError, NotIncluded, MalformedDocument)):
            verify_statement_file(encoded(bus | broken), trust)


def test_a_file_beyond_the_limit_is_not_read() -> None:
    with pytest.raises(TooLarge):
        verify_statement_file(bytes(STATEMENT_BYTES_MAX + 1), None)


def test_figures_that_do_not_make_the_weight_are_refused(bus: dict[str, Any], trust: Trust) -> None:
    """Weight moved from one part to another: every sum still holds, the explanation does not."""
    document = copy.deepcopy(bus)
    own = document["statement"]
    share = next(s for s in own["settlement"]["steps"] if s["step"] == "share")
    parts = {part["part"]: part for part in share["division"]["parts"]}
    lines = {line["part"]: line for line in own["lines"] if line["step"] == "share"}
    moved = Fraction(parts["use"]["fraction"]) * 87 / Fraction(parts["use"]["weight_total"])
    for name, change in (("use", moved), ("capital", -moved)):
        line, part = lines[name], parts[name]
        of_step = Fraction(line["share"]) + change
        weight = of_step * Fraction(part["weight_total"]) / Fraction(part["fraction"])
        exact = of_step * share["taken"]
        line |= {"share": str(of_step), "exact": str(exact), "weight": str(weight)}
    with pytest.raises(SumMismatch, match="the figures add up to 413, the weight is 500"):
        verify_statement_file(encoded(document), trust)


def test_other_rules_than_the_settlements_are_refused(bus: dict[str, Any], trust: Trust) -> None:
    document = copy.deepcopy(bus)
    document["names"]["rules"]["ruleset"] = "another"
    with pytest.raises(SumMismatch, match="are not those of the settlement"):
        verify_statement_file(encoded(document), trust)


def test_what_no_statement_shows_is_said_whatever_the_file_says(
    bus: dict[str, Any], trust: Trust
) -> None:
    document = copy.deepcopy(bus)
    document["statement"]["limits"] = []
    report = verify_statement_file(encoded(document), trust)
    assert set(OF_ANY_STATEMENT) <= set(report.not_checked)

"""The signed tree head of a bundle: whose signature it bears, and whether it is the right log's.

With a trust file its keys must have signed, or its policy's quorum; without one there is only
the log's own word for which keys are the log's. A wrong signature by a known key and a line
that stands twice are refused, as is one in the log's own name by a key that nobody knows. Lines
of others whom the auditor does not know, such as witnesses that are not in the trust file, prove
nothing: they are ignored, and the report says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ledger.audit.bundle import CHECKPOINT, START_CHECKPOINT
from ledger.audit.files import Files
from ledger.audit.fold import Fold
from ledger.audit.keychain import follow_keys
from ledger.audit.report import Findings
from ledger.audit.trust import Trust
from ledger.coop.logkeys import in_force
from ledger.errors import BadSignature, KyojoError, NotConsistent
from ledger.log.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint
from ledger.log.cosignature import verifier_of
from ledger.log.key import VerifierKey, parse_vkey
from ledger.log.note import Note, Signature, open_note, parse_note
from ledger.log.policy import open_cosigned, parse_policy


@dataclass(frozen=True, slots=True)
class SignedHead:
    """The head as it stands; ``signed_by`` names the keys whose signatures were verified.

    ``unchecked`` names the keys of signature lines that nobody here can verify.
    """

    origin: str
    size: int | None
    root: bytes | None
    signed_by: tuple[str, ...]
    unchecked: tuple[str, ...] = ()


def check_head(files: Files, fold: Fold, trust: Trust | None, findings: Findings) -> SignedHead:
    """Check the checkpoint's signatures, and origin and genesis against the trust file."""
    data = files.read(CHECKPOINT) or b""
    charter = fold.state.charter
    origin = charter.origin if charter is not None else ""
    stated = _stated(data, findings)
    if trust is not None:
        _check_log(fold, stated, origin, trust, findings)
    signed_by: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()
    keys = follow_keys(files, fold, _starting_keys(fold, trust), findings)
    try:
        signed_by = _names(_open(data, keys, trust, origin).signatures)
        unchecked = _check_lines(data, fold, trust)
    except KyojoError as error:
        findings.add_error(error, f"{CHECKPOINT}, signatures")
    if stated is None:
        return SignedHead(origin, None, None, signed_by, unchecked)
    return SignedHead(stated.origin, stated.size, stated.root, signed_by, unchecked)


def check_start_head(files: Files, fold: Fold, trust: Trust | None, findings: Findings) -> None:
    """Check the signed head at a slice's start, if there is one: signatures, size and root.

    Its root follows from the one at the end, which those who are trusted have signed; so it is
    enough that a key has signed that was the log's at the start. Cosignatures are verified, and
    there need be no quorum of them: the head may have been followed by the next too soon.
    """
    if fold.start is None or START_CHECKPOINT not in files.archive.members:
        return
    data = files.read(START_CHECKPOINT) or b""
    before = fold.start.before
    try:
        _check_lines(data, fold, trust)
        own = map(parse_vkey, in_force(fold.start.state.log_keys))
        verifiers = list(map(verifier_of, _distinct((*own, *_starting_keys(fold, trust)))))
        origin = fold.start.state.terms().origin
        stated = open_checkpoint(data, origin=origin, verifiers=verifiers).checkpoint
        if (stated.size, stated.root) != (before.size, before.root()):
            raise NotConsistent(f"it is of {stated.size} entries with the root {stated.root.hex()}")
    except KyojoError as error:
        findings.add_error(error, START_CHECKPOINT)


def _stated(data: bytes, findings: Findings) -> Checkpoint | None:
    try:
        return parse_checkpoint(parse_note(data).text)
    except KyojoError as error:
        findings.add_error(error, CHECKPOINT)
        return None


def _check_log(
    fold: Fold, stated: Checkpoint | None, origin: str, trust: Trust, findings: Findings
) -> None:
    origins = {origin, stated.origin if stated is not None else origin}
    if origins != {trust.origin}:
        findings.add(
            "wrong-log", "entry 0, origin",
            f"this is the log {', '.join(sorted(origins))}, the trust file is for {trust.origin}",
            f"信頼ファイルは {trust.origin} のもので、この記録のものではありません",
        )  # fmt: skip
    genesis = fold.state.genesis or "nothing"
    if genesis != trust.genesis:
        findings.add(
            "wrong-log", "entry 0",
            f"the charter's leaf hash is {genesis}, the trust file names {trust.genesis}: "
            "this is another co-op's log, or an invented one",
            "起点のハッシュが信頼ファイルと一致しません。別の組合の記録か、作られたものです",
        )  # fmt: skip


def _open(data: bytes, keys: Sequence[VerifierKey], trust: Trust | None, origin: str) -> Note:
    """The note, verified by those who must have signed it."""
    if trust is not None and trust.policy is not None:
        policy = parse_policy(trust.policy.encode())
        return open_cosigned(data, origin=trust.origin, policy=policy).note
    if trust is not None:
        origin = trust.origin
    verifiers = list(map(verifier_of, _distinct(keys)))
    return open_checkpoint(data, origin=origin, verifiers=verifiers).note


def _check_lines(data: bytes, fold: Fold, trust: Trust | None) -> tuple[str, ...]:
    """Verify every line by a known key; the keys of the others. Raises BadSignature."""
    keys = [parse_vkey(vkey) for vkey in fold.state.log_keys]
    if trust is not None:
        keys += [parse_vkey(vkey) for vkey in trust.log_keys]
        policy = parse_policy(trust.policy.encode()) if trust.policy is not None else None
        if policy is not None:
            keys += [log.key for log in policy.logs] + [one.key for one in policy.witnesses]
    names = _names(parse_note(data).signatures)
    if len(set(names)) != len(names):
        raise BadSignature("two signature lines by the same key")
    note = open_note(data, list(map(verifier_of, _distinct(keys))))
    if any(line.name == parse_checkpoint(note.text).origin for line in note.ignored):
        raise BadSignature("a signature in the log's name by a key that nobody knows")
    return _names(note.ignored)


def _starting_keys(fold: Fold, trust: Trust | None) -> list[VerifierKey]:
    """The keys that are trusted to begin with; without a trust file, the log's own first ones."""
    if trust is not None:
        return [parse_vkey(vkey) for vkey in trust.log_keys]
    if fold.start is not None:
        return [parse_vkey(vkey) for vkey in in_force(fold.start.state.log_keys)]
    charter = fold.state.charter
    return [parse_vkey(vkey) for vkey in charter.log_keys] if charter is not None else []


def _own_keys(fold: Fold) -> list[VerifierKey]:
    return [parse_vkey(vkey) for vkey in fold.state.log_keys]


def _names(lines: Iterable[Signature]) -> tuple[str, ...]:
    return tuple(f"{line.name}+{line.key_id.hex()}" for line in lines)


def _distinct(keys: Iterable[VerifierKey]) -> list[VerifierKey]:
    return list({(key.name, key.key_id): key for key in keys}.values())

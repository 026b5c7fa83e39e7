"""Good and corrupted bundles for two verifiers: every kind of file, every kind of forger."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from contextlib import suppress
from hashlib import sha256
from itertools import islice

from ledger import canonical
from ledger.audit.bundle import MANIFEST
from ledger.audit.trust import Trust
from ledger.coop.settlements import compute
from ledger.coop.submission import Submission
from ledger.errors import KyojoError
from ledger.log.checkpoint import Checkpoint, sign_checkpoint
from ledger.log.key import SigningKey, format_vkey
from ledger.log.note import Ed25519Signer
from ledger.log.tile import format_bundle
from ledger.usage.totals import TotalKey, encode_totals
from tests.audit.test_forgery import apply_only, lenient, lie
from tests.audit.world import (
    SEED,
    Audited,
    archive_of,
    bundle_of,
    bundle_of_entries,
    files_of,
    flipped,
    new_world,
    note_of,
    propose,
    rebuild,
    settled_world,
    trust_in,
    use_facilities,
)
from tests.browser.case import Case
from tests.browser.changed import changed_cases
from tests.browser.contested import contested_cases
from tests.browser.held import held_cases
from tests.browser.keys import key_cases
from tests.browser.months import GAPS, LATE_RULES, owing_world, waiting_world
from tests.browser.paid import paid_cases
from tests.browser.reported import reported_cases
from tests.browser.slices import Slices
from tests.builder import (
    ORIGIN,
    SALT,
    World,
    blob_ref,
    log_key,
    record,
    rules_body,
    usage_submission,
)
from tests.coop.stages import ALL_CASES, batches_of, stage, successor_body

ENTRIES = "tile/entries/"


def flips(month: Audited) -> Iterator[Case]:
    """First, middle and last byte of every file, with the manifest left alone and made to fit."""
    files = files_of(month.bundle)
    for name, data in files.items():
        for position in sorted({0, len(data) // 2, len(data) - 1}):
            changed = {**files, name: flipped(data, position)}
            where = f"{name}, byte {position}"
            yield Case(f"{where}, as listed", archive_of(changed), month.trust)
            if name != MANIFEST:
                yield Case(f"{where}, listed anew", rebuild(changed, fit=True), month.trust)


def anywhere(month: Audited, count: int) -> Iterator[Case]:
    """Bytes of the container, without regard to what they are."""
    chosen = random.Random(20_261_124)
    for _ in range(count):
        position, bit = chosen.randrange(len(month.bundle)), chosen.randrange(8)
        changed = flipped(month.bundle, position, bit)
        yield Case(f"bundle, byte {position}, bit {bit}", changed, month.trust)


def containers(month: Audited) -> Iterator[Case]:
    """Files that are missing, strange or cut off, and bytes that are no archive."""
    files = files_of(month.bundle)
    for name in files:
        rest = {other: data for other, data in files.items() if other != name}
        yield Case(f"without {name}", archive_of(rest), month.trust)
        if name != MANIFEST:
            short = rebuild({**files, name: files[name][:-1]}, fit=True)
            yield Case(f"short {name}", short, None)
    for name in ("blobs/" + "00" * 32, "zzz", "records/99.ndjson", "tile/9/000.p/1", "a/../b"):
        yield Case(f"with {name}", rebuild({**files, name: b"x"}, fit=True), month.trust)
    half = len(month.bundle) // 2
    for name, data in (
        ("nothing", b""), ("half", month.bundle[:half]), ("more", month.bundle + b"\n"),
        ("twice", month.bundle * 2), ("zeros", bytes(1000)), ("text", b"PK" * 300),
    ):  # fmt: skip
        yield Case(name, data, month.trust)


def manifests(month: Audited) -> Iterator[Case]:
    """Manifests that say something else than the bundle."""
    files = files_of(month.bundle)
    stated = canonical.parse(files[MANIFEST])
    for field, value in (
        ("origin", "elsewhere.example/x"), ("genesis", "00" * 32), ("start", 1), ("end", 9),
        ("format", "kyojo-audit-bundle/9"), ("files", {}), ("files", []), ("origin", None),
        ("more", 1), ("end", "9"), ("end", -1),
    ):  # fmt: skip
        data = canonical.encode({**stated, field: value})
        yield Case(f"manifest {field}", archive_of({**files, MANIFEST: data}), month.trust)
    for data in (b"", b"{}", b"[]", files[MANIFEST] + b"\n", b"\xff", b'{"a":1,"a":1}', b"[" * 99):
        case = archive_of({**files, MANIFEST: data})
        yield Case(f"manifest {data[:9]!r}", case, month.trust)


def heads(month: Audited) -> Iterator[Case]:
    """Checkpoints that somebody else, or nobody, has signed."""
    files = files_of(month.bundle)
    good = files["checkpoint"]
    stranger = SigningKey(ORIGIN, log_key(ORIGIN).key_type, b"x" * 32)
    root = month.world.root(len(month.world.entries))
    strange = note_of(month.world.entries, root, stranger)
    line = strange.split(b"\n\n")[1]
    vast = sign_checkpoint(Checkpoint(ORIGIN, 2**62, bytes(32)), [Ed25519Signer(log_key(ORIGIN))])
    for name, data in (
        ("by a stranger", strange), ("and a stranger", good + line),
        ("twice", good + good.split(b"\n\n")[1]), ("vast", vast),
        ("unsigned", good.split(b"\n\n")[0] + b"\n\n"), ("no note", b"x"), ("empty", b"\n\n\n"),
        ("one less", note_of(month.world.entries[:-1], root)), ("of zeros", bytes(99)),
        ("with CR", good.replace(b"\n", b"\r\n")),
    ):  # fmt: skip
        case = rebuild({**files, "checkpoint": data}, fit=True)
        yield Case(f"checkpoint {name}", case, month.trust)
        yield Case(f"checkpoint {name}, no trust", case, None)


def entries_gone(world: World, trust: Trust) -> Iterator[Case]:
    """Entries dropped, swapped or replaced, and the rest signed again by the log."""
    entries = world.entries
    for index in range(0, len(entries), 3):
        rest = entries[:index] + entries[index + 1 :]
        yield Case(f"without entry {index}", bundle_of_entries(world, rest), trust)
    for index in (1, 4, 9, 15):
        swapped = list(entries)
        swapped[index], swapped[index + 1] = swapped[index + 1], swapped[index]
        yield Case(f"entries {index} and next", bundle_of_entries(world, swapped), trust)


def nonsense(month: Audited) -> Iterator[Case]:
    """Entries that are nothing."""
    files = files_of(month.bundle)
    name = next(name for name in files if name.startswith(ENTRIES))
    for data in (b"", b"{}", b"\xff", b"[" * 60_000, b'{"v":1}', b"null", b'"x"', b"1.5"):
        for index in (0, 7):
            entries = [*month.world.entries]
            entries[index] = data
            changed = rebuild({**files, name: format_bundle(entries)}, fit=True)
            yield Case(f"entry {index} is {data[:8]!r}", changed, month.trust)
    batch = next(name for name in files if name.endswith(".ndjson"))
    lines = files[batch]
    for data in (
        b"", b"\n", b"\xff\n", b"{}", b"{}\n", lines[:-1], lines + b"\n", lines * 2,
        lines.replace(b"413", b"4.13"), lines.replace(b"413", b"-0"), lines.replace(b'":', b'" :'),
        lines.replace(b'"id"', b'"id":"x","id"'), lines.replace(b"bus-1", b"bus\\u002d1"),
        lines.replace(b"T08:", b" 08:"), lines.replace(b"2026", b"2027"),
    ):  # fmt: skip
        changed = rebuild({**files, batch: data}, fit=True)
        yield Case(f"lines {data[:60]!r}", changed, month.trust)


def settlements(closed: World) -> Iterator[Case]:
    """Settlements that move money, and votes that were not given."""
    trust = trust_in(closed)
    computed = compute(closed.state, "2026-10", closed, SEED).settlement
    totals = dict(computed.document["totals"])
    moved = {**totals, "paid_to_members": str(int(totals["paid_to_members"]) + 1)}
    for name, change in (
        ("totals", moved), ("as_of_index", 3), ("log_root", "00" * 32), ("state_hash", "00" * 32),
        ("rule_hash", "00" * 32), ("weights_root", "00" * 32), ("period", "2026-09"),
        ("period", 5), ("more", 1), ("charges_root", "00" * 32), ("steps", []), ("currency", "CHF"),
    ):  # fmt: skip
        forged = lenient(closed)
        propose(forged, **{name: change})
        yield Case(f"settlement {name}", bundle_of(forged), trust)
    for at in (0, 31, 32, len(computed.lines_blob) // 2, len(computed.lines_blob) - 2):
        forged = lenient(closed)
        propose(forged, lines=flipped(computed.lines_blob, at))
        yield Case(f"lines, byte {at}", bundle_of(forged), trust)
    yield from _votes(closed, trust)


def _votes(closed: World, trust: Trust) -> Iterator[Case]:
    for name, voters in (
        ("twice", ("bus", "bus")), ("by the office", ("office",)), ("by a town", ("town",)),
        ("too many", ("bus", "ev", "bike")),
    ):  # fmt: skip
        forged = lenient(closed)
        propose(forged)
        wanted = next(iter(forged.state.proposals))
        ballots = []
        for voter in voters:
            subject = forged.state.proposals.get(wanted)
            ballots.append(forged.ballot(voter, wanted) if subject else ballots[-1])
            forged.accept(Submission(ballots[-1]))
        yield Case(f"vote {name}", bundle_of(forged), trust)
    forged = lenient(closed)
    propose(forged)
    wanted = next(iter(forged.state.proposals))
    ballot, stolen = forged.ballot("bus", wanted), forged.ballot("ev", wanted)
    for change in (
        {"signature": stolen.signature}, {"actor": stolen.actor}, {"sequence": 99},
        {"seen_root": bytes(32)}, {"seen_size": 10_000}, {"origin": "elsewhere.example/x"},
        {"kind": "key-added"}, {"body": {**ballot.body, "subject": "Settlement of nothing"}},
    ):  # fmt: skip
        again = lenient(forged)
        again.accept(Submission(ballot.__class__(**{**vars(ballot), **change})))
        yield Case(f"vote with {next(iter(change))}", bundle_of(again), trust)


def records(world: World) -> Iterator[Case]:
    """A member that lies about records, or the ledger for it."""
    trust = trust_in(world)
    negative = {"trips": -1}
    taken = {"measures": {"trips": -413}, "charges": {"fare": -900}, "currency": "JPY"}
    for name, lines, body in (
        ("id again", [record("bus-1")], {}),
        ("reverses nobody", [record("x", reverses="nobody", measures=negative)], {}),
        ("reverses itself", [record("x", reverses="x", measures=negative)], {}),
        ("reverses partly", [record("x", reverses="bus-1", measures=negative)], {}),
        ("reverses twice", [record("x", reverses="bus-2", measures={"trips": -7})], {}),
        ("reverses later", [record("x", reverses="y", measures=negative), record("y")], {}),
        ("honest reversal", [record("x", reverses="bus-1", **taken)], {}),
        ("other account", [record("x", reverses="bus-1", **taken)], {"account": "suspense"}),
        ("count", [record("z")], {"count": 2}),
        ("root", [record("z")], {"root": "00" * 32}),
    ):
        yield Case(f"record {name}", bundle_of(lie(world, "bus", *lines, **body)), trust)
    yield Case("same id of another", bundle_of(lie(world, "bike", record("bus-1"))), trust)
    yield Case("wrong total", bundle_of(_wrong_total(world)), trust)


def _wrong_total(world: World) -> World:
    blob = encode_totals(SALT, {TotalKey("2026-10", "hub-1", "trips", ""): 2})
    forged = lenient(world)
    honest = usage_submission(world, "bus", (record("z"),), n=9)
    draft = world.draft("bus", "usage-batch", {**honest.draft.body, "totals": blob_ref(blob)})
    apply_only(forged, Submission(draft, {sha256(blob).hexdigest(): blob}, honest.batch))
    return forged


def kinds(world: World) -> Iterator[Case]:
    """Entries of every kind that the ledger's door would refuse, signed by those who may."""
    trust = trust_in(world)
    name = {"ja": "名", "en": "name"}
    fact = {"period": "2026-10", "amount_minor": 5, "currency": "JPY"}
    month = {"period": "2026-11"}
    for who, kind, body in (
        ("office", "facility-registered", {"id": "hub-1", "name": name, "owner": None}),
        ("office", "facility-registered", {"id": "a b", "name": name, "owner": None}),
        ("office", "facility-registered", {"id": "x", "name": name, "owner": "nobody"}),
        ("bus", "facility-registered", {"id": "x", "name": name, "owner": None}),
        ("office", "period-opened", {**month, "start": "2026-10-31T15:00:00.000Z",
                                     "end": "2026-11-30T15:00:00.001Z"}),
        ("office", "period-opened", {**month, "start": "2026-10-01T15:00:00.000Z",
                                     "end": "2026-11-30T15:00:00.000Z"}),
        ("office", "period-closing", month),
        ("office", "period-closed", {"period": "2026-10"}),
        ("office", "revenue-reported", {**fact, "id": "fare", "origin": "member"}),
        ("office", "revenue-reported", {**fact, "id": "fares", "origin": "member"}),
        ("office", "revenue-reported", {**fact, "id": "x", "origin": "member", "currency": "CHF"}),
        ("office", "cost-reported", {**fact, "id": "platform", "member": "bus"}),
        ("office", "cost-reported", {**fact, "id": "platform", "member": "nobody"}),
        ("office", "funding-reported", {"asset": "network", "id": "bus", "member": "bus",
                                        "amount_minor": 1, "currency": "JPY", "origin": "member"}),
        ("office", "funding-reported", {"asset": "network", "id": "x", "member": "bus",
                                        "amount_minor": 0, "currency": "JPY", "origin": "member"}),
        ("bus", "usage-confirmed", {"period": "2026-10", "batches": 9, "records": 9}),
        ("bus", "member-left", {"member": "nobody", "reason": ""}),
        ("bus", "key-revoked", {"key": "0x" + "00" * 20, "reason": ""}),
        ("bus", "decision", {"action": "approve", "subject": "x", "subject_hash": "00" * 32,
                             "comment": ""}),
        ("bus", "proposal-withdrawn", {"subject_hash": "00" * 32, "reason": ""}),
        ("office", "settlement-settled", {"period": "2026-10", "settlement_id": "00" * 32}),
        ("office", "anchor-recorded", {"size": 1, "root": "00" * 32, "chain_id": 31337,
                                       "contract": "0x" + "11" * 20, "transaction": "00" * 32,
                                       "block_number": 1, "block_hash": "00" * 32,
                                       "evidence": blob_ref(b"{}")}),
        ("office", "anchor-successor-named", successor_body(contract="0x" + "99" * 20)),
        ("office", "anchor-successor-named", successor_body(
            successor={"chain_id": 31337, "contract": "0x" + "11" * 20, "code_hash": "44" * 32})),
        ("office", "charter", {}),
        ("office", "period-closing", {"period": "2026-10", "more": 1}),
        ("office", "period-closing", {}),
    ):  # fmt: skip
        forged = lenient(world)
        forged.blobs[sha256(b"{}").hexdigest()] = b"{}"
        forged.accept(Submission(forged.draft(who, kind, body)))
        yield Case(f"{kind} {body}", bundle_of(forged), trust)


def every_kind() -> Iterator[Case]:
    """For each kind of entry a log that takes it, carries it, and closes its month if it can.

    What a month is closed on hashes the whole state, so all that the entry did is compared.
    """
    for kind, case in ALL_CASES.items():
        world = stage(case.stage)
        world.accept(case.submission(world, kind))
        _go_on(world)
        yield Case(f"takes {kind}", bundle_of(world), trust_in(world))
        if case.wrong is not None:
            forged = lenient(stage(case.stage))
            forged.accept(case.submission(forged, kind, who=case.wrong))
            yield Case(f"{kind} by {case.wrong}", bundle_of(forged), trust_in(forged))


def _go_on(world: World) -> None:
    """Vote on what is open and close the month, as far as the ledger takes it."""
    for voter in ("bus", "ev", "office"):
        for wanted in list(world.state.proposals):
            with suppress(KyojoError):
                world.vote(voter, wanted)
    for kind in ("period-closing", "period-closed"):
        with suppress(KyojoError):
            world.write("office", kind, {"period": "2026-10"})


def months() -> Iterator[Case]:
    """Months after each other: what is owed and held, where they meet, rules that come late."""
    owing, waiting = owing_world(), waiting_world()
    yield Case("owing", bundle_of(owing), trust_in(owing))
    computed = compute(owing.state, "2026-12", owing, SEED)
    assert computed.inputs.beside == {"town"}
    assert owing.state.balances["JPY"].suspense > 0
    totals = computed.settlement.document["totals"]
    both = totals["paid_to_members"] + totals["paid_to_suspense"]
    for name, change in (
        ("as it is", {}),
        ("suspense as a member", {"totals": {**totals, "paid_to_members": both}}),
        ("suspense counted", {"member_count": computed.settlement.document["account_count"]}),
    ):
        forged = lenient(owing)
        propose(forged, month="2026-12", **change)
        yield Case(f"owing, {name}", bundle_of(forged), trust_in(owing))
    yield Case("waiting", bundle_of(waiting), trust_in(waiting))
    forged = lenient(waiting)
    late = Submission(
        forged.draft("office", "ruleset-proposed", rules_body(LATE_RULES)),
        {sha256(LATE_RULES).hexdigest(): LATE_RULES},
    )
    forged.accept(late)
    yield Case("rules too late", bundle_of(forged), trust_in(waiting))
    for body in GAPS:
        forged = lenient(open_month())
        forged.accept(Submission(forged.draft("office", "period-opened", body)))
        yield Case(f"opens {body}", bundle_of(forged), trust_in(forged))


def erased() -> Iterator[Case]:
    """A month of which records were erased, and others that are merely missing."""
    world = settled_world()
    (batch,) = batches_of(world, "bus")
    before = files_of(bundle_of(world))
    world.write("bus", "records-erased", {"batch": batch, "records": [0, 2], "reason": "asked"})
    trust, files = trust_in(world), files_of(bundle_of(world))
    yield Case("erased", bundle_of(world), trust)
    lines, leaves = f"records/{batch}.ndjson", f"records/{batch}.leaves"
    whole = {lines: before[lines], leaves: before[leaves]}
    missing = before[lines].split(b"\n")
    missing[1] = b""
    for name, change in (
        ("held all the same", whole),
        ("leaf of an erased one", {leaves: flipped(files[leaves], 40)}),
        ("salt of an erased one", {leaves: flipped(files[leaves], 1)}),
        ("line of a kept one", {lines: flipped(files[lines], 20)}),
        ("one more is missing", {lines: b"\n".join(missing)}),
        ("all lines are missing", {lines: b"\n\n\n"}),
    ):
        yield Case(f"erased, {name}", rebuild({**files, **change}, fit=True), trust)


def good(month: Audited) -> Iterator[Case]:
    """Bundles with which nothing is wrong, and the same with other trust."""
    yield Case("the month", month.bundle, month.trust)
    yield Case("the month, no trust", month.bundle, None)
    blocks = month.trust.model_copy(update={"chains": ()})
    yield Case("the month, no block known", month.bundle, blocks)
    other = "ledger.example.jp/noto-energy"
    keys = (format_vkey(log_key(other).verifier_key),)
    for name, changes in (
        ("genesis", {"genesis": "00" * 32}), ("origin", {"origin": other, "log_keys": keys}),
    ):  # fmt: skip
        yield Case(f"another {name}", month.bundle, trust_in(month.world, **changes))
    stranger = SigningKey(ORIGIN, log_key(ORIGIN).key_type, b"x" * 32)
    vkey = format_vkey(stranger.verifier_key)
    invented = bundle_of(settled_world(nonce="cd" * 32, log_keys=[vkey]), stranger)
    yield Case("invented, no trust", invented, None)
    yield Case("invented", invented, month.trust)


def closed_month() -> World:
    """A month with usage, cut off and not yet settled."""
    world = open_month()
    world.close()
    return world


def open_month() -> World:
    """A month with usage that is still open."""
    world = new_world()
    world.prepare(with_usage=False)
    use_facilities(world)
    return world


def all_cases(month: Audited, *, is_sample: bool = False) -> list[Case]:
    """Every case, the good ones first.

    A sample has every third of those that somebody thought of, and every eighth of those that a
    loop makes by the dozen.
    """
    closed, still_open, slices = closed_month(), open_month(), Slices()
    thought_of = (
        manifests(month), entries_gone(closed, trust_in(closed)), settlements(closed),
        records(still_open), kinds(still_open), contested_cases(), paid_cases(),
        reported_cases(), changed_cases(),
    )  # fmt: skip
    made_by_loops = (
        flips(month), anywhere(month, 24), containers(month), heads(month), nonsense(month),
        slices.wrong(), key_cases(),
    )  # fmt: skip
    return [
        *good(month), *slices.good(), *every_kind(), *erased(), *months(), *held_cases(),
        *_one_in(3 if is_sample else 1, thought_of),
        *_one_in(8 if is_sample else 1, made_by_loops),
    ]  # fmt: skip


def _one_in(step: int, families: Iterable[Iterable[Case]]) -> Iterator[Case]:
    for cases in families:
        yield from islice(cases, 0, None, step)

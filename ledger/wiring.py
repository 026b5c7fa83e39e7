"""The only place where the parts are put together: configuration in, working co-ops out."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from ledger.chain.fees import FeePolicy
from ledger.chain.node import FinalityDepths
from ledger.config import (
    CONFIG_VARIABLE,
    DEFAULT_FILE,
    EMBEDDED,
    SQLITE,
    ChainSection,
    Config,
    CoopSection,
    NodeSection,
    PayoutsSection,
    VaultSection,
    WitnessSection,
    load_config,
)
from ledger.errors import InvalidInput, KyojoError, MalformedDocument, NotFound
from ledger.identity.address import to_checksum
from ledger.identity.signature import SigningKey
from ledger.log.cosignature import ClockedSigner
from ledger.log.key import KeyType, format_vkey, parse_signing_key, parse_vkey
from ledger.log.key import SigningKey as LogKey
from ledger.log.note import Ed25519Signer, Signer
from ledger.log.policy import LOG_TYPES, Policy, parse_policy
from ledger.payout.bank_calendar import (
    BankCalendar,
    bundled_calendar,
    extended,
    parse_holidays,
)
from ledger.period import format_instant
from ledger.service import erase
from ledger.service.anchor_access import ChainAccess, TargetSettings
from ledger.service.anchor_policy import AnchorPolicy
from ledger.service.claims import VaultAccess
from ledger.service.coop import Coop, Office
from ledger.service.month import Folder, Means
from ledger.service.notice_terms import NoticeTerms, parse_notice_terms
from ledger.service.outside import Source, ask_all, heads_at_witnesses, heads_on_chain
from ledger.service.vault_in_log import bound
from ledger.service.witness import Witness
from ledger.store.database import Database
from ledger.store.high_water import HighWater
from ledger.store.logs import Log, create_log, find_log, list_logs
from ledger.store.outside import OutsideHead
from ledger.store.schema import upgrade
from ledger.store.sequencer import Sequencer
from ledger.store.witness_heads import WitnessHeads

# The first account of the embedded chain: its key is public, it only ever pays gas there.
EMBEDDED_GAS_KEY = (1).to_bytes(32, "big")


@dataclass(frozen=True, slots=True)
class Installation:
    """Everything that one configuration file describes, ready to work."""

    config: Config
    database: Database
    coops: Mapping[str, Coop]

    def coop(self, slug: str) -> Coop:
        """One of the co-ops; raises NotFound."""
        found = self.coops.get(slug)
        if found is None:
            raise NotFound(f"there is no co-op {slug!r} here; there are: {', '.join(self.coops)}")
        return found

    def chain(self, slug: str) -> ChainAccess:
        """How this installation reaches a co-op's first chain; raises NotFound if by none."""
        return self.chains(slug)[0]

    def chains(self, slug: str) -> list[ChainAccess]:
        """How this installation reaches each of a co-op's chains; raises NotFound if by none."""
        self.coop(slug)
        sections = self.config.coops[slug].chains()
        if not sections:
            raise NotFound(f"kyojo.toml has no [coops.{slug}.chain]")
        return [chain_access(slug, section) for section in sections]

    def chain_settings(self, slug: str) -> list[TargetSettings]:
        """What is set for each of a co-op's chains, without reading a key."""
        section = self.config.coops.get(slug)
        return (
            []
            if section is None
            else [
                TargetSettings(chain.chain_id, chain.contract, anchor_policy(chain))
                for chain in section.chains()
            ]
        )

    def vault(self, slug: str) -> VaultAccess:
        """How this installation reaches a co-op's vault.

        Raises NotFound if it is told of none, VaultMismatch if the log names others.
        """
        state = self.coop(slug).state()
        section = self.config.coops[slug].vault
        if section is None:
            raise NotFound(f"kyojo.toml has no [coops.{slug}.vault]")
        return bound(state, vault_access(slug, section))

    def month_means(self, slug: str) -> Means:
        """What the month's work is done with; a key file that is missing is found when needed."""
        self.coop(slug)
        section = self.config.coops[slug]
        return Means(
            chains=partial(self.chains, slug) if section.chains() else None,
            vault=None if section.vault is None else partial(self.vault, slug),
            folder=None if section.payouts is None else payout_folder(section.payouts),
            calendar=partial(self.bank_calendar, slug),
            notice_terms=partial(self.notice_terms, slug),
        )

    def notice_terms(self, slug: str) -> NoticeTerms | None:
        """What the office says of the documents of payments; None where no file is named."""
        self.coop(slug)
        section = self.config.coops[slug].payouts
        path = None if section is None else section.notice_terms
        return None if path is None else parse_notice_terms(_file(Path(path)))

    def bank_calendar(self, slug: str) -> BankCalendar:
        """The days of banks in Japan: the bundled list, with the years of the co-op's own files."""
        self.coop(slug)
        section = self.config.coops[slug].payouts
        return calendar_with([] if section is None else map(Path, section.holidays))

    def close(self) -> None:
        """Close the database."""
        self.database.close()


def config_path(given: str | None = None) -> Path:
    """The configuration file: as given, else KYOJO_CONFIG, else kyojo.toml in this folder."""
    return Path(given or os.environ.get(CONFIG_VARIABLE) or DEFAULT_FILE)


def open_installation(path: Path) -> Installation:
    """Open the installation that a configuration file describes; upgrades its database.

    Records that a restored database holds although its log erases them are erased again.
    """
    config = load_config(path, os.environ)
    database = Database(config.database.url)
    upgrade(database)
    known = list_logs(database)
    coops = {}
    for slug, section in config.coops.items():
        log = known[slug] if slug in known else _create_log(database, slug, section)
        if log.origin != section.origin:
            raise InvalidInput(
                f"{slug} is {log.origin} in the database, {section.origin} in {path}"
            )
        coops[slug] = open_coop(database, log, section)
        with suppress(KyojoError):  # a log that cannot be folded is for fsck and rebuild to judge
            erase.replay(coops[slug])
    return Installation(config, database, coops)


def chain_access(slug: str, section: ChainSection) -> ChainAccess:
    """A chain's settings with their keys read; raises InvalidInput, NotFound for a key file."""
    return ChainAccess(
        url=section.url,
        sender_key=_sender_key(f"[coops.{slug}.chain]", section),
        anchorer_keys=tuple(read_secret(path) for path in section.anchorer_keys),
        chain_id=section.chain_id,
        contract=section.contract,
        check_url=section.check_url,
        policy=anchor_policy(section),
        fees=_fees(section),
        depths=_depths(section),
        timeout_seconds=section.timeout_seconds,
    )


def vault_access(slug: str, section: VaultSection) -> VaultAccess:
    """The vault's settings with their keys read; raises InvalidInput, NotFound for a key file."""
    return VaultAccess(
        url=section.url,
        contract=to_checksum(section.contract),
        currency=section.currency,
        sender_key=_sender_key(f"[coops.{slug}.vault]", section),
        approver_keys=tuple(read_secret(path) for path in section.approver_keys),
        chain_id=section.chain_id,
        fees=_fees(section),
        depths=_depths(section),
        timeout_seconds=section.timeout_seconds,
    )


def payout_folder(section: PayoutsSection) -> Folder:
    """Where the banks' files go; the payers' files are read when one is made."""
    named = {"bank": section.bank_payer, "iban": section.iban_payer}
    return Folder(
        Path(section.folder),
        {"bank": section.bank_format, "iban": section.iban_format},
        {method: Path(path) for method, path in named.items() if path is not None},
    )


def calendar_with(paths: Iterable[Path], start: BankCalendar | None = None) -> BankCalendar:
    """A calendar (the bundled one unless given) with the years of further holiday lists.

    Raises NotFound for a file that cannot be read, MalformedDocument for what is no such list.
    """
    calendar = bundled_calendar() if start is None else start
    for path in paths:
        try:
            calendar = extended(calendar, parse_holidays(_file(path)))
        except InvalidInput as error:
            raise MalformedDocument(f"{path}: {error.message}") from error
    return calendar


def _file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotFound(f"cannot read {path}: {error}") from error


def _sender_key(where: str, section: NodeSection) -> bytes:
    if section.sender_key is not None:
        return read_secret(section.sender_key)
    if section.url.startswith(EMBEDDED):
        return EMBEDDED_GAS_KEY
    raise InvalidInput(f"{where} needs sender_key: somebody pays the gas")


def _fees(section: NodeSection) -> FeePolicy:
    return FeePolicy(
        priority_fee_wei=section.priority_fee_wei,
        max_fee_wei=section.max_fee_wei,
        monthly_cost_cap_wei=section.monthly_cost_cap_wei,
        bump_after_seconds=section.bump_after_seconds,
        bump_percent=section.bump_percent,
    )


def _depths(section: NodeSection) -> FinalityDepths | None:
    if section.safe_depth is None or section.final_depth is None:
        return None
    return FinalityDepths(section.safe_depth, section.final_depth)


def anchor_policy(section: ChainSection) -> AnchorPolicy:
    """When a chain's settings say that an anchor is made."""
    return AnchorPolicy(section.every_minutes, section.every_entries, section.never_older_minutes)


@dataclass(frozen=True, slots=True)
class Unopened:
    """A co-op's database and settings as they are, for a check that must not change anything."""

    slug: str
    section: CoopSection
    database: Database
    log_keys: tuple[str, ...]
    policy: Policy | None
    high_water: tuple[OutsideHead, ...]


@contextmanager
def open_unchanged(path: Path, slug: str | None) -> Iterator[Unopened]:
    """A co-op's database, neither created nor upgraded; raises NotFound if there is none.

    ``log_keys`` has the public halves of the log's keys whose files can be read here,
    ``high_water`` the mark of the high-water file; raises ReadOnly if that is damaged.
    """
    config = load_config(path, os.environ)
    if slug is None and len(config.coops) != 1:
        raise NotFound(f"name one by --coop: {', '.join(config.coops)}")
    chosen = next(iter(config.coops)) if slug is None else slug
    if chosen not in config.coops:
        raise NotFound(f"there is no co-op {slug!r} here; there are: {', '.join(config.coops)}")
    url = config.database.url
    if url.startswith(SQLITE) and not Path(url.removeprefix(SQLITE)).is_file():
        raise NotFound(f"there is no database at {url}")
    section = config.coops[chosen]
    marks = HighWater(Path(section.high_water)).heads() if section.high_water else []
    database = Database(url)
    try:
        keys, policy = _public_keys(section), _policy(section)
        yield Unopened(chosen, section, database, keys, policy, tuple(marks))
    finally:
        database.close()


def open_coop(database: Database, log: Log, section: CoopSection) -> Coop:
    """One co-op with its keys."""
    policy = _policy(section)
    files = (section.log_key, *section.more_log_keys)
    signers = [_log_signer(path) for path in files]
    high_water = HighWater(Path(section.high_water)) if section.high_water else None
    sequencer = Sequencer(
        database,
        log_id=log.id,
        origin=log.origin,
        id_key=log.id_key,
        signers=signers,
        clock=system_clock,
        outside=lambda state: ask_all(state, _sources(section, high_water, policy)),
        noted=(lambda _note: None) if high_water is None else high_water.note,
    )
    return Coop(
        log,
        database,
        sequencer,
        system_clock,
        secrets.token_bytes,
        _office(section),
        policy,
    )


def open_witness(path: Path) -> Witness:
    """The witness that a configuration file describes; makes its database."""
    section = witness_section(path)
    keys = [_key_of_type(section.key, KeyType.ED25519_COSIGNATURE)]
    if section.ml_dsa_key is not None:
        keys.append(_key_of_type(section.ml_dsa_key, KeyType.ML_DSA_44))
    logs = [parse_vkey(vkey) for vkey in section.logs]
    for log in logs:
        if log.key_type not in LOG_TYPES:
            raise InvalidInput(f"{log.name} is a {log.key_type.name} key; no log signs with it")
    heads = WitnessHeads(Database(section.database))
    return Witness(heads, keys=keys, logs=logs, clock=posix_clock)


def witness_section(path: Path) -> WitnessSection:
    """What the file says of the witness; raises NotFound if it says nothing."""
    section = load_config(path, os.environ).witness
    if section is None:
        raise NotFound(f"{path} has no [witness]; docs/witness.md shows one")
    return section


def _sources(
    section: CoopSection, high_water: HighWater | None, policy: Policy | None
) -> list[Source]:
    """Where a log's head is known outside of its database."""
    sources: list[Source] = []
    if high_water is not None:
        sources.append(lambda _state: high_water.heads())
    sources += [partial(heads_on_chain, chain.url) for chain in section.chains()]
    if policy is not None:
        sources.append(lambda state: heads_at_witnesses(policy, section.origin, state))
    return sources


def system_clock() -> str:
    """The present instant."""
    return format_instant(datetime.now(UTC))


def posix_clock() -> int:
    """The present time in POSIX seconds."""
    return int(datetime.now(UTC).timestamp())


def read_key(path: str) -> SigningKey:
    """A signing key from its file of 64 hex digits."""
    return SigningKey.from_hex(_read(path))


def read_log_key(path: str) -> LogKey:
    """A key of the log from its file."""
    return parse_signing_key(_read(path).strip())


def read_secret(path: str) -> bytes:
    """32 secret bytes from a file of 64 hex digits."""
    try:
        secret = bytes.fromhex(_read(path).strip().removeprefix("0x"))
    except ValueError as error:
        raise InvalidInput(f"{path} does not hold 64 hex digits") from error
    if len(secret) != 32:
        raise InvalidInput(f"{path} holds {len(secret)} bytes, not 32")
    return secret


def write_secret(path: Path, text: str) -> None:
    """Write a secret into a new file that only its owner reads; raises FileExistsError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text + "\n")


def _create_log(database: Database, slug: str, section: CoopSection) -> Log:
    create_log(database, slug=slug, origin=section.origin, id_key=secrets.token_bytes(32))
    return find_log(database, slug)


def _public_keys(section: CoopSection) -> tuple[str, ...]:
    found = []
    for path in (section.log_key, *section.more_log_keys):
        try:
            found.append(format_vkey(read_log_key(path).verifier_key))
        except KyojoError:
            continue  # a check may run where the keys are not
    return tuple(found)


def _log_signer(path: str) -> Signer:
    """A signer of the log: Ed25519, which every client knows, or ML-DSA-44 beside it."""
    key = read_log_key(path)
    if key.key_type not in LOG_TYPES:
        raise InvalidInput(f"{path} holds a {key.key_type.name} key; no log signs with it")
    if key.key_type is KeyType.ED25519:
        return Ed25519Signer(key)
    return ClockedSigner(key, posix_clock)


def _key_of_type(path: str, wanted: KeyType) -> LogKey:
    key = read_log_key(path)
    if key.key_type is not wanted:
        raise InvalidInput(f"{path} holds a {key.key_type.name} key, not {wanted.name}")
    return key


def _policy(section: CoopSection) -> Policy | None:
    if section.witness_policy is None:
        return None
    return read_policy(Path(section.witness_policy))


def read_policy(path: Path) -> Policy:
    """A C2SP tlog-policy from its file."""
    try:
        return parse_policy(path.read_bytes())
    except OSError as error:
        raise NotFound(f"cannot read the policy {path}: {error}") from error


def _office(section: CoopSection) -> Office | None:
    if section.office_key is None or section.settlement_secret is None:
        return None
    if not Path(section.office_key).exists():
        return None
    return Office(read_key(section.office_key), read_secret(section.settlement_secret))


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise NotFound(f"cannot read the key file {path}: {error}") from error


def new_secret() -> bytes:
    """32 fresh random bytes."""
    return secrets.token_bytes(32)

"""The one configuration file, ``kyojo.toml``, and the environment variables beside it.

::

    [database]
    url = "sqlite:///kyojo.db"            # or postgresql+psycopg://user@host/name

    [server]
    host = "127.0.0.1"
    port = 8000
    domain = "127.0.0.1:8000"             # what people see in the wallet when they sign in
    scheme = "http"                       # "https" behind a proxy that speaks TLS

    [coops.kaga]
    origin = "ledger.example.jp/kaga"
    log_key = "keys/log.key"              # the log's Ed25519 signing key, one line
    more_log_keys = []                    # files of others: while one is replaced, or ML-DSA-44
    office_key = "keys/office.key"        # only where scripts of the office run
    settlement_secret = "keys/settlement.secret"
    high_water = "kaga.high-water"        # the newest signed head; not on the database's disk
    witness_policy = "witnesses.policy"   # C2SP tlog-policy: who cosigns; may be absent

    [coops.kaga.chain]
    url = "embedded:chain.db"             # or an https JSON-RPC URL
    sender_key = "keys/sender.key"        # pays the gas; the embedded chain has its own
    anchorer_keys = ["keys/anchorer.key"]
    chain_id = 1                          # which target of the charter this is; needed for several
    contract = "0x…"                      # the same, where two contracts stand on one chain
    check_url = "https://…"               # a second node, of somebody else, that must agree
    timeout_seconds = 10                  # for each answer
    every_minutes = 60                    # anchor this long after the last one,
    every_entries = 1000                  # or as soon as so much is new; neither: at once
    never_older_minutes = 1440            # the longest that an entry may wait
    max_fee_wei = 50_000_000_000          # per gas; dearer waits
    priority_fee_wei = 1_000_000_000      # per gas
    monthly_cost_cap_wei = 50_000_000_000_000_000
    bump_after_seconds = 180              # then the fee is raised,
    bump_percent = 125                    # to this part of the one before
    safe_depth = 32                       # in place of the node's tags: blocks below the newest
    final_depth = 64

    [[coops.kaga.more_chains]]            # further targets, with the same settings
    url = "https://…"

    [coops.kaga.vault]                    # pays members on a chain (docs/contracts.md)
    url = "https://…"                     # the node; further settings as for a chain above
    contract = "0x…"                      # RevenueVault
    currency = "JPY"
    approver_keys = ["keys/approver.key"]

    [witness]                             # for "kyojo witness serve", mostly in a file of its own
    key = "keys/witness.key"              # a cosigner's Ed25519 key
    logs = ["<vkey>"]                     # the log keys that it trusts; names are the origins

Paths are relative to the file. Keys and secrets are files of their own, never values in here.
``KYOJO_CONFIG`` names the file (default ``kyojo.toml``), ``KYOJO_DATABASE_URL`` replaces the
database's address, so that its password need not stand in a file.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ledger.coop.bodies import faults_of
from ledger.errors import InvalidInput, NotFound

DEFAULT_FILE = "kyojo.toml"
CONFIG_VARIABLE = "KYOJO_CONFIG"
DATABASE_VARIABLE = "KYOJO_DATABASE_URL"
SQLITE = "sqlite:///"
EMBEDDED = "embedded:"

Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
ContractAddress = Annotated[str, Field(pattern=r"^0x[0-9a-fA-F]{40}$")]


class Section(BaseModel):
    """The base of the file's sections: unknown names are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class DatabaseSection(Section):
    """Where the ledger is kept."""

    url: str = "sqlite:///kyojo.db"


class ServerSection(Section):
    """Where the server listens, and the domain that sign-in texts name."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8000
    domain: str = "127.0.0.1:8000"
    scheme: Literal["http", "https"] = "http"


class NodeSection(Section):
    """How a chain is reached, and what a transaction may cost there.

    Without depths the node's own tags ``safe`` and ``finalized`` count.
    """

    url: str
    sender_key: str | None = None
    chain_id: Annotated[int, Field(ge=1)] | None = None
    timeout_seconds: Annotated[int, Field(ge=1, le=120)] = 10
    max_fee_wei: Annotated[int, Field(ge=1)] | None = None
    priority_fee_wei: Annotated[int, Field(ge=0)] = 10**9
    monthly_cost_cap_wei: Annotated[int, Field(ge=0)] | None = None
    bump_after_seconds: Annotated[int, Field(ge=1)] = 180
    bump_percent: Annotated[int, Field(ge=110, le=1000)] = 125
    safe_depth: Annotated[int, Field(ge=0)] | None = None
    final_depth: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _has_both_depths(self) -> Self:
        if (self.safe_depth is None) != (self.final_depth is None):
            raise ValueError("safe_depth and final_depth are set together")
        return self


class ChainSection(NodeSection):
    """A chain that witnesses a co-op's log, and when it is used."""

    anchorer_keys: list[str] = []
    contract: ContractAddress | None = None
    check_url: str | None = None
    every_minutes: Annotated[int, Field(ge=1)] | None = None
    every_entries: Annotated[int, Field(ge=1)] | None = None
    never_older_minutes: Annotated[int, Field(ge=1)] | None = None


class VaultSection(NodeSection):
    """The vault that pays a co-op's members in one currency, and the approvers that sign here."""

    contract: ContractAddress
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    approver_keys: list[str] = []


class PayoutsSection(Section):
    """The files that the monthly settlement writes, and who pays.

    ``bank`` is for banks in Japan, ``iban`` for the others. The payers are JSON files. ``holidays``
    are lists of Japan's national holidays with years that the bundled one lacks, or has otherwise.
    With ``notice_terms`` every order carries the documents that go with its payments.
    """

    folder: str = "payouts"
    bank_format: Literal["zengin", "pain.001.001.03", "csv"] = "zengin"
    bank_payer: str | None = None
    iban_format: Literal["pain.001.001.09", "csv"] = "pain.001.001.09"
    iban_payer: str | None = None
    holidays: Annotated[list[str], Field(max_length=20)] = []
    notice_terms: str | None = None


class CoopSection(Section):
    """A co-op of this installation."""

    origin: str
    log_key: str
    more_log_keys: list[str] = []
    office_key: str | None = None
    settlement_secret: str | None = None
    high_water: str = ""
    witness_policy: str | None = None
    chain: ChainSection | None = None
    more_chains: Annotated[list[ChainSection], Field(max_length=7)] = []
    vault: VaultSection | None = None
    payouts: PayoutsSection | None = None

    @model_validator(mode="after")
    def _names_its_chains(self) -> Self:
        if self.more_chains and any(one.chain_id is None for one in self.chains()):
            raise ValueError("with several chains, each names its chain_id")
        return self

    def chains(self) -> tuple[ChainSection, ...]:
        """All the chains of the co-op, in the order of the file."""
        first = () if self.chain is None else (self.chain,)
        return (*first, *self.more_chains)


class WitnessSection(Section):
    """A witness that runs here: its keys, its database, the logs that it knows."""

    key: str
    ml_dsa_key: str | None = None
    logs: Annotated[list[str], Field(min_length=1, max_length=10_000)]
    database: str = "sqlite:///witness.db"
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8100
    prefix: Annotated[str, Field(pattern=r"^(/[A-Za-z0-9._~-]+)*$")] = ""


class Config(Section):
    """The whole file."""

    database: DatabaseSection = DatabaseSection()
    server: ServerSection = ServerSection()
    coops: dict[Slug, CoopSection] = {}
    witness: WitnessSection | None = None


def load_config(path: Path, environment: Mapping[str, str]) -> Config:
    """Read the file and make its paths absolute.

    Raises NotFound if there is no such file, InvalidInput naming every wrong setting.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise NotFound(
            f"there is no configuration at {path}; write one (docs/reference.md), or name it by "
            f"--config or {CONFIG_VARIABLE}"
        ) from error
    try:
        config = Config.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"{path} is not TOML: {error}") from error
    except ValidationError as error:
        faults = faults_of(error)
        raise InvalidInput(
            f"{path}{faults[0].where}: {faults[0].message}", faults=faults
        ) from error
    url = environment.get(DATABASE_VARIABLE, config.database.url)
    return _absolute(config, path.resolve().parent, url)


def _absolute(config: Config, base: Path, url: str) -> Config:
    coops = {slug: _absolute_coop(slug, coop, base) for slug, coop in config.coops.items()}
    changes: dict[str, object] = {
        "database": DatabaseSection(url=_absolute_url(url, base)),
        "coops": coops,
    }
    if config.witness is not None:
        changes["witness"] = _absolute_witness(config.witness, base)
    return config.model_copy(update=changes)


def _absolute_url(url: str, base: Path) -> str:
    return SQLITE + str(base / url.removeprefix(SQLITE)) if url.startswith(SQLITE) else url


def _absolute_witness(witness: WitnessSection, base: Path) -> WitnessSection:
    second = None if witness.ml_dsa_key is None else str(base / witness.ml_dsa_key)
    return witness.model_copy(
        update={
            "key": str(base / witness.key),
            "ml_dsa_key": second,
            "database": _absolute_url(witness.database, base),
        }
    )


def _absolute_coop(slug: str, coop: CoopSection, base: Path) -> CoopSection:
    def place(path: str | None) -> str | None:
        return None if path is None else str(base / path)

    return coop.model_copy(
        update={
            "log_key": str(base / coop.log_key),
            "more_log_keys": [str(base / path) for path in coop.more_log_keys],
            "office_key": place(coop.office_key),
            "settlement_secret": place(coop.settlement_secret),
            "witness_policy": place(coop.witness_policy),
            "high_water": place(coop.high_water or f"{slug}.high-water"),
            "chain": None if coop.chain is None else _absolute_chain(coop.chain, base),
            "more_chains": [_absolute_chain(chain, base) for chain in coop.more_chains],
            "vault": None if coop.vault is None else _absolute_vault(coop.vault, base),
            "payouts": None if coop.payouts is None else _absolute_payouts(coop.payouts, base),
        }
    )


def _absolute_chain(chain: ChainSection, base: Path) -> ChainSection:
    keys = [str(base / path) for path in chain.anchorer_keys]
    check = None if chain.check_url is None else _absolute_node(chain.check_url, base)
    changes = {"anchorer_keys": keys, "check_url": check, **_absolute_access(chain, base)}
    return chain.model_copy(update=changes)


def _absolute_vault(vault: VaultSection, base: Path) -> VaultSection:
    keys = [str(base / path) for path in vault.approver_keys]
    return vault.model_copy(update={"approver_keys": keys, **_absolute_access(vault, base)})


def _absolute_payouts(payouts: PayoutsSection, base: Path) -> PayoutsSection:
    names = ("folder", "bank_payer", "iban_payer", "notice_terms")
    given = {name: getattr(payouts, name) for name in names}
    changes: dict[str, object] = {
        name: str(base / path) for name, path in given.items() if path is not None
    }
    changes["holidays"] = [str(base / path) for path in payouts.holidays]
    return payouts.model_copy(update=changes)


def _absolute_access(node: NodeSection, base: Path) -> dict[str, object]:
    sender = None if node.sender_key is None else str(base / node.sender_key)
    return {"url": _absolute_node(node.url, base), "sender_key": sender}


def _absolute_node(url: str, base: Path) -> str:
    is_file = url.startswith(EMBEDDED)
    return EMBEDDED + str(base / url.removeprefix(EMBEDDED)) if is_file else url

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
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ledger.coop.bodies import faults_of
from ledger.errors import InvalidInput, NotFound

DEFAULT_FILE = "kyojo.toml"
CONFIG_VARIABLE = "KYOJO_CONFIG"
DATABASE_VARIABLE = "KYOJO_DATABASE_URL"
SQLITE = "sqlite:///"
EMBEDDED = "embedded:"

Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]


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


class ChainSection(Section):
    """The chain that witnesses a co-op's log."""

    url: str
    sender_key: str | None = None
    anchorer_keys: list[str] = []


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

    chain = coop.chain
    if chain is not None:
        url = chain.url
        if url.startswith(EMBEDDED):
            url = EMBEDDED + str(base / url.removeprefix(EMBEDDED))
        keys = [str(base / path) for path in chain.anchorer_keys]
        changes = {"url": url, "sender_key": place(chain.sender_key), "anchorer_keys": keys}
        chain = chain.model_copy(update=changes)
    return coop.model_copy(
        update={
            "log_key": str(base / coop.log_key),
            "more_log_keys": [str(base / path) for path in coop.more_log_keys],
            "office_key": place(coop.office_key),
            "settlement_secret": place(coop.settlement_secret),
            "witness_policy": place(coop.witness_policy),
            "high_water": place(coop.high_water or f"{slug}.high-water"),
            "chain": chain,
        }
    )

"""What paths and queries may hold: every value has a form and a bound, stated in the OpenAPI too.

A value outside them is refused (422) before any code of ours sees it, so that no number overflows
a database's integers and no text reaches it with bytes that it cannot store.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query

from ledger.canonical import INTEGER_MAX
from ledger.coop.bodies import MEMBER_ID
from ledger.usage.batch import BATCH_RECORDS_MAX

SLUG = r"^[a-z0-9][a-z0-9-]{0,62}$"
MONTH = r"^[0-9]{4}-(0[1-9]|1[0-2])$"
HASH = r"^[0-9a-f]{64}$"
ADDRESS = r"^0x[0-9a-fA-F]{40}$"
KIND = r"^[a-z][a-z-]{0,63}$"
INSTANT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$"
TILE_CHARACTERS_MAX = 65_536  # the parser of tiles has the narrower bound

# Parts of paths.

Slug = Annotated[
    str, Path(description="The co-op's short name.", examples=["lugano"], pattern=SLUG)
]
Month = Annotated[str, Path(description="The period.", examples=["2026-10"], pattern=MONTH)]
MemberId = Annotated[
    str, Path(description="A member's id, or suspense.", examples=["bus"], pattern=MEMBER_ID)
]
EntryIndex = Annotated[
    int, Path(description="Index of an entry, from 0.", examples=[0], ge=0, le=INTEGER_MAX)
]
EntryQuery = Annotated[
    int | None, Query(description="Index of an entry, from 0.", ge=0, le=INTEGER_MAX)
]
RecordNumber = Annotated[
    int, Path(description="Number of a record in its batch, from 0.", ge=0, le=BATCH_RECORDS_MAX)
]
HashText = Annotated[
    str, Path(description="SHA-256 in lower-case hex.", examples=["00" * 32], pattern=HASH)
]
PaymentId = Annotated[
    str,
    Path(
        description="A payment's id, which is its document's number.",
        examples=["202610-" + "0" * 28],
        pattern=r"^[A-Za-z0-9-]{1,35}$",
    ),
]
CorrectionId = Annotated[
    str, Path(description="A correction's id, hex.", examples=["00" * 32], pattern=HASH)
]
AddressText = Annotated[
    str,
    Path(
        description="An address, in lower case or with its EIP-55 checksum.",
        examples=["0x" + "00" * 20],
        pattern=ADDRESS,
    ),
]
TilePath = Annotated[
    str,
    Path(
        description="The rest of a tile's path (C2SP tlog-tiles).",
        examples=["0/000.p/7"],
        max_length=TILE_CHARACTERS_MAX,
    ),
]

# Queries.

TreeSize = Annotated[int, Query(description="A size of the log.", ge=1, le=INTEGER_MAX)]
Start = Annotated[int, Query(description="The first index wanted.", ge=0, le=INTEGER_MAX)]
Amount = Annotated[
    int | None, Query(description="In minor units, included.", ge=-INTEGER_MAX, le=INTEGER_MAX)
]
OfKind = Annotated[str | None, Query(examples=["usage-batch"], pattern=KIND)]
OfMember = Annotated[str | None, Query(examples=["bus"], pattern=MEMBER_ID)]
OfPeriod = Annotated[str | None, Query(examples=["2026-10"], pattern=MONTH)]
Instant = Annotated[
    str | None,
    Query(
        description="UTC with milliseconds; from is included, to is not.",
        examples=["2026-10-31T15:00:00.000Z"],
        pattern=INSTANT,
    ),
]
Day = Annotated[
    str | None,
    Query(
        description="A day in the co-op's time zone, included.",
        examples=["2026-10-31"],
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
    ),
]
Counterparty = Annotated[
    str | None,
    Query(
        description="A member, fund or project, the id of a revenue, or the name or T number of a "
        "seller on a document.",
        examples=["bus"],
        pattern=r"^[^\u0000-\u001f\u007f]{1,120}$",
    ),
]
Currency = Annotated[str | None, Query(examples=["JPY"], pattern=r"^[A-Z]{3}$")]
Cursor = Annotated[
    str | None,
    Query(
        description="Where the page before ended.",
        examples=["120.0"],
        pattern=r"^[0-9]{1,15}\.[0-9]{1,9}$",
    ),
]

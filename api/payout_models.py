"""What the API answers about payouts. Amounts are in minor units."""

from __future__ import annotations

from pydantic import BaseModel, Field


class MemberDuesModel(BaseModel):
    """What a member is due in a currency, and what became of it."""

    member: str
    currency: str = Field(examples=["JPY"])
    due: int = Field(description="What settled months made payable in all; never falls.")
    ordered: int = Field(description="On its way.")
    paid: int
    returned: int = Field(description="What came back in all; it is payable again.")
    expired: int = Field(description="Not claimed from the vault in time; it went to a reserve.")
    held: int = Field(description="Waits for the end of a dispute.")
    owed: int = Field(description="What the member owes; offset before it is paid.")
    payable: int = Field(description="What may be ordered now.")


class PayoutLineModel(BaseModel):
    """A payment."""

    id: str = Field(description="What the bank's files name it by.")
    member: str
    amount_minor: int
    attempt: int = Field(description="How often it came back before.")
    state: str = Field(examples=["paid"], description="proposed, ordered, paid, returned, expired")


class PayoutOrderModel(BaseModel):
    """An order of payments; its lines are those that the reader may see."""

    id: str = Field(description="Also the hash to decide on, while it is proposed.")
    period: str = Field(description="The newest settled month that it nets.")
    currency: str
    method: str = Field(examples=["bank"], description="bank, iban, vault")
    status: str = Field(examples=["approved"], description="proposed, approved, exported")
    count: int = Field(description="Of all its lines.")
    total_minor: int = Field(description="Of all its lines.")
    format: str | None = Field(description="Of the bank's file, once it was made.")
    pay_on: str | None
    vault: str | None = Field(
        description="The vault that pays it, <chain id>/<contract>, where the log names it."
    )
    lines: list[PayoutLineModel]


class DestinationModel(BaseModel):
    """Where a member is paid."""

    member: str
    currency: str
    type: str = Field(examples=["bank"], description="bank, iban, evm")
    hint: str = Field(examples=["···4711"])
    details: str | None = Field(description="The blob with the account, for member and office.")
    status: str = Field(examples=["in force"], description="proposed, coming, in force")
    since: str | None
    subject_hash: str | None = Field(description="The hash to decide on, while it is proposed.")


class VaultModel(BaseModel):
    """A vault as the members named it in the log."""

    currency: str
    chain_id: int
    contract: str
    code_hash: str = Field(description="keccak256 of the code there (hex).")
    token: str = Field(description="The ERC-20 that it pays in.")
    decimals: int = Field(description="The token's.")
    entry: int = Field(description="The entry by which it came into force.")
    is_current: bool = Field(description="Whether payouts are ordered from it now.")


class PayoutsModel(BaseModel):
    """What a reader may see of payouts."""

    members: list[MemberDuesModel]
    orders: list[PayoutOrderModel]
    destinations: list[DestinationModel]
    vaults: list[VaultModel]

"""The bodies of the entries about payouts: where members are paid, orders, files, results."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from ledger.coop.bodies import (
    NO_BLOB,
    READABLE,
    AddressText,
    BlobRef,
    Body,
    Count,
    Currency,
    Date,
    Hash,
    MemberName,
    Month,
    PositiveMinor,
)


class AccountDestination(Body):
    """An account on an EVM chain."""

    type: Literal["evm"]
    address: AddressText


class BankDestination(Body):
    """An account at a bank: a Japanese one (``bank``) or one with an ``iban``, as a salted blob.

    The blob is read by the member and the office; ``hint`` is what may be shown, such as
    ``···4711``.
    """

    type: Literal["bank", "iban"]
    details: BlobRef
    hint: Annotated[str, Field(max_length=40, pattern=READABLE)]


class PayoutDestinationSet(Body):
    """Where a member wants to be paid in a currency; a second approver confirms it."""

    member: MemberName
    currency: Currency
    destination: AccountDestination | BankDestination


PayoutMethod = Literal["bank", "iban", "vault"]


class PayoutOrdered(Body):
    """What is to be paid: the lines are a salted blob that ``apply`` derives itself.

    ``period`` is the newest settled month that the order nets. ``method`` says what pays: banks in
    Japan, banks that know IBANs, or the vault, in which claims grow. ``notices`` are the documents
    that go with the payments, salted; left out where there are none.
    """

    period: Month
    currency: Currency
    method: PayoutMethod
    count: PositiveMinor
    total_minor: PositiveMinor
    lines: BlobRef
    notices: BlobRef = NO_BLOB

    @model_serializer(mode="wrap")
    def _without_notices(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        found: dict[str, Any] = handler(self)
        return {n: v for n, v in found.items() if n != "notices" or self.notices != NO_BLOB}


class PayoutExported(Body):
    """The file that the bank is given for an order, as a salted blob; there is only one."""

    order: Hash
    format: Literal["zengin", "pain.001.001.03", "pain.001.001.09", "csv"]
    pay_on: Date
    file: BlobRef


class PayoutResulted(Body):
    """What became of lines of an order, as the bank or the contract says; the rows are a blob.

    ``expired_minor`` was not claimed from the vault in time and went to a reserve.

    ``evidence_hash`` is SHA-256 of the bank's file, or of the proof of the contract's state.
    """

    order: Hash
    paid_minor: Count
    returned_minor: Count
    expired_minor: Count = 0
    results: BlobRef
    evidence_hash: Hash

"""What the office says of the documents of payments: the parties, the rates, how tax is rounded."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import Field, ValidationError

from ledger import canonical
from ledger.coop.bodies import faults_of
from ledger.errors import MalformedDocument
from ledger.payout.parties import Day, Shape
from ledger.rules.inputs.invoice import TaxRounding

UNTAXED: Final = "none"


class RateOf(Shape):
    """At which rate steps of a kind (``tax`` of a rule set's step) are taxed."""

    rate: Annotated[str, Field(pattern=r"^[0-9]{1,2}(\.[0-9]{1,2})?%$")]
    is_reduced: bool = False


class NoticeTerms(Shape):
    """What the office says: the co-op as buyer, members as sellers, rates, and how tax is rounded.

    A member that is not among the sellers gets a payment notice under the name that the co-op knows
    it by. ``rates`` are by a step's ``tax``; what is not named there is outside the tax. Amounts
    contain their tax: an order pays no tax on top of them, so a ``net`` notice would state tax that
    nobody paid.
    """

    kyojo_notice_terms: Annotated[int, Field(ge=1, le=1)]
    buyer: dict[str, Any]
    sellers: dict[str, dict[str, Any]] = Field(default_factory=dict)
    rates: dict[str, RateOf] = Field(default_factory=dict)
    basis: Literal["gross"] = "gross"
    rounding: TaxRounding = "floor"
    objection_until: Day | None = None


def parse_notice_terms(data: bytes) -> NoticeTerms:
    """Read the office's terms; MalformedDocument with every fault."""
    return notice_terms(canonical.parse(data, what="the notice terms"))


def notice_terms(document: Any) -> NoticeTerms:
    """The office's terms from their JSON; MalformedDocument with every fault."""
    try:
        return NoticeTerms.model_validate(document)
    except ValidationError as error:
        faults = faults_of(error)
        raise MalformedDocument(
            f"the notice terms: {faults[0].where}: {faults[0].message}", faults=faults
        ) from error

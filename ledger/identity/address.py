"""Ethereum addresses: 20 bytes, written ``0x`` + 40 hex digits.

Inside the ledger an address is lower case, so that one key has one spelling; people are shown
the EIP-55 form, whose capitals are a checksum.

>>> to_checksum("0xfb6916095ca1df60bb79ce92ce3ea74c37c5d359")
'0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359'
"""

from __future__ import annotations

import re
from typing import NewType

from ledger.errors import OutOfRange
from ledger.identity.keccak import keccak

Address = NewType("Address", str)

ADDRESS_CHARACTERS = 42
LOWER = re.compile(r"0x[0-9a-f]{40}")
ANY = re.compile(r"0x[0-9a-fA-F]{40}")


def address_of_public_key(uncompressed: bytes) -> Address:
    """The address of a 64-byte public key (without its 0x04 prefix): last 20 bytes of keccak."""
    return Address("0x" + keccak(uncompressed)[-20:].hex())


def to_checksum(address: str) -> str:
    """The EIP-55 spelling of an address."""
    digits = address[2:].lower()
    marks = keccak(digits.encode()).hex()
    raised = (c.upper() if int(m, 16) >= 8 else c for c, m in zip(digits, marks, strict=False))
    return "0x" + "".join(raised)


def parse_address(text: str) -> Address:
    """Read an address in lower case or in its EIP-55 form.

    Raises OutOfRange for anything else, so that a mistyped capital never passes.
    """
    if ANY.fullmatch(text) is None or text not in (text.lower(), to_checksum(text)):
        raise OutOfRange(f"{text[:50]!r} is not an address, or its checksum is wrong")
    return Address(text.lower())

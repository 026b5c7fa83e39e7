"""Readers for the small parts that all C2SP texts share; each accepts one spelling only.

Texts that mean the same must be the same bytes, or one signed thing could be shown in two forms.
So base64 is re-encoded and compared (Python's decoder lets stray trailing bits pass), and
integers have no sign, no leading zero and at most 63 bits. The caller names the error to raise.
"""

from __future__ import annotations

import base64
import binascii
import re

from ledger.errors import InvalidInput

INTEGER_MAX = 2**63 - 1
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")


def decode_base64(text: str, *, malformed: type[InvalidInput]) -> bytes:
    """The bytes of padded standard base64 (RFC 4648 §4) in its only correct spelling."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise malformed(f"{text[:40]!r} is not base64") from error
    if encode_base64(data) != text:
        raise malformed(f"{text[:40]!r} is base64 with stray bits or wrong padding")
    return data


def encode_base64(data: bytes) -> str:
    """Padded standard base64, RFC 4648 §4."""
    return base64.b64encode(data).decode("ascii")


def parse_decimal(text: str, *, malformed: type[InvalidInput]) -> int:
    """An integer from 0 to 2**63 − 1 in decimal digits, without sign or leading zero."""
    if _DECIMAL.fullmatch(text) is None or int(text) > INTEGER_MAX:
        raise malformed(f"{text[:40]!r} is not a decimal integer from 0 to 2**63 − 1")
    return int(text)


def decode_text(data: bytes, *, bytes_max: int, malformed: type[InvalidInput]) -> str:
    """UTF-8 text of at most ``bytes_max`` bytes whose only control character is the newline."""
    if len(data) > bytes_max:
        raise malformed(f"{len(data)} bytes exceed the limit of {bytes_max}")
    try:
        text = data.decode("utf-8", "strict")
    except UnicodeDecodeError as error:
        raise malformed(f"not UTF-8 at byte {error.start}") from error
    if any(character < " " and character != "\n" for character in set(text)):
        raise malformed("a control character other than the newline")
    return text

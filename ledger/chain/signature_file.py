"""A signature over an instruction, as a file: JSON of ours, or the bare hex that a wallet gives.

::

    {"kyojo_signature": 1, "digest": "0x…", "signer": "0x…", "signature": "0x…"}

``signer`` is for people; who signed is recovered from the signature. A bare ``0x`` and 130 hex
digits, as wallets and hardware answer to ``eth_signTypedData_v4``, is a signature too.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from ledger import canonical
from ledger.chain.quorum import key_address, recover_signer, sign_digest
from ledger.errors import BadSignature, MalformedDocument

FORMAT = 1
BYTES_MAX = 10_000
_HEX = re.compile(r"(?:0x)?([0-9a-fA-F]{130})")
_NAMES = {"kyojo_signature", "digest", "signer", "signature"}


@dataclass(frozen=True, slots=True)
class SignedFile:
    """A signature of 65 bytes from the file ``name``; ``digest`` is None where it is bare."""

    name: str
    signature: bytes
    digest: bytes | None = None

    def signer(self, digest: bytes) -> str:
        """Who signed ``digest``, as an EIP-55 address.

        Raises BadSignature, naming the file, if it says itself that it is over something else, or
        is no signature that a contract takes.
        """
        if self.digest not in (None, digest):
            raise BadSignature(
                f"{self.name} is a signature over another instruction (digest "
                f"0x{(self.digest or b'').hex()[:16]}…, wanted 0x{digest.hex()[:16]}…) "
                "別の指示書への署名です"
            )
        try:
            return recover_signer(digest, self.signature)
        except BadSignature as error:
            raise BadSignature(
                f"{self.name}: {error.message} 契約が受け付けない署名です"
            ) from error


def sign_file(digest: bytes, key: bytes) -> bytes:
    """The file of a signature over ``digest`` by the 32-byte private ``key``."""
    document = {
        "kyojo_signature": FORMAT,
        "digest": "0x" + digest.hex(),
        "signer": key_address(key),
        "signature": "0x" + sign_digest(digest, key).hex(),
    }
    return json.dumps(document, indent=1).encode() + b"\n"


def parse_signed(data: bytes, *, name: str) -> SignedFile:
    """Read a signature's file; raises MalformedDocument, naming it, for what is none."""
    if len(data) > BYTES_MAX:
        raise MalformedDocument(f"{name} is no signature: it has {len(data)} bytes")
    bare = _HEX.fullmatch(data.decode("ascii", "replace").strip())
    if bare is not None:
        return SignedFile(name, bytes.fromhex(bare[1]))
    document = canonical.parse(data, what=name)
    if not isinstance(document, dict) or set(document) != _NAMES:
        raise MalformedDocument(f"{name} is no signature: neither kyojo's file nor 130 hex digits")
    if document["kyojo_signature"] != FORMAT:
        raise MalformedDocument(f"{name} is of another version of kyojo")
    found = _HEX.fullmatch(str(document["signature"]))
    digest = re.fullmatch(r"0x([0-9a-f]{64})", str(document["digest"]))
    if found is None or digest is None:
        raise MalformedDocument(f"{name} has a signature or digest that is none")
    return SignedFile(name, bytes.fromhex(found[1]), bytes.fromhex(digest[1]))

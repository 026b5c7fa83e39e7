"""One translation of everything the chain libraries raise into kyojo's own errors.

What a failed *send* means is never certain: the transaction may be in although the answer got
lost. So the outbox treats each of these as "look at the chain", whatever ``kind`` says.

=============  ==================  ===========================================================
kind           error               meaning
=============  ==================  ===========================================================
reverted       Conflict            the contract refused; ``reason`` is its own text
nonce          Conflict            the nonce is used, or a gap lies before it
known          Conflict            the node has this very transaction already
underpriced    ChainUnavailable    the fee is below what the node or the block asks
funds          ChainUnavailable    the sender cannot pay for value and gas
unreachable    ChainUnavailable    no answer: connection, timeout, locked file
unknown        ChainUnavailable    an answer that fits none of these; check the state
=============  ==================  ===========================================================
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ledger.errors import KyojoError


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Run chain calls; their libraries' exceptions leave as kyojo's, naming ``what`` was done."""
    try:
        yield
    except KyojoError:
        raise
    except Exception as error:
        # Whose exceptions these are is known once the libraries are loaded (see ``node``).
        from ledger.chain.library_faults import translate  # noqa: PLC0415

        found = translate(error, what)
        if found is None:
            raise
        raise found from error

"""Connections to a node by JSON-RPC over HTTP.

Reads are repeated when a connection breaks; sending is not (see ``node``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import requests
from web3 import HTTPProvider, Web3
from web3.middleware import ExtraDataToPOAMiddleware
from web3.providers.rpc.utils import REQUEST_RETRY_ALLOWLIST, ExceptionRetryConfiguration

READ_ATTEMPTS = 3


@contextmanager
def open_http(url: str, *, timeout_seconds: float) -> Iterator[Web3]:
    """The node at ``url`` as a web3 object; each request may take ``timeout_seconds``."""
    with requests.Session() as session:
        provider = HTTPProvider(
            url,
            request_kwargs={"timeout": timeout_seconds},
            session=session,
            exception_retry_configuration=_retries(),
        )
        web3 = Web3(provider)
        # Proof-of-authority chains put signatures into extraData, which web3 otherwise refuses.
        web3.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)
        yield web3


def _retries() -> ExceptionRetryConfiguration:
    return ExceptionRetryConfiguration(
        errors=(requests.ConnectionError, requests.Timeout, requests.HTTPError),
        retries=READ_ATTEMPTS,
        method_allowlist=[
            method for method in REQUEST_RETRY_ALLOWLIST if method != "eth_sendRawTransaction"
        ],
    )

"""The examples in the docstrings of the log show what really happens."""

import doctest

import pytest

from ledger.log import checkpoint, key, merkle, tile


@pytest.mark.parametrize("module", [checkpoint, key, merkle, tile], ids=lambda m: m.__name__)
def test_docstring_examples(module):
    failed, attempted = doctest.testmod(module)
    assert attempted > 0
    assert failed == 0

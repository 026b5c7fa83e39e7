"""Where the cases that the vault must refuse are registered, each under its reason."""

import pytest

from tests.contracts.vault_world import Tree, Vault, address

ANN, BEN, CHO = (address(number) for number in range(3))
TREE = Tree({ANN: 1000, BEN: 2500, CHO: 1})
NEXT = Tree({ANN: 1001, BEN: 2500, CHO: 1})
CASES = []


def case(reason):
    """Register a case, a function of the vault, under the reason that its last call must give."""

    def register(function):
        CASES.append(pytest.param(reason, function, id=f"{reason}-{function.__name__}"))
        return function

    return register


def with_token(name, arguments=None):
    """A vault over another token, with the tree funded and published."""
    found = Vault(token=name, arguments=arguments)
    found.fund(TREE.total)
    found.publish(TREE)
    return found

# pragma version 0.4.3
# pragma evm-version cancun
"""
@title A token whose issuer blocks one account; anybody mints
"""
balanceOf: public(HashMap[address, uint256])
blocked: public(address)


@deploy
def __init__(blocked: address):
    self.blocked = blocked


@external
@view
def decimals() -> uint8:
    return 18


@external
def mint(receiver: address, amount: uint256):
    self.balanceOf[receiver] += amount


@external
def transfer(receiver: address, amount: uint256) -> bool:
    return self._move(msg.sender, receiver, amount)


@external
def transferFrom(owner: address, receiver: address, amount: uint256) -> bool:
    return self._move(owner, receiver, amount)


@internal
def _move(sender: address, receiver: address, amount: uint256) -> bool:
    assert receiver != self.blocked, "token: blocked"
    self.balanceOf[sender] -= amount
    self.balanceOf[receiver] += amount
    return True

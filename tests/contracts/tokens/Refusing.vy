# pragma version 0.4.3
# pragma evm-version cancun
"""
@title A token that returns false instead of reverting, once told to; anybody mints
"""
balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])
refuses: public(bool)


@external
@view
def decimals() -> uint8:
    return 18


@external
def mint(receiver: address, amount: uint256):
    self.balanceOf[receiver] += amount


@external
def refuse(from_now_on: bool):
    self.refuses = from_now_on


@external
def approve(spender: address, amount: uint256) -> bool:
    self.allowance[msg.sender][spender] = amount
    return True


@external
def transfer(receiver: address, amount: uint256) -> bool:
    return self._move(msg.sender, receiver, amount)


@external
def transferFrom(owner: address, receiver: address, amount: uint256) -> bool:
    return self._move(owner, receiver, amount)


@internal
def _move(sender: address, receiver: address, amount: uint256) -> bool:
    if self.refuses:
        return False
    self.balanceOf[sender] -= amount
    self.balanceOf[receiver] += amount
    return True

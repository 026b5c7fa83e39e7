# pragma version 0.4.3
# pragma evm-version cancun
"""
@title A token that calls whoever it was told to, in the middle of every transfer
@dev With `insist` the failure of that call fails the transfer, else it is only remembered.
"""
balanceOf: public(HashMap[address, uint256])
failed: public(bool)
_target: address
_data: Bytes[2048]
_insist: bool


@external
@view
def decimals() -> uint8:
    return 18


@external
def mint(receiver: address, amount: uint256):
    self.balanceOf[receiver] += amount


@external
def arm(target: address, data: Bytes[2048], insist: bool):
    self._target = target
    self._data = data
    self._insist = insist


@external
def transfer(receiver: address, amount: uint256) -> bool:
    return self._move(msg.sender, receiver, amount)


@external
def transferFrom(owner: address, receiver: address, amount: uint256) -> bool:
    return self._move(owner, receiver, amount)


@internal
def _move(sender: address, receiver: address, amount: uint256) -> bool:
    if self._target != empty(address):
        success: bool = raw_call(self._target, self._data, revert_on_failure=False)
        assert success or not self._insist, "token: the call inside failed"
        self.failed = not success
    self.balanceOf[sender] -= amount
    self.balanceOf[receiver] += amount
    return True

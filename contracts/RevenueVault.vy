# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize gas
"""
@title RevenueVault: members' shares of settled revenue, as cumulative claims in one ERC-20
@license Apache-2.0
@notice Holds the money of co-ops and pays it to the accounts of their members. A quorum of
        settlement approvers publishes, per co-op, the root of a Merkle tree of (account, amount
        earned to date). Anybody may then claim for an account, and the account is paid what it
        has earned less what it was paid before. Roots cover at most what was funded.
@dev A co-op is named by originHash = SHA-256 of its log's origin line; what belongs to one is out
     of reach of all others. A leaf is keccak256(keccak256(abi.encode(account, cumulative))), pairs
     are hashed in sorted order: the standard-v1 tree of OpenZeppelin. The leaf names no vault,
     origin or period; signatures (EIP-712) and the root of each origin do.
     There is no owner, no pause, no proxy and no way to destroy the contract. The token is the one
     immutable: the code of a deployment is the committed runtime code and behind it the token's
     address in 32 bytes, so that anybody can compute its code hash.
     What it cannot do: it does not see the sum of a tree's leaves, so it stops at the published
     total; a quorum can publish a false tree, up to what is funded; money that is sent to it
     without `fund` belongs to no co-op and stays. Tokens must not move balances of their own.
     Argument arrays are declared one element longer than what is allowed, so that one too many
     gets a reason; anything longer is refused by the ABI decoder without one.
"""

from ethereum.ercs import IERC20
from ethereum.ercs import IERC20Detailed

# The newest publication of a co-op; the root is zero before the first. `sums` is the published
# total << 128 | what of it is paid: a claim reads and writes one slot where two would cost 2,100
# gas more.
struct Publication:
    root: bytes32
    sums: uint256
    period: uint32

# No publication of `period` or a later one before the moment `until`, in seconds; `count` numbers
# the holds and releases of a co-op, so that each signature is good for one.
struct Hold:
    period: uint32
    until: uint64
    count: uint64

# An approver's signature, the 65 bytes r || s || v in three words.
struct Signature:
    r: bytes32
    s: bytes32
    v: uint8

# `amount` is what arrived, `deposited` the sum of all that ever did.
event Funded:
    originHash: indexed(bytes32)
    sender: indexed(address)
    amount: uint256
    deposited: uint256

# The tree that claims are proved against from here on.
event Published:
    originHash: indexed(bytes32)
    period: indexed(uint32)
    root: bytes32
    total: uint256
    previousRoot: bytes32

# `amount` went to the account, which has now been paid `cumulative` in all.
event Claimed:
    originHash: indexed(bytes32)
    account: indexed(address)
    amount: uint256
    cumulative: uint256

# `amount` was not claimed within the window and went to `reserve` instead of the account.
event Expired:
    originHash: indexed(bytes32)
    account: indexed(address)
    reserve: indexed(address)
    amount: uint256
    cumulative: uint256

# `amount` of what no tree covers left the vault; `withdrawn` is the sum of all that ever did.
event Withdrawn:
    originHash: indexed(bytes32)
    recipient: indexed(address)
    amount: uint256
    withdrawn: uint256

# The period and later ones wait until the moment `until`, in seconds.
event Held:
    originHash: indexed(bytes32)
    period: indexed(uint32)
    until: uint64
    count: uint64

# The hold of the period is over before its time.
event Released:
    originHash: indexed(bytes32)
    period: indexed(uint32)
    count: uint64

# The signer set of the epoch that begins here.
event Rotated:
    epoch: indexed(uint64)
    signers: DynArray[address, 16]
    k: uint8

SIGNERS_MAX: constant(uint256) = 16

# Enough for a tree of 2**32 accounts.
PROOF_MAX: constant(uint256) = 32

# The largest total, so that two fit into a slot; no token of any use has as many base units.
TOTAL_MAX: constant(uint256) = 2**128 - 1

# A hold ends by itself: 45 days.
HOLD_MAX: constant(uint256) = 3888000

# The least and the most time to claim that a vault can be deployed with: 30 days, 100 years.
WINDOW_MIN: constant(uint64) = 2592000
WINDOW_MAX: constant(uint64) = 3155760000

# Half of the order of secp256k1: an s above it is the mirror image of a valid signature.
S_MAX: constant(uint256) = (
    57896044618658097711785492504343953926418782139537452191302581570759080747168
)

# Prefix of typed data, EIP-712.
TYPED_DATA: constant(bytes2) = 0x1901

DOMAIN_TYPE: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
DOMAIN_NAME: constant(bytes32) = keccak256("kyojo vault")
DOMAIN_VERSION: constant(bytes32) = keccak256("1")
PUBLISH_TYPE: constant(bytes32) = keccak256(
    "Publish(bytes32 originHash,bytes32 previousRoot,uint32 period,bytes32 root,uint256 total)"
)
HOLD_TYPE: constant(bytes32) = keccak256(
    "Hold(bytes32 originHash,uint32 period,uint64 until,uint64 count)"
)
RELEASE_TYPE: constant(bytes32) = keccak256("Release(bytes32 originHash,uint64 count)")
EXPIRE_TYPE: constant(bytes32) = keccak256(
    "Expire(bytes32 originHash,bytes32 root,address account,uint256 cumulative,address reserve)"
)
WITHDRAW_TYPE: constant(bytes32) = keccak256(
    "Withdraw(bytes32 originHash,uint256 previousWithdrawn,uint256 amount,address recipient)"
)
ROTATE_TYPE: constant(bytes32) = keccak256(
    "Rotate(address[] newSigners,uint8 newK,uint64 epoch)"
)

# The one token of the vault; all amounts are in its base units.
token: public(immutable(address))

# How many seconds an entitlement stands, from the publication that first had it, before the quorum
# may let it expire.
claimWindow: public(uint64)

# The number of signatures that make a quorum, 1 <= k <= number of signers.
k: public(uint8)

# Counts the signer sets; the first is epoch 1.
epoch: public(uint64)

# Per co-op, sums that only ever grow: what arrived, and what left as surplus. At all times
# paidTotal <= published total <= deposited - withdrawn.
deposited: public(HashMap[bytes32, uint256])
withdrawn: public(HashMap[bytes32, uint256])

# Per co-op and account: what of this account's claims is settled; paidTotal is the sum.
paid: public(HashMap[bytes32, HashMap[address, uint256]])

# Per co-op and root: when it was first published, in seconds; 0 if never.
publishedAt: public(HashMap[bytes32, HashMap[bytes32, uint64]])

# Per co-op and period: whether it was ever held. One approver alone can do that once.
wasHeld: public(HashMap[bytes32, HashMap[uint32, bool]])

# Per co-op and standing root (zero before the first): the latest moment, in seconds, at which holds
# that one approver made alone may end; 0 while there was none.
aloneUntil: public(HashMap[bytes32, HashMap[bytes32, uint64]])

publications: HashMap[bytes32, Publication]
holds: HashMap[bytes32, Hold]
members: DynArray[address, 16]
is_member: HashMap[address, bool]


@deploy
def __init__(
    token_address: address,
    decimals: uint8,
    signers: DynArray[address, 17],
    k: uint8,
    claim_window: uint64,
):
    """
    @param token_address The ERC-20 that is held here, for good.
    @param decimals What the deployer takes the token's decimals to be; compared with the token's.
    @param signers The first settlement approvers, strictly ascending, at most 16.
    @param k How many of them make a quorum.
    @param claim_window Seconds, for good, before an unclaimed entitlement may expire.
    """
    assert token_address.is_contract, "token: no contract is there"
    assert staticcall IERC20Detailed(token_address).decimals() == decimals, (
        "token: decimals differ"
    )
    assert claim_window >= WINDOW_MIN, "window: below 30 days"
    assert claim_window <= WINDOW_MAX, "window: above 100 years"
    token = token_address
    self.claimWindow = claim_window
    self._install(signers, k, 1)


@external
@nonreentrant
def fund(originHash: bytes32, amount: uint256) -> uint256:
    """
    @notice Takes tokens of the sender, who has approved it, for a co-op. Anybody may.
    @param originHash SHA-256 of the origin line of the co-op's log.
    @param amount How much to take.
    @return What arrived and was credited: less than `amount` if the token keeps a fee.
    """
    before: uint256 = staticcall IERC20(token).balanceOf(self)
    taken: bool = extcall IERC20(token).transferFrom(
        msg.sender, self, amount, default_return_value=True
    )
    assert taken, "token: transferFrom refused"
    now: uint256 = staticcall IERC20(token).balanceOf(self)
    assert now > before, "fund: nothing arrived"
    arrived: uint256 = now - before
    deposited: uint256 = self.deposited[originHash] + arrived
    self.deposited[originHash] = deposited
    log Funded(originHash=originHash, sender=msg.sender, amount=arrived, deposited=deposited)
    return arrived


@external
@nonreentrant
def publish(
    originHash: bytes32,
    previousRoot: bytes32,
    period: uint32,
    root: bytes32,
    total: uint256,
    signatures: DynArray[Signature, 17],
):
    """
    @notice Replaces the tree of a co-op, by a quorum. A correction publishes its period again.
    @param originHash SHA-256 of the origin line of the co-op's log.
    @param previousRoot The root that stands, which the new one succeeds; zero before the first.
    @param period The newest settled period that the tree counts, as the number YYYYMM.
    @param root The root of the tree of (account, earned to date).
    @param total The sum of the tree's leaves, to date.
    @param signatures At least k approvers' over Publish(...), ascending by signer.
    """
    standing: Publication = self.publications[originHash]
    assert previousRoot == standing.root, "publish: previous root is stale"
    assert root != empty(bytes32), "publish: root is zero"
    self._check_period(period)
    assert period >= standing.period, "publish: period falls"
    standing_total: uint256 = standing.sums >> 128
    assert total >= standing_total, "publish: total falls"
    assert total <= TOTAL_MAX, "publish: total above 2**128 - 1"
    assert total <= self.deposited[originHash] - self.withdrawn[originHash], (
        "publish: total is not funded"
    )
    held: Hold = self.holds[originHash]
    assert period < held.period or block.timestamp >= convert(held.until, uint256), (
        "publish: the period is held"
    )
    # A root that was superseded never comes back, so that no signature works a second time.
    if root == standing.root:
        assert period > standing.period or total > standing_total, "publish: nothing changes"
    else:
        assert self.publishedAt[originHash][root] == 0, "publish: root was superseded"
        self.publishedAt[originHash][root] = convert(block.timestamp, uint64)
    self._check_signatures(
        keccak256(abi_encode(PUBLISH_TYPE, originHash, previousRoot, period, root, total)),
        convert(self.k, uint256),
        signatures,
    )
    self.publications[originHash] = Publication(
        root=root, sums=total << 128 | standing.sums & TOTAL_MAX, period=period
    )
    log Published(
        originHash=originHash,
        period=period,
        root=root,
        total=total,
        previousRoot=previousRoot,
    )


@external
@nonreentrant
def claim(
    originHash: bytes32,
    account: address,
    cumulative: uint256,
    proof: DynArray[bytes32, 33],
) -> uint256:
    """
    @notice Pays an account what it has earned less what it was paid before. Anybody may call.
    @param originHash SHA-256 of the origin line of the co-op's log.
    @param account The account of the leaf, which is paid.
    @param cumulative The amount of the leaf: all that the account has earned to date.
    @param proof The siblings on the way from the leaf to the published root.
    @return What was paid now.
    """
    assert self._root(account, cumulative, proof) == self.publications[originHash].root, (
        "proof: not in the published tree"
    )
    due: uint256 = self._settle(originHash, account, cumulative)
    log Claimed(originHash=originHash, account=account, amount=due, cumulative=cumulative)
    self._transfer(account, due)
    return due


@external
@nonreentrant
def expire(
    originHash: bytes32,
    root: bytes32,
    account: address,
    cumulative: uint256,
    reserve: address,
    proof: DynArray[bytes32, 33],
    signatures: DynArray[Signature, 17],
) -> uint256:
    """
    @notice Settles what an account did not claim in time, by a quorum: it counts as paid, and the
            money goes to a reserve. Later trees stay right.
    @param originHash SHA-256 of the origin line of the co-op's log.
    @param root A root that was published at least the claim window ago; it need not stand now.
    @param account The account of the leaf.
    @param cumulative The amount of its leaf in the tree of that root.
    @param reserve Who gets the money.
    @param proof The siblings on the way from the leaf to that root.
    @param signatures At least k approvers' over Expire(...), ascending by signer.
    @return What the reserve was paid now.
    """
    first: uint64 = self.publishedAt[originHash][root]
    assert first != 0, "expire: root was never published"
    assert block.timestamp >= convert(first, uint256) + convert(self.claimWindow, uint256), (
        "expire: the claim window is open"
    )
    self._check_recipient(reserve)
    assert self._root(account, cumulative, proof) == root, "proof: not in the expired tree"
    self._check_signatures(
        keccak256(abi_encode(EXPIRE_TYPE, originHash, root, account, cumulative, reserve)),
        convert(self.k, uint256),
        signatures,
    )
    due: uint256 = self._settle(originHash, account, cumulative)
    log Expired(
        originHash=originHash,
        account=account,
        reserve=reserve,
        amount=due,
        cumulative=cumulative,
    )
    self._transfer(reserve, due)
    return due


@external
@nonreentrant
def withdraw(
    originHash: bytes32,
    previousWithdrawn: uint256,
    amount: uint256,
    recipient: address,
    signatures: DynArray[Signature, 17],
):
    """
    @notice Takes back what is funded and covered by no tree, by a quorum.
    @param originHash SHA-256 of the origin line of the co-op's log.
    @param previousWithdrawn What was withdrawn before; it makes a withdrawal usable once.
    @param amount At most deposited - withdrawn - published total.
    @param recipient Who gets the money.
    @param signatures At least k approvers' over Withdraw(...), ascending by signer.
    """
    assert previousWithdrawn == self.withdrawn[originHash], "withdraw: previous amount is stale"
    assert amount > 0, "withdraw: amount is zero"
    assert amount <= self._surplus(originHash), "withdraw: above the surplus"
    self._check_recipient(recipient)
    self._check_signatures(
        keccak256(abi_encode(WITHDRAW_TYPE, originHash, previousWithdrawn, amount, recipient)),
        convert(self.k, uint256),
        signatures,
    )
    withdrawn: uint256 = previousWithdrawn + amount
    self.withdrawn[originHash] = withdrawn
    log Withdrawn(
        originHash=originHash, recipient=recipient, amount=amount, withdrawn=withdrawn
    )
    self._transfer(recipient, amount)


@external
@nonreentrant
def hold(
    originHash: bytes32,
    period: uint32,
    until: uint64,
    signatures: DynArray[Signature, 17],
):
    """
    @notice Keeps a period that is in dispute, and later ones, from being published. One approver
            can do it once per period, for at most 45 days from the first such hold since the last
            new root; a hold that stands gives way to one that begins earlier and does not end
            earlier. A quorum can hold at any time. Published claims go on.
    @param originHash SHA-256 of the origin line of the co-op's log.
    @param period The period, as the number YYYYMM, not yet published.
    @param until When the hold ends by itself, in seconds, at most 45 days ahead.
    @param signatures Approvers' over Hold(...) with the present count, ascending by signer.
    """
    self._check_period(period)
    assert period > self.publications[originHash].period, "hold: the period is published"
    assert convert(until, uint256) > block.timestamp, "hold: ends in the past"
    assert convert(until, uint256) <= block.timestamp + HOLD_MAX, "hold: longer than 45 days"
    standing: Hold = self.holds[originHash]
    needed: uint256 = convert(self.k, uint256)
    over: bool = block.timestamp >= convert(standing.until, uint256)
    stricter: bool = period < standing.period and until >= standing.until
    if not self.wasHeld[originHash][period] and (over or stricter):
        needed = 1
    # There are many periods, so once per period alone is no bound: lone holds end 45 days after
    # the first since the standing root was published.
    if needed == 1 and len(signatures) < convert(self.k, uint256):
        root: bytes32 = self.publications[originHash].root
        latest: uint64 = self.aloneUntil[originHash][root]
        if latest == 0:
            self.aloneUntil[originHash][root] = convert(block.timestamp + HOLD_MAX, uint64)
        else:
            assert until <= latest, "hold: beyond what one approver may"
    self._check_signatures(
        keccak256(abi_encode(HOLD_TYPE, originHash, period, until, standing.count)),
        needed,
        signatures,
    )
    self.wasHeld[originHash][period] = True
    count: uint64 = standing.count + 1
    self.holds[originHash] = Hold(period=period, until=until, count=count)
    log Held(originHash=originHash, period=period, until=until, count=count)


@external
@nonreentrant
def release(originHash: bytes32, count: uint64, signatures: DynArray[Signature, 17]):
    """
    @notice Ends a hold before its time, by a quorum.
    @param originHash SHA-256 of the origin line of the co-op's log.
    @param count The count of the hold; it makes a release usable once.
    @param signatures At least k approvers' over Release(...), ascending by signer.
    """
    standing: Hold = self.holds[originHash]
    assert count == standing.count, "release: count is stale"
    assert block.timestamp < convert(standing.until, uint256), "release: nothing is held"
    self._check_signatures(
        keccak256(abi_encode(RELEASE_TYPE, originHash, count)),
        convert(self.k, uint256),
        signatures,
    )
    self.holds[originHash] = Hold(period=standing.period, until=0, count=count + 1)
    log Released(originHash=originHash, period=standing.period, count=count + 1)


@external
@nonreentrant
def rotate(
    newSigners: DynArray[address, 17],
    newK: uint8,
    epoch: uint64,
    signatures: DynArray[Signature, 17],
):
    """
    @notice Replaces the signer set, by a quorum of the present one.
    @param newSigners The next approvers, strictly ascending, at most 16.
    @param newK How many of them make a quorum.
    @param epoch The present epoch, which this ends; it makes a rotation usable once.
    @param signatures At least k present approvers' over Rotate(...), ascending by signer.
    """
    assert epoch == self.epoch, "epoch: not the present one"
    # EIP-712 hashes an array as its elements in a row: the ABI form without offset and length.
    elements: bytes32 = keccak256(slice(abi_encode(newSigners), 64, 32 * len(newSigners)))
    self._check_signatures(
        keccak256(abi_encode(ROTATE_TYPE, elements, newK, epoch)),
        convert(self.k, uint256),
        signatures,
    )
    self._install(newSigners, newK, epoch + 1)


@external
@view
def published(originHash: bytes32) -> (uint32, bytes32, uint256):
    """
    @notice What a co-op has published.
    @param originHash SHA-256 of the origin line of the co-op's log.
    @return Period of the standing tree, as the number YYYYMM; zero before the first.
    @return Its root.
    @return Its total.
    """
    found: Publication = self.publications[originHash]
    return found.period, found.root, found.sums >> 128


@external
@view
def held(originHash: bytes32) -> (uint32, uint64, uint64):
    """
    @notice The newest hold of a co-op.
    @param originHash SHA-256 of the origin line of the co-op's log.
    @return Period of the hold.
    @return Its end in seconds; 0 if it was released.
    @return The count that the next signatures name.
    """
    found: Hold = self.holds[originHash]
    return found.period, found.until, found.count


@external
@view
def paidTotal(originHash: bytes32) -> uint256:
    """
    @notice What was claimed or has expired, of all accounts of a co-op together.
    @param originHash SHA-256 of the origin line of the co-op's log.
    @return The sum.
    """
    return self.publications[originHash].sums & TOTAL_MAX


@external
@view
def unclaimed(originHash: bytes32) -> uint256:
    """
    @notice What the standing tree covers and nobody has claimed.
    @param originHash SHA-256 of the origin line of the co-op's log.
    @return The amount.
    """
    sums: uint256 = self.publications[originHash].sums
    return (sums >> 128) - (sums & TOTAL_MAX)


@external
@view
def surplus(originHash: bytes32) -> uint256:
    """
    @notice What is funded and covered by no tree.
    @param originHash SHA-256 of the origin line of the co-op's log.
    @return The amount.
    """
    return self._surplus(originHash)


@external
@view
def claimable(
    originHash: bytes32,
    account: address,
    cumulative: uint256,
    proof: DynArray[bytes32, 33],
) -> uint256:
    """
    @notice What `claim` with these arguments would pay now.
    @param originHash SHA-256 of the origin line of the co-op's log.
    @param account The account of the leaf.
    @param cumulative The amount of the leaf.
    @param proof The siblings on the way from the leaf to the published root.
    @return The amount; 0 if the leaf is not in the standing tree or is paid already.
    """
    if self._root(account, cumulative, proof) != self.publications[originHash].root:
        return 0
    paid: uint256 = self.paid[originHash][account]
    if cumulative <= paid:
        return 0
    due: uint256 = cumulative - paid
    sums: uint256 = self.publications[originHash].sums
    left: uint256 = (sums >> 128) - (sums & TOTAL_MAX)
    return due if due <= left else 0


@external
@view
def signers() -> DynArray[address, 16]:
    """
    @notice The present settlement approvers.
    @return Their addresses, ascending.
    """
    return self.members


@external
@view
def DOMAIN_SEPARATOR() -> bytes32:
    """
    @notice The EIP-712 domain: name "kyojo vault", version "1", this chain, this contract.
    @return Its separator.
    """
    return self._domain()


@internal
def _settle(originHash: bytes32, account: address, cumulative: uint256) -> uint256:
    # All state of a payment, before any token moves.
    before: uint256 = self.paid[originHash][account]
    assert cumulative > before, "claim: nothing is due"
    due: uint256 = cumulative - before
    sums: uint256 = self.publications[originHash].sums
    # The contract cannot sum leaves. This keeps a tree whose leaves exceed its total from reaching
    # into what belongs to others.
    assert due <= (sums >> 128) - (sums & TOTAL_MAX), "claim: above the total"
    self.paid[originHash][account] = cumulative
    self.publications[originHash].sums = sums + due
    return due


@internal
def _transfer(recipient: address, amount: uint256):
    sent: bool = extcall IERC20(token).transfer(
        recipient, amount, default_return_value=True
    )
    assert sent, "token: transfer refused"


@internal
@pure
def _root(account: address, cumulative: uint256, proof: DynArray[bytes32, 33]) -> bytes32:
    assert len(proof) <= PROOF_MAX, "proof: more than 32 hashes"
    # Hashed twice, so that no inner node, which is 64 bytes too, can pass for a leaf.
    node: bytes32 = keccak256(keccak256(abi_encode(account, cumulative)))
    for sibling: bytes32 in proof:
        if convert(node, uint256) < convert(sibling, uint256):
            node = keccak256(abi_encode(node, sibling))
        else:
            node = keccak256(abi_encode(sibling, node))
    return node


@internal
@view
def _surplus(originHash: bytes32) -> uint256:
    covered: uint256 = self.withdrawn[originHash] + (self.publications[originHash].sums >> 128)
    return self.deposited[originHash] - covered


@internal
@pure
def _check_period(period: uint32):
    month: uint32 = period % 100
    assert period >= 190001 and period <= 900012 and month >= 1 and month <= 12, (
        "period: not a month YYYYMM"
    )


@internal
@view
def _check_recipient(recipient: address):
    assert recipient != empty(address) and recipient != self, "recipient: zero or the vault"


@internal
def _install(signers: DynArray[address, 17], k: uint8, epoch: uint64):
    assert len(signers) <= SIGNERS_MAX, "signers: more than 16"
    assert k > 0, "quorum: k is zero"
    assert convert(k, uint256) <= len(signers), "quorum: k exceeds signers"
    for member: address in self.members:
        self.is_member[member] = False
    installed: DynArray[address, 16] = []
    last: uint256 = 0
    for signer: address in signers:
        # Starting from zero, this refuses duplicates and the zero address too.
        assert convert(signer, uint256) > last, "signers: not ascending"
        last = convert(signer, uint256)
        self.is_member[signer] = True
        installed.append(signer)
    self.members = installed
    self.k = k
    self.epoch = epoch
    log Rotated(epoch=epoch, signers=installed, k=k)


@internal
@view
def _check_signatures(
    struct_hash: bytes32, needed: uint256, signatures: DynArray[Signature, 17]
):
    digest: bytes32 = keccak256(concat(TYPED_DATA, self._domain(), struct_hash))
    assert len(signatures) >= needed, "quorum: too few signatures"
    last: uint256 = 0
    for signature: Signature in signatures:
        assert convert(signature.s, uint256) <= S_MAX, "signature: high s"
        assert signature.v == 27 or signature.v == 28, "signature: v not 27 or 28"
        signer: address = ecrecover(digest, signature.v, signature.r, signature.s)
        # Ascending from zero: nobody counts twice, and a failed recovery (zero) never counts.
        assert convert(signer, uint256) > last, "quorum: signers not ascending"
        assert self.is_member[signer], "quorum: not a signer"
        last = convert(signer, uint256)


@internal
@view
def _domain() -> bytes32:
    return keccak256(abi_encode(DOMAIN_TYPE, DOMAIN_NAME, DOMAIN_VERSION, chain.id, self))

# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize gas
"""
@title CheckpointAnchor: a witness on chain for append-only logs
@license Apache-2.0
@notice Keeps one tree head (size, root) per log and takes a new one only if a quorum of anchorers
        signed it (EIP-712) and an RFC 9162 consistency proof shows that the new tree extends the
        old one. Whoever holds the keys, the contract refuses a fork and a shrink.
@dev A log is named by originHash = SHA-256 of its origin line. All hashes of the tree are SHA-256
     (precompile 0x02); keccak256 appears in EIP-712 only. There is no owner, no pause, no proxy
     and no way to destroy the contract: the signer set changes by its own quorum alone.
     Nothing is immutable in the sense of Vyper, so that the code hash of every deployment equals
     the one in the committed artefact.
     What it cannot do: a first head rests on the quorum alone, and a quorum can extend a log with
     false content. It cannot rewrite what stands.
     Argument arrays are declared one element longer than what is allowed, so that one too many
     gets a reason; anything longer is refused by the ABI decoder without one.
"""

# A tree head. An unset head has size 0; a log's first head has at least one entry.
struct Head:
    size: uint64
    root: bytes32

# The new head of a log. previousSize is 0 and previousRoot is zero for the first one.
event Anchored:
    originHash: indexed(bytes32)
    size: indexed(uint64)
    root: bytes32
    previousSize: uint64
    previousRoot: bytes32

# The signer set of the epoch that begins here.
event Rotated:
    epoch: indexed(uint64)
    signers: DynArray[address, 16]
    k: uint8

# Tree sizes are signed 64-bit integers in most implementations of the log.
SIZE_MAX: constant(uint64) = 2**63 - 1
SIGNERS_MAX: constant(uint256) = 16

# The limit of the C2SP witness protocol too. Only trees of more than 2**62 leaves have proofs of
# 64 hashes, between some pairs of sizes.
PROOF_MAX: constant(uint256) = 63

# Half of the order of secp256k1: an s above it is the mirror image of a valid signature.
S_MAX: constant(uint256) = (
    57896044618658097711785492504343953926418782139537452191302581570759080747168
)

# Prefix of an inner node, RFC 6962 section 2.1, and of typed data, EIP-712.
NODE: constant(bytes1) = 0x01
TYPED_DATA: constant(bytes2) = 0x1901

DOMAIN_TYPE: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
DOMAIN_NAME: constant(bytes32) = keccak256("kyojo anchor")
DOMAIN_VERSION: constant(bytes32) = keccak256("1")
ANCHOR_TYPE: constant(bytes32) = keccak256(
    "Anchor(bytes32 originHash,uint64 previousSize,bytes32 previousRoot,uint64 size,bytes32 root)"
)
ROTATE_TYPE: constant(bytes32) = keccak256(
    "Rotate(address[] newSigners,uint8 newK,uint64 epoch)"
)

# The number of signatures that make a quorum, 1 <= k <= number of signers.
k: public(uint8)

# Counts the signer sets; the first is epoch 1.
epoch: public(uint64)

# The most entries that one anchor may add. It keeps a stolen quorum from jumping to a size that
# the true log can never reach.
maxGrowth: public(uint64)

heads: HashMap[bytes32, Head]
members: DynArray[address, 16]
is_member: HashMap[address, bool]


@deploy
def __init__(signers: DynArray[address, 17], k: uint8, max_growth: uint64):
    """
    @param signers The first anchorers, strictly ascending, at most 16.
    @param k How many of them make a quorum.
    @param max_growth The most entries that one anchor may add, for good; 2**32 is a sound value.
    """
    assert max_growth > 0 and max_growth <= SIZE_MAX, "growth: limit out of range"
    self.maxGrowth = max_growth
    self._install(signers, k, 1)


@external
def anchor(
    originHash: bytes32,
    previousSize: uint64,
    size: uint64,
    root: bytes32,
    proof: DynArray[bytes32, 64],
    signatures: DynArray[Bytes[66], 17],
):
    """
    @notice Replaces the head of a log by a larger one that extends it. Any sender may call.
    @param originHash SHA-256 of the log's origin line.
    @param previousSize The size of the head that the caller believes to stand.
    @param size The new tree size.
    @param root The new tree root.
    @param proof RFC 9162 consistency proof from previousSize to size; empty for a first head.
    @param signatures r || s || v of at least k anchorers over Anchor(...), ascending by signer.
    """
    previous: Head = self.heads[originHash]
    assert previousSize == previous.size, "size: previous is not the head"
    assert size > previous.size, "size: not larger than the head"
    assert size <= SIZE_MAX, "size: beyond 2**63 - 1"
    assert size - previous.size <= self.maxGrowth, "growth: above the limit"
    self._check_quorum(
        self._digest(
            keccak256(
                abi_encode(ANCHOR_TYPE, originHash, previous.size, previous.root, size, root)
            )
        ),
        signatures,
    )
    if previous.size == 0:
        assert len(proof) == 0, "proof: first head takes none"
    else:
        self._check_consistency(previous, size, root, proof)
    self.heads[originHash] = Head(size=size, root=root)
    log Anchored(
        originHash=originHash,
        size=size,
        root=root,
        previousSize=previous.size,
        previousRoot=previous.root,
    )


@external
def rotate(
    newSigners: DynArray[address, 17],
    newK: uint8,
    epoch: uint64,
    signatures: DynArray[Bytes[66], 17],
):
    """
    @notice Replaces the signer set, by a quorum of the present one.
    @param newSigners The next anchorers, strictly ascending, at most 16.
    @param newK How many of them make a quorum.
    @param epoch The present epoch, which this ends; it makes a rotation usable once.
    @param signatures r || s || v of at least k present anchorers over Rotate(...), ascending.
    """
    assert epoch == self.epoch, "epoch: not the present one"
    # EIP-712 hashes an array as its elements in a row: the ABI form without offset and length.
    elements: bytes32 = keccak256(slice(abi_encode(newSigners), 64, 32 * len(newSigners)))
    self._check_quorum(
        self._digest(keccak256(abi_encode(ROTATE_TYPE, elements, newK, epoch))), signatures
    )
    self._install(newSigners, newK, epoch + 1)


@external
@view
def head(originHash: bytes32) -> (uint64, bytes32):
    """
    @notice The head of a log.
    @return Its size and root; (0, zero) for a log that was never anchored here.
    """
    found: Head = self.heads[originHash]
    return found.size, found.root


@external
@view
def signers() -> DynArray[address, 16]:
    """
    @notice The present anchorers, ascending.
    """
    return self.members


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
def _check_quorum(digest: bytes32, signatures: DynArray[Bytes[66], 17]):
    assert len(signatures) >= convert(self.k, uint256), "quorum: too few signatures"
    last: uint256 = 0
    for signature: Bytes[66] in signatures:
        signer: address = self._recover(digest, signature)
        # Ascending from zero: nobody counts twice, and a failed recovery (zero) never counts.
        assert convert(signer, uint256) > last, "quorum: signers not ascending"
        assert self.is_member[signer], "quorum: not a signer"
        last = convert(signer, uint256)


@internal
@pure
def _recover(digest: bytes32, signature: Bytes[66]) -> address:
    assert len(signature) == 65, "signature: not 65 bytes"
    r: uint256 = convert(extract32(signature, 0), uint256)
    s: uint256 = convert(extract32(signature, 32), uint256)
    v: uint256 = convert(slice(signature, 64, 1), uint256)
    assert s <= S_MAX, "signature: high s"
    assert v == 27 or v == 28, "signature: v not 27 or 28"
    return ecrecover(digest, v, r, s)


@internal
@view
def _digest(struct_hash: bytes32) -> bytes32:
    domain: bytes32 = keccak256(
        abi_encode(DOMAIN_TYPE, DOMAIN_NAME, DOMAIN_VERSION, chain.id, self)
    )
    return keccak256(concat(TYPED_DATA, domain, struct_hash))


@internal
@pure
def _check_consistency(
    previous: Head, size: uint64, root: bytes32, proof: DynArray[bytes32, 64]
):
    # RFC 9162, section 2.1.4.2, with first = previous.size < second = size. The names fn, sn,
    # fr and sr are the ones of the RFC: node numbers and roots of the first and second tree.
    assert len(proof) > 0, "proof: empty"
    assert len(proof) <= PROOF_MAX, "proof: more than 63 hashes"
    fn: uint256 = convert(previous.size - 1, uint256)
    sn: uint256 = convert(size - 1, uint256)
    for _: uint256 in range(64):
        if fn & 1 == 0:
            break
        fn = fn >> 1
        sn = sn >> 1
    # A first tree of 2**j leaves is itself the seed of both walks; otherwise the proof brings it.
    seeded: bool = previous.size & (previous.size - 1) == 0
    fr: bytes32 = previous.root
    if not seeded:
        fr = proof[0]
    sr: bytes32 = fr
    skip: bool = not seeded
    for sibling: bytes32 in proof:
        if skip:
            skip = False
            continue
        assert sn != 0, "proof: too long"
        if fn & 1 == 1 or fn == sn:
            fr = sha256(concat(NODE, sibling, fr))
            sr = sha256(concat(NODE, sibling, sr))
            # The question before the loop is the loop's own; asking it first is cheaper.
            if fn & 1 == 0:
                for _: uint256 in range(64):
                    if fn & 1 == 1 or fn == 0:
                        break
                    fn = fn >> 1
                    sn = sn >> 1
        else:
            sr = sha256(concat(NODE, sr, sibling))
        fn = fn >> 1
        sn = sn >> 1
    assert sn == 0, "proof: too short"
    assert fr == previous.root, "proof: old root differs"
    assert sr == root, "proof: new root differs"

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
     gets a reason; anything longer is refused by the ABI decoder without one, and so is a v of
     256 or more.
     Every refusal has a reason of the form "subject: fault"; the subjects are size, growth, proof,
     quorum, signature, signers and epoch.
     docs/contracts.md has the threat model, the limits and what each call costs.
"""

# A tree head. An unset head has size 0; a log's first head has at least one entry.
struct Head:
    size: uint64
    root: bytes32

# A signature's 65 bytes r || s || v, in words: a fixed size is cheaper to read than bytes are.
struct Signature:
    r: bytes32
    s: bytes32
    v: uint8

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

# Where the parts of the terms begin, and the widths of the lower two.
EPOCH_BIT: constant(uint256) = 8
GROWTH_BIT: constant(uint256) = 72
K_MASK: constant(uint256) = 2**8 - 1
EPOCH_MASK: constant(uint256) = 2**64 - 1

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

# What every anchor asks for, in one slot, since each further one costs 2,100 gas to read:
#     k           bits 0 to 7     the signatures that make a quorum, 1 <= k <= number of signers
#     epoch       bits 8 to 71    counts the signer sets; the first is epoch 1
#     maxGrowth   bits 72 to 135  the most entries that one anchor may add
# The last keeps a stolen quorum from jumping to a size that the true log can never reach.
terms: uint256

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
    self._install(signers, k, 1, convert(max_growth, uint256))


@external
def anchor(
    originHash: bytes32,
    previousSize: uint64,
    size: uint64,
    root: bytes32,
    proof: DynArray[bytes32, 64],
    signatures: DynArray[Signature, 17],
):
    """
    @notice Replaces the head of a log by a larger one that extends it. Any sender may call.
    @param originHash SHA-256 of the log's origin line.
    @param previousSize The size of the head that the caller believes to stand.
    @param size The new tree size.
    @param root The new tree root.
    @param proof RFC 9162 consistency proof from previousSize to size; empty for a first head.
    @param signatures Of at least k anchorers over Anchor(...), ascending by signer.
    """
    terms: uint256 = self.terms
    previous: Head = self.heads[originHash]
    assert previousSize == previous.size, "size: previous is not the head"
    assert size > previous.size, "size: not larger than the head"
    assert size <= SIZE_MAX, "size: beyond 2**63 - 1"
    assert convert(size - previous.size, uint256) <= terms >> GROWTH_BIT, "growth: above the limit"
    self._check_quorum(
        self._digest(
            keccak256(
                abi_encode(ANCHOR_TYPE, originHash, previous.size, previous.root, size, root)
            )
        ),
        terms & K_MASK,
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
    signatures: DynArray[Signature, 17],
):
    """
    @notice Replaces the signer set, by a quorum of the present one.
    @param newSigners The next anchorers, strictly ascending, at most 16.
    @param newK How many of them make a quorum.
    @param epoch The present epoch, which this ends; it makes a rotation usable once.
    @param signatures Of at least k present anchorers over Rotate(...), ascending by signer.
    """
    terms: uint256 = self.terms
    assert epoch == self._epoch_of(terms), "epoch: not the present one"
    # EIP-712 hashes an array as its elements in a row: the ABI form without offset and length.
    elements: bytes32 = keccak256(slice(abi_encode(newSigners), 64, 32 * len(newSigners)))
    self._check_quorum(
        self._digest(keccak256(abi_encode(ROTATE_TYPE, elements, newK, epoch))),
        terms & K_MASK,
        signatures,
    )
    self._install(newSigners, newK, epoch + 1, terms >> GROWTH_BIT)


@external
@view
def head(originHash: bytes32) -> (uint64, bytes32):
    """
    @notice The head of a log.
    @param originHash SHA-256 of the log's origin line.
    @return Its size; 0 for a log that was never anchored here.
    @return Its root; zero for such a log.
    """
    found: Head = self.heads[originHash]
    return found.size, found.root


@external
@view
def verifyInclusion(
    originHash: bytes32, leafHash: bytes32, index: uint64, proof: DynArray[bytes32, 63]
) -> bool:
    """
    @notice Whether an entry is in a log as anchored here: RFC 9162, section 2.1.3.2, to the letter.
    @dev A log only grows, so what an older head held the present one holds, under a longer proof.
         For a caller that is a contract: the leaf hash must be computed by the caller from bytes
         that it knows, SHA-256(0x00 || entry). A bare hash may be that of an inner node.
    @param originHash SHA-256 of the log's origin line.
    @param leafHash SHA-256 of a zero byte and the entry.
    @param index The entry's index, from 0.
    @param proof The inclusion proof in the tree of the present head, the leaf's sibling first.
    @return True if and only if the proof is exactly right; false for a log that is unknown here.
    """
    anchored: Head = self.heads[originHash]
    if index >= anchored.size:
        return False
    # fn and sn are the leaf's and the last leaf's places on each level, as in the RFC.
    fn: uint256 = convert(index, uint256)
    sn: uint256 = convert(anchored.size - 1, uint256)
    found: bytes32 = leafHash
    for sibling: bytes32 in proof:
        if fn == sn:
            # On the right edge there are only left siblings, one for every bit that is set.
            if fn == 0:
                return False
            fn = fn & unsafe_sub(fn, 1)
            sn = fn
            found = sha256(concat(NODE, sibling, found))
        else:
            if fn & 1 == 1:
                found = sha256(concat(NODE, sibling, found))
            else:
                found = sha256(concat(NODE, found, sibling))
            fn = fn >> 1
            sn = sn >> 1
    return sn == 0 and found == anchored.root


@external
@view
def signers() -> DynArray[address, 16]:
    """
    @notice The present anchorers.
    @return Their addresses, ascending.
    """
    return self.members


@external
@view
def k() -> uint8:
    """
    @notice How many anchorers make a quorum.
    @return At least 1, at most the number of signers.
    """
    return convert(self.terms & K_MASK, uint8)


@external
@view
def epoch() -> uint64:
    """
    @notice Which signer set is the present one.
    @return 1 for the set of the deployment; every rotation adds 1.
    """
    return self._epoch_of(self.terms)


@external
@view
def maxGrowth() -> uint64:
    """
    @notice The most entries that one anchor may add; it never changes.
    @return A number of entries, at least 1.
    """
    return convert(self.terms >> GROWTH_BIT, uint64)


@internal
@pure
def _epoch_of(terms: uint256) -> uint64:
    return convert(terms >> EPOCH_BIT & EPOCH_MASK, uint64)


@internal
def _install(signers: DynArray[address, 17], k: uint8, epoch: uint64, growth: uint256):
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
    self.terms = (
        growth << GROWTH_BIT | convert(epoch, uint256) << EPOCH_BIT | convert(k, uint256)
    )
    log Rotated(epoch=epoch, signers=installed, k=k)


@internal
@view
def _check_quorum(digest: bytes32, k: uint256, signatures: DynArray[Signature, 17]):
    assert len(signatures) >= k, "quorum: too few signatures"
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
    # Its loop that shifts while fn is odd is one division by the largest power of two in first.
    count: uint256 = len(proof)
    assert count > 0, "proof: empty"
    assert count <= PROOF_MAX, "proof: more than 63 hashes"
    first: uint256 = convert(previous.size, uint256)
    power: uint256 = first & unsafe_sub(0, first)
    fn: uint256 = unsafe_div(first - 1, power)
    sn: uint256 = unsafe_div(convert(size - 1, uint256), power)
    # A first tree of 2**j leaves is itself the seed of both walks; otherwise the proof brings it.
    fr: bytes32 = previous.root
    start: uint256 = 0
    if first != power:
        fr = proof[0]
        start = 1
    sr: bytes32 = fr
    for position: uint256 in range(start, count, bound=64):
        sibling: bytes32 = proof[position]
        if fn == sn:
            # On the right edge of both trees there are only left siblings, one for every bit that
            # is set. The RFC shifts the others away.
            assert fn != 0, "proof: too long"
            fn = fn & unsafe_sub(fn, 1)
            sn = fn
            fr = sha256(concat(NODE, sibling, fr))
            sr = sha256(concat(NODE, sibling, sr))
        else:
            if fn & 1 == 1:
                fr = sha256(concat(NODE, sibling, fr))
                sr = sha256(concat(NODE, sibling, sr))
            else:
                # A right sibling belongs to the second tree alone.
                sr = sha256(concat(NODE, sr, sibling))
            fn = fn >> 1
            sn = sn >> 1
    assert sn == 0, "proof: too short"
    assert fr == previous.root, "proof: old root differs"
    assert sr == root, "proof: new root differs"

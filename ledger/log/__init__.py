"""The verifiable log: hashes, tiles, signed notes, proofs and policies, and no I/O at all."""

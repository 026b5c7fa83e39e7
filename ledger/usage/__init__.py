"""Usage records, their batches, commitments and totals, and the vocabulary (pure)."""

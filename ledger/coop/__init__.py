"""The co-op as a fold over its log: charter, kinds of entry, state and ``apply`` (pure)."""

"""Who signs: keys, typed-data digests, signatures, sign-in texts (pure)."""

"""``kyojo fsck``: rows, leaves, tiles, root, signature, witnesses, chain, each against the next."""

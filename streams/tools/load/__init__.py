"""``refund load``: generate traffic from a seed, and find the highest sustainable rate."""

"""``refund load``: a world out of a seed in place of a capture, and how much is bearable."""

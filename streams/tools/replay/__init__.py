"""``refund replay``: send a capture again, or recompute its decisions."""

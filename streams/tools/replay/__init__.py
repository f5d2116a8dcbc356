"""``refund replay``: a capture sent again, or its decisions computed again."""

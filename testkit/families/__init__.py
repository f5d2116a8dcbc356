"""Rule families that are no part of the product."""

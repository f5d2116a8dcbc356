"""Rule families: each folder holds the rules of one family and knows nothing of the transport."""

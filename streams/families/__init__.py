"""Rule families: each a folder that knows its rules and nothing of the transport."""

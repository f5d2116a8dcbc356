"""A Kafka broker on the wire protocol, on an event loop with virtual time and seeded faults.

It is held to the real broker by the conversations in ``conversations/``.
"""

"""Refund-before-shipment decisions from Kafka: in milliseconds, once, never on a guess.

Records come in from topics, a pure core judges them, decisions go out to
topics. ``streams.cli`` is the command ``refund``; ``streams.worker`` joins the parts.
"""

__version__ = "0.1.0"

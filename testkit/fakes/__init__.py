"""A broker in memory, and clients with the part of aiokafka that our layer uses.

They work: what a producer writes a consumer reads, offsets are kept per group, a
rebalance calls the listener as aiokafka does (its exceptions are swallowed). Tests
can hold acknowledgements back and make the next call of a method fail.
"""

from testkit.fakes.consumer import FakeConsumer, input_log
from testkit.fakes.log import FakeLog, FakeRecord, Headers, headers_in, turns
from testkit.fakes.producer import FakeAcknowledgement, FakeBatch, FakeProducer, Sending

__all__ = [
    "FakeAcknowledgement",
    "FakeBatch",
    "FakeConsumer",
    "FakeLog",
    "FakeProducer",
    "FakeRecord",
    "Headers",
    "Sending",
    "headers_in",
    "input_log",
    "turns",
]

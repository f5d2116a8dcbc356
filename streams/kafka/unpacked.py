"""Records as aiokafka's extension unpacks them, without a second object around each.

For every record aiokafka makes a ``ConsumerRecord``: eleven fields, a dict and a tuple
around an object that has offset, timestamp, key, value and headers already. That took
half of the time from a fetched batch to a list of records. Topic and partition, which
the inner object lacks, are those of the poll.

aiokafka has no setting for it, so this reaches into one consumer's fetcher: what it
fetches is noted in a dict, and noting it here tells its iterator to leave out the
wrapping. Everything else (positions, aborted transactions, checksums) stays aiokafka's.
A test holds such a consumer against an ordinary one on the same topics.
"""

from collections import OrderedDict

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer.fetcher import FetchError, FetchResult
from typing_extensions import override

from streams.kafka.record import Record


def hand_out_unpacked(consumer: AIOKafkaConsumer) -> None:
    """Let a consumer that was just started hand out records without topic and partition."""
    fetcher = consumer._fetcher  # noqa: SLF001 - there is no other way in, see above
    fetcher._records = _Fetched(fetcher._records)  # noqa: SLF001


class _Fetched(OrderedDict[TopicPartition, FetchResult | FetchError]):
    """What was fetched and not handed out yet, by partition."""

    @override
    def __setitem__(
        self, where: TopicPartition, found: FetchResult | FetchError
    ) -> None:
        if isinstance(found, FetchResult):
            found._partition_records._consumer_record = _as_it_is  # noqa: SLF001
        super().__setitem__(where, found)


def _as_it_is(_where: TopicPartition, record: Record) -> Record:
    return record

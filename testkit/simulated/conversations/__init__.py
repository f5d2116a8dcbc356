"""Conversations with a broker, held with the real and the simulated one alike.

A conversation is a coroutine function that takes a :class:`~.talk.Talk`. It speaks with
a broker through :mod:`~.wire`, and says what it heard: a transcript of which every line
must be the same on both sides. ``subjects.py`` lists them all; ``transcripts/`` keeps
what the real broker said.

To add one: write it into the module of its subject and into the ``CONVERSATIONS`` of
that module; run ``pytest tests/kafka/test_conversations.py --update-cases`` (it starts
a real broker), and read the diff of ``transcripts/``. Say only what Kafka guarantees: ids
as symbols (``talk.symbol``), partitions of one answer sorted, and what a broker does in
its own time (a topic that is led, a marker that is written) only after it was waited for.
Then ``pytest tests/testkit/simulated/test_conversations.py`` shows whether the
simulated broker says the same. If it does not, it is wrong.

Not here: compaction and retention (they happen when the cleaner comes by), quotas,
what needs a node to fail, and requests that aiokafka has no structs for.
"""

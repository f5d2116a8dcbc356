"""The records of all topics: structs, decoders and encoders.

A decoder returns a value or :class:`~streams.records.json_values.Unreadable`, never an
exception: a sender's mistake is data for the dead-letter topic.
"""

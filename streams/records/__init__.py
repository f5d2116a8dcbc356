"""Every topic's record: its struct, how it is read from bytes and written to bytes.

A reader returns a value or :class:`~streams.records.json_values.Unreadable`, never an
exception: what a sender got wrong is data for the dead-letter topic.
"""

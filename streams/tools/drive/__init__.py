"""Driving a stream at stated moments and timing its answers: what replay and load share.

Open loop: a record is sent at its moment, whatever became of the ones before, and its
latency counts from that intended moment. Sending and receiving are processes of their
own, so that neither waits for the other or for the view; all three share the machine's
monotonic clock.
"""

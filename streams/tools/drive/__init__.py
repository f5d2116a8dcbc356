"""Send records at given moments and time the answers: shared by replay and load.

Open loop: a record is sent at its moment, whatever happened to earlier ones, and its
latency counts from that intended moment. Sender and receiver are separate processes, so
that neither waits for the other or for the view; all three share the machine's
monotonic clock.
"""

"""Kuaishou: pushed events in, canonical requests, orders and outcomes out.

One direction: ``envelope`` (bytes to one message) -> ``reading`` (one of four
classes, with the memory that needs) -> ``client`` (what the push leaves out is
read from the open platform) -> ``mapping`` (canonical records). ``ingest`` joins
them for an agent; ``classify`` shows the reading alone on a file.
"""

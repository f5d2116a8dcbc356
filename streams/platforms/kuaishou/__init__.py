"""Kuaishou: turn pushed events into canonical requests, orders and outcomes.

One direction: ``envelope`` (bytes to one message) -> ``reading`` (one of four classes,
with the memory for that) -> ``client`` (reads what the push leaves out from the open
platform) -> ``mapping`` (canonical records). ``ingest`` joins them for a role;
``classify`` applies only the reading rules to a file.
"""

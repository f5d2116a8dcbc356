"""``refund capture``: save topics to files byte for byte, and read them again.

A capture is a folder: parts (one partition each, consecutive offsets) and a manifest
that names them. A part counts once the manifest names it, so an interrupted capture
continues where the manifest ends, without loss or repeats. Only
:mod:`streams.tools.capture.taking` uses Kafka's client; code that reads a capture does
not.
"""

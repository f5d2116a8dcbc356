"""``refund capture``: topics into files that hold every byte, and reading them again.

A capture is a folder: parts (one partition each, consecutive offsets) and a manifest
that names them. A part counts once the manifest names it, so an interrupted capture
goes on where the manifest ends, without loss or repeats. Nothing here that reads a
capture knows Kafka's client; only :mod:`streams.tools.capture.taking` does.
"""

"""The read-only HTTP pages of the process: probes, metrics, status."""

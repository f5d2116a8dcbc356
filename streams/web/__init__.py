"""What the process shows over HTTP: probes, metrics, status; nothing to change."""

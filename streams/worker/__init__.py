"""The worker process: builds a Faust app with its services and agents from the settings."""

from streams.worker.app import build_app, run

__all__ = ["build_app", "run"]

"""The process: settings in, a Faust app with its services and agents out."""

from streams.worker.app import build_app, run

__all__ = ["build_app", "run"]

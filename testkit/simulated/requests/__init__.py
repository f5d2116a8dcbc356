"""Handlers of the requests that a simulated broker answers."""

"""Judges a run by its logs alone; shares nothing with the processor but its records."""

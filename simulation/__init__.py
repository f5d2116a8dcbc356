"""Seeded universes: the workers, a simulated cluster, faults, and oracles that watch."""

"""Find a smaller plan that fails in the same way."""

from simulation.shrinking.search import Run, Shrunk, shrink

__all__ = ["Run", "Shrunk", "shrink"]

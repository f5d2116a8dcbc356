"""Universes run in these tests."""

from tests.universes import (
    nobody_closes_what_was_killed,
    nothing_is_left_to_later_tests,
)

__all__ = ["nobody_closes_what_was_killed", "nothing_is_left_to_later_tests"]

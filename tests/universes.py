"""What tests that run universes in their own process leave behind, and nobody complains of."""

import gc
import warnings
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def nobody_closes_what_was_killed() -> Iterator[None]:
    """Clients of a killed host are never closed: what is collected meanwhile may be open."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield


@pytest.fixture(autouse=True, scope="module")
def nothing_is_left_to_later_tests() -> Iterator[None]:
    """Collect it before tests that look for open clients run in this process."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()

"""Calls that fail when a test says so."""

from collections import defaultdict


class Failing:
    """Makes the next calls of a method raise."""

    def __init__(self) -> None:
        self.failures: dict[str, list[BaseException]] = defaultdict(list)

    def fail(self, method: str, *problems: BaseException) -> None:
        self.failures[method] += problems

    def _may_fail(self, method: str) -> None:
        if self.failures[method]:
            raise self.failures[method].pop(0)

"""Print the result of a verification."""

from typing import TextIO

from streams.tools.replay.verifying import Verified
from streams.visible import visible


def print_verified(found: Verified, out: TextIO) -> int:
    """Print the result of a verification; return the exit code."""
    print(
        f"{found.same:,} decisions are the same, byte for byte; not judged: "
        f"{found.follow_ups:,} follow-ups of payouts, {found.unseen:,} without facts",
        file=out,
    )
    one = found.difference
    if one is not None:
        for line in (
            f"FAILED: {one.place}, {one.decision_id}: byte {one.byte}",
            f"  recorded: {one.recorded}",
            f"  computed: {one.computed}",
        ):
            print(visible(line), file=out)
    elif not found.passed:
        print("FAILED: no decision was recomputed", file=out)
    return 0 if found.passed else 1

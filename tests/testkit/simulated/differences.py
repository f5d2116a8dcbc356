"""Compare transcripts of one conversation."""

from difflib import unified_diff

from testkit.simulated.conversations.talk import Conversation


def assert_same(talk: Conversation, expected: list[str], said: list[str]) -> None:
    """Fail with the lines in which two transcripts differ."""
    lines = unified_diff(expected, said, "expected", "said", lineterm="", n=3)
    different = "\n".join(lines)
    assert not different, f"{talk.__name__}: {talk.__doc__}\n{different}"

"""The simulated broker in the conversations that were written down with the real one."""

import inspect
from types import ModuleType

import pytest

from testkit.simulated import conversations
from testkit.simulated.conversations.simulated import SimulatedError, offered, said
from testkit.simulated.conversations.subjects import (
    SUBJECTS,
    THREE_NODES,
    every,
    kept,
    kept_versions,
    nodes_for,
)
from testkit.simulated.conversations.talk import Conversation, Talk
from testkit.simulated.conversations.versions import outside
from tests.testkit.simulated.differences import assert_same

ALL = every()


@pytest.mark.parametrize(("subject", "talk"), ALL)
def test_simulated_broker_says_what_the_real_one_said(
    subject: str, talk: Conversation
) -> None:
    assert_same(talk, kept(subject)[talk.__name__], said(talk, nodes_for(subject)))


@pytest.mark.parametrize("seed", [2, 3])
def test_other_latencies_and_ids_change_no_transcript(seed: int) -> None:
    for subject, talk in ALL:
        found = said(talk, nodes_for(subject), seed)
        assert_same(talk, kept(subject)[talk.__name__], found)


def test_simulated_broker_takes_no_version_that_the_real_one_does_not() -> None:
    assert outside(offered(), kept_versions()) == []


def test_versions_that_the_other_broker_does_not_have_are_told() -> None:
    told = outside({1: (0, 3), 2: (2, 3), 9: (0, 0)}, {1: (1, 4), 2: (1, 4)})
    assert told == [
        "request 1: 0 to 3, not in 1 to 4",
        "request 9 does not exist there",
    ]


@pytest.mark.parametrize("subject", [*SUBJECTS, *THREE_NODES])
def test_each_conversation_was_written_down_and_nothing_else(subject: str) -> None:
    talks = {**SUBJECTS, **THREE_NODES}[subject]
    assert list(kept(subject)) == [talk.__name__ for talk in talks]
    assert all(lines for lines in kept(subject).values())


@pytest.mark.parametrize("subject", [*SUBJECTS, *THREE_NODES])
def test_each_conversation_that_is_defined_is_held(subject: str) -> None:
    module = getattr(conversations, subject)
    assert isinstance(module, ModuleType)
    defined = {
        name
        for name, value in vars(module).items()
        if inspect.iscoroutinefunction(value)
        and value.__module__ == module.__name__
        and not name.startswith("_")
        and list(inspect.signature(value).parameters) == ["talk"]
    }
    assert defined == {talk.__name__ for talk in module.CONVERSATIONS}


def test_no_real_transcript_was_broken_off() -> None:
    lines = [
        line for subject, _ in ALL for row in kept(subject).values() for line in row
    ]
    assert not [line for line in lines if line.startswith("BROKEN OFF")]


async def says_too_much(talk: Talk) -> None:
    """One line of this differs from what is expected."""
    talk.say("same")
    talk.say("other", 2)


def test_lines_that_differ_are_shown_with_what_was_asked() -> None:
    with pytest.raises(AssertionError) as told:
        assert_same(says_too_much, ["same", "other: 1"], said(says_too_much, 1))
    assert "One line of this differs" in str(told.value)
    assert "-other: 1\n+other: 2" in str(told.value)


async def asks_nonsense(talk: Talk) -> None:
    """The broker meets bytes that are no request."""
    peer = await talk.peer()

    class Nonsense:
        FLEXIBLE_VERSION = False

        def build_request_header(self, *_: object) -> "Nonsense":
            return self

        def encode(self) -> bytes:
            return b"\xff" * 20

    await peer.ask(Nonsense())


def test_failure_of_the_broker_itself_is_no_transcript() -> None:
    with pytest.raises(SimulatedError):
        said(asks_nonsense, 1)


async def never_ends(talk: Talk) -> None:
    """What is waited for does not come."""

    async def never() -> bool:
        return False

    await talk.until(never)


def test_conversation_that_waits_in_vain_is_broken_off() -> None:
    (line,) = said(never_ends, 1)
    assert line.startswith("BROKEN OFF: ConversationError: never reached")
